// SPDX-License-Identifier: Apache-2.0
/*
 * A pipe over descriptors. Bytes to send wait in one queue; what comes in is read straight into the owner's buffer.
 *
 * A peer that exits leaves its last words (HELLO with a reason) in our reading end while writing already fails. So a failed write does
 * not bring the pipe down: bytes are dropped from then on, and the end of file does.
 */
#include "protocol/pipe.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/frame.h"
#include "protocol/io.h"

struct fd_pipe {
	struct bw_pipe p;
	struct bw_pipe_ops ops;		/* a copy, for the name */
	int rfd, wfd;
	bool down, tell_down;
	bool deaf;			/* the peer does not read any more */
	size_t start, end;		/* of what is queued in out */
	uint8_t out[BW_STREAM_SIZE];
};

static struct fd_pipe *self(struct bw_pipe *p)
{
	return (struct fd_pipe *)p;
}

static void go_down(struct fd_pipe *f)
{
	f->tell_down |= !f->down;
	f->down = true;
	f->start = f->end = 0;
}

static void write_queued(struct fd_pipe *f)
{
	while (f->start < f->end && !f->down) {
		ssize_t n = write(f->wfd, f->out + f->start, f->end - f->start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			f->deaf = true;
			break;
		}
		f->start += (size_t)n;
		f->p.bytes_out += (uint64_t)n;
		f->p.transfers_out++;
	}
	f->start = f->end = 0;
}

static int fd_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms)
{
	struct fd_pipe *f = self(p);
	short out = f->start < f->end && !f->deaf ? POLLOUT : 0;

	if (f->tell_down)
		*timeout_ms = 0;
	if (f->down || max < 2)
		return 0;
	fds[0] = (struct pollfd){ .fd = f->rfd, .events = POLLIN };
	if (f->rfd == f->wfd) {
		fds[0].events |= out;
		return 1;
	}
	if (!out)
		return 1;
	fds[1] = (struct pollfd){ .fd = f->wfd, .events = out };
	return 2;
}

static unsigned int fd_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n)
{
	struct fd_pipe *f = self(p);
	unsigned int ev = 0;

	for (int i = 0; i < n; i++) {
		short re = fds[i].revents;

		/* Errors are found out by reading and writing, which say which. */
		if (fds[i].fd == f->rfd && re & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
			ev |= BW_PIPE_READABLE;
		if (fds[i].fd == f->wfd && re & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) {
			write_queued(f);
			if (f->end - f->start < sizeof(f->out))
				ev |= BW_PIPE_WRITABLE;
		}
	}
	if (f->tell_down) {
		f->tell_down = false;
		ev = BW_PIPE_DOWN;
	}
	return ev;
}

static ssize_t fd_recv(struct bw_pipe *p, void *buf, size_t len)
{
	struct fd_pipe *f = self(p);
	ssize_t n;

	if (f->down)
		return -ENOTCONN;
	if (!len)
		return -EAGAIN;
	do
		n = read(f->rfd, buf, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n <= 0) {
		go_down(f);
		return -ENOTCONN;
	}
	p->bytes_in += (uint64_t)n;
	p->transfers_in++;
	return n;
}

static ssize_t fd_send(struct bw_pipe *p, const void *buf, size_t len)
{
	struct fd_pipe *f = self(p);
	size_t room;

	if (f->down)
		return -ENOTCONN;
	if (f->deaf)
		return (ssize_t)len;
	if (sizeof(f->out) - f->end < len) {
		write_queued(f);
		memmove(f->out, f->out + f->start, f->end - f->start);
		f->end -= f->start;
		f->start = 0;
	}
	room = sizeof(f->out) - f->end;
	if (!room)
		return -EAGAIN;
	if (len > room)
		len = room;
	if (len)
		memcpy(f->out + f->end, buf, len);
	f->end += len;
	return (ssize_t)len;
}

static int fd_flush(struct bw_pipe *p)
{
	struct fd_pipe *f = self(p);

	if (f->down)
		return -ENOTCONN;
	write_queued(f);
	return 0;
}

/* Nothing goes beside the stream here: what is still to be read is dropped by the scan for the new nonce. */
static int fd_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE])
{
	struct fd_pipe *f = self(p);

	if (f->down)
		return -ENOTCONN;
	f->start = f->end = 0;
	if (nonce)
		memcpy(p->nonce, nonce, BW_NONCE_SIZE);
	return 0;
}

static void fd_close(struct bw_pipe *p)
{
	struct fd_pipe *f = self(p);

	if (!f->down && !f->deaf)
		write_queued(f);
	close(f->rfd);
	if (f->wfd != f->rfd)
		close(f->wfd);
	free(f);
}

int bw_pipe_fd_open(int rfd, int wfd, const char *name, struct bw_pipe **out)
{
	struct fd_pipe *f;
	int r = bw_set_nonblock(rfd, true);

	if (!r)
		r = bw_set_nonblock(wfd, true);
	if (r < 0)
		return r;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	memset(f, 0, offsetof(struct fd_pipe, out));
	f->ops = (struct bw_pipe_ops){
		.name = name, .pollfds = fd_pollfds, .dispatch = fd_dispatch, .recv = fd_recv, .send = fd_send,
		.flush = fd_flush, .reset = fd_reset, .close = fd_close,
	};
	f->p.ops = &f->ops;
	f->rfd = rfd;
	f->wfd = wfd;
	*out = &f->p;
	return 0;
}
