// SPDX-License-Identifier: Apache-2.0
#include "remote/command/session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"
#include "remote/command/command.h"

static int put_frame(struct bw_session *s, uint16_t type, uint32_t request, const void *payload, size_t len)
{
	struct bw_frame f = { .type = type, .request = request };
	struct bw_buf b = { 0 };
	int err;

	bw_frame_put_msg(&b, &f, payload, len);
	err = b.err;
	/* A bridge that went away is an errno and no signal. */
	if (!err && send(s->fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
		err = errno == EPIPE ? -ECONNRESET : -errno;
	bw_buf_free(&b);
	return err;
}

int bw_session_receive(struct bw_session *s)
{
	size_t room;
	uint8_t *at = bw_stream_room(&s->stream, &room);
	ssize_t n = recv(s->fd, at, room, 0);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return !n ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
	bw_stream_fed(&s->stream, (size_t)n);
	return 0;
}

int bw_session_take(struct bw_session *s, struct bw_frame *f)
{
	struct bw_buf credit = { 0 };
	int r = bw_stream_next(&s->stream, f), err;
	uint32_t give;

	if (r <= 0 || !bw_frame_counts(f->type))
		return r;
	err = bw_window_receive(&s->in, f->length);
	give = err ? 0 : bw_window_consume(&s->in, f->length);
	if (give) {
		bw_put_u32(&credit, give);
		err = credit.err ? credit.err : put_frame(s, BW_MSG_CREDIT, 0, credit.data, credit.len);
		bw_buf_free(&credit);
	}
	return err ? err : 1;
}

static int next_frame(struct bw_session *s, struct bw_frame *f)
{
	int r, err = 0;

	while (!(r = bw_session_take(s, f)) && !err)
		err = bw_session_receive(s);
	return r < 0 ? r : err;
}

int bw_session_post(struct bw_session *s, uint16_t type, const void *payload, size_t len, uint32_t *id)
{
	if (id)
		*id = ++s->last;
	return put_frame(s, type, id ? *id : 0, payload, len);
}

int bw_session_next(struct bw_session *s, struct bw_frame *f)
{
	int err;

	while (!(err = next_frame(s, f))) {
		if (f->type == BW_MSG_CLOSE)
			return f->status ? bw_errno_from_wire(f->status) : -ECONNRESET;
		if (f->flags & BW_F_REPLY)
			break;
	}
	return err;
}

int bw_session_ask(struct bw_session *s, uint16_t type, const void *payload, size_t len, size_t max, struct bw_buf *reply)
{
	struct bw_frame f;
	uint32_t id;
	int err = bw_session_post(s, type, payload, len, &id);

	while (!err && !(err = bw_session_next(s, &f))) {
		if (f.type != type || f.request != id)
			continue;
		if (bw_frame_payload_len(&f) > max - reply->len)
			return -EMSGSIZE;
		bw_put_bytes(reply, f.payload, bw_frame_payload_len(&f));
		if (reply->err || !(f.flags & BW_F_MORE))
			return reply->err ? reply->err : bw_errno_from_wire(f.status);
	}
	return err;
}

int bw_session_complain(const struct bw_board *b, const char *what, int err)
{
	if (err == -ECONNRESET)
		bw_log(BW_LOG_ERROR, "board %s disconnected", b->serial);
	else
		bw_log(BW_LOG_ERROR, "board %s: %s: %s", b->serial, what, *b->reason ? b->reason : strerror(-err));
	return err == -ECONNRESET ? BW_EXIT_LOST : BW_EXIT_USAGE;
}

static int open_session(struct bw_session *s, uint32_t service)
{
	struct bw_open o = { .pid = (uint32_t)getpid(), .uid = getuid(), .comm = { .p = "bpfwire", .len = 7 }, .window = BW_WINDOW, .service = service };
	struct bw_buf payload = { 0 }, reply = { 0 };
	int err;

	bw_put_open(&payload, &o);
	err = payload.err ? payload.err : bw_session_ask(s, BW_MSG_OPEN, payload.data, payload.len, BW_PAYLOAD_MAX, &reply);
	bw_buf_free(&payload);
	bw_buf_free(&reply);
	return err;
}

int bw_session_open(struct bw_session *s, struct bw_board *b)
{
	return bw_session_open_service(s, b, BW_SERVICE_MESSAGES);
}

int bw_session_open_service(struct bw_session *s, struct bw_board *b, uint32_t service)
{
	struct timeval limit = { .tv_sec = BW_SESSION_SILENCE_MS / 1000 };
	int err;

	memset(s, 0, sizeof(*s));
	s->fd = bw_board_greet(b, BW_GREETING_MS);
	if (s->fd < 0)
		return s->fd;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	bw_window_init(&s->in, BW_WINDOW);
	err = bw_stream_init(&s->stream);
	if (!err)
		err = open_session(s, service);
	if (err)
		bw_session_close(s);
	return err;
}

void bw_session_close(struct bw_session *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	bw_stream_fini(&s->stream);
}

int bw_session_get_file(struct bw_session *s, const char *path, size_t max, struct bw_buf *contents)
{
	struct bw_file m = { .path = { .p = path, .len = (uint32_t)strlen(path) } };
	struct bw_buf payload = { 0 };
	struct bw_reader r;
	struct bw_stat st;
	int err;

	bw_put_file(&payload, &m);
	err = payload.err ? payload.err : bw_session_ask(s, BW_MSG_FILE_GET, payload.data, payload.len, max + BW_STAT_SIZE, contents);
	bw_buf_free(&payload);
	if (err)
		return err;
	bw_reader_init(&r, contents->data, contents->len);
	if (bw_get_stat(&r, &st))
		return -EPROTO;
	memmove(contents->data, contents->data + BW_STAT_SIZE, contents->len - BW_STAT_SIZE);
	contents->len -= BW_STAT_SIZE;
	return 0;
}
