// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/pipe.h"
#include "tests/unit/check.h"
#include "tests/unit/pipe_turn.h"

/* Two ends over a socket pair. Where one is a test that reads and writes what it likes, that is `peer`. */
struct cable {
	struct bw_pipe *host, *board;
	int peer;
	int say;		/* where the board's messages go in */
};

enum which { HOST = 1, BOARD = 2, LINES = 4 };

static struct cable open_ends(int which)
{
	struct cable c = { .peer = -1, .say = -1 };
	int fds[2], messages[2] = { -1, -1 };

	signal(SIGPIPE, SIG_IGN);
	bw_log_init("test", BW_LOG_INFO);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	if (which & HOST)
		CHECK_EQ(bw_pipe_command_open(fds[0], fds[0], "B1", &c.host), 0);
	else
		c.peer = fds[0];
	if (which & LINES)
		CHECK_EQ(pipe2(messages, O_CLOEXEC | O_NONBLOCK), 0);
	if (which & BOARD)
		CHECK_EQ(bw_pipe_stdio_open(fds[1], fds[1], which & LINES, messages[0], &c.board), 0);
	else
		c.peer = fds[1];
	c.say = messages[1];
	return c;
}

static void close_ends(struct cable *c)
{
	if (c->board)
		c->board->ops->close(c->board);
	if (c->host)
		c->host->ops->close(c->host);
	if (c->peer >= 0)
		close(c->peer);
	if (c->say >= 0)
		close(c->say);
}

static void write_peer(const struct cable *c, const char *text)
{
	CHECK_EQ(write(c->peer, text, strlen(text)), strlen(text));
}

