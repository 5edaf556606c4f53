// SPDX-License-Identifier: Apache-2.0
/*
 * A pipe over a command's standard input and output, with a terminal somewhere between or not: see BW_CABLE_* in pipe.h. It stands on a pipe of
 * descriptors. As frames it only passes on; as lines it codes what it takes into one line, which is sent before more is taken.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/base64.h"
#include "protocol/buf.h"
#include "protocol/log.h"
#include "protocol/pipe.h"

#define LINE_BYTES	768u				/* of data in a line: 1026 characters, of 4095 that a terminal's canonical mode would take */
#define BUFFER		4096u				/* a line that comes is shorter */
#define READS_AT_ONCE	16
#define SAID_MAX	50				/* lines before the first word that are passed on */

enum way { UNKNOWN, FRAMES, LINES };

struct cable {
	struct bw_pipe p;
	struct bw_pipe_ops ops;				/* a copy, for the name */
	struct bw_pipe *below;
	enum way way;
	const char *board;				/* whose messages come */
	int messages;					/* what is to be said in lines of its own, or -1 */
	unsigned int said;
	struct bw_buf out;				/* a line, from out_at on still to be sent */
	size_t out_at;
	size_t data_at, data_len;			/* of data: decoded, or behind the first line, and not yet taken */
	size_t end;					/* of in */
	char data[BUFFER], in[BUFFER];
};

static struct cable *self(struct bw_pipe *p)
{
	return (struct cable *)p;
}

/* ---- what comes ---- */

/* A line that is not of the protocol: a shell that does not find the program, a banner, a message of the board's. */
static void say(struct cable *c, const char *line, size_t len)
{
	size_t mark = len >= 2 && !memcmp(line, BW_CABLE_MESSAGE, 2) ? 2 : 0;

	if (len == mark || !c->board || (c->way == UNKNOWN && ++c->said > SAID_MAX))
		return;
	bw_log(BW_LOG_INFO, "board %s: the command says: %.*s%s", c->board, (int)(len - mark), line + mark,
	       c->said == SAID_MAX && c->way == UNKNOWN ? " (no more is shown until the board speaks)" : "");
}

static bool ends_with(const char *line, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && !memcmp(line + len - n, with, n);
}

static int take_line(struct cable *c, const char *line, size_t len)
{
	ssize_t n;

	while (len && line[len - 1] == '\r')		/* a terminal's */
		len--;
	if (c->way == UNKNOWN && ends_with(line, len, BW_CABLE_FRAMES)) {
		c->way = FRAMES;
	} else if (c->way == UNKNOWN && ends_with(line, len, BW_CABLE_LINES)) {
		c->way = LINES;
	} else if (c->way == LINES && len && line[0] == BW_CABLE_DATA) {
		n = bw_base64_len(line + 1, len - 1);
		if (n < 0)
			return -EPROTO;
		bw_base64_decode(line + 1, len - 1, c->data);
		c->data_at = 0;
		c->data_len = (size_t)n;
	} else {
		say(c, line, len);
	}
	return 0;
}

/* Lines up to one with data. What is no line yet stays; what is too long for one is dropped before the first word, and an error after it. */
static int take_lines(struct cable *c)
{
	char *line = c->in, *end = c->in + c->end, *nl;
	int r = 0;

	while (!r && !c->data_len && c->way != FRAMES && (nl = memchr(line, '\n', (size_t)(end - line)))) {
		r = take_line(c, line, (size_t)(nl - line));
		line = nl + 1;
	}
	c->end = (size_t)(end - line);
	if (c->way == FRAMES) {
		c->data_at = 0;
		c->data_len = c->end;
		memcpy(c->data, line, c->data_len);
		c->end = 0;
	}
	memmove(c->in, line, c->end);
	if (c->end < sizeof(c->in))
		return r;
	c->end = 0;
	return c->way == UNKNOWN ? r : -EPROTO;
}

/* More for take_lines, or what recv has to give. */
static ssize_t read_below(struct cable *c)
{
	ssize_t n = c->below->ops->recv(c->below, c->in + c->end, sizeof(c->in) - c->end);

	if (n > 0)
		c->end += (size_t)n;
	if (n == -ENOTCONN && c->end) {		/* last words without an end of line */
		say(c, c->in, c->end);
		c->end = 0;
	}
	return n;
}

static ssize_t cable_recv(struct bw_pipe *p, void *buf, size_t len)
{
	struct cable *c = self(p);
	ssize_t n = 0;
	int reads = 0;

	while (!c->data_len && c->way != FRAMES) {
		n = take_lines(c);
		/* Nothing whole is left here, so poll tells of what comes: a command that never stops talking does not keep the owner from its loop. */
		if (!n && !c->data_len && c->way != FRAMES)
			n = reads++ < READS_AT_ONCE ? read_below(c) : -EAGAIN;
		if (n < 0)
			return n;
	}
	if (c->data_len) {
		n = (ssize_t)(len < c->data_len ? len : c->data_len);
		memcpy(buf, c->data + c->data_at, (size_t)n);
		c->data_at += (size_t)n;
		c->data_len -= (size_t)n;
	} else {
		n = c->below->ops->recv(c->below, buf, len);
	}
	if (n > 0) {
		p->bytes_in += (uint64_t)n;
		p->transfers_in++;
	}
	return n;
}

/* ---- what goes ---- */

