/* SPDX-License-Identifier: Apache-2.0 */
/* Writing tar archives of any kind, wrong ones too, into memory. */
#ifndef BW_TESTS_COMMAND_ARCHIVE_H
#define BW_TESTS_COMMAND_ARCHIVE_H

#include <stdio.h>
#include <string.h>

#include "protocol/buf.h"

/* Where the fields are: see struct header in remote/command/tar.c. */
static inline void archive_sum(uint8_t *h)
{
	unsigned int i, sum = 0;
	char text[16];

	memset(h + 148, ' ', 8);
	for (i = 0; i < 512; i++)
		sum += h[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(h + 148, text, 7);
}

/* A header and its contents, padded. magic: "ustar" POSIX's, "ustar  " GNU's. */
static inline void archive_raw(struct bw_buf *b, const char *magic, char type, const char *name, const char *target, const void *data, size_t len,
			       unsigned long long size)
{
	uint8_t h[512] = { 0 };
	char text[32];

	memcpy(h, name, strnlen(name, 100));
	memcpy(h + 100, "0000644", 7);
	memcpy(h + 157, target, strnlen(target, 100));
	snprintf(text, sizeof(text), "%011llo", size);
	memcpy(h + 124, text, 11);
	h[156] = (uint8_t)type;
	memcpy(h + 257, magic, strlen(magic));
	if (strlen(magic) == 5)
		memcpy(h + 263, "00", 2);
	archive_sum(h);
	bw_put_bytes(b, h, sizeof(h));
	bw_put_bytes(b, data, len);
	memset(h, 0, sizeof(h));
	bw_put_bytes(b, h, -len % 512);
}

static inline void archive_add(struct bw_buf *b, char type, const char *name, const char *target, const char *text)
{
	archive_raw(b, "ustar", type, name, target, text, strlen(text), strlen(text));
}

static inline void archive_file(struct bw_buf *b, const char *name, const char *text) { archive_add(b, '0', name, "", text); }

static inline void archive_end(struct bw_buf *b)
{
	static const uint8_t zero[1024];

	bw_put_bytes(b, zero, sizeof(zero));
}

/* "LEN KEY=VALUE\n" */
static inline void archive_pax(struct bw_buf *b, const char *key, const char *value)
{
	char text[4096];
	size_t body = strlen(key) + strlen(value) + 3, len = body + 1;
	int n;

	while ((size_t)snprintf(NULL, 0, "%zu", len) + body != len)
		len++;
	n = snprintf(text, sizeof(text), "%zu %s=%s\n", len, key, value);
	archive_raw(b, "ustar", 'x', "PaxHeaders/x", "", text, (size_t)n, (size_t)n);
}

#endif
