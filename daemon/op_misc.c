// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "daemon/op.h"

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 : (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

BW_OP(clocks)
{
	struct bw_clocks c = {
		.realtime = now(CLOCK_REALTIME), .monotonic = now(CLOCK_MONOTONIC),
		.boottime = now(CLOCK_BOOTTIME), .raw = now(CLOCK_MONOTONIC_RAW),
	};

	if (bw_get_end(&q->r))
		return BW_OP_MALFORMED;
	bw_put_clocks(&w->reply, &c);
	return 0;
}

/* One process, never a group; that the user wants it the client has asked (bpfwire run --allow-kill). */
BW_OP(kill)
{
	struct bw_kill m;

	if (bw_get_kill(&q->r, &m))
		return BW_OP_MALFORMED;
	if (!m.pid || m.pid > INT32_MAX || m.signal > INT32_MAX)
		return -EINVAL;
	return kill((pid_t)m.pid, (int)m.signal) ? -errno : 0;
}
