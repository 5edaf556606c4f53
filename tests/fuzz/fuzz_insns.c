// SPDX-License-Identifier: Apache-2.0
/* The descriptors of a program: found within it, and only they are changed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bpfattr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

static int flip(void *arg, uint32_t *fd)
{
	++*(size_t *)arg;
	*fd = ~*fd;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = memcpy(malloc(size + !size), data, size);
	size_t calls = 0, changed = 0;
	uint32_t entries = 0;

	REQUIRE(!bw_bpf_insn_fds(copy, size, flip, &calls, &entries));
	REQUIRE(entries <= BW_FD_ARRAY_MAX + 1 && calls <= size / 16);
	for (size_t i = 0; i < size; i++)
		changed += copy[i] != data[i];
	REQUIRE(changed == 4 * calls);
	free(copy);
	return 0;
}
