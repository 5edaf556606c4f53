// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/client.h"
#include "host-bridge/name.h"
#include "host-bridge/text.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/wirecode.h"

static int client_greet(struct bw_client *c)
{
	struct bw_frame head = { .type = BW_MSG_HELLO };
	struct bw_buf b = { 0 };
	int r;

	bw_frame_put_msg(&b, &head, c->link->hello.data, c->link->hello.len);
	r = b.err ? b.err : bw_queue_put(&c->out, b.data, b.len);
	bw_buf_free(&b);
	return r;
}

struct bw_client *bw_client_new(int fd, struct bw_link *link, bool text)
{
	struct bw_client *c = calloc(1, sizeof(*c));
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!c) {
		close(fd);
		return NULL;
	}
	c->fd = fd;
	c->link = link;
	c->text = text;
	c->state = BW_CLIENT_GREETED;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		c->pid = (uint32_t)cred.pid;
		c->uid = cred.uid;
	}
	snprintf(c->who, sizeof(c->who), "client %u", c->pid);
	if (!text && (bw_stream_init(&c->in) < 0 || client_greet(c) < 0)) {
		bw_client_free(c);
		return NULL;
	}
	return c;
}

void bw_client_free(struct bw_client *c)
{
	if (!c)
		return;
	close(c->fd);
	bw_stream_fini(&c->in);
	bw_queue_clear(&c->out);
	bw_queue_clear(&c->said);
	free(c);
}

static int send_close(struct bw_client *c, int err, bool to_board)
{
	struct bw_frame f = { .length = BW_FRAME_HEADER, .type = BW_MSG_CLOSE, .status = bw_errno_to_wire(err) };

	if (!to_board)
		return bw_queue_put_frame(&c->out, &f);
	f.session = c->session;
	return bw_link_send(c->link, &f);
}

void bw_client_end(struct bw_client *c, int err, bool tell_board)
{
	if (c->state >= BW_CLIENT_LEAVING)
		return;
	if (tell_board && c->state == BW_CLIENT_OPEN)
		send_close(c, err, true);
	if (c->state == BW_CLIENT_OPEN)
		bw_log(BW_LOG_DEBUG, "board %s: session %u of %s ended (%d)", c->link->name, c->session, c->who, err);
	if (c->ended || (!c->text && send_close(c, err, false) < 0)) {
		c->state = BW_CLIENT_GONE;
		return;
	}
	c->state = BW_CLIENT_LEAVING;
	/* The answers may be many and their reader a pager. */
	c->leave_by = c->text ? INT64_MAX : bw_now_ms() + BW_CLIENT_LEAVE_MS;
}

void bw_client_fault(struct bw_client *c, int err, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	bw_log(BW_LOG_WARN, "board %s: %s %s: its session is closed", c->link->name, c->who, why);
	bw_client_end(c, err, true);
}

/* ---- from the client ---- */

