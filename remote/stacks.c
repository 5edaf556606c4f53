// SPDX-License-Identifier: Apache-2.0
/*
 * Stack traces. Tools read a hash map whose entries name stacks by their ids, then look each id up in the stack map, which has no batches and whose
 * ids cannot be guessed: a round trip a stack. But the entries just read ahead (ahead.c) are still here: where they have the id that is asked for,
 * the others at the same place are ids too, and are asked for at once, many in flight. A number that is none costs a refusal, no more.
 *
 * A stack does not change under its id but by reuse, so that what was fetched is good for a moment. The lock is only tried.
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/io.h"
#include "remote/bpf.h"
#include "remote/conn.h"

#define STACKS		512u
#define IN_FLIGHT	64u
#define FRESH_MS	2000
#define VALUE_MAX	4096u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint32_t handle, id, value_len, n;
	uint32_t ids[STACKS];
	int status[STACKS];
	uint8_t *values;
	int64_t fetched;
} s;

static void drop(void)
{
	free(s.values);
	memset(&s, 0, sizeof(s));
}

static void put_lookup(struct bw_buf *b, const struct bw_placeholder *o, const uint32_t *id)
{
	const uint16_t key_at = offsetof(union bpf_attr, key), value_at = offsetof(union bpf_attr, value);
	union bpf_attr attr;
	struct bw_bpf m = { .cmd = BPF_MAP_LOOKUP_ELEM, .attr_size = offsetof(union bpf_attr, flags) + 8, .attr = (uint8_t *)&attr, .nbufs = 2 };

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = o->handle;
	m.bufs[0] = (struct bw_bpf_buf){ key_at, BW_BUF_IN, sizeof(*id), (const uint8_t *)id };
	m.bufs[1] = (struct bw_bpf_buf){ value_at, BW_BUF_OUT, s.value_len, NULL };
	bw_put_bpf(b, &m);
}

static int send_lookup(struct bw_waiter *w, const struct bw_placeholder *o, const uint32_t *id)
{
	struct bw_buf b = { 0 };
	int r;

	put_lookup(&b, o, id);
	r = b.err ? b.err : bw_request(w, BW_MSG_BPF, b.data, b.len);
	bw_buf_free(&b);
	return r;
}

static int take_lookup(struct bw_waiter *w, uint8_t *value)
{
	struct bw_bpf_reply p;
	struct bw_reader rd;
	int r;

	bw_waiter_wait(w);
	r = w->status;
	bw_reader_init(&rd, w->data.data, w->data.len);
	if (!r && (bw_get_bpf_reply(&rd, &p) || p.nbufs != 1 || p.bufs[0].len != s.value_len))
		r = -EPROTO;
	if (!r)
		memcpy(value, p.bufs[0].data, s.value_len);
	bw_buf_free(&w->data);
	return r;
}

/* s.ids[from..to), all in flight. */
static int fetch_some(const struct bw_placeholder *o, uint32_t from, uint32_t to)
{
	struct bw_waiter w[IN_FLIGHT];
	uint32_t i, sent = 0;
	int r = 0;

	for (i = from; i < to && !(r = send_lookup(&w[i - from], o, &s.ids[i])); i++)
		sent++;
	for (i = 0; i < sent; i++)
		s.status[from + i] = take_lookup(&w[i], s.values + (size_t)(from + i) * s.value_len);
	return r;
}

static int fetch(const struct bw_placeholder *o, uint32_t id)
{
	uint32_t i;
	int r = 0;

	drop();
	s.value_len = bw_map_value_len(&o->map, 1, 0);
	s.n = bw_ahead_words(id, o->map.max_entries, s.ids, STACKS);
	if (s.n < 2 || !s.value_len || s.value_len > VALUE_MAX || bw_conn_ready())
		return -ENOENT;
	s.values = malloc((size_t)s.n * s.value_len);
	if (!s.values)
		return -ENOMEM;
	for (i = 0; i < s.n && !r; i += IN_FLIGHT)
		r = fetch_some(o, i, i + IN_FLIGHT < s.n ? i + IN_FLIGHT : s.n);
	if (r) {
		drop();		/* some have no status */
		return r;
	}
	s.id = o->map.id;
	s.handle = o->handle;
	s.fetched = bw_now_ms();
	return 0;
}

static int64_t find(const struct bw_placeholder *o, uint32_t id)
{
	uint32_t i;

	if (s.id != o->map.id || s.handle != o->handle || bw_now_ms() - s.fetched > FRESH_MS)
		return -1;
	for (i = 0; i < s.n; i++)
		if (s.ids[i] == id)
			return i;
	return -1;
}

static long lookup(const union bpf_attr *attr, const struct bw_placeholder *o)
{
	uint32_t id;
	int64_t i;

	if (attr->flags || bw_copy_in(&id, (void *)(uintptr_t)attr->key, sizeof(id)))
		return BW_AHEAD_ASK;
	i = find(o, id);
	if (i < 0 && !fetch(o, id))
		i = find(o, id);
	if (i < 0)
		return BW_AHEAD_ASK;
	if (s.status[i])
		return s.status[i];
	return bw_copy_out((void *)(uintptr_t)attr->value, s.values + (size_t)i * s.value_len, s.value_len);
}

bool bw_stacks_has(const struct bw_map_info *m)
{
	return m->type == BPF_MAP_TYPE_STACK_TRACE && m->id && m->key_size == 4;
}

long bw_stacks_answer(unsigned int cmd, const union bpf_attr *attr, const struct bw_placeholder *o)
{
	long r = BW_AHEAD_ASK;

	if (pthread_mutex_trylock(&lock))
		return r;
	if (cmd == BPF_MAP_LOOKUP_ELEM)
		r = lookup(attr, o);
	else if (cmd != BPF_MAP_GET_NEXT_KEY && s.id == o->map.id)
		drop();
	pthread_mutex_unlock(&lock);
	return r;
}
