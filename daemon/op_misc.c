// SPDX-License-Identifier: Apache-2.0
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
