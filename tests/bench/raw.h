/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends of the raw measurements say to one another. They are programs of one machine: the struct travels as it is. */
#ifndef BW_TESTS_BENCH_RAW_H
#define BW_TESTS_BENCH_RAW_H

#include <stdint.h>

enum raw_what {
	RAW_PING = 1,		/* count times: out_size bytes come, in_size go back */
	RAW_STREAM,		/* count times in_size bytes go */
};

struct raw_command {
	uint32_t what, depth;	/* 1: read(2) and write(2); else by AIO, so many in flight */
	uint32_t out_size, in_size, count;
};

#define RAW_MAX		65536u	/* bytes of a transfer */
#define RAW_READ	16384u	/* room of a read that ends with the packet it gets */

#endif
