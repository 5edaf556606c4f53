// SPDX-License-Identifier: Apache-2.0
#include "protocol/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bw_reader_init(struct bw_reader *r, const void *p, size_t len)
{
	r->p = p;
	r->left = len;
	r->err = 0;
}

const uint8_t *bw_get_bytes(struct bw_reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->err || len > r->left) {
		r->err = -EPROTO;
		return NULL;
	}
	if (!len)
		return p ? p : (const uint8_t *)"";
	r->p += len;
	r->left -= len;
	return p;
}

static uint64_t get_le(struct bw_reader *r, size_t bytes)
{
	const uint8_t *p = bw_get_bytes(r, bytes);
	uint64_t v = 0;

	if (!p)
		return 0;
	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

uint8_t bw_get_u8(struct bw_reader *r) { return (uint8_t)get_le(r, 1); }
uint16_t bw_get_u16(struct bw_reader *r) { return (uint16_t)get_le(r, 2); }
uint32_t bw_get_u32(struct bw_reader *r) { return (uint32_t)get_le(r, 4); }
uint64_t bw_get_u64(struct bw_reader *r) { return get_le(r, 8); }
int32_t bw_get_i32(struct bw_reader *r) { return (int32_t)bw_get_u32(r); }
int64_t bw_get_i64(struct bw_reader *r) { return (int64_t)bw_get_u64(r); }

struct bw_str bw_get_str(struct bw_reader *r, uint32_t max)
{
	uint32_t len = bw_get_u32(r);
	const uint8_t *p;

	if (len > max)
		r->err = -EPROTO;
	p = bw_get_bytes(r, len);
	if (p && memchr(p, 0, len))
		r->err = -EPROTO;
	if (r->err)
		return (struct bw_str){ NULL, 0 };
	return (struct bw_str){ (const char *)p, len };
}

int bw_get_end(struct bw_reader *r)
{
	while (!r->err && r->left)
		if (bw_get_u8(r))
			r->err = -EPROTO;
	return r->err;
}

void bw_buf_free(struct bw_buf *b)
{
	if (!b)
		return;
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void bw_buf_reset(struct bw_buf *b)
{
	b->len = 0;
	b->err = 0;
}

uint8_t *bw_put_room(struct bw_buf *b, size_t len)
{
	uint8_t *p;

	if (b->err)
		return NULL;
	if (len > b->cap - b->len || !b->data) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap - b->len < len) {
			if (cap > SIZE_MAX / 2)
				goto fail;
			cap *= 2;
		}
		p = realloc(b->data, cap);
		if (!p)
			goto fail;
		b->data = p;
		b->cap = cap;
	}
	p = b->data + b->len;
	b->len += len;
	return p;
fail:
	b->err = -ENOMEM;
	return NULL;
}

static void put_le(struct bw_buf *b, uint64_t v, size_t bytes)
{
	uint8_t *p = bw_put_room(b, bytes);

	for (; p && bytes; bytes--, v >>= 8)
		*p++ = (uint8_t)v;
}

void bw_put_u8(struct bw_buf *b, uint8_t v) { put_le(b, v, 1); }
void bw_put_u16(struct bw_buf *b, uint16_t v) { put_le(b, v, 2); }
void bw_put_u32(struct bw_buf *b, uint32_t v) { put_le(b, v, 4); }
void bw_put_u64(struct bw_buf *b, uint64_t v) { put_le(b, v, 8); }
void bw_put_i32(struct bw_buf *b, int32_t v) { put_le(b, (uint32_t)v, 4); }
void bw_put_i64(struct bw_buf *b, int64_t v) { put_le(b, (uint64_t)v, 8); }

void bw_put_bytes(struct bw_buf *b, const void *p, size_t len)
{
	uint8_t *to = bw_put_room(b, len);

	if (to && len)
		memcpy(to, p, len);
}

void bw_put_strn(struct bw_buf *b, const char *s, size_t len)
{
	if (len > UINT32_MAX) {
		b->err = -ENOMEM;
		return;
	}
	bw_put_u32(b, (uint32_t)len);
	bw_put_bytes(b, s, len);
}

void bw_put_str(struct bw_buf *b, const char *s)
{
	bw_put_strn(b, s, s ? strlen(s) : 0);
}

char *bw_str_dup(struct bw_str s)
{
	char *c = malloc((size_t)s.len + 1);

	if (!c)
		return NULL;
	if (s.len)
		memcpy(c, s.p, s.len);
	c[s.len] = 0;
	return c;
}

bool bw_str_eq(struct bw_str s, const char *c)
{
	return strlen(c) == s.len && !memcmp(s.p ? s.p : "", c, s.len);
}
