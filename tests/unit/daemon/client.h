/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host in miniature for the daemon's tests: the daemon runs in a child, over two pipes, and is spoken to in frames. Everything waits at most
 * WAIT_MS. One client may have many sessions. Not for use by more than one test program at a time in the same process.
 */
#ifndef BW_TESTS_CLIENT_H
#define BW_TESTS_CLIENT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/link.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"
#include "tests/unit/check.h"

#define WAIT_MS		10000
#define USED		__attribute__((unused))
#define RINGS_MAX	4096

struct client {
	pid_t daemon;
	int to, from;
	struct bw_stream in;
	struct bw_joiner joiner;	/* replies */
	struct bw_joiner ring_joiner;
	uint32_t request;
	bool no_credit;			/* keep the windows shut */
	/* what came besides replies */
	struct bw_buf ring;		/* all ring data */
	int ring_messages, ring_wakes;
	uint32_t closed;		/* session of the last CLOSE */
	int closed_status;
	uint64_t credit;		/* given to us */
	/* the last reply */
	uint16_t type;
	int status;
	struct bw_buf reply;
};

static char run_dir[64];

static USED void make_run_dir(void)
{
	if (*run_dir)
		return;
	strcpy(run_dir, "/tmp/bpfwired-test-XXXXXX");
	if (!mkdtemp(run_dir))
		abort();
}

static USED void send_bytes(struct client *c, const void *p, size_t len)
{
	signal(SIGPIPE, SIG_IGN);
	if (bw_write_full(c->to, p, len))
		CHECK(!"the daemon reads what it is sent");
}

