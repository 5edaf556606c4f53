// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/generate.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define FULL_US		1000	/* pause after a batch that found no room: who reads shares the processors with us */
#define LAST_TRIES	5000
#define BURST		64		/* batches without a look whether they found room: more than a small ring holds, however fast it is read */

static int open_program(uint32_t id)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_id = id;
	fd = (int)syscall(__NR_bpf, BPF_PROG_GET_FD_BY_ID, &a, sizeof(a));
	if (fd < 0)
		DIE("program %u: %s", id, strerror(errno));
	return fd;
}

/* How many of a batch were lost. */
static uint32_t run(int prog, struct generated *g)
{
	uint64_t first = g->sent;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	a.test.ctx_in = (uintptr_t)&first;
	a.test.ctx_size_in = sizeof(first);
	if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a)))
		DIE("run the program: %s", strerror(errno));
	MUST(a.test.retval <= BATCH);
	g->sent += BATCH;
	g->failed += a.test.retval;
	return a.test.retval;
}

static void work(int prog, uint32_t ms, struct generated *g)
{
	g->start_ns = now_ns();
	g->end_ns = g->start_ns + ms * 1000000ll;
	for (int i = 0; i < BURST; i++)
		run(prog, g);
	while (now_ns() < g->end_ns)
		if (run(prog, g))
			usleep(FULL_US);
	for (int i = 0; i < LAST_TRIES && run(prog, g); i++)
		usleep(FULL_US);
	g->done = true;
}

pid_t generate(uint32_t prog_id, uint32_t ms, struct generated *g)
{
	cpu_set_t last;
	pid_t pid = fork();

	if (pid) {
		MUST(pid > 0);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* One processor, so that one perf buffer has all records, in their order. */
	CPU_ZERO(&last);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	MUST(!sched_setaffinity(0, sizeof(last), &last));
	work(open_program(prog_id), ms, g);
	_exit(0);
}
