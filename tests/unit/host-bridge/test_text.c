// SPDX-License-Identifier: Apache-2.0
/* The socket of the text protocol: lines of a client become a session's DATA frames on the link of a board's process, and back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/clients.h"
#include "protocol/io.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"
#include "tests/unit/check.h"
#include "tests/unit/host-bridge/bench.h"

#include "tests/unit/host-bridge/bench.c"

static int text_connect(struct bench *b)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", b->text_path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		abort();
	return fd;
}

/* Connects, and the board sees the session. Its number, 0: something went wrong. */
static uint32_t text_session(struct bench *b, int *fd)
{
	struct bw_frame f;

	*fd = text_connect(b);
	if (!bench_next(b, &f, BENCH_MS) || f.type != BW_MSG_OPEN)
		return 0;
	bench_send(b, BW_MSG_OPEN, BW_F_REPLY, f.session, f.request, 0, NULL, 0);
	return f.session;
}

/* Reads so many bytes, or up to the end. How many came. */
static size_t text_read(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size && readable(fd, BENCH_MS) && (r = read(fd, to + n, size - n)) > 0)
		n += (size_t)r;
	return n;
}

static bool text_ended(int fd)
{
	char c;

	return readable(fd, BENCH_MS) && read(fd, &c, 1) == 0;
}

static bool next_is(struct bench *b, uint16_t type, uint32_t session, const void *p, size_t len)
{
	struct bw_frame f;

	return bench_next(b, &f, BENCH_MS) && f.type == type && f.session == session && bw_frame_payload_len(&f) == len &&
	       (!len || !memcmp(f.payload, p, len));
}

static void send_credit(struct bench *b, uint32_t session, uint32_t bytes)
{
	uint8_t le[4] = { (uint8_t)bytes, (uint8_t)(bytes >> 8), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 24) };

	bench_send(b, BW_MSG_CREDIT, 0, session, 0, 0, le, sizeof(le));
}

TEST("a client of lines is a session of the text service, and the board is the first to speak")
{
	struct bench b;
	struct bw_frame f;
	struct bw_reader r;
	struct bw_open m;
	char buf[16];
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	fd = text_connect(&b);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_OPEN);
	bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
	CHECK(!bw_get_open(&r, &m));
	CHECK_EQ(m.service, BW_SERVICE_TEXT);
	CHECK_EQ(m.pid, getpid());
	CHECK_EQ(m.uid, getuid());
	bench_send(&b, BW_MSG_OPEN, BW_F_REPLY, f.session, f.request, 0, NULL, 0);
	CHECK(!readable(fd, 100));
	bench_send(&b, BW_MSG_DATA, 0, f.session, 0, 0, "HELLO\n", 6);
	CHECK_EQ(text_read(fd, buf, 6), 6);
	CHECK(!memcmp(buf, "HELLO\n", 6));
	CHECK(write(fd, "A LINE\n", 7) == 7);
	CHECK(next_is(&b, BW_MSG_DATA, 1, "A LINE\n", 7));
	close(fd);
	CHECK(next_is(&b, BW_MSG_DATA, 1, NULL, 0));
	bench_stop(&b);
}

TEST("who has said all is still answered, and leaves when the board closes")
{
	char buf[16];
	struct bench b;
	uint32_t s;
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = text_session(&b, &fd);
	CHECK(s && write(fd, "X\n", 2) == 2);
	shutdown(fd, SHUT_WR);
	CHECK(next_is(&b, BW_MSG_DATA, s, "X\n", 2));
	CHECK(next_is(&b, BW_MSG_DATA, s, NULL, 0));
	bench_send(&b, BW_MSG_DATA, 0, s, 0, 0, "answer\n", 7);
	CHECK_EQ(text_read(fd, buf, 7), 7);
	bench_send(&b, BW_MSG_DATA, 0, s, 0, 0, "more\n", 5);
	bench_send(&b, BW_MSG_CLOSE, 0, s, 0, 0, NULL, 0);
	CHECK_EQ(text_read(fd, buf, sizeof(buf)), 5);		/* and nothing of a frame */
	CHECK(!memcmp(buf, "more\n", 5));
	CHECK(text_ended(fd));
	close(fd);
	bench_stop(&b);
}

TEST("a client that dies is the end of its session, as soon as the board says something")
{
	struct bench b;
	struct bw_frame f;
	uint32_t s;
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = text_session(&b, &fd);
	close(fd);
	CHECK(s && next_is(&b, BW_MSG_DATA, s, NULL, 0));
	bench_send(&b, BW_MSG_DATA, 0, s, 0, 0, "lost\n", 5);
	bench_send(&b, BW_MSG_DATA, 0, s, 0, 0, "lost\n", 5);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_CLOSE && f.session == s);
	bench_stop(&b);
}

