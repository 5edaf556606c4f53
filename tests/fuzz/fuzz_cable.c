// SPDX-License-Identifier: Apache-2.0
/* Both ends of a command's standard input and output. First byte: what comes is read by the host's end, or goes through both ends as lines and must come out as it was. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/log.h"
#include "protocol/pipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

static void read_all(struct bw_pipe *host)
{
	uint8_t buf[97];
	ssize_t n;

	while ((n = host->ops->recv(host, buf, sizeof(buf))) > 0)
		;
	REQUIRE(n == -ENOTCONN || n == -EPROTO);
}

static void read_same(struct bw_pipe *host, const uint8_t *data, size_t size)
{
	uint8_t buf[1021];
	ssize_t n;
	size_t got = 0;

	while ((n = host->ops->recv(host, buf, sizeof(buf))) > 0) {
		REQUIRE((size_t)n <= size - got && !memcmp(buf, data + got, (size_t)n));
		got += (size_t)n;
	}
	REQUIRE(n == -EAGAIN && got == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_pipe *host, *board;
	size_t at = 0;
	int fds[2];

	if (!size || size > 4096)
		return 0;
	bw_log_init("fuzz", BW_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	REQUIRE(!bw_pipe_command_open(fds[0], fds[0], "B1", &host));
	if (data[0] & 1) {
		REQUIRE(!bw_pipe_stdio_open(fds[1], fds[1], true, -1, &board));
		for (data++, size--; at < size;) {
			ssize_t n = board->ops->send(board, data + at, size - at);

			REQUIRE(n > 0);
			at += (size_t)n;
		}
		board->ops->flush(board);
		read_same(host, data, size);
		board->ops->close(board);
	} else {
		REQUIRE(write(fds[1], data + 1, size - 1) == (ssize_t)size - 1);
		close(fds[1]);
		read_all(host);
	}
	host->ops->close(host);
	return 0;
}
