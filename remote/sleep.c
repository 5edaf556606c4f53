// SPDX-License-Identifier: Apache-2.0
/* The wrappers of sleeps: before one, what the tool wrote into a mapped map travels; after it, what the board wrote there is fetched (map_mmap.c). */
#include "remote/remote.h"
#include "remote/bpf.h"

#include <unistd.h>

#define SLEEP(libc) ({ \
	bw_maps_push(); \
	__auto_type r_ = libc; \
	bw_maps_pull(false); \
	r_; \
})

BW_EXPORT int nanosleep(const struct timespec *want, struct timespec *left)
{
	return SLEEP(BW_REAL(nanosleep)(want, left));
}

BW_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *want, struct timespec *left)
{
	return SLEEP(BW_REAL(clock_nanosleep)(clock, flags, want, left));
}

BW_EXPORT unsigned int sleep(unsigned int seconds)
{
	return SLEEP(BW_REAL(sleep)(seconds));
}

BW_EXPORT int usleep(useconds_t us)
{
	return SLEEP(BW_REAL(usleep)(us));
}

BW_EXPORT int sched_yield(void)
{
	return SLEEP(BW_REAL(sched_yield)());
}

BW_EXPORT int pause(void)
{
	return SLEEP(BW_REAL(pause)());
}
