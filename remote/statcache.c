// SPDX-License-Identifier: Apache-2.0
/*
 * What the board said about paths in the last second. Tools list a directory and then ask for the stat of each of its entries (2,000 in
 * tracefs), and libbcc asks for /proc/PID/exe at each symbol: both are answered from here. One path a slot; a newer one takes it over.
 *
 * The lock is only tried: whoever cannot have it goes without the cache. So a child forked while another thread held it merely has none.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

#define SLOTS		4096u	/* a power of two */
#define FRESH_NS	1000000000ll

struct slot {
	char *path;
	int64_t until;
	unsigned int era;
	int err;
	uint8_t kinds;		/* enum bw_stat_kind */
	struct stat st;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;
static atomic_uint era;		/* a slot of another one is stale */

static int64_t now(void)
{
	struct timespec ts;

	BW_REAL(clock_gettime)(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static struct slot *slot_of(const char *path)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 16777619u;
	return &slots[(h ^ h >> 15) & (SLOTS - 1)];
}

int bw_stat_recall(const char *path, bool follow, struct stat *st, int *err)
{
	struct slot *s;
	int known = 0;

	if (pthread_mutex_trylock(&lock))
		return 0;
	s = slots ? slot_of(path) : NULL;
	if (s && s->path && s->era == atomic_load(&era) && (s->kinds & (follow ? BW_STAT_FOLLOW : BW_STAT_NOFOLLOW)) && s->until > now() &&
	    !strcmp(s->path, path)) {
		known = 1;
		*err = s->err;
		if (!s->err && st)
			*st = s->st;
	}
	pthread_mutex_unlock(&lock);
	return known;
}

void bw_stat_remember(const char *path, enum bw_stat_kind kind, const struct stat *st, int err)
{
	struct slot *s;

	if (pthread_mutex_trylock(&lock))
		return;
	if (!slots)
		slots = calloc(SLOTS, sizeof(*slots));
	s = slots ? slot_of(path) : NULL;
	if (s && (!s->path || strcmp(s->path, path))) {
		free(s->path);
		s->path = strdup(path);
	}
	if (s && s->path) {
		s->until = now() + FRESH_NS;
		s->era = atomic_load(&era);
		s->err = err;
		s->kinds = (uint8_t)kind;
		if (!err)
			s->st = *st;
	}
	pthread_mutex_unlock(&lock);
}

void bw_stat_forget(void)
{
	atomic_fetch_add(&era, 1);
}
