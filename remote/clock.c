// SPDX-License-Identifier: Apache-2.0
/*
 * The board's clocks, by their distance from the host's, which is measured again when it is some seconds old. Atomics and no lock: two
 * threads that measure at once both do right.
 */
#include "remote/files.h"

#define FRESH_NS	3000000000ll

enum { REALTIME, MONOTONIC, BOOTTIME, CLOCKS };
static const clockid_t ids[CLOCKS] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
static _Atomic int64_t distance[CLOCKS];	/* board - host, ns */
static _Atomic int64_t last[CLOCKS];		/* what was said: a clock does not go back */
static _Atomic int64_t measured;		/* host's CLOCK_MONOTONIC, 0 never */

static int64_t host(clockid_t id)
{
	struct timespec ts;

	BW_REAL(clock_gettime)(id, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int ask(struct bw_clocks *c)
{
	struct bw_reply reply = { 0 };
	struct bw_buf empty = { 0 };
	struct bw_reader r;
	int err = bw_conn_ready();

	if (!err)
		err = bw_call(BW_MSG_CLOCKS, &empty, &reply);
	if (!err) {
		r = bw_reply_reader(&reply);
		err = bw_get_clocks(&r, c);
	}
	bw_reply_free(&reply);
	return err;
}

/* The board's answer is taken to be from the middle of the call. */
static int measure(void)
{
	struct bw_clocks c;
	int64_t before[CLOCKS], board[CLOCKS];
	int i, err;

	for (i = 0; i < CLOCKS; i++)
		before[i] = host(ids[i]);
	err = ask(&c);
	if (err)
		return err;
	board[REALTIME] = c.realtime;
	board[MONOTONIC] = c.monotonic;
	board[BOOTTIME] = c.boottime;
	for (i = 0; i < CLOCKS; i++)
		atomic_store(&distance[i], board[i] - (before[i] + (host(ids[i]) - before[i]) / 2));
	atomic_store(&measured, host(CLOCK_MONOTONIC));
	return 0;
}

static bool fresh(void)
{
	int64_t at = atomic_load(&measured);

	return at && host(CLOCK_MONOTONIC) - at < FRESH_NS;
}

/* A board clock by the last samples, ns; which: CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME. */
static int64_t board_clock(int which)
{
	int i = which == CLOCK_REALTIME ? REALTIME : which == CLOCK_BOOTTIME ? BOOTTIME : MONOTONIC;
	int64_t now, seen;

	if (!fresh())
		measure();	/* where it fails the last distance holds */
	now = host(ids[i]) + atomic_load(&distance[i]);
	seen = atomic_load(&last[i]);
	if (i != REALTIME && now < seen)
		return seen;
	atomic_store(&last[i], now);
	return now;
}

/* Wall time stays the host's: tools print it. */
int bw_board_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t t;

	if ((id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME && id != CLOCK_MONOTONIC_RAW) || !bw_active() || !bw_is_front_end())
		return BW_REAL(clock_gettime)(id, ts);
	t = board_clock(id);
	ts->tv_sec = t / 1000000000;
	ts->tv_nsec = t % 1000000000;
	return 0;
}

/*
 * The other clocks keep the tool's own timers going, and stay the host's. This one is what the load times of programs are counted in (bpftool), and nothing sleeps
 * by it.
 */
BW_EXPORT BW_UNSANITIZED int clock_gettime(clockid_t id, struct timespec *ts)
{
	return id == CLOCK_BOOTTIME && bw_active() ? bw_board_clock_gettime(id, ts) : BW_REAL(clock_gettime)(id, ts);
}
