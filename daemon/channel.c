// SPDX-License-Identifier: Apache-2.0
#include "daemon/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"

#define MAX_PARTS	4
#define READS_AT_ONCE	16	/* so that a flood of input leaves time for the rings */

int bw_channel_init(struct bw_channel *c, int in, int out, uint32_t session, uint32_t send_window, uint32_t receive_window)
{
	memset(c, 0, sizeof(*c));
	c->in = in;
	c->out = out;
	c->session = session;
	c->credit = send_window;
	c->tail = &c->head;
	bw_window_init(&c->window, receive_window);
	return bw_stream_init(&c->stream);
}

void bw_channel_fini(struct bw_channel *c)
{
	struct bw_queued *q;

	while ((q = c->head)) {
		c->head = q->next;
		free(q);
	}
	bw_stream_fini(&c->stream);
}

static int fail(struct bw_channel *c, int err)
{
	if (!c->error)
		c->error = err;
	return c->error;
}

static int take_credit(struct bw_channel *c, const struct bw_frame *f)
{
	struct bw_reader r;
	uint32_t bytes;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	bytes = bw_get_u32(&r);
	if (bw_get_end(&r) || c->credit + bytes > BW_WINDOW_MAX) {
		bw_log(BW_LOG_WARN, "session %u: ended: a CREDIT frame that exceeds the largest window", c->session);
		return fail(c, -EPROTO);
	}
	c->credit += bytes;
	if (c->ring_credit)
		c->ring_credit(c->arg, BW_HANDLE_NONE, 0);
	return 0;
}

static int write_parts(int fd, struct iovec *v, int n)
{
	while (n) {
		ssize_t done = writev(fd, v, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		while (n && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++, n--;
		}
		if (n) {
			v->iov_base = (uint8_t *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

/* Without looking at credit. */
static int send_frame(struct bw_channel *c, struct bw_frame *f, const struct iovec *parts, int nparts)
{
	uint8_t header[BW_FRAME_HEADER];
	struct iovec v[1 + MAX_PARTS] = { { header, sizeof(header) } };
	int n = 1;

	f->session = c->session;
	bw_frame_put_header(header, f);
	for (int i = 0; i < nparts; i++)
		if (parts[i].iov_len)
			v[n++] = parts[i];
	if (write_parts(c->out, v, n))
		return fail(c, -EPIPE);
	return 0;
}

/* The bytes of a frame are consumed: they go back to the client, not for each frame but when half of the window has gathered. */
static void give_back(struct bw_channel *c, const struct bw_frame *f)
{
	struct bw_frame credit = { .length = BW_FRAME_HEADER + 4, .type = BW_MSG_CREDIT };
	uint32_t bytes = bw_frame_counts(f->type) ? bw_window_consume(&c->window, f->length) : 0;
	uint8_t le[4] = { (uint8_t)bytes, (uint8_t)(bytes >> 8), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 24) };
	struct iovec part = { le, sizeof(le) };

	if (bytes && !c->error)
		send_frame(c, &credit, &part, 1);
}

static int take_ring_credit(struct bw_channel *c, const struct bw_frame *f)
{
	uint32_t len = bw_frame_payload_len(f), handle, bytes;
	struct bw_reader r;

	bw_reader_init(&r, f->payload, len);
	handle = bw_get_u32(&r);
	bytes = bw_get_u32(&r);
	if (bw_get_end(&r)) {
		bw_log(BW_LOG_WARN, "session %u: ended: malformed RING_CREDIT of %u bytes", c->session, len);
		return fail(c, -EPROTO);
	}
	if (c->ring_credit)
		c->ring_credit(c->arg, handle, bytes);
	give_back(c, f);
	return c->error;
}

static int enqueue(struct bw_channel *c, const struct bw_frame *f)
{
	uint32_t len = bw_frame_payload_len(f);
	struct bw_queued *q = malloc(sizeof(*q) + len);

	if (!q)
		return fail(c, -ENOMEM);
	q->next = NULL;
	q->f = *f;
	q->f.payload = q->bytes;
	if (len)
		memcpy(q->bytes, f->payload, len);
	*c->tail = q;
	c->tail = &q->next;
	return 0;
}

static int take(struct bw_channel *c, const struct bw_frame *f)
{
	/* The main process counts as well, and ends a session that overruns; here it bounds the queue whatever happens there. */
	if (bw_frame_counts(f->type) && bw_window_receive(&c->window, f->length))
		return fail(c, -EPROTO);
	if (f->type == BW_MSG_CREDIT)
		return take_credit(c, f);
	if (f->type == BW_MSG_RING_CREDIT)
		return take_ring_credit(c, f);
	return enqueue(c, f);
}

int bw_channel_fill(struct bw_channel *c)
{
	struct bw_frame f;
	int r;

	for (int i = 0; i < READS_AT_ONCE && !c->eof && !c->error; i++) {
		size_t room;
		uint8_t *to = bw_stream_room(&c->stream, &room);
		ssize_t n = read(c->in, to, room);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? c->error : fail(c, -EPIPE);
		if (n == 0) {
			c->eof = true;
			break;
		}
		bw_stream_fed(&c->stream, (size_t)n);
		while ((r = bw_stream_next(&c->stream, &f)) > 0 && !take(c, &f))
			;
		if (r < 0)
			fail(c, r);
		if ((size_t)n < room)
			break;
	}
	return c->error;
}

struct bw_queued *bw_channel_pop(struct bw_channel *c)
{
	struct bw_queued *q = c->head;

	if (!q)
		return NULL;
	c->head = q->next;
	if (!c->head)
		c->tail = &c->head;
	give_back(c, &q->f);
	return q;
}

static int wait_for_credit(struct bw_channel *c, uint32_t len)
{
	while (!c->error && c->credit < len) {
		struct pollfd p = { .fd = c->in, .events = POLLIN };

		if (c->eof)
			return fail(c, -EPIPE);		/* nobody is left to give any */
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return fail(c, -errno);
		bw_channel_fill(c);
	}
	return c->error;
}

int bw_channel_send(struct bw_channel *c, const struct bw_frame *f, const struct iovec *parts, int nparts)
{
	struct bw_frame out = *f;

	if (c->error)
		return c->error;
	out.length = BW_FRAME_HEADER;
	for (int i = 0; i < nparts; i++)
		out.length += (uint32_t)parts[i].iov_len;
	if (bw_frame_counts(out.type)) {
		if (wait_for_credit(c, out.length))
			return c->error;
		c->credit -= out.length;
	}
	return send_frame(c, &out, parts, nparts);
}

int bw_channel_send_msg(struct bw_channel *c, const struct bw_frame *f, const void *payload, size_t len)
{
	const uint8_t *p = payload;
	struct bw_frame part = *f;

	do {
		size_t n = len < BW_PAYLOAD_MAX ? len : BW_PAYLOAD_MAX;
		struct iovec v = { (void *)(uintptr_t)p, n };

		len -= n;
		part.flags = (uint16_t)((f->flags & ~BW_F_MORE) | (len ? BW_F_MORE : 0));
		if (bw_channel_send(c, &part, &v, 1))
			return c->error;
		p = n ? p + n : p;
	} while (len);
	return 0;
}
