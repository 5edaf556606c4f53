// SPDX-License-Identifier: Apache-2.0
/*
 * The main process: link, sessions and frames, fed with arbitrary bytes behind a good preamble and HELLO (or without them). A session's
 * worker is a pipe that gives every frame back. Input: u8 choices (1: no preamble; 2: the pipe has a RESET; 4: one byte at a time), then the stream.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/link.h"
#include "protocol/log.h"
#include "protocol/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fake {
	struct bw_pipe p;
	struct bw_pipe_ops ops;
	struct bw_buf in;
	size_t at, step;
	bool reset;
};

static int fake_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms)
{
	(void)p; (void)fds; (void)max;
	*timeout_ms = 0;
	return 0;
}

static unsigned int fake_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n)
{
	struct fake *f = (struct fake *)p;

	(void)fds; (void)n;
	if (f->reset) {
		f->reset = false;
		return BW_PIPE_RESET;
	}
	if (f->at < f->in.len)
		return BW_PIPE_READABLE;
	/* An end for both kinds of pipe. */
	p->error = -5;
	return f->ops.has_reset ? BW_PIPE_FAILED : BW_PIPE_DOWN;
}

static ssize_t fake_recv(struct bw_pipe *p, void *buf, size_t len)
{
	struct fake *f = (struct fake *)p;
	size_t n = f->in.len - f->at;

	if (!n)
		return -11;
	if (n > len)
		n = len;
	if (f->step && n > f->step)
		n = f->step;
	memcpy(buf, f->in.data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static ssize_t fake_send(struct bw_pipe *p, const void *buf, size_t len)
{
	(void)p; (void)buf;
	return len > 4096 ? 4096 : (ssize_t)len;
}

static int fake_flush(struct bw_pipe *p) { (void)p; return 0; }
static int fake_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE]) { (void)p; (void)nonce; return 0; }
static void fake_close(struct bw_pipe *p) { (void)p; }

/* No process: pid 0 counts as reaped. */
static pid_t spawn_echo(const struct bw_spawn_options *o, int *to, int *from)
{
	int fds[2];

	(void)o;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -24;
	*from = fds[0];
	*to = fds[1];
	return 0;
}

static void greet(struct bw_buf *b)
{
	struct bw_hello h = { .major = BW_VERSION_MAJOR, .window = BW_WINDOW };
	struct bw_open o = { .window = BW_WINDOW };
	struct bw_frame f = { .type = BW_MSG_HELLO };
	struct bw_buf m = { 0 };
	static const uint8_t nonce[BW_NONCE_SIZE];

	bw_put_preamble(b, nonce);
	bw_put_hello(&m, &h);
	bw_frame_put_msg(b, &f, m.data, m.len);
	bw_buf_reset(&m);
	bw_put_open(&m, &o);
	f = (struct bw_frame){ .type = BW_MSG_OPEN, .session = 1, .request = 1 };
	bw_frame_put_msg(b, &f, m.data, m.len);
	bw_buf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char dir[] = "/tmp/bpfwired-fuzz-XXXXXX";
	struct bw_link_options o = { .serial = "fuzz", .run_dir = dir, .spawn = spawn_echo };
	struct fake f = { .ops = {
		.name = "fake", .pollfds = fake_pollfds, .dispatch = fake_dispatch, .recv = fake_recv, .send = fake_send,
		.flush = fake_flush, .reset = fake_reset, .close = fake_close,
	} };
	uint8_t choices = size ? data[0] : 0;

	if (strstr(dir, "XXXXXX") && !mkdtemp(dir))
		abort();
	rmdir(dir);	/* made anew by the daemon; so nothing is left at the end but an empty directory */
	bw_log_init("fuzz", BW_LOG_ERROR);
	f.p.ops = &f.ops;
	f.ops.has_reset = f.reset = choices & 2;
	f.step = choices & 4 ? 1 : 0;
	if (!(choices & 1))
		greet(&f.in);
	if (size)
		bw_put_bytes(&f.in, data + 1, size - 1);
	bw_link_serve(&f.p, &o);
	bw_buf_free(&f.in);
	rmdir(dir);
	return 0;
}
