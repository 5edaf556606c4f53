// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/pipe.h"
#include "tests/unit/check.h"
#include "tests/unit/pipe_turn.h"

/* Two ends over two pipe(2)s, or over one socket pair. */
struct ends {
	struct bw_pipe *a, *b;
};

static struct ends open_ends(bool sockets)
{
	struct ends e = { 0 };
	int ab[2], ba[2];

	signal(SIGPIPE, SIG_IGN);
	if (sockets) {
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ab), 0);
		CHECK_EQ(bw_pipe_fd_open(ab[0], ab[0], "stdio", &e.a), 0);
		CHECK_EQ(bw_pipe_fd_open(ab[1], ab[1], "stdio", &e.b), 0);
		return e;
	}
	CHECK(pipe2(ab, O_CLOEXEC) == 0 && pipe2(ba, O_CLOEXEC) == 0);
	CHECK_EQ(bw_pipe_fd_open(ba[0], ab[1], "stdio", &e.a), 0);
	CHECK_EQ(bw_pipe_fd_open(ab[0], ba[1], "stdio", &e.b), 0);
	return e;
}

TEST("megabytes go through in order in both shapes of a pipe, with never more than a queue in memory")
{
	for (int sockets = 0; sockets < 2; sockets++) {
		struct ends e = open_ends(sockets);
		uint64_t total = 4 << 20, most = 0;

		CHECK(carry(e.a, e.b, total, &most));
		CHECK(most <= BW_STREAM_SIZE + (1 << 20));
		CHECK_EQ(e.a->bytes_out, total);
		CHECK_EQ(e.b->bytes_in, total);
		e.a->ops->close(e.a);
		e.b->ops->close(e.b);
	}
}

TEST("a full queue says so, goes on by itself when the peer reads, and reports that it is writable")
{
	struct ends e = open_ends(false);
	static uint8_t block[65536];
	unsigned int ev = 0;

	for (int i = 0; i < 100 && e.a->ops->send(e.a, block, sizeof(block)) != -EAGAIN; i++)
		;
	CHECK_EQ(e.a->ops->send(e.a, block, 1), -EAGAIN);
	CHECK_EQ(e.a->ops->flush(e.a), 0);
	while (e.b->ops->recv(e.b, block, sizeof(block)) > 0)
		;
	for (int i = 0; i < 10 && !(ev & BW_PIPE_WRITABLE); i++)
		ev = turn(e.a);
	CHECK(ev & BW_PIPE_WRITABLE);
	CHECK_EQ(e.a->ops->send(e.a, block, 1), 1);
	e.a->ops->close(e.a);
	e.b->ops->close(e.b);
}

TEST("a peer that exits is heard to its last byte, then the pipe is down, once")
{
	for (int sockets = 0; sockets < 2; sockets++) {
		struct ends e = open_ends(sockets);
		char in[16];
		int timeout = -1;
		struct pollfd fds[BW_PIPE_POLLFDS];

		CHECK_EQ(e.b->ops->send(e.b, "last words", 10), 10);
		e.b->ops->close(e.b);		/* sends what is queued */
		CHECK_EQ(e.a->ops->send(e.a, "anybody?", 8), 8);
		CHECK_EQ(e.a->ops->flush(e.a), 0);
		CHECK(turn(e.a) & BW_PIPE_READABLE);
		CHECK_EQ(e.a->ops->recv(e.a, in, sizeof(in)), 10);
		CHECK_EQ(e.a->ops->recv(e.a, in, sizeof(in)), -ENOTCONN);
		CHECK_EQ(turn(e.a), BW_PIPE_DOWN);
		CHECK_EQ(e.a->ops->pollfds(e.a, fds, BW_PIPE_POLLFDS, &timeout), 0);
		CHECK_EQ(timeout, -1);
		CHECK_EQ(e.a->ops->dispatch(e.a, fds, 0), 0);
		CHECK_EQ(e.a->ops->send(e.a, "x", 1), -ENOTCONN);
		CHECK_EQ(e.a->ops->flush(e.a), -ENOTCONN);
		e.a->ops->close(e.a);
	}
}

TEST("a reset drops what was not sent yet and keeps the nonce")
{
	struct ends e = open_ends(false);
	uint8_t nonce[BW_NONCE_SIZE] = "0123456789abcdef", in[16];

	CHECK_EQ(e.a->ops->send(e.a, "old", 3), 3);
	CHECK_EQ(e.a->ops->reset(e.a, nonce), 0);
	CHECK(!memcmp(e.a->nonce, nonce, sizeof(nonce)));
	CHECK_EQ(e.a->ops->send(e.a, "new", 3), 3);
	CHECK_EQ(e.a->ops->flush(e.a), 0);
	CHECK_EQ(e.b->ops->recv(e.b, in, sizeof(in)), 3);
	CHECK(!memcmp(in, "new", 3));
	e.a->ops->close(e.a);
	e.b->ops->close(e.b);
}

TEST("closing a pipe closes its descriptors, opening one on a bad descriptor fails and closes none")
{
	struct bw_pipe *p;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(bw_pipe_fd_open(fds[0], -1, "stdio", &p), -EBADF);
	CHECK(fcntl(fds[0], F_GETFD) >= 0);
	CHECK_EQ(bw_pipe_fd_open(fds[0], fds[1], "stdio", &p), 0);
	CHECK(!strcmp(p->ops->name, "stdio") && !p->ops->has_reset);
	p->ops->close(p);
	CHECK(fcntl(fds[0], F_GETFD) < 0 && fcntl(fds[1], F_GETFD) < 0);
}

int main(void)
{
	return check_done();
}