/* The line that waits; -EAGAIN while some of it does. */
static int send_line(struct cable *c)
{
	ssize_t n = 0;

	while (c->out_at < c->out.len && n >= 0) {
		n = c->below->ops->send(c->below, c->out.data + c->out_at, c->out.len - c->out_at);
		if (n > 0)
			c->out_at += (size_t)n;
	}
	if (n < 0)
		return (int)n;
	bw_buf_reset(&c->out);
	c->out_at = 0;
	return 0;
}

static int put_line(struct cable *c, const void *data, size_t len)
{
	bw_put_u8(&c->out, BW_CABLE_DATA);
	bw_base64_put(&c->out, data, len);
	bw_put_u8(&c->out, '\n');
	return c->out.err ? c->out.err : send_line(c);
}

static ssize_t cable_send(struct bw_pipe *p, const void *buf, size_t len)
{
	struct cable *c = self(p);
	ssize_t n;
	int r;

	if (c->way == UNKNOWN)
		return -EAGAIN;
	r = send_line(c);
	if (r < 0)
		return r;
	if (c->way == FRAMES) {
		n = c->below->ops->send(c->below, buf, len);
	} else {
		n = (ssize_t)(len < LINE_BYTES ? len : LINE_BYTES);
		r = len ? put_line(c, buf, (size_t)n) : 0;
		if (r < 0 && r != -EAGAIN)	/* what waits of the line is taken all the same */
			return r;
	}
	if (n > 0) {
		p->bytes_out += (uint64_t)n;
		p->transfers_out++;
	}
	return n;
}

static int cable_flush(struct bw_pipe *p)
{
	struct cable *c = self(p);
	int r = send_line(c);

	return r < 0 && r != -EAGAIN ? r : c->below->ops->flush(c->below);
}

/* What the program and its children say for people goes between the lines of data, never into one. */
static void send_messages(struct cable *c)
{
	char text[LINE_BYTES], *line, *nl, *end;
	ssize_t n = read(c->messages, text, sizeof(text));

	if (n <= 0)
		return;
	end = text + n;
	for (line = text; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (!nl)
			nl = end;
		bw_put_bytes(&c->out, BW_CABLE_MESSAGE, strlen(BW_CABLE_MESSAGE));
		bw_put_bytes(&c->out, line, (size_t)(nl - line));
		bw_put_u8(&c->out, '\n');
	}
	send_line(c);
}

/* ---- the rest ---- */

static int cable_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms)
{
	struct cable *c = self(p);
	int n = c->below->ops->pollfds(c->below, fds, max, timeout_ms);

	if (c->messages < 0 || c->out.len || !n || n >= max)
		return n;
	fds[n] = (struct pollfd){ .fd = c->messages, .events = POLLIN };
	return n + 1;
}

static unsigned int cable_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n)
{
	struct cable *c = self(p);
	bool messages = n > 0 && fds[n - 1].fd == c->messages;
	unsigned int ev;

	if (messages && fds[n - 1].revents && !c->out.len) {
		send_messages(c);
		c->below->ops->flush(c->below);
	}
	ev = c->below->ops->dispatch(c->below, fds, messages ? n - 1 : n);
	if (ev & BW_PIPE_WRITABLE && c->out.len && cable_flush(p) < 0)
		ev &= ~(unsigned int)BW_PIPE_WRITABLE;
	p->error = c->below->error;
	return ev;
}

static int cable_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE])
{
	struct cable *c = self(p);

	/* A line that was begun is ended: the other side reads by lines. */
	if (nonce)
		memcpy(p->nonce, nonce, BW_NONCE_SIZE);
	return c->out.len ? 0 : c->below->ops->reset(c->below, nonce);
}

static void cable_close(struct bw_pipe *p)
{
	struct cable *c = self(p);

	if (c->messages >= 0) {
		if (!send_line(c))
			send_messages(c);	/* the last words */
		close(c->messages);
	}
	c->below->ops->close(c->below);
	bw_buf_free(&c->out);
	free(c);
}

static int cable_open(int rfd, int wfd, const char *name, enum way way, const char *word, struct cable **out)
{
	struct cable *c = malloc(sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	memset(c, 0, offsetof(struct cable, data));
	c->ops = (struct bw_pipe_ops){
		.name = name, .pollfds = cable_pollfds, .dispatch = cable_dispatch, .recv = cable_recv, .send = cable_send,
		.flush = cable_flush, .reset = cable_reset, .close = cable_close,
	};
	c->p.ops = &c->ops;
	c->way = way;
	c->messages = -1;
	bw_put_bytes(&c->out, word, strlen(word));
	r = c->out.err ? c->out.err : bw_pipe_fd_open(rfd, wfd, name, &c->below);
	if (r < 0) {
		bw_buf_free(&c->out);
		free(c);
		return r;
	}
	*out = c;
	return 0;
}

int bw_pipe_command_open(int rfd, int wfd, const char *board, struct bw_pipe **out)
{
	struct cable *c;
	int r = cable_open(rfd, wfd, "command", UNKNOWN, "", &c);

	if (r)
		return r;
	c->board = board;
	*out = &c->p;
	return 0;
}

int bw_pipe_stdio_open(int rfd, int wfd, bool lines, int messages, struct bw_pipe **out)
{
	struct cable *c;
	int r = cable_open(rfd, wfd, "stdio", lines ? LINES : FRAMES, lines ? BW_CABLE_LINES "\n" : BW_CABLE_FRAMES "\n", &c);

	if (r)
		return r;
	cable_flush(&c->p);
	c->messages = messages;
	*out = &c->p;
	return 0;
}
