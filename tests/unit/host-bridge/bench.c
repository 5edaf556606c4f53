// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host-bridge/board.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"
#include "protocol/pipe.h"
#include "protocol/wirecode.h"
#include "tests/unit/host-bridge/bench.h"

/* ---- a pipe with RESET: protocol/pipe_fd.c, and a side channel for the nonce ---- */

struct reset_pipe {
	struct bw_pipe p;
	struct bw_pipe_ops ops;
	struct bw_pipe *fd;
	int resets_fd;
};

static struct reset_pipe *rp(struct bw_pipe *p) { return (struct reset_pipe *)p; }
static int rp_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *ms) { return rp(p)->fd->ops->pollfds(rp(p)->fd, fds, max, ms); }
static unsigned int rp_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n) { return rp(p)->fd->ops->dispatch(rp(p)->fd, fds, n); }
static ssize_t rp_recv(struct bw_pipe *p, void *buf, size_t len) { return rp(p)->fd->ops->recv(rp(p)->fd, buf, len); }
static ssize_t rp_send(struct bw_pipe *p, const void *buf, size_t len) { return rp(p)->fd->ops->send(rp(p)->fd, buf, len); }
static int rp_flush(struct bw_pipe *p) { return rp(p)->fd->ops->flush(rp(p)->fd); }

static int rp_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE])
{
	if (bw_write_full(rp(p)->resets_fd, nonce, BW_NONCE_SIZE) < 0)
		return -EIO;
	return rp(p)->fd->ops->reset(rp(p)->fd, nonce);
}

static void rp_close(struct bw_pipe *p)
{
	rp(p)->fd->ops->close(rp(p)->fd);
	close(rp(p)->resets_fd);
	free(p);
}

static struct bw_pipe *rp_new(struct bw_pipe *fd, int resets_fd)
{
	struct reset_pipe *r = calloc(1, sizeof(*r));

	r->ops = (struct bw_pipe_ops) {
		.name = "test", .has_reset = 1, .pollfds = rp_pollfds, .dispatch = rp_dispatch, .recv = rp_recv, .send = rp_send,
		.flush = rp_flush, .reset = rp_reset, .close = rp_close,
	};
	r->p.ops = &r->ops;
	r->fd = fd;
	r->resets_fd = resets_fd;
	return &r->p;
}

/* ---- the process ---- */

struct start {
	struct bench *b;
	struct bw_board_options o;
};

static void *run(void *arg)
{
	struct start *s = arg;

	s->b->result = bw_board_run(&s->o, s->b->reason, sizeof(s->b->reason));
	s->o.pipe->ops->close(s->o.pipe);
	close(s->o.listen_fd);
	close(s->o.text_fd);
	close(s->o.stop_fd);
	free(s);
	return NULL;
}

static int listen_on(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 64) < 0)
		abort();
	return fd;
}

void bench_start(struct bench *b, bool has_reset)
{
	struct start *s = calloc(1, sizeof(*s));
	int pipe_fds[2], reset_fds[2], stop_fds[2];

	if (!getenv("BENCH_LOG"))
		bw_log_init("test", BW_LOG_ERROR);
	*b = (struct bench) { .window = BW_WINDOW };
	strcpy(b->dir, "/tmp/bw-test-XXXXXX");
	if (!mkdtemp(b->dir) || socketpair(AF_UNIX, SOCK_STREAM, 0, pipe_fds) < 0 || pipe(reset_fds) < 0 || pipe(stop_fds) < 0)
		abort();
	snprintf(b->path, sizeof(b->path), "%s/board", b->dir);
	snprintf(b->text_path, sizeof(b->text_path), "%s.bpfd", b->path);
	b->board_fd = pipe_fds[0];
	b->resets_fd = reset_fds[0];
	b->stop_fd = stop_fds[1];
	bw_stream_init(&b->in);
	s->b = b;
	s->o = (struct bw_board_options) {
		.name = "board", .listen_fd = listen_on(b->path), .text_fd = listen_on(b->text_path), .report_fd = -1, .stop_fd = stop_fds[0],
	};
	if (bw_pipe_fd_open(pipe_fds[1], pipe_fds[1], "test", &s->o.pipe) < 0)
		abort();
	if (has_reset)
		s->o.pipe = rp_new(s->o.pipe, reset_fds[1]);
	else
		close(reset_fds[1]);
	if (pthread_create(&b->thread, NULL, run, s))
		abort();
}

void bench_join(struct bench *b)
{
	pthread_join(b->thread, NULL);
	close(b->board_fd);
	close(b->resets_fd);
	close(b->stop_fd);
	bw_stream_fini(&b->in);
	unlink(b->path);
	unlink(b->text_path);
	rmdir(b->dir);
}

void bench_stop(struct bench *b)
{
	bw_write_full(b->stop_fd, "x", 1);
	bench_join(b);
}

/* ---- the board ---- */

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms > 0 ? ms : 0) > 0;
}

static bool fill(int fd, struct bw_stream *s, int64_t until)
{
	size_t size;
	uint8_t *room = bw_stream_room(s, &size);
	ssize_t n;

	if (!readable(fd, (int)(until - bw_now_ms())))
		return false;
	n = read(fd, room, size);
	if (n > 0)
		bw_stream_fed(s, (size_t)n);
	return n > 0;
}

