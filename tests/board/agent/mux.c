// SPDX-License-Identifier: Apache-2.0
/* Streams over the port, for both of its ends. */
#include "agent.h"

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void mux_flush(struct mux *m)
{
	while (m->out_len) {
		ssize_t n = write(m->port, m->out + m->out_off, m->out_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;			/* full; or gone, which reading finds out */
		m->out_off += n;
		m->out_len -= n;
	}
	if (!m->out_len)
		m->out_off = 0;
}

static char *mux_room(struct mux *m, size_t len)
{
	if (m->out_off + m->out_len + len > m->out_size) {
		memmove(m->out, m->out + m->out_off, m->out_len);
		m->out_off = 0;
	}
	if (m->out_len + len > m->out_size / 2) {
		m->out_size = (m->out_len + len) * 2;
		m->out = realloc(m->out, m->out_size);
		if (!m->out)
			err(1, "realloc");
	}
	return m->out + m->out_off + m->out_len;
}

void mux_send(struct mux *m, enum message_type type, uint32_t id, const void *data, uint32_t len)
{
	struct message msg = { htole32(type), htole32(id), htole32(len) };
	char *end = mux_room(m, sizeof(msg) + len);

	memcpy(end, &msg, sizeof(msg));
	if (len)
		memcpy(end + sizeof(msg), data, len);
	m->out_len += sizeof(msg) + len;
}

struct stream *stream_new(struct mux *m, uint32_t id, int fd)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		err(1, "calloc");
	bw_set_nonblock(fd, true);
	s->id = id;
	s->fd = fd;
	s->buf = buffer();
	s->credit = WINDOW;
	m->streams[m->count++] = s;
	return s;
}

static void stream_end(struct mux *m, struct stream *s)
{
	if (!s->dead)
		mux_send(m, MSG_GONE, s->id, NULL, 0);
	s->dead = true;
}

static void stream_deadline(struct stream *s)
{
	if (!s->deadline)
		s->deadline = bw_now_ms() + GONE_LIMIT_MS;
}

static bool stream_wants_read(const struct mux *m, const struct stream *s)
{
	return !s->sent_eof && s->credit && m->out_len < QUEUE_MAX;
}

static void stream_read(struct mux *m, struct stream *s)
{
	char chunk[CHUNK];
	ssize_t n = read_some(s->fd, chunk, s->credit < CHUNK ? s->credit : CHUNK);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		mux_send(m, MSG_DATA, s->id, chunk, n);
		s->credit -= n;
		s->deadline = 0;
		return;
	}
	mux_send(m, MSG_EOF, s->id, NULL, 0);
	s->sent_eof = true;
	if (n < 0)
		stream_end(m, s);
}

static void stream_passed(struct mux *m, struct stream *s, uint32_t n)
{
	uint32_t owed;

	s->owed += n;
	if (s->owed < WINDOW / 4)
		return;
	owed = htole32(s->owed);
	mux_send(m, MSG_CREDIT, s->id, &owed, sizeof(owed));
	s->owed = 0;
}

