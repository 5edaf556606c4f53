// SPDX-License-Identifier: Apache-2.0
#include "protocol/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_KNOWN	(BW_F_MORE | BW_F_REPLY)
#define SESSION_OFFSET	8

_Static_assert(BW_FRAME_HEADER == 4 + 2 + 2 + 4 + 4 + 4, "header of wire.h");
_Static_assert(sizeof(BW_MAGIC) - 1 == BW_MAGIC_SIZE, "magic");

int bw_frame_parse(const uint8_t *p, size_t len, struct bw_frame *f)
{
	struct bw_reader r;

	bw_reader_init(&r, p, len);
	f->length = bw_get_u32(&r);
	/* The length alone is refused at once, so that a broken stream is never waited for. */
	if (!r.err && (f->length < BW_FRAME_HEADER || f->length > BW_FRAME_MAX))
		return -EPROTO;
	f->type = bw_get_u16(&r);
	f->flags = bw_get_u16(&r);
	f->session = bw_get_u32(&r);
	f->request = bw_get_u32(&r);
	f->status = bw_get_i32(&r);
	if (r.err)
		return 0;
	if (f->type == BW_MSG_INVALID || f->flags & ~FLAGS_KNOWN || f->status > 0)
		return -EPROTO;
	f->payload = bw_get_bytes(&r, bw_frame_payload_len(f));
	return f->payload ? 1 : 0;
}

static void put_le(uint8_t *p, uint32_t v, int bytes)
{
	for (; bytes--; v >>= 8)
		*p++ = (uint8_t)v;
}

void bw_frame_put_header(uint8_t out[BW_FRAME_HEADER], const struct bw_frame *f)
{
	put_le(out, f->length, 4);
	put_le(out + 4, f->type, 2);
	put_le(out + 6, f->flags, 2);
	put_le(out + SESSION_OFFSET, f->session, 4);
	put_le(out + 12, f->request, 4);
	put_le(out + 16, (uint32_t)f->status, 4);
}

void bw_frame_set_session(uint8_t *frame, uint32_t session)
{
	put_le(frame + SESSION_OFFSET, session, 4);
}

void bw_frame_put_msg(struct bw_buf *b, const struct bw_frame *h, const void *payload, size_t len)
{
	const uint8_t *p = payload;
	struct bw_frame f = *h;

	do {
		size_t part = len < BW_PAYLOAD_MAX ? len : BW_PAYLOAD_MAX;
		uint8_t *to = bw_put_room(b, BW_FRAME_HEADER + part);

		if (!to)
			return;
		len -= part;
		f.length = (uint32_t)(BW_FRAME_HEADER + part);
		f.flags = (uint16_t)((h->flags & ~BW_F_MORE) | (len ? BW_F_MORE : 0));
		bw_frame_put_header(to, &f);
		if (part) {
			memcpy(to + BW_FRAME_HEADER, p, part);
			p += part;
		}
	} while (len);
}

void bw_frame_put_pad(struct bw_buf *b, size_t already, size_t packet)
{
	struct bw_frame f = { .type = BW_MSG_PAD, .length = BW_FRAME_HEADER };
	uint8_t *p;

	if (!packet || (b->len + already) % packet)
		return;
	/* Packets are 64 bytes at least, but a caller that tests with others shall get what the header promises. */
	while (f.length % packet == 0)
		f.length++;
	p = bw_put_room(b, f.length);
	if (!p)
		return;
	memset(p, 0, f.length);
	bw_frame_put_header(p, &f);
}

/* ---- streams ---- */

int bw_stream_init(struct bw_stream *s)
{
	memset(s, 0, sizeof(*s));
	s->data = malloc(BW_STREAM_SIZE);
	if (!s->data)
		return -ENOMEM;
	s->synced = true;
	return 0;
}

void bw_stream_fini(struct bw_stream *s)
{
	free(s->data);
	memset(s, 0, sizeof(*s));
}

void bw_stream_expect(struct bw_stream *s, const uint8_t nonce[BW_NONCE_SIZE])
{
	s->start = s->end = 0;
	s->synced = false;
	s->dropped = 0;
	s->any_nonce = !nonce;
	if (nonce)
		memcpy(s->nonce, nonce, BW_NONCE_SIZE);
	else
		memset(s->nonce, 0, BW_NONCE_SIZE);
}