TEST("lines beyond the board's window wait for its credit, and none is lost")
{
	static char lines[BW_WINDOW_MIN + (100u << 10)], got[sizeof(lines)];
	size_t n = 0, sent = 0, under_way = 0;
	struct bw_frame f;
	struct bench b;
	ssize_t w;
	uint32_t s;
	int fd;

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = (char)(i * 7 + i / 251);
	bench_start(&b, true);
	b.window = BW_WINDOW_MIN;
	CHECK(bench_up(&b));
	s = text_session(&b, &fd);
	CHECK(s);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (n < sizeof(lines)) {
		w = send(fd, lines + sent, sizeof(lines) - sent, MSG_NOSIGNAL);
		sent += w > 0 ? (size_t)w : 0;
		if (bench_next(&b, &f, under_way ? 50 : BENCH_MS)) {
			CHECK(f.type == BW_MSG_DATA && n + bw_frame_payload_len(&f) <= sizeof(got));
			memcpy(got + n, f.payload, bw_frame_payload_len(&f));
			n += bw_frame_payload_len(&f);
			under_way += f.length;
			CHECK(under_way <= BW_WINDOW_MIN);
		} else if (!under_way) {
			break;
		} else {
			send_credit(&b, s, (uint32_t)under_way);
			under_way = 0;
		}
	}
	CHECK_EQ(n, sizeof(lines));
	CHECK(!memcmp(got, lines, sizeof(lines)));
	close(fd);
	bench_stop(&b);
}

/* As much as the window allows; the bytes of the frames. */
static size_t send_window(struct bench *b, uint32_t session, const char *data, size_t *payload)
{
	size_t frames = 0;

	for (*payload = 0; frames + BW_FRAME_MAX <= BW_WINDOW; frames += BW_FRAME_MAX, *payload += BW_PAYLOAD_MAX)
		bench_send(b, BW_MSG_DATA, 0, session, 0, 0, data, BW_PAYLOAD_MAX);
	return frames;
}

TEST("the board gets its credit back as a client reads, and none from one that does not")
{
	static char data[BW_PAYLOAD_MAX], got[BW_WINDOW];
	size_t payload, frames, credit = 0;
	struct bw_frame f;
	struct bench b;
	uint32_t s, give;
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = text_session(&b, &fd);
	CHECK(s);
	frames = send_window(&b, s, data, &payload);
	CHECK(!bench_next(&b, &f, 300));		/* what a socket's buffer takes is less than half */
	CHECK_EQ(text_read(fd, got, payload), payload);
	while (credit < frames / 2 && bench_next(&b, &f, BENCH_MS)) {
		CHECK(f.type == BW_MSG_CREDIT && f.session == s && bw_frame_payload_len(&f) == 4);
		give = (uint32_t)f.payload[0] | (uint32_t)f.payload[1] << 8 | (uint32_t)f.payload[2] << 16 | (uint32_t)f.payload[3] << 24;
		credit += give;
	}
	CHECK(credit >= frames / 2 && credit <= frames);
	close(fd);
	bench_stop(&b);
}

TEST("what the board said before it closed is there for a reader that takes its time")
{
	static char data[BW_PAYLOAD_MAX], got[BW_WINDOW];
	size_t payload;
	struct bench b;
	uint32_t s;
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = text_session(&b, &fd);
	CHECK(s);
	send_window(&b, s, data, &payload);
	bench_send(&b, BW_MSG_CLOSE, 0, s, 0, 0, NULL, 0);
	sleep(BW_CLIENT_LEAVE_MS / 1000 + 1);
	CHECK_EQ(text_read(fd, got, sizeof(got)), payload);
	CHECK(text_ended(fd));
	close(fd);
	bench_stop(&b);
}

TEST("a board that knows no text protocol, or is gone, is told of in one line")
{
	char line[200] = "";
	struct bench b;
	struct bw_frame f;
	int fd;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	fd = text_connect(&b);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_OPEN);
	bench_send(&b, BW_MSG_OPEN, BW_F_REPLY, f.session, f.request, -EPROTO, NULL, 0);
	text_read(fd, line, sizeof(line) - 1);
	CHECK(!strcmp(line, "board board: bpfwired there does not speak the text protocol: update it\n"));
	close(fd);
	bench_stop(&b);
}

TEST("a client that comes while the link is opened waits for the board, and is refused with the reason if it will not be")
{
	char buf[200] = "";
	struct bw_frame f;
	struct bench b;
	int fd, waiting;

	bench_start(&b, true);
	waiting = text_connect(&b);
	CHECK(!readable(waiting, 300));
	CHECK(bench_reset(&b, BENCH_MS) && bench_hello(&b));
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_OPEN);
	bench_send(&b, BW_MSG_DATA, 0, f.session, 0, 0, "HI\n", 3);
	CHECK_EQ(text_read(waiting, buf, 3), 3);
	close(waiting);
	bench_stop(&b);

	bench_start(&b, true);
	waiting = text_connect(&b);
	CHECK(bench_reset(&b, BENCH_MS) && bench_hello_as(&b, BW_VERSION_MAJOR, -EPERM, "serves root only"));
	CHECK(text_read(waiting, buf, sizeof(buf) - 1) > 0);
	CHECK(strstr(buf, "serves root only\n"));
	CHECK(text_ended(waiting));
	close(waiting);
	fd = text_connect(&b);
	memset(buf, 0, sizeof(buf));
	CHECK(text_read(fd, buf, sizeof(buf) - 1) > 0 && strstr(buf, "serves root only\n"));
	close(fd);
	bench_stop(&b);
}

int main(void) { return check_done(); }
