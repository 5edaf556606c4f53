// SPDX-License-Identifier: Apache-2.0
/*
 * Arrays one element after the other, as tools read and clear histograms: the second lookup in a row fetches all that follow by LOOKUP_BATCH, each
 * value given once and only for a moment; updates in a row are posted and not waited for once one was taken (no index of an array can be refused where
 * its neighbour was not). The next key needs no board at all: kernel/bpf/arraymap.c array_map_get_next_key().
 *
 * A few arrays at a time, since tools that keep a histogram in several read element i of each (biolatpcts). The lock is only tried: who cannot have it
 * asks the board.
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/io.h"
#include "remote/bpf.h"

#define BATCH_BYTES	(256u << 10)
#define BATCH_FIRST	128u		/* elements; four times as many for each batch that follows one */
#define FRESH_MS	100
#define NONE		0xffffffffu
#define ARRAYS		8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct array {
	uint32_t id;			/* of the map, however many descriptors it has; never reused */
	uint32_t turn;			/* when it was asked about last, by `turns` */
	uint32_t looked_up, updated;	/* last index of each, NONE */
	uint32_t first, n;		/* elements that are here */
	uint32_t value_len;
	uint8_t *values, *given;
	int64_t fetched;
	bool refused;			/* no batches */
	bool updatable;			/* took an update */
} arrays[ARRAYS];
static uint32_t turns;

bool bw_array_has(const struct bw_map_info *m)
{
	return (m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY) && m->id && m->key_size == 4 && m->max_entries;
}

static void drop(struct array *a)
{
	free(a->values);
	free(a->given);
	a->values = a->given = NULL;
	a->n = 0;
}

/* Its slot, or that of the one asked about longest ago. */
static struct array *array_of(const struct bw_placeholder *o)
{
	struct array *a, *oldest = arrays;

	for (a = arrays; a < arrays + ARRAYS; a++) {
		if (a->id == o->map.id)
			return a;
		if (a->turn < oldest->turn)
			oldest = a;
	}
	drop(oldest);
	*oldest = (struct array){ .id = o->map.id, .looked_up = NONE, .updated = NONE,
				  .value_len = bw_map_value_len(&o->map, bw_board()->ncpus_possible, 0) };
	return oldest;
}

/* Elements from `first` (not 0) on. */
static int fetch(struct array *a, int map_fd, const struct bw_map_info *m, uint32_t first)
{
	uint32_t n = a->n && first == a->first + a->n ? 4 * a->n : BATCH_FIRST, cursor = first - 1, out;
	union bpf_attr attr;
	uint32_t *keys;
	long r = -ENOMEM;

	if (a->value_len > BATCH_BYTES) {
		a->refused = true;
		return -E2BIG;
	}
	if (n > BATCH_BYTES / (a->value_len + 1) + 1)
		n = BATCH_BYTES / (a->value_len + 1) + 1;
	if (n > m->max_entries - first)
		n = m->max_entries - first;
	drop(a);
	keys = calloc(n, sizeof(*keys));
	a->values = calloc(n, a->value_len);
	a->given = calloc(n, 1);
	memset(&attr, 0, sizeof(attr));
	attr.batch.in_batch = (uintptr_t)&cursor;
	attr.batch.out_batch = (uintptr_t)&out;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)a->values;
	attr.batch.count = n;
	attr.batch.map_fd = (uint32_t)map_fd;
	if (keys && a->values && a->given)
		r = bw_bpf_call(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr.batch));
	if ((!r || r == -ENOENT) && attr.batch.count && attr.batch.count <= n && keys[0] == first) {
		a->first = first;
		a->n = attr.batch.count;
		a->fetched = bw_now_ms();
		r = 0;
	} else {
		drop(a);
		a->refused = true;
		r = -EINVAL;
	}
	free(keys);
	return (int)r;
}

static bool have(const struct array *a, uint32_t i)
{
	return i >= a->first && i - a->first < a->n && !a->given[i - a->first] && bw_now_ms() - a->fetched <= FRESH_MS;
}

static long lookup(struct array *a, const union bpf_attr *attr, const struct bw_map_info *m, uint32_t i)
{
	bool in_row = a->looked_up != NONE && i == a->looked_up + 1;

	a->looked_up = i;
	if (attr->flags || i >= m->max_entries)
		return BW_AHEAD_ASK;
	if (!have(a, i) && (!in_row || a->refused || fetch(a, (int)attr->map_fd, m, i)))
		return BW_AHEAD_ASK;
	a->given[i - a->first] = 1;
	return bw_copy_out((void *)(uintptr_t)attr->value, a->values + (size_t)(i - a->first) * a->value_len, a->value_len);
}

static long update(struct array *a, const union bpf_attr *attr, const struct bw_map_info *m, uint32_t i)
{
	bool in_row = a->updated != NONE && i == a->updated + 1;

	if (i >= a->first && i - a->first < a->n)
		a->given[i - a->first] = 1;
	if (attr->flags != BPF_ANY || i >= m->max_entries) {
		a->updated = NONE;
		return BW_AHEAD_ASK;
	}
	a->updated = i;
	return in_row && a->updatable ? BW_AHEAD_POST : BW_AHEAD_ASK;
}

void bw_array_forget(void)
{
	struct array *a;

	if (pthread_mutex_trylock(&lock))
		return;
	for (a = arrays; a < arrays + ARRAYS; a++)
		drop(a);
	pthread_mutex_unlock(&lock);
}

void bw_array_updated(const struct bw_placeholder *o)
{
	if (!bw_array_has(&o->map) || pthread_mutex_trylock(&lock))
		return;
	array_of(o)->updatable = true;
	pthread_mutex_unlock(&lock);
}

static long next_key(const union bpf_attr *attr, const struct bw_map_info *m, const uint32_t *key)
{
	uint32_t next = key && *key < m->max_entries ? *key + 1 : 0;

	if (next == m->max_entries)
		return -ENOENT;
	return bw_copy_out((void *)(uintptr_t)attr->next_key, &next, sizeof(next));
}

long bw_array_answer(unsigned int cmd, const union bpf_attr *attr, const struct bw_placeholder *o)
{
	long r = BW_AHEAD_ASK;
	uint32_t key = 0;
	struct array *a;

	if (attr->key && bw_copy_in(&key, (void *)(uintptr_t)attr->key, sizeof(key)))
		return BW_AHEAD_ASK;
	if (cmd == BPF_MAP_GET_NEXT_KEY)
		return next_key(attr, &o->map, attr->key ? &key : NULL);
	if (!attr->key || pthread_mutex_trylock(&lock))
		return BW_AHEAD_ASK;
	a = array_of(o);
	a->turn = ++turns;
	if (cmd == BPF_MAP_LOOKUP_ELEM)
		r = lookup(a, attr, &o->map, key);
	else if (cmd == BPF_MAP_UPDATE_ELEM)
		r = update(a, attr, &o->map, key);
	pthread_mutex_unlock(&lock);
	return r;
}
