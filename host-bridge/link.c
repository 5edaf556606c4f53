// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host-bridge/greeting.h"
#include "host-bridge/link.h"
#include "host-bridge/name.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"

#define RECV_ROUNDS	16	/* buffers taken from the pipe before others get their turn */

int bw_link_init(struct bw_link *l, struct bw_pipe *pipe, const char *name, const struct bw_link_user *user, void *arg)
{
	*l = (struct bw_link) { .pipe = pipe, .name = name, .user = user, .arg = arg, .state = BW_LINK_WAITING, .status = -EAGAIN };
	snprintf(l->reason, sizeof(l->reason), "board %s is being opened", name);
	return bw_stream_init(&l->in);
}

void bw_link_fini(struct bw_link *l)
{
	bw_stream_fini(&l->in);
	bw_queue_clear(&l->out);
	bw_buf_free(&l->hello);
}

bool bw_link_room(const struct bw_link *l)
{
	return l->state == BW_LINK_UP && bw_queue_len(&l->out) < BW_LINK_QUEUE;
}

int bw_link_send(struct bw_link *l, const struct bw_frame *f)
{
	if (l->state != BW_LINK_UP)
		return -ENOTCONN;
	return bw_queue_put_frame(&l->out, f);
}

static int link_send_ping(struct bw_link *l, uint16_t flags, uint32_t request)
{
	struct bw_frame f = { .length = BW_FRAME_HEADER, .type = BW_MSG_PING, .flags = flags, .request = request };

	return bw_link_send(l, &f);
}