static bool next_frame(int fd, struct bw_stream *s, struct bw_frame *f, int ms)
{
	int64_t until = bw_now_ms() + ms;
	int r;

	while (!(r = bw_stream_next(s, f)))
		if (!fill(fd, s, until))
			return false;
	return r > 0;
}

bool bench_reset(struct bench *b, int ms)
{
	uint8_t nonce[BW_NONCE_SIZE];

	if (!readable(b->resets_fd, ms) || bw_read_full(b->resets_fd, nonce, sizeof(nonce)) < 0)
		return false;
	bw_stream_expect(&b->in, nonce);
	return true;
}

bool bench_next(struct bench *b, struct bw_frame *f, int ms)
{
	return next_frame(b->board_fd, &b->in, f, ms);
}

void bench_write(struct bench *b, const void *p, size_t len)
{
	bw_write_full(b->board_fd, p, len);
}

void bench_send(struct bench *b, uint16_t type, uint16_t flags, uint32_t session, uint32_t request, int status, const void *p, size_t len)
{
	struct bw_frame f = { .type = type, .flags = flags, .session = session, .request = request, .status = bw_errno_to_wire(status) };
	struct bw_buf out = { 0 };

	bw_frame_put_msg(&out, &f, p, len);
	bench_write(b, out.data, out.len);
	bw_buf_free(&out);
}

bool bench_hello_as(struct bench *b, uint16_t major, int status, const char *reason)
{
	struct bw_str none = { .p = "" };
	struct bw_hello hello = {
		.major = major, .window = b->window, .msg_max = BW_MSG_MAX, .role_version = { .p = "fake 0", .len = 6 },
		.serial = none, .sysname = none, .nodename = none, .release = none, .version = none, .machine = none,
		.cpus_possible = none, .cpus_online = none, .build_id = none, .boot_id = none,
		.reason = { .p = reason, .len = (uint32_t)strlen(reason) },
	};
	struct bw_buf out = { 0 }, payload = { 0 };
	struct bw_frame f;

	if (!bench_next(b, &f, BENCH_MS) || f.type != BW_MSG_HELLO)
		return false;
	bw_put_preamble(&out, b->in.nonce);
	bench_write(b, out.data, out.len);
	bw_put_hello(&payload, &hello);
	bench_send(b, BW_MSG_HELLO, 0, 0, 0, status, payload.data, payload.len);
	bw_buf_free(&out);
	bw_buf_free(&payload);
	return true;
}

bool bench_hello(struct bench *b)
{
	return bench_hello_as(b, BW_VERSION_MAJOR, 0, "");
}

/* Until a client is greeted well. */
static bool greets(struct bench *b)
{
	int64_t until = bw_now_ms() + BENCH_MS;
	struct client c;
	struct bw_frame f;
	bool ok = false;

	while (!ok && bw_now_ms() < until) {
		client_connect(b, &c);
		ok = client_next(&c, &f, BENCH_MS) && !f.status;
		client_close(&c);
		if (!ok)
			usleep(5000);
	}
	return ok;
}

bool bench_up(struct bench *b)
{
	return bench_reset(b, BENCH_MS) && bench_hello(b) && greets(b);
}

/* ---- clients ---- */

void client_connect(struct bench *b, struct client *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", b->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bw_stream_init(&c->in);
	if (connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		abort();
}

void client_close(struct client *c)
{
	close(c->fd);
	bw_stream_fini(&c->in);
}

bool client_next(struct client *c, struct bw_frame *f, int ms)
{
	return next_frame(c->fd, &c->in, f, ms);
}

bool client_ended(struct client *c, int ms)
{
	int64_t until = bw_now_ms() + ms;
	char buf[65536];

	while (readable(c->fd, (int)(until - bw_now_ms())))
		if (read(c->fd, buf, sizeof(buf)) <= 0)
			return true;
	return false;
}

void client_send(struct client *c, uint16_t type, uint32_t session, uint32_t request, const void *p, size_t len)
{
	struct bw_frame f = { .type = type, .session = session, .request = request };
	struct bw_buf out = { 0 };
	size_t done = 0;
	ssize_t n;

	bw_frame_put_msg(&out, &f, p, len);
	while (done < out.len && (n = send(c->fd, out.data + done, out.len - done, MSG_NOSIGNAL)) > 0)
		done += (size_t)n;
	bw_buf_free(&out);
}

void client_send_open(struct client *c, uint32_t window)
{
	struct bw_open m = { .pid = 1, .uid = 77, .comm = { .p = "tool", .len = 4 }, .window = window };
	struct bw_buf payload = { 0 };

	bw_put_open(&payload, &m);
	client_send(c, BW_MSG_OPEN, 0, 1, payload.data, payload.len);
	bw_buf_free(&payload);
}

uint32_t client_session(struct bench *b, struct client *c, uint32_t window)
{
	struct bw_frame f;
	uint32_t session;

	client_connect(b, c);
	if (!client_next(c, &f, BENCH_MS) || f.type != BW_MSG_HELLO || f.status)
		return 0;
	client_send_open(c, window);
	if (!bench_next(b, &f, BENCH_MS) || f.type != BW_MSG_OPEN)
		return 0;
	session = f.session;
	bench_send(b, BW_MSG_OPEN, BW_F_REPLY, session, f.request, 0, NULL, 0);
	if (!client_next(c, &f, BENCH_MS) || f.type != BW_MSG_OPEN || f.status || f.session)
		return 0;
	return session;
}