static USED void daemon_start_with(struct client *c, pid_t (*spawn)(const struct bw_spawn_options *, int *, int *))
{
	int a[2], b[2];

	memset(c, 0, sizeof(*c));
	make_run_dir();
	if (pipe2(a, O_CLOEXEC) || pipe2(b, O_CLOEXEC))
		abort();
	fflush(stdout);
	c->daemon = fork();
	if (!c->daemon) {
		struct bw_link_options o = { .serial = "test", .run_dir = run_dir, .spawn = spawn };
		struct bw_pipe *pipe;

		close(a[1]);
		close(b[0]);
		bw_log_init("bpfwired", getenv("V") ? BW_LOG_DEBUG : BW_LOG_ERROR);
		if (bw_pipe_fd_open(a[0], b[1], "stdio", &pipe) || bw_link_serve(pipe, &o))
			_exit(1);
		pipe->ops->close(pipe);
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	c->to = a[1];
	c->from = b[0];
	bw_stream_init(&c->in);
	bw_joiner_init(&c->joiner, 1u << 30);
	bw_joiner_init(&c->ring_joiner, 1u << 30);
}

/* Its exit status; -1 if it had to be killed. */
static USED int daemon_stop(struct client *c)
{
	int64_t until = bw_now_ms() + WAIT_MS;
	int wstatus = 0;
	pid_t p;

	close(c->to);
	close(c->from);
	while (!(p = waitpid(c->daemon, &wstatus, WNOHANG)) && bw_now_ms() < until)
		usleep(1000);
	if (!p) {
		kill(c->daemon, SIGKILL);
		waitpid(c->daemon, NULL, 0);
	}
	bw_stream_fini(&c->in);
	bw_joiner_fini(&c->joiner);
	bw_joiner_fini(&c->ring_joiner);
	bw_buf_free(&c->ring);
	bw_buf_free(&c->reply);
	return p && WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : -1;
}

/* The next frame; false when none comes in time, or the daemon has closed the pipe. */
static USED bool next_frame(struct client *c, struct bw_frame *f, int wait_ms)
{
	int64_t until = bw_now_ms() + wait_ms;

	for (;;) {
		struct pollfd p = { .fd = c->from, .events = POLLIN };
		int r = bw_stream_next(&c->in, f);
		int64_t left = until - bw_now_ms();
		size_t room;
		uint8_t *to;
		ssize_t n;

		if (r)
			return r > 0;
		if (left < 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		to = bw_stream_room(&c->in, &room);
		n = read(c->from, to, room);
		if (n <= 0)
			return false;
		bw_stream_fed(&c->in, (size_t)n);
	}
}

static USED void send_frame(struct client *c, uint16_t type, uint16_t flags, uint32_t session, uint32_t request, const void *p, size_t len)
{
	struct bw_frame f = { .type = type, .flags = flags, .session = session, .request = request };
	struct bw_buf b = { 0 };

	bw_frame_put_msg(&b, &f, p, len);
	send_bytes(c, b.data, b.len);
	bw_buf_free(&b);
}

static USED void give_credit(struct client *c, uint32_t session, uint32_t bytes)
{
	struct bw_buf b = { 0 };

	bw_put_u32(&b, bytes);
	send_frame(c, BW_MSG_CREDIT, 0, session, 0, b.data, b.len);
	bw_buf_free(&b);
}

static USED void give_ring_credit(struct client *c, uint32_t session, uint32_t handle, uint32_t bytes)
{
	struct bw_ring_credit m = { handle, bytes };
	struct bw_buf b = { 0 };

	bw_put_ring_credit(&b, &m);
	send_frame(c, BW_MSG_RING_CREDIT, 0, session, 0, b.data, b.len);
	bw_buf_free(&b);
}

static USED void take_ring(struct client *c, const struct bw_frame *f)
{
	struct bw_ring_data d;
	struct bw_reader r;
	const uint8_t *p;
	size_t len;

	if (bw_joiner_add(&c->ring_joiner, f, &p, &len) <= 0)
		return;
	bw_reader_init(&r, p, len);
	CHECK_EQ(bw_get_ring_data(&r, &d), 0);
	bw_put_bytes(&c->ring, d.data, d.len);
	c->ring_messages++;
	c->ring_wakes += d.flags & BW_RING_WAKE ? 1 : 0;
}

/* One frame; true if it ended a reply to `request`. */
static USED bool take_frame(struct client *c, const struct bw_frame *f, uint32_t request)
{
	const uint8_t *p;
	size_t len;

	if (f->session && bw_frame_counts(f->type) && !c->no_credit)
		give_credit(c, f->session, f->length);
	if (f->type == BW_MSG_RING_DATA) {
		take_ring(c, f);
	} else if (f->type == BW_MSG_CLOSE) {
		c->closed = f->session;
		c->closed_status = bw_errno_from_wire(f->status);
	} else if (f->type == BW_MSG_CREDIT) {
		c->credit += f->payload[0] | f->payload[1] << 8 | f->payload[2] << 16;
	} else if (f->flags & BW_F_REPLY && f->request == request && bw_joiner_add(&c->joiner, f, &p, &len) > 0) {
		bw_buf_reset(&c->reply);
		bw_put_bytes(&c->reply, p, len);
		c->type = f->type;
		c->status = bw_errno_from_wire(f->status);
		return true;
	}
	return false;
}

/* Wait for the reply to a request: its status; -ETIME if none comes, -ENOTCONN if its session is closed first. */
static USED int wait_reply(struct client *c, uint32_t session, uint32_t request)
{
	int64_t until = bw_now_ms() + WAIT_MS;
	struct bw_frame f;

	while (bw_now_ms() < until && next_frame(c, &f, WAIT_MS)) {
		if (take_frame(c, &f, request))
			return c->status;
		if (f.type == BW_MSG_CLOSE && f.session == session)
			return -ENOTCONN;
	}
	return -ETIME;
}

static USED int call(struct client *c, uint32_t session, uint16_t type, struct bw_buf *b)
{
	uint32_t request = ++c->request;

	send_frame(c, type, 0, session, request, b->data, b->len);
	bw_buf_free(b);
	return wait_reply(c, session, request);
}

/* Take what comes until `cond` holds or the time is over. */
#define WAIT_FOR(c, cond) ({ int64_t until_ = bw_now_ms() + WAIT_MS; struct bw_frame f_; \
	while (!(cond) && bw_now_ms() < until_) { if (next_frame((c), &f_, 20)) take_frame((c), &f_, 0); } (cond); })
#define SETTLE(c, ms) do { int64_t until_ = bw_now_ms() + (ms); struct bw_frame f_; \
	while (bw_now_ms() < until_) { if (next_frame((c), &f_, 5)) take_frame((c), &f_, 0); } } while (0)