static void stream_write(struct mux *m, struct stream *s)
{
	ssize_t n = send(s->fd, s->buf + s->off, s->len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = s->len;			/* nobody wants it any more */
	s->off += n;
	s->len -= n;
	s->deadline = 0;
	stream_passed(m, s, n);
}

/* After anything has happened to the stream: passes on what can be passed on, and ends it when all is said. */
static void stream_settle(struct mux *m, struct stream *s)
{
	if (s->len)
		stream_write(m, s);
	if (s->got_eof && !s->len && !s->told) {
		shutdown(s->fd, SHUT_WR);
		s->told = true;
	}
	if (s->hup && s->sent_eof)
		stream_end(m, s);
	if (s->hup || s->peer_gone)
		stream_deadline(s);
	if (s->deadline && bw_now_ms() >= s->deadline)
		stream_end(m, s);
	if ((s->peer_gone && !s->len) || (s->sent_eof && s->told))
		s->dead = true;
}

void mux_sweep(struct mux *m)
{
	for (int i = m->count - 1; i >= 0; i--) {
		struct stream *s = m->streams[i];

		if (!s->dead)
			continue;
		close(s->fd);
		free(s->buf);
		free(s);
		m->streams[i] = m->streams[--m->count];
	}
}

static void stream_receive(struct stream *s, const struct message *msg, const char *data)
{
	uint32_t credit;

	switch (msg->type) {
	case MSG_DATA:
		if (s->off + s->len + msg->len > WINDOW) {
			memmove(s->buf, s->buf + s->off, s->len);
			s->off = 0;
		}
		if (s->len + msg->len > WINDOW)
			errx(1, "the other side sent more than it may");
		memcpy(s->buf + s->off + s->len, data, msg->len);
		s->len += msg->len;
		break;
	case MSG_EOF:
		s->got_eof = true;
		break;
	case MSG_GONE:
		s->peer_gone = true;
		break;
	case MSG_CREDIT:
		memcpy(&credit, data, sizeof(credit));
		s->credit += le32toh(credit);
		break;
	}
}

static void mux_receive(struct mux *m, const struct message *msg, const char *data)
{
	if (msg->type == MSG_OPEN || msg->type == MSG_LIST)
		return m->receive(m, msg, data);
	for (int i = 0; i < m->count; i++) {
		if (m->streams[i]->id == msg->id && !m->streams[i]->dead) {
			stream_receive(m->streams[i], msg, data);
			stream_settle(m, m->streams[i]);
		}
	}
}

/* False when the port is at its end. */
static bool mux_read(struct mux *m)
{
	ssize_t n = read_some(m->port, m->in + m->in_len, sizeof(m->in) - m->in_len);
	struct message msg;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	m->in_len += n;
	for (;;) {
		if (m->in_len < sizeof(msg))
			return true;
		memcpy(&msg, m->in, sizeof(msg));
		msg = (struct message) { le32toh(msg.type), le32toh(msg.id), le32toh(msg.len) };
		if (msg.len > CHUNK)
			errx(1, "a message of %u bytes", msg.len);
		if (m->in_len < sizeof(msg) + msg.len)
			return true;
		mux_receive(m, &msg, m->in + sizeof(msg));
		m->in_len -= sizeof(msg) + msg.len;
		memmove(m->in, m->in + sizeof(msg) + msg.len, m->in_len);
	}
}

bool mux_step(struct mux *m, struct pollfd *extra, int extras, const sigset_t *mask)
{
	struct pollfd p[1 + STREAMS_MAX + NAMES_MAX + 1];
	const struct timespec soon = { .tv_nsec = 100 * 1000 * 1000 };
	int i, count = m->count;
	bool timer = false, ok = true;

	mux_flush(m);
	p[0] = (struct pollfd) { .fd = m->port, .events = POLLIN | (m->out_len ? POLLOUT : 0) };
	for (i = 0; i < count; i++) {
		struct stream *s = m->streams[i];
		short events = (stream_wants_read(m, s) ? POLLIN : 0) | (s->len ? POLLOUT : 0);

		p[1 + i] = (struct pollfd) { .fd = s->hup && !events ? -1 : s->fd, .events = events };
		timer |= s->deadline;
	}
	memcpy(p + 1 + count, extra, extras * sizeof(*extra));
	if (ppoll(p, 1 + count + extras, timer ? &soon : NULL, mask) < 0)
		memset(p, 0, sizeof(p));
	memcpy(extra, p + 1 + count, extras * sizeof(*extra));
	for (i = 0; i < count; i++) {
		struct stream *s = m->streams[i];

		s->hup |= !!(p[1 + i].revents & (POLLHUP | POLLERR));
		if (p[1 + i].revents && stream_wants_read(m, s))
			stream_read(m, s);
		stream_settle(m, s);
	}
	for (i = 0; p[0].revents && ok && i < PORT_READS; i++)
		ok = mux_read(m);	/* Linux's port gives a page at a time */
	mux_sweep(m);
	return ok;
}
