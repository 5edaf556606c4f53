// SPDX-License-Identifier: Apache-2.0
/* One frame in memory of exactly its size: parsed, written again, the same. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = memcpy(malloc(size + !size), data, size), head[BW_FRAME_HEADER];
	struct bw_frame f;
	int r = bw_frame_parse(copy, size, &f);

	REQUIRE(r == 0 || r == 1 || r == -EPROTO);
	if (r == 1) {
		REQUIRE(f.length <= size && f.payload == copy + BW_FRAME_HEADER);
		bw_frame_put_header(head, &f);
		REQUIRE(!memcmp(head, copy, sizeof(head)));
		bw_frame_set_session(copy, ~f.session);
		REQUIRE(bw_frame_parse(copy, f.length, &f) == 1);
	}
	free(copy);
	return 0;
}
