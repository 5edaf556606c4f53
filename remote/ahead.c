// SPDX-License-Identifier: Apache-2.0
/*
 * Reading ahead of an iteration. Tools read a hash map as GET_NEXT_KEY, LOOKUP_ELEM, GET_NEXT_KEY, ...: two round trips an entry, during which the board
 * goes on adding entries, so that over a slow link profile would never come to an end. Here the first GET_NEXT_KEY (without a key) fetches entries by
 * LOOKUP_BATCH, and what the tool asks next is answered from them. To stay truthful a value is given once, only right after the iteration gave its key,
 * and only for a moment: a batch that has become older is fetched again, from its first bucket on, before it gives another key. Every other question
 * goes to the board. Where the kernel or the type of the map has no batches nothing changes.
 *
 * A tool that clears a map deletes the entries it just read: once the kernel has let it delete one of a map, deletions of entries that are known to be
 * there are posted and not waited for.
 *
 * One iteration at a time, the last one begun. The lock is only tried: who cannot have it asks the board.
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "remote/bpf.h"

#define BATCH_BYTES	(1u << 20)
#define BATCH_MIN	256u		/* entries; the kernel needs room for the longest bucket */
#define BATCH_MAX	4096u		/* entries; Python takes up to 20 us for one, so that they are used up before they are old */
#define VALUES_NS	100000000ll
#define KEYS_NS		10000000000ll

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ahead {
	uint32_t handle, id;		/* of the map; id is never reused, handles are */
	uint32_t key_size, value_len, room, n;
	uint32_t at;			/* entry whose key was given last */
	uint8_t *keys, *values;
	uint8_t *used;			/* enum use */
	bool last;			/* no more entries on the board */
	bool again;			/* `from` is where this batch began; false: at the map's first bucket */
	bool stuck;			/* cannot be fetched again: its place was lost */
	uint8_t from[512], cursor[512];	/* the kernel's bucket numbers, by its own layout */
	int64_t fetched;
} it;
static uint32_t no_batch_id;		/* map that refused */
static _Atomic uint32_t deletable_id;	/* map that an entry was deleted from */

enum use { USE_FRESH = 0, USE_GIVEN = 1, USE_DELETED = 2 };	/* GIVEN: also values that are not the board's any more */

