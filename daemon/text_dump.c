// SPDX-License-Identifier: Apache-2.0
/* A whole map as lines of text, by the kernel's batches where it has them. */
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/text.h"
#include "protocol/bpfattr.h"
#include "protocol/io.h"

#define BATCH_BYTES	(256u << 10)
#define BATCH_MAX	(4u << 20)	/* the kernel gives whole buckets of a hash: one may hold more entries than were asked for */

#define AT(field)	((uint16_t)offsetof(union bpf_attr, field))

struct dump {
	struct bw_text *t;
	uint32_t handle;
	struct bw_map_info map;
	uint32_t value_len;
	uint64_t entries;
	uint32_t cursor_len;
	uint8_t *cursor;
};

static void entry(struct dump *d, const uint8_t *key, const uint8_t *value)
{
	bw_text_put_base64(d->t, key, d->map.key_size);
	bw_text_put_base64(d->t, value, d->value_len);
	d->entries++;
}

/* ---- by batches ---- */

static void put_batch(struct dump *d, const struct bw_bpf_reply *reply, uint32_t count)
{
	const struct bw_bpf_buf *keys = bw_text_out(reply, AT(batch.keys)), *values = bw_text_out(reply, AT(batch.values));

	for (uint32_t i = 0; keys && values && i < count && !d->t->error; i++) {
		if (keys->len < (i + 1) * d->map.key_size || values->len < (i + 1) * d->value_len)
			return;
		entry(d, keys->data + i * d->map.key_size, values->data + i * d->value_len);
	}
}

/* *first: there is no cursor yet. 0: more may follow, -ENOENT: that was the last. */
static int batch(struct dump *d, uint32_t count, bool *first)
{
	struct bw_bpf_buf bufs[4] = {
		{ .where = AT(batch.out_batch), .dir = BW_BUF_OUT, .len = d->cursor_len },
		{ .where = AT(batch.keys), .dir = BW_BUF_OUT, .len = count * d->map.key_size },
		{ .where = AT(batch.values), .dir = BW_BUF_OUT, .len = count * d->value_len },
		{ .where = AT(batch.in_batch), .dir = BW_BUF_IN, .len = d->cursor_len, .data = d->cursor },
	};
	const struct bw_bpf_buf *cursor;
	struct bw_bpf_reply reply;
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = d->handle;
	attr.batch.count = count;
	r = bw_text_bpf(d->t, BPF_MAP_LOOKUP_BATCH, &attr, AT(batch.flags) + 8, bufs, *first ? 3 : 4, &reply);
	if (r && r != -ENOENT)
		return r;
	cursor = bw_text_out(&reply, AT(batch.out_batch));
	if (!r && (!cursor || cursor->len < d->cursor_len))
		return -EINVAL;
	if (!r)
		memcpy(d->cursor, cursor->data, d->cursor_len);
	*first = false;
	put_batch(d, &reply, bw_attr_u32(reply.attr, reply.attr_size, AT(batch.count)));
	return r;
}

/* An error before there was any entry: most likely there are no batches for this map. */
static int by_batches(struct dump *d)
{
	uint32_t size = d->map.key_size + d->value_len, count = BATCH_BYTES / size ? BATCH_BYTES / size : 1;
	bool first = true;
	int r = 0;

	while (!r && !d->t->error) {
		r = batch(d, count, &first);
		if (r == -ENOSPC && (uint64_t)count * size < BATCH_MAX) {
			count *= 2;
			r = 0;
		}
	}
	return r == -ENOENT ? 0 : r;
}

/* ---- key by key ---- */

/* What cmd says of a key (NULL: of none): `len` bytes for `where` of the attr, valid until the next question, or NULL; 0 or -errno. */
static int ask(struct dump *d, int cmd, const uint8_t *key, uint16_t where, uint32_t len, const uint8_t **out)
{
	struct bw_bpf_buf bufs[2] = {
		{ .where = where, .dir = BW_BUF_OUT, .len = len },
		{ .where = AT(key), .dir = BW_BUF_IN, .len = d->map.key_size, .data = key },
	};
	const struct bw_bpf_buf *b;
	struct bw_bpf_reply reply;
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = d->handle;
	r = bw_text_bpf(d->t, cmd, &attr, AT(flags) + 8, bufs, key ? 2 : 1, &reply);
	b = r ? NULL : bw_text_out(&reply, where);
	*out = b && b->len == len ? b->data : NULL;
	return r;
}

