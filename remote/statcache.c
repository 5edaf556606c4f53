// SPDX-License-Identifier: Apache-2.0
/*
 * What the board said about paths in the last second. Tools list a directory and then ask for the stat of each of its entries (2,000 in
 * tracefs), and libbcc asks for /proc/PID/exe at each symbol: both are answered from here. A path has its place in one of a few slots, of which the
 * oldest is taken over.
 *
 * The lock is only tried: whoever cannot have it goes without the cache. So a child forked while another thread held it merely has none.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/wirecode.h"
#include "remote/files.h"

#define SETS		4096u	/* a power of two */
#define WAYS		4u
#define FRESH_NS	1000000000ll
#define WALK_NS		9000000000ll

struct slot {
	char *path;
	struct bw_fresh fresh;
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

void bw_fresh_from_now(struct bw_fresh *f)
{
	f->until = now() + FRESH_NS;
	f->latest = f->until + WALK_NS;
	f->era = atomic_load(&era);
}

void bw_fresh_again(struct bw_fresh *f)
{
	f->until = now() + FRESH_NS;
	if (f->until > f->latest)
		f->until = f->latest;
}

bool bw_is_fresh(const struct bw_fresh *f)
{
	return f->era == atomic_load(&era) && f->until > now();
}

/* The slot that has this path, else the one that it is to have. */
static struct slot *slot_of(const char *path)
{
	uint32_t h = 2166136261u;	/* FNV-1a */
	struct slot *set, *best;
	const char *p;

	for (p = path; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	set = best = &slots[((h ^ h >> 15) & (SETS - 1)) * WAYS];
	for (struct slot *s = set; s < set + WAYS; s++) {
		if (s->path && !strcmp(s->path, path))
			return s;
		if (s->fresh.until < best->fresh.until)
			best = s;
	}
	return best;
}

int bw_stat_recall(const char *path, bool follow, struct stat *st, int *err)
{
	struct slot *s;
	int known = 0;

	if (pthread_mutex_trylock(&lock))
		return 0;
	s = slots ? slot_of(path) : NULL;
	if (s && s->path && (s->kinds & (follow ? BW_STAT_FOLLOW : BW_STAT_NOFOLLOW)) && bw_is_fresh(&s->fresh) && !strcmp(s->path, path)) {
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
		slots = calloc(SETS * WAYS, sizeof(*slots));
	s = slots ? slot_of(path) : NULL;
	if (s && (!s->path || strcmp(s->path, path))) {
		free(s->path);
		s->path = strdup(path);
	}
	if (s && s->path) {
		bw_fresh_from_now(&s->fresh);
		s->err = err;
		s->kinds = (uint8_t)kind;
		if (!err)
			s->st = *st;
	}
	pthread_mutex_unlock(&lock);
}

void bw_stat_remember_entry(const char *dir, struct bw_str name, const struct bw_stat *ws)
{
	char path[BW_PATH_MAX + 1];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s%s%.*s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", (int)name.len, name.p);

	if (n >= (int)sizeof(path) || ws->type == BW_FT_NONE)
		return;
	bw_stat_from_wire(ws, &st);
	bw_stat_remember(path, ws->type == BW_FT_LNK ? BW_STAT_NOFOLLOW : BW_STAT_BOTH, &st, 0);
}

void bw_stat_forget(void)
{
	atomic_fetch_add(&era, 1);
}
