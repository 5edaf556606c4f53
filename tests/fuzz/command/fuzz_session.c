// SPDX-License-Identifier: Apache-2.0
/*
 * A session of the command's own: any bytes from the bridge, behind its greeting, are the answers to OPEN, a file, CHECK, several questions and reads. Input: u8 choices (1: it is
 * not OPEN's answer that comes first, which is good otherwise), then the stream.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/check.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/board.h"
#include "remote/command/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)
#define MAX	(64u << 10)

static int greeted = -1, bridge = -1;

/* The linker puts it in the place of the command's: fuzz_command in the Makefile. */
int __wrap_bw_board_greet(struct bw_board *b, int timeout_ms);
int __wrap_bw_board_greet(struct bw_board *b, int timeout_ms)
{
	(void)b, (void)timeout_ms;
	return greeted;
}

/* All of it at once, so that nothing waits. */
static void prepare(uint8_t choices, const uint8_t *data, size_t size)
{
	struct bw_frame opened = { .type = BW_MSG_OPEN, .flags = BW_F_REPLY, .request = 1 };
	struct bw_buf b = { 0 };
	int fds[2], room = 4 << 20;

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (!(choices & 1))
		bw_frame_put_msg(&b, &opened, NULL, 0);
	bw_put_bytes(&b, data, size);
	(void)!send(fds[1], b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	bw_buf_free(&b);
	shutdown(fds[1], SHUT_WR);
	greeted = fds[0];
	bridge = fds[1];
}

static int drop(void *arg, const uint8_t *data, size_t len, bool whole)
{
	size_t *sum = arg;

	while (len--)
		*sum += *data++;
	return whole && *sum == 1 ? -ECANCELED : 0;
}

/* Several at once, and a file read by read; not one that is waited for. */
static void look(struct bw_session *s)
{
	struct bw_question q[] = { { .type = BW_MSG_FILE_LIST, .path = "/", .max = MAX }, { .type = BW_MSG_FILE_STAT, .path = "x", .max = 3 } };
	size_t sum = 0;
	struct bw_reads r = { .session = s, .path = "/dev/kmsg", .chunk = 8192, .records = true, .take = drop, .arg = &sum };

	bw_questions_ask(s, q, 2);
	REQUIRE(q[0].reply.len <= MAX && q[1].reply.len <= 3);
	bw_questions_free(q, 2);
	bw_reads_run(&r);
	r.whole = true;
	bw_reads_run(&r);
}

static void use(struct bw_session *s, FILE *null)
{
	struct bw_buf file = { 0 }, answer = { 0 };
	struct bw_check_sum sum = { 0 };
	struct bw_check c;
	struct bw_reader r;

	if (!bw_session_get_file(s, "/proc/config.gz", MAX, &file))
		REQUIRE(file.len <= MAX);
	if (!bw_session_ask(s, BW_MSG_CHECK, NULL, 0, MAX, &answer)) {
		REQUIRE(answer.len <= MAX);
		bw_reader_init(&r, answer.data, answer.len);
		while (r.left && !bw_get_check(&r, &c))
			bw_check_print(null, &c, &sum);
	}
	look(s);
	bw_buf_free(&file);
	bw_buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	struct bw_board b = { .serial = "fuzz" };
	struct bw_session s;

	if (!null)
		REQUIRE((null = fopen("/dev/null", "w")));
	bw_log_init("fuzz", BW_LOG_ERROR);
	if (!size)
		return 0;
	prepare(data[0], data + 1, size - 1);
	if (!bw_session_open(&s, &b)) {
		use(&s, null);
		bw_session_close(&s);
	}
	close(bridge);
	return 0;
}