static int next_key(struct dump *d, const uint8_t *key, uint8_t *next)
{
	const uint8_t *out;
	int r = ask(d, BPF_MAP_GET_NEXT_KEY, key, AT(next_key), d->map.key_size, &out);

	if (out)
		memcpy(next, out, d->map.key_size);
	return r;
}

/* A key that is gone meanwhile is left out. */
static int one(struct dump *d, const uint8_t *key)
{
	const uint8_t *value;
	int r = ask(d, BPF_MAP_LOOKUP_ELEM, key, AT(value), d->value_len, &value);

	if (value)
		entry(d, key, value);
	return r == -ENOENT ? 0 : r;
}

/* After a key that is gone the kernel begins anew, so there is an end to it by number. */
static int by_keys(struct dump *d)
{
	bw_cleanup_free uint8_t *key = malloc(d->map.key_size), *next = malloc(d->map.key_size);
	int r = key && next ? next_key(d, NULL, key) : -ENOMEM;

	for (uint64_t n = 0; !r && n < d->map.max_entries && !d->t->error; n++) {
		int after = next_key(d, key, next);

		r = one(d, key);
		if (r || after)
			return r ? r : after == -ENOENT ? 0 : after;
		memcpy(key, next, d->map.key_size);
	}
	return r == -ENOENT ? 0 : r;
}

/* ---- the command ---- */

static int prepare(struct dump *d, const struct bw_text_line *l)
{
	const struct bw_handle *h;

	d->handle = bw_text_handle(d->t, l->v[0].num);
	h = bw_handle_get(&d->t->w.handles, d->handle);
	if (!h || h->object != BW_OBJ_MAP)
		return h ? -EINVAL : -EBADF;
	d->map = h->map;
	d->value_len = bw_map_value_len(&d->map, d->t->w.cpus, 0);
	if (!d->map.key_size || l->v[1].num != d->map.key_size)
		return -EINVAL;
	return l->v[3].num && (l->v[2].num != d->value_len || d->value_len > BATCH_MAX) ? -EINVAL : 0;
}

static uint32_t cursor_len(const struct dump *d)
{
	const struct bw_bpf_field *f = bw_bpf_cmd(BPF_MAP_LOOKUP_BATCH)->fields;
	union bpf_attr attr;
	int64_t len;

	memset(&attr, 0, sizeof(attr));
	while (f->kind != BW_FIELD_END && f->off != AT(batch.out_batch))
		f++;
	len = bw_bpf_len(f, &attr, sizeof(attr), &d->map, d->t->w.cpus);
	return len > 0 && len < BATCH_MAX ? (uint32_t)len : 0;
}

static int whole(struct dump *d)
{
	bw_cleanup_free uint8_t *cursor = NULL;
	int r;

	d->cursor_len = cursor_len(d);
	d->cursor = cursor = calloc(1, d->cursor_len + 1u);
	if (!cursor)
		return -ENOMEM;
	r = by_batches(d);
	return r && !d->entries ? by_keys(d) : r;
}

int bw_text_first_key(struct bw_text *t, const struct bw_text_line *l)
{
	struct dump d = { .t = t };
	bw_cleanup_free uint8_t *key = NULL;
	int r = prepare(&d, l);

	if (!r && l->v[3].num) {
		r = whole(&d);
		if (d.entries && !r) {
			bw_text_put(t, "\n", 1);
			return 0;
		}
		return bw_text_ret(t, "bpf_get_first_key", r ? r : -ENOENT);
	}
	key = r ? NULL : malloc(d.map.key_size);
	if (!r)
		r = key ? next_key(&d, NULL, key) : -ENOMEM;
	if (r)
		return bw_text_ret(t, "bpf_get_first_key", r);
	bw_text_put_base64(t, key, d.map.key_size);
	return 0;
}