static int64_t now(void)
{
	struct timespec ts;

	BW_REAL(clock_gettime)(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void drop(void)
{
	free(it.keys);
	free(it.values);
	free(it.used);
	memset(&it, 0, sizeof(it));
}

static int alloc(void)
{
	it.keys = calloc(it.room, it.key_size);
	it.values = calloc(it.room, it.value_len);
	it.used = calloc(it.room, 1);
	return it.keys && it.values && it.used ? 0 : -ENOMEM;
}

static bool has_batches(const struct bw_map_info *m)
{
	switch (m->type) {
	case BPF_MAP_TYPE_HASH: case BPF_MAP_TYPE_PERCPU_HASH: case BPF_MAP_TYPE_LRU_HASH: case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return m->id && m->id != no_batch_id && m->key_size && m->key_size <= sizeof(it.cursor);
	}
	return false;
}

/* The entries from it.from on: 0, also when there are none (n is 0 then), or a negative errno. */
static int fetch(int map_fd)
{
	uint8_t out[sizeof(it.cursor)] = { 0 };
	union bpf_attr attr;
	long r;

	memset(&attr, 0, sizeof(attr));
	attr.batch.in_batch = it.again ? (uintptr_t)it.from : 0;
	attr.batch.out_batch = (uintptr_t)out;
	attr.batch.keys = (uintptr_t)it.keys;
	attr.batch.values = (uintptr_t)it.values;
	attr.batch.count = it.room;
	attr.batch.map_fd = (uint32_t)map_fd;
	r = bw_bpf_call(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr.batch));
	if (r && r != -ENOENT)
		return (int)r;
	it.last = r == -ENOENT;
	it.n = attr.batch.count <= it.room ? attr.batch.count : 0;
	memcpy(it.cursor, out, sizeof(out));
	memset(it.used, 0, it.room);
	it.at = 0;
	it.stuck = false;
	it.fetched = now();
	return 0;
}

static int begin(int map_fd, const struct bw_placeholder *o)
{
	uint32_t each, room;
	int err;

	drop();
	it.key_size = o->map.key_size;
	it.value_len = bw_map_value_len(&o->map, bw_board()->ncpus_possible, 0);
	if (it.value_len > BW_MSG_MAX / BATCH_MIN - it.key_size)	/* no reply holds so much */
		return -E2BIG;
	each = it.key_size + it.value_len;
	room = BATCH_BYTES / each < BATCH_MIN ? BATCH_MIN : BATCH_BYTES / each < BATCH_MAX ? BATCH_BYTES / each : BATCH_MAX;
	it.room = o->map.max_entries < room ? o->map.max_entries : room;
	err = alloc();
	if (!err)
		err = fetch(map_fd);
	if (err) {
		drop();
		no_batch_id = o->map.id;
		return err;
	}
	it.handle = o->handle;
	it.id = o->map.id;
	return 0;
}

static int fetch_following(int map_fd)
{
	memcpy(it.from, it.cursor, sizeof(it.from));
	it.again = true;
	return fetch(map_fd);
}

/* Index of a key, or -1. An iteration asks for the one it had last. */
static int64_t find(const uint8_t *key)
{
	uint32_t i, k;

	for (k = 0; k < it.n; k++) {
		i = (it.at + k) % it.n;
		if (!memcmp(it.keys + (size_t)i * it.key_size, key, it.key_size))
			return i;
	}
	return -1;
}

static bool older_than(int64_t ns)
{
	return now() - it.fetched > ns;
}

/* The batch once more: where this key is in it. If it is gone, and with it the place of the iteration, the old one stays, for its keys. */
static int64_t fetch_again(int map_fd, const uint8_t *key, int64_t old_place)
{
	struct ahead old = it;
	int64_t i = -1;

	if (!alloc() && !fetch(map_fd))
		i = find(key);
	if (i >= 0) {
		free(old.keys);
		free(old.values);
		free(old.used);
		return i;
	}
	drop();
	it = old;
	it.stuck = true;
	return old_place;
}

static long give_key(uint64_t user, uint32_t i)
{
	it.at = i;
	return bw_copy_out((void *)(uintptr_t)user, it.keys + (size_t)i * it.key_size, it.key_size);
}

static long next_key(int map_fd, const struct bw_placeholder *o, const uint8_t *key, uint64_t user)
{
	int64_t i;

	if (!key) {
		if (begin(map_fd, o))
			return BW_AHEAD_ASK;
		return it.n ? give_key(user, 0) : -ENOENT;
	}
	i = find(key);
	if (i < 0 || older_than(KEYS_NS))
		return BW_AHEAD_ASK;
	if (older_than(VALUES_NS) && !it.stuck && (i + 1 < it.n || it.last))	/* else the next batch is new anyway */
		i = fetch_again(map_fd, key, i);
	if (i + 1 < it.n)
		return give_key(user, (uint32_t)i + 1);
	if (it.last)
		return -ENOENT;
	if (fetch_following(map_fd)) {
		drop();
		return BW_AHEAD_ASK;
	}
	return it.n ? give_key(user, 0) : -ENOENT;
}

static long lookup(const uint8_t *key, uint64_t user)
{
	if (!it.n || memcmp(it.keys + (size_t)it.at * it.key_size, key, it.key_size) || it.used[it.at] || older_than(VALUES_NS))
		return BW_AHEAD_ASK;
	it.used[it.at] = USE_GIVEN;
	return bw_copy_out((void *)(uintptr_t)user, it.values + (size_t)it.at * it.value_len, it.value_len);
}

static void changed(const uint8_t *key)
{
	int64_t i = find(key);

	if (i >= 0)
		it.used[i] = USE_GIVEN;
}

static long delete(const uint8_t *key, const struct bw_placeholder *o)
{
	int64_t i = find(key);
	bool known = i >= 0 && it.used[i] != USE_DELETED && !older_than(KEYS_NS);

	if (i >= 0)
		it.used[i] = USE_DELETED;
	return known && deletable_id == o->map.id ? BW_AHEAD_POST : BW_AHEAD_ASK;
}

/* attr of one of the commands about an element, by the placeholder of its map. */
static long answer(unsigned int cmd, const union bpf_attr *attr, const struct bw_placeholder *o)
{
	uint8_t key[sizeof(it.cursor)];
	bool ours = it.id == o->map.id && it.handle == o->handle;
	long r = BW_AHEAD_ASK;

	if (!has_batches(&o->map) || pthread_mutex_trylock(&lock))
		return r;
	if (cmd == BPF_MAP_GET_NEXT_KEY && !attr->key)
		r = next_key((int)attr->map_fd, o, NULL, attr->next_key);
	else if (!ours || bw_copy_in(key, (void *)(uintptr_t)attr->key, it.key_size))
		r = BW_AHEAD_ASK;
	else if (cmd == BPF_MAP_GET_NEXT_KEY)
		r = next_key((int)attr->map_fd, o, key, attr->next_key);
	else if (cmd == BPF_MAP_LOOKUP_ELEM && !attr->flags)
		r = lookup(key, attr->value);
	else if (cmd == BPF_MAP_DELETE_ELEM)
		r = delete(key, o);
	else
		changed(key);
	pthread_mutex_unlock(&lock);
	return r;
}

/* ---- the words in what was read (stacks.c) ---- */

struct words {
	uint32_t *out, n, max;
	uint32_t word, limit;
};

static void add_word(struct words *w, uint32_t v)
{
	uint32_t i;

	if (v >= w->limit || w->n == w->max)
		return;
	for (i = 0; i < w->n && w->out[i] != v; i++)
		;
	if (i == w->n)
		w->out[w->n++] = v;
}

/* One column: a u32 at the same place of each element. */
static void column(struct words *w, const uint8_t *at, uint32_t step)
{
	bool here = false;
	uint32_t i, v;

	for (i = 0; i < it.n && !here; i++) {
		memcpy(&v, at + (size_t)i * step, sizeof(v));
		here = v == w->word;
	}
	for (i = 0; i < it.n && here; i++) {
		memcpy(&v, at + (size_t)i * step, sizeof(v));
		add_word(w, v);
	}
}

uint32_t bw_ahead_words(uint32_t word, uint32_t limit, uint32_t *out, uint32_t max)
{
	struct words w = { out, 1, max, word, limit };
	uint32_t off;
	bool any;

	if (pthread_mutex_trylock(&lock))
		return 0;
	out[0] = word;
	any = it.n && !older_than(KEYS_NS);
	for (off = 0; any && off + 4 <= it.key_size; off += 4)
		column(&w, it.keys + off, it.key_size);
	for (off = 0; any && off + 4 <= it.value_len && it.value_len <= 64; off += 4)
		column(&w, it.values + off, it.value_len);
	pthread_mutex_unlock(&lock);
	return any ? w.n : 0;
}

/* The batches of the tool itself change many entries at once, a program that it runs changes what it will. */
static void forget_all(void)
{
	bw_array_forget();
	if (pthread_mutex_trylock(&lock))
		return;
	drop();
	pthread_mutex_unlock(&lock);
}

long bw_ahead_answer(unsigned int cmd, void *user, unsigned int size)
{
	const size_t least = offsetof(union bpf_attr, flags);
	struct bw_placeholder *o;
	union bpf_attr attr;
	long r;

	switch (cmd) {
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH: case BPF_MAP_UPDATE_BATCH: case BPF_MAP_DELETE_BATCH: case BPF_PROG_TEST_RUN:
		forget_all();
		return BW_AHEAD_ASK;
	case BPF_MAP_LOOKUP_ELEM: case BPF_MAP_UPDATE_ELEM: case BPF_MAP_DELETE_ELEM: case BPF_MAP_LOOKUP_AND_DELETE_ELEM: case BPF_MAP_GET_NEXT_KEY:
		break;
	default:
		return BW_AHEAD_ASK;
	}
	memset(&attr, 0, sizeof(attr));
	if (size < least || size > sizeof(attr) || bw_copy_in(&attr, user, size < least + 8 ? size : least + 8))
		return BW_AHEAD_ASK;
	o = bw_placeholder_get((int)attr.map_fd);
	if (!o)
		return BW_AHEAD_ASK;
	r = o->object != BW_OBJ_MAP ? BW_AHEAD_ASK : bw_array_has(&o->map) ? bw_array_answer(cmd, &attr, o) :
	    bw_stacks_has(&o->map) ? bw_stacks_answer(cmd, &attr, o) : answer(cmd, &attr, o);
	bw_placeholder_put(o);
	return r;
}

void bw_ahead_done(unsigned int cmd, int map_fd)
{
	struct bw_placeholder *o = bw_placeholder_get(map_fd);

	if (o && cmd == BPF_MAP_DELETE_ELEM)
		deletable_id = o->map.id;
	if (o && cmd == BPF_MAP_UPDATE_ELEM)
		bw_array_updated(o);
	bw_placeholder_put(o);
}
