/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes the events: a process that has the kernel run the program under test again and again, and adds up what the program says of it. */
#ifndef BW_TESTS_BENCH_GENERATE_H
#define BW_TESTS_BENCH_GENERATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BATCH		32u	/* records of one run of the program, which returns how many of them found no room */

struct generated {		/* in memory that both processes see */
	int64_t start_ns, end_ns;
	uint64_t sent, failed;
	volatile bool done;	/* the numbers are final, and the last batch found room: so every hole in the sequence has an end */
};

/* prog_id: of a BPF_PROG_TYPE_RAW_TRACEPOINT program that takes the number of the first record as its argument. Ends by itself after ms. */
pid_t generate(uint32_t prog_id, uint32_t ms, struct generated *g);

#endif
