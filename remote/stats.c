// SPDX-License-Identifier: Apache-2.0
#include "remote/stats.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "remote/remote.h"
#include "remote/real.h"

static struct bw_stats *stats;		/* set before the tool has threads; of all processes of the tool */

__attribute__((constructor)) static void open_stats(void)
{
	const char *path = getenv("BPFWIRE_STATS");
	struct bw_stats *s;
	long fd;

	if (!path || !*path || !bw_active())
		return;
	fd = bw_sys(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDWR | O_CLOEXEC | O_NOFOLLOW), 0L);
	if (fd < 0)
		return;
	s = (void *)bw_sys(SYS_mmap, NULL, sizeof(*s), (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, fd, 0L);
	bw_sys(SYS_close, fd);
	if (!bw_is_err(s) && s->magic == BW_STATS_MAGIC)
		stats = s;
}

unsigned int bw_stats_row_of(uint16_t type, const void *payload, size_t len)
{
	const uint8_t *p = payload;

	if (type == BW_MSG_BPF && len >= 4 && p[0] < BW_STATS_ROWS - BW_STATS_BPF && !p[1] && !p[2] && !p[3])
		return BW_STATS_BPF + p[0];
	return type < BW_STATS_BPF ? type : 0;
}

static void add(_Atomic uint64_t *at, uint64_t n)
{
	atomic_fetch_add_explicit(at, n, memory_order_relaxed);
}

void bw_stats_sent(unsigned int row, size_t bytes)
{
	if (!stats)
		return;
	add(&stats->rows[row].sent, 1);
	add(&stats->rows[row].out, bytes);
}

void bw_stats_received(unsigned int row, size_t bytes)
{
	if (stats)
		add(&stats->rows[row].in, bytes);
}

static int64_t now(void)
{
	struct timespec ts;

	BW_REAL(clock_gettime)(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

int64_t bw_stats_wait_begin(void)
{
	return stats ? now() : 0;
}

void bw_stats_wait_end(unsigned int row, int64_t begun, size_t bytes, bool trip)
{
	if (!stats)
		return;
	add(&stats->rows[row].trips, trip);
	add(&stats->rows[row].wait_ns, (uint64_t)(now() - begun));
	add(&stats->rows[row].in, bytes);
}