/* Not up any more. The next attempt is at once when it was up till now, and ever later when attempts fail. */
static int link_lost(struct bw_link *l, int err, int64_t now, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static int link_lost(struct bw_link *l, int err, int64_t now, const char *fmt, ...)
{
	bool was_up = l->state == BW_LINK_UP;
	va_list ap;
	char why[200];

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	l->state = BW_LINK_WAITING;
	l->deadline = now + (l->tries ? 200 << (l->tries < 4 ? l->tries : 4) : 0);
	l->more = false;
	bw_queue_clear(&l->out);
	snprintf(l->reason, sizeof(l->reason), "board %s: %s", l->name, why);
	l->status = err;
	if (was_up)
		l->user->down(l->arg, err);
	if (!l->pipe->ops->has_reset || l->tries >= BW_LINK_TRIES)
		return err;
	bw_log(was_up ? BW_LOG_WARN : BW_LOG_DEBUG, "board %s: %s; opening the link anew", l->name, why);
	return 0;
}

/* The pipe has ended: no attempt will help. */
static int link_gone(struct bw_link *l, int err, int64_t now)
{
	l->tries = BW_LINK_TRIES;
	return link_lost(l, err, now, "%s", err == -ENODEV ? "gone" : strerror(-err));
}

static int link_open(struct bw_link *l, int64_t now)
{
	uint8_t nonce[BW_NONCE_SIZE];
	struct bw_buf b = { 0 };
	int r;

	l->tries++;
	r = bw_random(nonce, sizeof(nonce));
	if (r >= 0)
		r = l->pipe->ops->reset(l->pipe, nonce);
	if (r < 0)
		return link_lost(l, r, now, "cannot reset the link: %s", strerror(-r));
	bw_stream_expect(&l->in, nonce);
	bw_put_preamble(&b, nonce);
	bw_greeting_put(&b, "", 0, "");
	r = b.err ? b.err : bw_queue_put(&l->out, b.data, b.len);
	bw_buf_free(&b);
	if (r < 0)
		return r;
	l->state = BW_LINK_OPENING;
	l->more = true;		/* what came while nobody asked */
	l->deadline = now + (l->pipe->ops->has_reset ? BW_LINK_OPEN_MS : BW_LINK_OPEN_SPAWN_MS);
	return 0;
}

static void link_refuse(struct bw_link *l, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void link_refuse(struct bw_link *l, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->reason, sizeof(l->reason), fmt, ap);
	va_end(ap);
	l->state = BW_LINK_REFUSED;
	l->status = err;
	l->tries = 0;
	bw_log(BW_LOG_ERROR, "%s", l->reason);
}

static void link_up(struct bw_link *l, const struct bw_hello *hello)
{
	char sys[64], release[100], machine[32], role[64];

	l->state = BW_LINK_UP;
	l->window = hello->window;
	l->tries = 0;
	l->pinged_at = 0;
	bw_log(BW_LOG_INFO, "board %s: up: %s %s %s, %s, by %s", l->name,
	       bw_printable(sys, sizeof(sys), hello->sysname.p, hello->sysname.len),
	       bw_printable(release, sizeof(release), hello->release.p, hello->release.len),
	       bw_printable(machine, sizeof(machine), hello->machine.p, hello->machine.len),
	       bw_printable(role, sizeof(role), hello->role_version.p, hello->role_version.len), l->pipe->ops->name);
}

/* The first frame of a link. Of a HELLO of another major only the two version fields are known. */
static int link_hello(struct bw_link *l, const struct bw_frame *f)
{
	struct bw_hello hello;
	struct bw_reader r;
	char reason[200];
	uint16_t major;

	if (f->type != BW_MSG_HELLO || f->session || f->flags & BW_F_MORE)
		return -EPROTO;
	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	major = bw_get_u16(&r);
	if (r.err)
		return -EPROTO;
	if (major != BW_VERSION_MAJOR) {
		link_refuse(l, -EPROTO, "board %s speaks protocol %u, this bridge %u: update %s", l->name, major, BW_VERSION_MAJOR,
			    major > BW_VERSION_MAJOR ? "bpfwire on this machine" : "bpfwired on the board");
		return 0;
	}
	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	if (bw_get_hello(&r, &hello) < 0)
		return -EPROTO;
	if (f->status < 0) {
		link_refuse(l, bw_errno_from_wire(f->status), "board %s: %s", l->name,
			    bw_printable(reason, sizeof(reason), hello.reason.p, hello.reason.len));
		return 0;
	}
	if (hello.big_endian) {
		link_refuse(l, -EPROTO, "board %s is big-endian, which bpfwire does not speak", l->name);
		return 0;
	}
	if (hello.window < BW_WINDOW_MIN || hello.window > BW_WINDOW_MAX)
		return -EPROTO;
	bw_buf_reset(&l->hello);
	bw_put_bytes(&l->hello, f->payload, bw_frame_payload_len(f));
	if (l->hello.err)
		return l->hello.err;
	link_up(l, &hello);
	return 0;
}

static int link_own_frame(struct bw_link *l, const struct bw_frame *f)
{
	switch (f->type) {
	case BW_MSG_PING:
		if (f->flags & BW_F_REPLY)
			return 0;	/* whatever comes shows that the board lives: see heard_at */
		/* A board that asks faster than it takes our answers gets none. */
		return f->request && bw_link_room(l) ? link_send_ping(l, BW_F_REPLY, f->request) : 0;
	case BW_MSG_PAD:
		return 0;
	case BW_MSG_HELLO:
		return -EPROTO;
	default:
		bw_log(BW_LOG_DEBUG, "board %s: frame of unknown type %u dropped", l->name, f->type);
		return 0;
	}
}

static int link_frame(struct bw_link *l, const struct bw_frame *f)
{
	switch (l->state) {
	case BW_LINK_OPENING:
		return link_hello(l, f);
	case BW_LINK_UP:
		return f->session ? l->user->frame(l->arg, f) : link_own_frame(l, f);
	case BW_LINK_WAITING:
	case BW_LINK_REFUSED:
		break;
	}
	return 0;
}

/* What one recv brought. */
static int link_frames(struct bw_link *l)
{
	struct bw_frame f;
	int r;

	while ((r = bw_stream_next(&l->in, &f)) > 0) {
		r = link_frame(l, &f);
		if (r < 0)
			return r;
	}
	return r;
}

static int link_receive(struct bw_link *l, int64_t now)
{
	uint8_t *room;
	size_t size;
	ssize_t n;
	int i, r;

	for (i = 0; i < RECV_ROUNDS; i++) {
		room = bw_stream_room(&l->in, &size);
		n = l->pipe->ops->recv(l->pipe, room, size);
		if (n == -EAGAIN || !n) {
			l->more = false;
			return 0;
		}
		if (n == -ENOTCONN)
			return link_gone(l, -ENODEV, now);
		if (n < 0)
			return link_lost(l, (int)n, now, "receive: %s", strerror((int)-n));
		if (l->state == BW_LINK_REFUSED)	/* of another protocol: not for us to read */
			continue;
		bw_stream_fed(&l->in, (size_t)n);
		l->heard_at = now;
		l->pinged_at = 0;
		r = link_frames(l);
		if (r < 0)
			return link_lost(l, r, now, "broke the protocol (%s)", strerror(-r));
	}
	l->more = true;
	return 0;
}

int bw_link_input(struct bw_link *l, unsigned int events, int64_t now)
{
	int r = 0;

	if (l->state == BW_LINK_WAITING) {
		l->more = false;
		if (!(events & (BW_PIPE_DOWN | BW_PIPE_FAILED)))
			return 0;
	} else if (l->more || events & (BW_PIPE_READABLE | BW_PIPE_DOWN | BW_PIPE_FAILED)) {
		r = link_receive(l, now);
	}
	if (events & (BW_PIPE_DOWN | BW_PIPE_FAILED))
		r = link_gone(l, events & BW_PIPE_FAILED && l->pipe->error ? l->pipe->error : -ENODEV, now);
	return r;
}

int bw_link_output(struct bw_link *l, int64_t now)
{
	ssize_t n = 0;

	if (l->state == BW_LINK_WAITING)
		return 0;
	while (bw_queue_len(&l->out)) {
		n = l->pipe->ops->send(l->pipe, bw_queue_front(&l->out), bw_queue_len(&l->out));
		if (n <= 0)
			break;
		bw_queue_drop(&l->out, (size_t)n);
		l->flush = true;
	}
	if (n == -ENOTCONN)
		return 0;	/* recv tells, when it has no more */
	if (n < 0 && n != -EAGAIN)
		return link_lost(l, (int)n, now, "send: %s", strerror((int)-n));
	if (!l->flush || bw_queue_len(&l->out))
		return 0;
	l->flush = false;
	n = l->pipe->ops->flush(l->pipe);
	return n < 0 && n != -EAGAIN && n != -ENOTCONN ? link_lost(l, (int)n, now, "send: %s", strerror((int)-n)) : 0;
}

static void lower(int *timeout_ms, int64_t at, int64_t now)
{
	int64_t left = at > now ? at - now : 0;

	if (*timeout_ms < 0 || left < *timeout_ms)
		*timeout_ms = (int)left;
}

static int link_alive(struct bw_link *l, bool busy, int64_t now, int *timeout_ms)
{
	int r = 0;

	if (!busy) {		/* silence counts from when the first session comes */
		l->heard_at = now;
		l->pinged_at = 0;
		return 0;
	}
	if (!l->pinged_at && now - l->heard_at >= BW_PING_AFTER_MS) {
		l->pinged_at = now;
		r = link_send_ping(l, 0, ++l->ping_id ? l->ping_id : ++l->ping_id);
		*timeout_ms = 0;
	} else if (l->pinged_at && now - l->pinged_at >= BW_DEAD_AFTER_MS - BW_PING_AFTER_MS) {
		/* Counted from the PING, so that a bridge that was stopped itself (a laptop that slept) does not blame the board. */
		r = link_lost(l, -ETIMEDOUT, now, "has not answered for %d ms", (int)(now - l->heard_at));
		*timeout_ms = 0;
	}
	lower(timeout_ms, l->pinged_at ? l->pinged_at + BW_DEAD_AFTER_MS - BW_PING_AFTER_MS : l->heard_at + BW_PING_AFTER_MS, now);
	return r;
}

int bw_link_tick(struct bw_link *l, bool busy, int64_t now, int *timeout_ms)
{
	int r = 0;

	if (l->more)
		*timeout_ms = 0;
	switch (l->state) {
	case BW_LINK_WAITING:
		if (now >= l->deadline) {
			r = link_open(l, now);
			*timeout_ms = 0;
		}
		lower(timeout_ms, l->deadline, now);
		break;
	case BW_LINK_OPENING:
		if (now >= l->deadline)
			r = link_lost(l, -ETIMEDOUT, now, "does not answer (is bpfwired alive there?)");
		lower(timeout_ms, l->deadline, now);
		break;
	case BW_LINK_UP:
		r = link_alive(l, busy, now, timeout_ms);
		break;
	case BW_LINK_REFUSED:
		break;
	}
	return r;
}
