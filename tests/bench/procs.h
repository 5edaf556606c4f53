/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of the programs under test, by their names: of all processes of a role together. */
#ifndef BW_TESTS_BENCH_PROCS_H
#define BW_TESTS_BENCH_PROCS_H

#include <stdint.h>

enum role { ROLE_CLIENT, ROLE_BRIDGE, ROLE_DAEMON, ROLE_WORKER, ROLES };

struct procs {
	struct {
		uint64_t cpu_ns;	/* run time of all threads */
		uint64_t switches;	/* of them, wanted and not */
		uint64_t rss_kib;	/* the largest process's */
	} of[ROLES];
	uint64_t softirq_ms;		/* of the machine: dummy_hcd moves the bytes there */
};

extern const char *const role_names[ROLES];

/* Before and after what is measured. The calling process is ROLE_CLIENT; what reading the others takes is not counted as its own. */
void procs_before(struct procs *p);
void procs_after(struct procs *p);
/* Reports what was used from a to b for each of n operations: PREFIX.cpu.ROLE, and softirq. */
void procs_report(const struct procs *a, const struct procs *b, const char *prefix, double n);

#endif