/* What recv gives as text; "" where there is nothing. */
static const char *received(struct bw_pipe *p)
{
	static char buf[256];
	ssize_t n = p->ops->recv(p, buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = 0;
	return buf;
}

/* Standard error of what is between goes to a file, whose content logged_end gives. */
static int logged_fd, logged_before;

static void logged_begin(void)
{
	char name[] = "/tmp/bpfwire-test-XXXXXX";

	logged_fd = mkstemp(name);
	CHECK(logged_fd >= 0);
	unlink(name);
	logged_before = dup(2);
	dup2(logged_fd, 2);
}

static const char *logged_end(void)
{
	static char text[65536];
	ssize_t n = pread(logged_fd, text, sizeof(text) - 1, 0);

	dup2(logged_before, 2);
	close(logged_before);
	close(logged_fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

TEST("what the host sends waits until the board has spoken, and then megabytes go both ways, as frames and as lines")
{
	for (int lines = 0; lines < 2; lines++) {
		struct cable c = open_ends(HOST | BOARD | (lines ? LINES : 0));

		CHECK_EQ(c.host->ops->send(c.host, "early", 5), -EAGAIN);
		CHECK(turn(c.host) & BW_PIPE_READABLE);
		CHECK_EQ(c.host->ops->recv(c.host, &(char){ 0 }, 1), -EAGAIN);
		CHECK(carry(c.host, c.board, 3 << 20, NULL));
		CHECK(carry(c.board, c.host, 3 << 20, NULL));
		CHECK_EQ(c.host->bytes_out, 3 << 20);
		CHECK_EQ(c.host->bytes_in, 3 << 20);
		close_ends(&c);
	}
}

TEST("lines have nothing in them that a terminal would obey, and are shorter than it would cut them")
{
	struct cable c = open_ends(BOARD | LINES);
	static char wire[65536], every[8192];
	size_t line = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (char)i;
	for (size_t at = 0; at < sizeof(every); at += (size_t)n) {
		n = c.board->ops->send(c.board, every + at, sizeof(every) - at);
		CHECK(n > 0);
		if (n <= 0)
			break;
	}
	c.board->ops->flush(c.board);
	n = read(c.peer, wire, sizeof(wire));
	CHECK(n > (ssize_t)sizeof(every) * 4 / 3);
	for (ssize_t i = 0; i < n; i++) {
		line = wire[i] == '\n' ? 0 : line + 1;
		if (line >= 4095 || !(wire[i] == '\n' || (wire[i] >= ' ' && wire[i] <= 'z'))) {
			CHECK(!"for a terminal");
			break;
		}
	}
	close_ends(&c);
}

TEST("what a shell says first is told, and the board is understood behind a prompt and through a terminal's ends of lines")
{
	struct cable c = open_ends(HOST);

	logged_begin();
	write_peer(&c, "Welcome\n\r\nlast login: \033[31mnever\r\n$ " BW_CABLE_LINES "\r\r\n:aGVs\r\n:bG8=\r\n");
	CHECK(!strcmp(received(c.host), "hel"));
	CHECK(!strcmp(received(c.host), "lo"));
	CHECK(!strcmp(received(c.host), ""));
	CHECK(!strcmp(logged_end(), "test: board B1: the command says: Welcome\ntest: board B1: the command says: last login: ?[31mnever\n"));
	close_ends(&c);
}

TEST("frames follow the first line from the next byte on, in the same read or a later one")
{
	struct cable c = open_ends(HOST);

	write_peer(&c, BW_CABLE_FRAMES "\nabc");
	CHECK(!strcmp(received(c.host), "abc"));
	write_peer(&c, ":\r\n# def\n");
	CHECK(!strcmp(received(c.host), ":\r\n# def\n"));
	close_ends(&c);
}

TEST("a command that ends without a word of the protocol is quoted to its last byte")
{
	struct cable c = open_ends(HOST);

	logged_begin();
	write_peer(&c, "sh: 1: bpfwired: not found");
	close(c.peer);
	c.peer = -1;
	CHECK_EQ(c.host->ops->recv(c.host, &(char){ 0 }, 1), -ENOTCONN);
	CHECK(turn(c.host) & BW_PIPE_DOWN);
	CHECK(strstr(logged_end(), "board B1: the command says: sh: 1: bpfwired: not found\n"));
	close_ends(&c);
}

TEST("a command that never stops talking is quoted 50 times, the last one saying so, and the board can still speak after it")
{
	struct cable c = open_ends(HOST);
	static char block[4096];
	const char *text;
	int lines = 0;

	memset(block, 'y', sizeof(block));
	logged_begin();
	for (int i = 0; i < 100; i++) {
		write_peer(&c, "y\n");
		CHECK(!strcmp(received(c.host), ""));
	}
	CHECK_EQ(write(c.peer, block, sizeof(block)), sizeof(block));	/* a line that is none */
	CHECK(!strcmp(received(c.host), ""));
	write_peer(&c, "\n" BW_CABLE_LINES "\n# heard\n:eA==\n");
	CHECK(!strcmp(received(c.host), "x"));
	text = logged_end();
	CHECK(strstr(text, "says: y (no more is shown until the board speaks)\ntest: board B1: the command says: heard\n"));
	for (; (text = strchr(text, '\n')); text++)
		lines++;
	CHECK_EQ(lines, 51);
	close_ends(&c);
}

TEST("one that talks faster than it is read does not keep the owner from its loop, and loses nothing by it")
{
	struct cable c = open_ends(HOST);
	static char noise[150000];
	int turns = 0;

	memset(noise, '\n', sizeof(noise));
	CHECK_EQ(write(c.peer, noise, sizeof(noise)), sizeof(noise));
	write_peer(&c, BW_CABLE_LINES "\n:eA==\n");
	for (; turns < 20 && strcmp(received(c.host), "x"); turns++)
		CHECK(turn(c.host) & BW_PIPE_READABLE);
	CHECK(turns > 0 && turns < 20);
	close_ends(&c);
}

TEST("a line of data that is not base64, or that has no end, breaks the link")
{
	static char endless[4096] = ":";
	static const char *const bad[] = { ":aGVs*\n", ":aGVsb\n", ":aGVsbG9=\n", endless };

	memset(endless + 1, 'A', sizeof(endless) - 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cable c = open_ends(HOST);

		write_peer(&c, BW_CABLE_LINES "\n");
		CHECK(!strcmp(received(c.host), ""));
		CHECK_EQ(write(c.peer, bad[i], bad[i] == endless ? sizeof(endless) : strlen(bad[i])), bad[i] == endless ? sizeof(endless) : strlen(bad[i]));
		CHECK_EQ(c.host->ops->recv(c.host, &(char){ 0 }, 1), -EPROTO);
		close_ends(&c);
	}
}

TEST("what the board's program says for people arrives as messages, between data, and to its last words")
{
	struct cable c = open_ends(HOST | BOARD | LINES);

	logged_begin();
	CHECK_EQ(c.board->ops->send(c.board, "one", 3), 3);
	CHECK_EQ(write(c.say, "bpfwired: a\nbpfwired: b\n", 24), 24);
	turn(c.board);
	CHECK_EQ(c.board->ops->send(c.board, "two", 3), 3);
	c.board->ops->flush(c.board);
	turn(c.host);
	CHECK(!strcmp(received(c.host), "one"));
	CHECK(!strcmp(received(c.host), "two"));
	CHECK_EQ(write(c.say, ":ended", 6), 6);
	c.board->ops->close(c.board);
	c.board = NULL;
	turn(c.host);
	CHECK_EQ(c.host->ops->recv(c.host, &(char){ 0 }, 1), -ENOTCONN);
	CHECK(!strcmp(logged_end(), "test: board B1: the command says: bpfwired: a\ntest: board B1: the command says: bpfwired: b\n"
			 "test: board B1: the command says: :ended\n"));
	close_ends(&c);
}

int main(void)
{
	return check_done();
}