void bw_client_read(struct bw_client *c)
{
	uint8_t *room;
	size_t size;
	ssize_t n;

	if (c->text) {
		bw_text_read(c);
		return;
	}
	room = bw_stream_room(&c->in, &size);
	n = recv(c->fd, room, size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		c->ended = true;
	else
		bw_stream_fed(&c->in, (size_t)n);
	c->pending = true;
}

/* What the client says of itself is replaced by what the kernel says, but for its name. */
int bw_client_start(struct bw_client *c, struct bw_open *m, uint32_t request, uint32_t *last_session)
{
	struct bw_frame head = { .type = BW_MSG_OPEN, .session = *last_session + 1, .request = request };
	struct bw_buf payload = { 0 }, frame = { 0 };
	char comm[32];
	int r;

	if (!head.session)
		return -EUSERS;		/* numbers are used up, once in 2^32 */
	if (m->window > BW_WINDOW_MAX)
		m->window = BW_WINDOW_MAX;
	m->pid = c->pid;
	m->uid = c->uid;
	bw_put_open(&payload, m);
	bw_frame_put_msg(&frame, &head, payload.data, payload.len);
	r = payload.err ? payload.err : frame.err ? frame.err : bw_queue_put(&c->link->out, frame.data, frame.len);
	bw_buf_free(&payload);
	bw_buf_free(&frame);
	if (r < 0)
		return r;
	c->session = ++*last_session;
	c->state = BW_CLIENT_OPEN;
	bw_window_init(&c->up, c->link->window);
	bw_window_init(&c->down, m->window);
	snprintf(c->who, sizeof(c->who), "client %u (%s)", c->pid, bw_printable(comm, sizeof(comm), m->comm.p, m->comm.len));
	bw_log(BW_LOG_DEBUG, "board %s: session %u is %s, uid %u", c->link->name, c->session, c->who, c->uid);
	return 0;
}

static int client_open(struct bw_client *c, const struct bw_frame *f, uint32_t *last_session)
{
	struct bw_reader rd;
	struct bw_open m;

	bw_reader_init(&rd, f->payload, bw_frame_payload_len(f));
	if (!bw_get_open(&rd, &m) && !f->flags && m.window >= BW_WINDOW_MIN)
		return bw_client_start(c, &m, f->request, last_session);
	bw_client_fault(c, -EPROTO, "sent a bad OPEN");
	return 0;
}

/* Frames that are for the bridge: no session can be meant by them. True if it was one. */
static bool client_own_frame(struct bw_client *c, const struct bw_frame *f)
{
	struct bw_frame pong = { .length = BW_FRAME_HEADER, .type = BW_MSG_PING, .flags = BW_F_REPLY, .request = f->request };

	if (f->type == BW_MSG_PING) {
		if (!(f->flags & BW_F_REPLY) && f->request && bw_queue_len(&c->out) < BW_CLIENT_SLACK)
			bw_queue_put_frame(&c->out, &pong);
		return true;
	}
	return f->type == BW_MSG_PAD;
}

static int client_frame(struct bw_client *c, const struct bw_frame *f, uint32_t *last_session)
{
	struct bw_frame out = *f;

	if (f->session) {
		bw_client_fault(c, -EPROTO, "wrote a session number (%u) of its own", f->session);
		return 0;
	}
	if (client_own_frame(c, f))
		return 0;
	if (f->type == BW_MSG_OPEN && c->state == BW_CLIENT_GREETED)
		return client_open(c, f, last_session);
	if (c->state != BW_CLIENT_OPEN || f->type <= BW_MSG_OPEN) {
		bw_client_fault(c, -EPROTO, "sent a frame of type %u at the wrong time", f->type);
		return 0;
	}
	if (f->type == BW_MSG_CLOSE) {
		bw_client_end(c, 0, true);
		return 0;
	}
	if (f->type == BW_MSG_CREDIT && bw_window_credited(&c->down, f) < 0) {
		bw_client_fault(c, -EPROTO, "gave back more credit than it was sent");
		return 0;
	}
	if (bw_frame_counts(f->type) && bw_window_receive(&c->up, f->length) < 0) {
		bw_client_fault(c, -EPROTO, "sent more than its window of %u bytes", c->up.size);
		return 0;
	}
	out.session = c->session;
	return bw_link_send(c->link, &out);
}

bool bw_client_forward(struct bw_client *c, size_t burst, uint32_t *last_session)
{
	struct bw_frame f;
	size_t done = 0;
	int r = 0;

	if (c->text)
		return bw_text_forward(c, burst, last_session);
	while (c->pending && c->state < BW_CLIENT_LEAVING && done < burst && bw_link_room(c->link)) {
		r = bw_stream_next(&c->in, &f);
		if (!r) {
			c->pending = false;
			break;
		}
		if (r > 0) {
			done += f.length;
			r = client_frame(c, &f, last_session);
			if (r < 0)
				bw_client_fault(c, r, "cannot be served: %s", strerror(-r));
		} else {
			bw_client_fault(c, r, "sent what is no frame");
		}
	}
	/* Everything it said was passed on before its end is. */
	if (c->ended && !c->pending)
		bw_client_end(c, 0, true);
	return done;
}

/* ---- to the client ---- */

void bw_client_deliver(struct bw_client *c, const struct bw_frame *f)
{
	struct bw_frame out = *f;

	out.session = 0;
	if (f->type < BW_MSG_OPEN)
		return;
	if (f->type == BW_MSG_CLOSE) {
		bw_client_end(c, bw_errno_from_wire(f->status), false);
		return;
	}
	if (f->type == BW_MSG_CREDIT && bw_window_credited(&c->up, f) < 0) {
		bw_client_fault(c, -EPROTO, "was given more credit by the board than it used");
		return;
	}
	if (bw_frame_counts(f->type) && bw_window_receive(&c->down, f->length) < 0) {
		bw_client_fault(c, -EPROTO, "was sent more by the board than its window of %u bytes", c->down.size);
		return;
	}
	if (bw_queue_len(&c->out) + f->length > (size_t)c->down.size + BW_CLIENT_SLACK) {
		bw_client_fault(c, -ENOBUFS, "does not read");
		return;
	}
	if (c->text) {
		bw_text_deliver(c, f);
		return;
	}
	if (bw_queue_put_frame(&c->out, &out) < 0) {
		bw_client_fault(c, -ENOMEM, "cannot be served: no memory");
		return;
	}
	/* The board could not make the session: nothing else will come of it. */
	if (f->type == BW_MSG_OPEN && f->flags & BW_F_REPLY && f->status < 0)
		bw_client_end(c, bw_errno_from_wire(f->status), false);
}

void bw_client_write(struct bw_client *c, int64_t now)
{
	while (c->state != BW_CLIENT_GONE && bw_queue_len(&c->out)) {
		ssize_t n = send(c->fd, bw_queue_front(&c->out), bw_queue_len(&c->out), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			c->ended = true;
			bw_queue_clear(&c->out);
			bw_client_end(c, 0, true);
			break;
		}
		bw_queue_drop(&c->out, (size_t)n);
		if (c->text)
			bw_text_written(c, (size_t)n);
	}
	if (c->state == BW_CLIENT_LEAVING && (!bw_queue_len(&c->out) || now >= c->leave_by || c->ended))
		c->state = BW_CLIENT_GONE;
}
