// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/socket_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "protocol/io.h"
#include "protocol/msg.h"

void client_close(struct client *c)
{
	if (c->fd > 0)
		close(c->fd);
	bw_stream_fini(&c->in);
	bw_buf_free(&c->out);
	bw_buf_free(&c->reply);
	memset(c, 0, sizeof(*c));
}

int client_frame(struct client *c, struct bw_frame *f, int64_t until)
{
	int r;

	while (!(r = bw_stream_next(&c->in, f))) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int64_t left = until - bw_now_ms();
		uint8_t *room;
		size_t size;
		ssize_t n;

		if (left < 0 || poll(&p, 1, (int)left) <= 0)
			return 0;
		room = bw_stream_room(&c->in, &size);
		n = recv(c->fd, room, size, MSG_DONTWAIT);
		if (n <= 0)
			return -ECONNRESET;
		bw_stream_fed(&c->in, (size_t)n);
	}
	return r;
}

static int greeted(struct client *c, int64_t until)
{
	struct bw_reader r;
	struct bw_hello h;
	struct bw_frame f;

	if (client_frame(c, &f, until) <= 0 || f.type != BW_MSG_HELLO || f.status)
		return -EAGAIN;
	bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
	if (bw_get_hello(&r, &h) < 0)
		return -EPROTO;
	bw_window_init(&c->up, h.window);
	bw_window_init(&c->down, BW_WINDOW_MAX);
	return 0;
}

void client_put(struct client *c, uint16_t type, const struct bw_buf *payload)
{
	struct bw_frame f = { .type = type, .request = ++c->request };
	size_t before = c->out.len;

	bw_frame_put_msg(&c->out, &f, payload->data, payload->len);
	if (bw_frame_counts(type))
		c->up.avail -= (int64_t)(c->out.len - before);
}

int client_flush(struct client *c)
{
	int r = bw_write_full(c->fd, c->out.data + c->sent, c->out.len - c->sent);

	c->wrote += c->out.len - c->sent;
	bw_buf_reset(&c->out);
	c->sent = 0;
	return r;
}

int client_open(struct client *c, const char *path, const char *comm, int64_t until)
{
	struct bw_open o = { .window = BW_WINDOW_MAX, .comm = { comm, (uint32_t)strlen(comm) } };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct bw_buf payload = { 0 };
	struct bw_frame f;
	int r;

	memset(c, 0, sizeof(*c));
	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) || bw_stream_init(&c->in))
		return -EAGAIN;
	r = greeted(c, until);
	if (r)
		return r;
	bw_put_open(&payload, &o);
	client_put(c, BW_MSG_OPEN, &payload);
	bw_buf_reset(&payload);
	bw_put_u32(&payload, 1);
	client_put(c, BW_MSG_HANDLE_CLOSE, &payload);
	bw_buf_free(&payload);
	r = client_flush(c);
	while (!r && (r = client_frame(c, &f, until)) > 0 && f.type != BW_MSG_HANDLE_CLOSE)
		r = 0;
	return r > 0 ? 0 : r ? r : -ETIMEDOUT;
}

int client_open_soon(struct client *c, const char *path, const char *comm, int64_t until)
{
	int r;

	while ((r = client_open(c, path, comm, until)) && bw_now_ms() < until) {
		client_close(c);
		usleep(5000);
	}
	return r;
}

void client_account(struct client *c, const struct bw_frame *f)
{
	struct bw_buf payload = { 0 };
	struct bw_reader r;
	uint32_t back;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	if (f->type == BW_MSG_CREDIT)
		c->up.avail += bw_get_u32(&r);
	if (!bw_frame_counts(f->type))
		return;
	c->got += f->length;
	bw_window_receive(&c->down, f->length);
	back = bw_window_consume(&c->down, f->length);
	if (!back)
		return;
	c->down.avail += back;
	bw_put_u32(&payload, back);
	client_put(c, BW_MSG_CREDIT, &payload);
	bw_buf_free(&payload);
}

bool client_give(struct client *c)
{
	ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return false;
	c->sent += (size_t)n;
	c->wrote += (size_t)n;
	if (c->sent == c->out.len) {
		bw_buf_reset(&c->out);
		c->sent = 0;
	}
	return true;
}
