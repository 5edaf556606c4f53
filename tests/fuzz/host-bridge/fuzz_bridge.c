// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes from a board and bytes from a client, in turns, through a real link and a real client. Input: blocks of u8 kind, u16 length, bytes:
 * 0 from the board; 1 from the client; 2 from the board as one good frame of session 1 (type and flags from its first bytes).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/clients.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bw_queue from_board;
static uint8_t nonce[BW_NONCE_SIZE];

static ssize_t fake_recv(struct bw_pipe *p, void *buf, size_t len)
{
	size_t n = bw_queue_len(&from_board);

	(void)p;
	if (!n)
		return -EAGAIN;
	n = n < len ? n : len;
	memcpy(buf, bw_queue_front(&from_board), n);
	bw_queue_drop(&from_board, n);
	return (ssize_t)n;
}

static ssize_t fake_send(struct bw_pipe *p, const void *buf, size_t len)
{
	(void)p;
	(void)buf;
	return (ssize_t)len;
}

static int fake_flush(struct bw_pipe *p)
{
	(void)p;
	return 0;
}

static int fake_reset(struct bw_pipe *p, const uint8_t n[BW_NONCE_SIZE])
{
	(void)p;
	memcpy(nonce, n, sizeof(nonce));
	bw_queue_clear(&from_board);
	return 0;
}

static const struct bw_pipe_ops ops = { .name = "fuzz", .has_reset = 1, .recv = fake_recv, .send = fake_send, .flush = fake_flush, .reset = fake_reset };

struct world {
	struct bw_pipe pipe;
	struct bw_link link;
	struct bw_clients clients;
	int client_fd;
	int64_t now;
};

static void turn(struct world *w)
{
	static char sink[BW_STREAM_SIZE];
	struct bw_client *c;
	int timeout = -1;

	bw_link_tick(&w->link, w->clients.sessions, w->now, &timeout);
	bw_link_input(&w->link, BW_PIPE_READABLE, w->now);
	for (c = w->clients.list; c; c = c->next)
		if (!c->pending && c->state < BW_CLIENT_LEAVING)
			bw_client_read(c);
	bw_clients_forward(&w->clients);
	bw_link_output(&w->link, w->now);
	bw_clients_output(&w->clients, w->now);
	if (w->client_fd >= 0)
		while (recv(w->client_fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
}

static void put_hello(void)
{
	struct bw_str none = { .p = "" };
	struct bw_hello hello = {
		.major = BW_VERSION_MAJOR, .window = BW_WINDOW_MIN, .msg_max = BW_MSG_MAX, .role_version = none,
		.serial = none, .sysname = none, .nodename = none, .release = none, .version = none, .machine = none,
		.cpus_possible = none, .cpus_online = none, .build_id = none, .boot_id = none, .reason = none,
	};
	struct bw_frame f = { .type = BW_MSG_HELLO };
	struct bw_buf b = { 0 }, payload = { 0 };

	bw_put_preamble(&b, nonce);
	bw_put_hello(&payload, &hello);
	bw_frame_put_msg(&b, &f, payload.data, payload.len);
	bw_queue_put(&from_board, b.data, b.len);
	bw_buf_free(&b);
	bw_buf_free(&payload);
}

static void put_open(struct world *w)
{
	struct bw_open m = { .comm = { .p = "fuzz", .len = 4 }, .window = BW_WINDOW_MIN };
	struct bw_frame f = { .type = BW_MSG_OPEN, .request = 1 };
	struct bw_buf b = { 0 }, payload = { 0 };

	bw_put_open(&payload, &m);
	bw_frame_put_msg(&b, &f, payload.data, payload.len);
	(void)!write(w->client_fd, b.data, b.len);
	bw_buf_free(&b);
	bw_buf_free(&payload);
}

/* The first byte of the input decides how far things are already. */
static void begin(struct world *w, uint8_t how)
{
	int fds[2];

	*w = (struct world) { .pipe = { .ops = &ops }, .client_fd = -1, .now = 1 };
	if (bw_link_init(&w->link, &w->pipe, "fuzz", &bw_clients_link_user, &w->clients) < 0)
		abort();
	bw_clients_init(&w->clients, &w->link, -1, -1);
	turn(w);
	if (how & 1)
		return;
	put_hello();
	turn(w);
	if (w->link.state != BW_LINK_UP || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	w->client_fd = fds[0];
	w->clients.list = bw_client_new(fds[1], &w->link, how & 4);
	w->clients.count = 1;
	if (how & 2)
		return;
	if (!(how & 4))		/* a client of lines has its session without asking */
		put_open(w);
	turn(w);
	if (w->clients.sessions != 1)
		abort();
}

static void put_frame(const uint8_t *p, size_t len)
{
	struct bw_frame f = { .session = 1 };
	struct bw_buf b = { 0 };

	if (len < 2)
		return;
	f.type = p[0];
	f.flags = p[1];
	bw_frame_put_msg(&b, &f, p + 2, len - 2);
	bw_queue_put(&from_board, b.data, b.len);
	bw_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	size_t at = 1, n;

	bw_log_init("fuzz", BW_LOG_ERROR);
	if (size < 1)
		return 0;
	begin(&w, data[0]);
	while (at + 3 <= size) {
		n = (size_t)data[at + 1] | (size_t)data[at + 2] << 8;
		n = n < size - at - 3 ? n : size - at - 3;
		if (data[at] % 3 == 0)
			bw_queue_put(&from_board, data + at + 3, n);
		else if (data[at] % 3 == 2)
			put_frame(data + at + 3, n);
		else if (w.client_fd >= 0 && n)
			(void)!send(w.client_fd, data + at + 3, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		at += 3 + n;
		turn(&w);
		w.now += 50;
	}
	bw_clients_fini(&w.clients);
	bw_link_fini(&w.link);
	bw_queue_clear(&from_board);
	if (w.client_fd >= 0)
		close(w.client_fd);
	return 0;
}
