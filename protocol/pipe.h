/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe: one full-duplex byte stream between a host and a board, driven by its owner's poll loop. Implementations: FunctionFS
 * (gadget/), libusb (host-bridge/), a pair of descriptors (protocol/pipe_fd.c: stdio, a spawned command). A new transport is one file.
 *
 * One thread owns a pipe and makes all calls. No call blocks but close, which is bounded by BW_PIPE_CLOSE_MS.
 *
 *	n = ops->pollfds(p, fds, max);	poll(...)
 *	ev = ops->dispatch(p, fds, n);	looks at revents; returns BW_PIPE_* bits
 *	ops->recv / ops->send until -EAGAIN;	ops->flush when there is nothing more to send for now
 */
#ifndef BW_PROTOCOL_PIPE_H
#define BW_PROTOCOL_PIPE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/wire.h"

struct bw_pipe;

enum bw_pipe_events {
	BW_PIPE_READABLE	= 1 << 0,	/* recv may have bytes */
	BW_PIPE_WRITABLE	= 1 << 1,	/* send may take bytes again */
	BW_PIPE_RESET		= 1 << 2,	/* board side: the host wants a new link, p->nonce is its nonce. All that was queued in both
						 * directions is dropped already; the stream starts anew with a preamble. */
	BW_PIPE_DOWN		= 1 << 3,	/* the link is gone (unplugged, unbound, end of file); a pipe that can come back reports RESET later */
	BW_PIPE_FAILED		= 1 << 4,	/* the pipe itself is of no more use; p->error is why: close it */
};

#define BW_PIPE_POLLFDS	16
#define BW_PIPE_CLOSE_MS	2000

struct bw_pipe_ops {
	const char *name;		/* "functionfs", "usb", "stdio": for messages */
	int has_reset;			/* RESET is carried outside the stream (USB); else a preamble with any nonce starts a link */
	/* Fill at most max descriptors to poll; returns how many. *timeout_ms may be lowered (-1: no limit). */
	int (*pollfds)(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms);
	unsigned int (*dispatch)(struct bw_pipe *p, const struct pollfd *fds, int n);
	/* Bytes copied; -EAGAIN: none now; -ENOTCONN: link down; another negative errno: the link is broken, reset it. */
	ssize_t (*recv)(struct bw_pipe *p, void *buf, size_t len);
	/* Bytes taken, maybe fewer than len; -EAGAIN: the queue of transfers is full. The bytes are copied. */
	ssize_t (*send)(struct bw_pipe *p, const void *buf, size_t len);
	/*
	 * At the end of a frame, when nothing more is to be sent for now: everything taken goes out. The pipe adds a PAD
	 * frame where a transfer would end on a packet boundary. May leave bytes queued when transfers are busy; it goes on by itself.
	 */
	int (*flush)(struct bw_pipe *p);
	/* Host side: drop everything in both directions, send RESET with this nonce where the transport has one. Board side: drop everything. */
	int (*reset)(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE]);
	/* Stop, free. Never waits longer than BW_PIPE_CLOSE_MS, even for a controller that does not give a cancelled request back. */
	void (*close)(struct bw_pipe *p);
};

struct bw_pipe {
	const struct bw_pipe_ops *ops;
	uint8_t nonce[BW_NONCE_SIZE];
	int error;			/* with BW_PIPE_FAILED: negative errno */
	uint64_t bytes_in, bytes_out, transfers_in, transfers_out;	/* counters for STATUS, --stats and the benchmarks */
};

/*
 * A pipe over descriptors (rfd may equal wfd); both become O_NONBLOCK and are closed with the pipe. Errors: -ENOMEM, or fcntl's. flush is a no-op beyond
 * writing what is queued (at most BW_STREAM_SIZE bytes are), no PAD. On an error they stay the caller's. The program ignores SIGPIPE.
 */
int bw_pipe_fd_open(int rfd, int wfd, const char *name, struct bw_pipe **out);

/*
 * The two ends of a command's standard input and output: bpfwire-bridge --spawn, and bpfwired --stdio behind it. There may be a terminal between (adb shell
 * of an old Android, ssh -t), which changes bytes and obeys some; and what the host sends before that terminal is raw is changed, echoed or obeyed already. So
 * the board speaks first, a line, and the host sends nothing before it:
 *	BW_CABLE_FRAMES	the streams follow as they are, from the next byte on, both ways
 *	BW_CABLE_LINES	both streams go as lines: BW_CABLE_DATA and at most 4094 characters of base64 (padded). A line that begins otherwise is a message for people;
 *			the board's own begin with BW_CABLE_MESSAGE.
 * The end of a line that comes may have carriage returns before it, and the first line something else (a prompt). Lines before the first are messages.
 */
#define BW_CABLE_FRAMES		"bpfwired speaks frames"
#define BW_CABLE_LINES		"bpfwired speaks base64"
#define BW_CABLE_DATA		':'
#define BW_CABLE_MESSAGE	"# "

/* As bw_pipe_fd_open. Until the board has spoken, send gives -EAGAIN. Messages are logged under the board's name (kept), before the first line 50 of them. */
int bw_pipe_command_open(int rfd, int wfd, const char *board, struct bw_pipe **out);
/* As bw_pipe_fd_open, and says the first line. messages: the reading end of a pipe whose bytes go as messages, closed with the pipe, or -1. */
int bw_pipe_stdio_open(int rfd, int wfd, bool lines, int messages, struct bw_pipe **out);

#endif