static USED void put_hello_frame(struct bw_buf *out, uint16_t major)
{
	struct bw_hello h = { .major = major, .window = BW_WINDOW, .msg_max = 64u << 20, .role_version = { "test 1", 6 } };
	struct bw_frame f = { .type = BW_MSG_HELLO };
	struct bw_buf b = { 0 };

	bw_put_hello(&b, &h);
	bw_frame_put_msg(out, &f, b.data, b.len);
	bw_buf_free(&b);
}

/* Preamble and HELLO both ways. The board's is in *h, whose strings are good until the next frame; returns its status. */
static USED int greet(struct client *c, uint16_t major, struct bw_hello *h)
{
	static const uint8_t nonce[BW_NONCE_SIZE] = "0123456789abcde";
	struct bw_buf b = { 0 };
	struct bw_reader r;
	struct bw_frame f;

	bw_put_preamble(&b, nonce);
	put_hello_frame(&b, major);
	send_bytes(c, b.data, b.len);
	bw_buf_free(&b);
	bw_stream_expect(&c->in, nonce);
	if (!next_frame(c, &f, WAIT_MS) || f.type != BW_MSG_HELLO)
		return -ETIME;
	bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
	CHECK_EQ(bw_get_hello(&r, h), 0);
	return bw_errno_from_wire(f.status);
}

static USED int session_open(struct client *c, uint32_t session)
{
	struct bw_open o = { .pid = 7, .uid = 8, .comm = { "tool", 4 }, .window = BW_WINDOW };
	struct bw_buf b = { 0 };

	bw_put_open(&b, &o);
	return call(c, session, BW_MSG_OPEN, &b);
}

static USED void session_close(struct client *c, uint32_t session)
{
	send_frame(c, BW_MSG_CLOSE, 0, session, 0, NULL, 0);
}

static USED void daemon_start(struct client *c)
{
	struct bw_hello h;

	daemon_start_with(c, NULL);
	CHECK_EQ(greet(c, BW_VERSION_MAJOR, &h), 0);
}

/* ---- the daemon's processes ---- */

static USED int child_pids(pid_t parent, pid_t *out, int max)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		char path[300], line[512];
		int ppid = 0;
		FILE *f;

		if (*e->d_name < '0' || *e->d_name > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(line, sizeof(line), f) && strrchr(line, ')') && sscanf(strrchr(line, ')') + 2, "%*c %d", &ppid) == 1 &&
		    ppid == parent && n < max)
			out[n++] = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}

static USED int children(pid_t parent)
{
	pid_t pids[128];

	return child_pids(parent, pids, 128);
}

#define WAIT_UNTIL(cond) ({ int64_t until_ = bw_now_ms() + WAIT_MS; while (!(cond) && bw_now_ms() < until_) usleep(2000); (cond); })

/* ---- requests ---- */

static USED int handle_call(struct client *c, uint32_t session, uint16_t type, uint32_t handle)
{
	struct bw_buf b = { 0 };

	bw_put_u32(&b, handle);
	return call(c, session, type, &b);
}

static USED int file_call(struct client *c, uint32_t session, uint16_t type, uint32_t flags, uint32_t mode, const char *path)
{
	struct bw_file m = { .flags = flags, .mode = mode, .path = { path, (uint32_t)strlen(path) } };
	struct bw_buf b = { 0 };

	bw_put_file(&b, &m);
	return call(c, session, type, &b);
}

#include "tests/bpf_calls.h"	/* stands on what is above */

static USED int64_t file_open(struct client *c, uint32_t session, uint32_t flags, const char *path)
{
	return reply_handle(c, file_call(c, session, BW_MSG_FILE_OPEN, flags, 0600, path));
}

static USED int file_write(struct client *c, uint32_t session, uint32_t handle, const char *text)
{
	struct bw_handle_write m = { handle, BW_OFFSET_CURRENT, (uint32_t)strlen(text), (const uint8_t *)text };
	struct bw_buf b = { 0 };

	bw_put_handle_write(&b, &m);
	return call(c, session, BW_MSG_HANDLE_WRITE, &b);
}

static USED int file_read(struct client *c, uint32_t session, uint32_t handle, uint64_t offset, uint32_t len)
{
	struct bw_handle_read m = { handle, offset, len };
	struct bw_buf b = { 0 };

	bw_put_handle_read(&b, &m);
	return call(c, session, BW_MSG_HANDLE_READ, &b);
}

#endif