uint8_t *bw_stream_room(struct bw_stream *s, size_t *room)
{
	if (s->start == s->end) {
		s->start = s->end = 0;
	} else if (BW_STREAM_SIZE - s->end < BW_FRAME_MAX) {
		/* What is left is less than a frame, so after this there is room for one. */
		memmove(s->data, s->data + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	*room = BW_STREAM_SIZE - s->end;
	return s->data + s->end;
}

void bw_stream_fed(struct bw_stream *s, size_t len)
{
	s->end += len;
}

static void drop(struct bw_stream *s, size_t len)
{
	s->start += len;
	s->dropped += len;
}

/* True if the preamble was found; else everything is dropped that cannot be its beginning. */
static bool sync(struct bw_stream *s)
{
	while (s->end - s->start) {
		const uint8_t *p = s->data + s->start, *m;
		size_t left = s->end - s->start;
		size_t have = left < BW_MAGIC_SIZE ? left : BW_MAGIC_SIZE;

		if (memcmp(p, BW_MAGIC, have)) {
			m = memchr(p + 1, BW_MAGIC[0], left - 1);
			drop(s, m ? (size_t)(m - p) : left);
			continue;
		}
		if (left < BW_PREAMBLE_SIZE)
			return false;
		if (!s->any_nonce && memcmp(p + BW_MAGIC_SIZE, s->nonce, BW_NONCE_SIZE)) {
			drop(s, 1);	/* the preamble of an earlier link, or one inside its data */
			continue;
		}
		memcpy(s->nonce, p + BW_MAGIC_SIZE, BW_NONCE_SIZE);
		s->start += BW_PREAMBLE_SIZE;
		return true;
	}
	return false;
}

int bw_stream_next(struct bw_stream *s, struct bw_frame *f)
{
	int r;

	if (!s->synced && !(s->synced = sync(s)))
		return 0;
	r = bw_frame_parse(s->data + s->start, s->end - s->start, f);
	if (r > 0)
		s->start += f->length;
	return r;
}

void bw_put_preamble(struct bw_buf *b, const uint8_t nonce[BW_NONCE_SIZE])
{
	bw_put_bytes(b, BW_MAGIC, BW_MAGIC_SIZE);
	bw_put_bytes(b, nonce, BW_NONCE_SIZE);
}

/* ---- joining ---- */

void bw_joiner_init(struct bw_joiner *j, size_t max)
{
	memset(j, 0, sizeof(*j));
	j->max = max;
}

void bw_joiner_fini(struct bw_joiner *j)
{
	bw_buf_free(&j->b);
	j->busy = false;
}

static bool same_message(const struct bw_frame *a, const struct bw_frame *b)
{
	return a->type == b->type && a->session == b->session && a->request == b->request &&
	       (a->flags & ~BW_F_MORE) == (b->flags & ~BW_F_MORE);
}

int bw_joiner_add(struct bw_joiner *j, const struct bw_frame *f, const uint8_t **payload, size_t *len)
{
	size_t part = bw_frame_payload_len(f);

	if (j->busy ? !same_message(&j->first, f) : 0)
		return -EPROTO;
	if (!j->busy) {
		bw_buf_reset(&j->b);
		j->first = *f;
		j->first.payload = NULL;
	}
	if (part > j->max || j->b.len > j->max - part)
		return -EMSGSIZE;
	if (!j->busy && !(f->flags & BW_F_MORE)) {
		*payload = f->payload;
		*len = part;
		return 1;
	}
	j->busy = true;
	bw_put_bytes(&j->b, f->payload, part);
	if (j->b.err)
		return j->b.err;
	if (f->flags & BW_F_MORE)
		return 0;
	j->busy = false;
	*payload = j->b.data;
	*len = j->b.len;
	return 1;
}

/* ---- windows ---- */

bool bw_frame_counts(uint16_t type)
{
	return type != BW_MSG_CREDIT && type != BW_MSG_OPEN && type != BW_MSG_CLOSE;
}

void bw_window_init(struct bw_window *w, uint32_t size)
{
	w->size = size;
	w->avail = size;
	w->owed = 0;
}

int bw_window_receive(struct bw_window *w, uint32_t len)
{
	if ((int64_t)len > w->avail)
		return -EPROTO;
	w->avail -= len;
	return 0;
}

int bw_window_credited(struct bw_window *w, const struct bw_frame *credit)
{
	struct bw_reader r;
	uint32_t bytes;

	bw_reader_init(&r, credit->payload, bw_frame_payload_len(credit));
	bytes = bw_get_u32(&r);
	if (bw_get_end(&r) < 0 || w->avail + bytes > w->size)
		return -EPROTO;
	w->avail += bytes;
	return 0;
}

uint32_t bw_window_consume(struct bw_window *w, uint32_t len)
{
	uint32_t give;

	w->owed += len;
	if (w->owed < w->size / 2)
		return 0;
	give = w->owed;
	w->owed = 0;
	w->avail += give;
	return give;
}
