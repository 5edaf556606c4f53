/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2) through the daemon, for its tests. */
#ifndef BW_TESTS_BPF_CLIENT_H
#define BW_TESTS_BPF_CLIENT_H

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tests/unit/daemon/client.h"

/* Run a raw tracepoint program once. */
static USED int run_raw_tp(struct client *c, uint32_t s, int64_t prog)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	return bpf(c, s, BPF_PROG_TEST_RUN, &a, 80, NULL, 0);
}

/* Is there an object of this id on the board? Asked of the kernel itself, not of the daemon. */
static USED bool id_exists(int get_fd_cmd, uint32_t id)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.map_id = id;
	fd = (int)syscall(__NR_bpf, get_fd_cmd, &a, sizeof(a));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#endif
