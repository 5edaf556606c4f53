/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes written as text: "0100 beef", spaces anywhere. */
#ifndef BW_TESTS_HEX_H
#define BW_TESTS_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes, in memory of exactly their size (so that a sanitizer sees a read past them); to be freed. */
static inline uint8_t *hex_bytes(const char *hex, size_t *len)
{
	uint8_t *out = malloc(strlen(hex) / 2 + 1), *exact;
	unsigned int byte;
	int used;

	for (*len = 0; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
		out[(*len)++] = (uint8_t)byte;
	exact = malloc(*len ? *len : 1);
	memcpy(exact, out, *len);
	free(out);
	return exact;
}

/* A copy in memory of exactly its size; to be freed. */
static inline uint8_t *exact_copy(const void *p, size_t len)
{
	uint8_t *out = malloc(len ? len : 1);

	if (len)
		memcpy(out, p, len);
	return out;
}

static inline void hex_print(const char *what, const uint8_t *p, size_t len)
{
	printf("# %s ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
	printf("\n");
}

#endif
