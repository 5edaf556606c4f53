// SPDX-License-Identifier: Apache-2.0
/* The process of a board, whole, between a fake board and real sockets. */
#include <errno.h>
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

TEST("a client that comes while the link is opened is told so at once")
{
	struct bench b;
	struct client c;
	struct bw_frame f;

	bench_start(&b, true);
	client_connect(&b, &c);
	CHECK(client_next(&c, &f, 500));
	CHECK_EQ(f.type, BW_MSG_HELLO);
	CHECK_EQ(f.status, bw_errno_to_wire(-EAGAIN));
	CHECK(client_ended(&c, 500));
	client_close(&c);
	bench_stop(&b);
	CHECK_EQ(b.result, 0);
}

TEST("sessions have numbers of their own, true pids, and never each other's frames")
{
	struct bench b;
	struct client c[2];
	struct bw_frame f;
	struct bw_reader r;
	struct bw_open m;
	uint32_t s[2];
	int i;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	client_connect(&b, &c[0]);
	CHECK(client_next(&c[0], &f, BENCH_MS));
	client_send_open(&c[0], BW_WINDOW);
	CHECK(bench_next(&b, &f, BENCH_MS));
	s[0] = f.session;
	bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
	CHECK(!bw_get_open(&r, &m));
	CHECK_EQ(m.pid, getpid());
	CHECK_EQ(m.uid, getuid());
	CHECK(bw_str_eq(m.comm, "tool"));
	bench_send(&b, BW_MSG_OPEN, BW_F_REPLY, s[0], f.request, 0, NULL, 0);
	CHECK(client_next(&c[0], &f, BENCH_MS) && f.type == BW_MSG_OPEN);
	s[1] = client_session(&b, &c[1], BW_WINDOW);
	CHECK(s[0] && s[1] && s[0] != s[1]);
	for (i = 0; i < 2; i++) {
		client_send(&c[i], BW_MSG_CLOCKS, 0, 5, "abc", 3);
		CHECK(bench_next(&b, &f, BENCH_MS));
		CHECK_EQ(f.session, s[i]);
		CHECK_EQ(f.request, 5);
		CHECK(bw_frame_payload_len(&f) == 3 && !memcmp(f.payload, "abc", 3));
	}
	for (i = 1; i >= 0; i--)
		bench_send(&b, BW_MSG_CLOCKS, BW_F_REPLY, s[i], 5, 0, &s[i], 4);
	for (i = 0; i < 2; i++) {
		CHECK(client_next(&c[i], &f, BENCH_MS));
		CHECK_EQ(f.session, 0);
		CHECK(!memcmp(f.payload, &s[i], 4));
	}
	client_close(&c[0]);
	CHECK(bench_next(&b, &f, BENCH_MS));
	CHECK(f.type == BW_MSG_CLOSE && f.session == s[0]);
	CHECK(client_session(&b, &c[0], BW_WINDOW) > s[1]);
	client_close(&c[0]);
	client_close(&c[1]);
	bench_stop(&b);
}

/* As much as the window of its session allows, in frames of 64 KiB. */
static void flood(struct bench *b, uint32_t session, uint32_t window)
{
	static uint8_t data[BW_PAYLOAD_MAX];

	for (; window >= BW_FRAME_MAX; window -= BW_FRAME_MAX)
		bench_send(b, BW_MSG_RING_DATA, 0, session, 0, 0, data, sizeof(data));
}

TEST("a client that never reads holds up nobody else")
{
	struct bench b;
	struct client lazy, busy;
	struct bw_frame f;
	uint32_t s1, s2;
	int i;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s1 = client_session(&b, &lazy, BW_WINDOW_MAX);
	s2 = client_session(&b, &busy, BW_WINDOW);
	flood(&b, s1, BW_WINDOW_MAX);
	for (i = 0; i < 100; i++) {
		client_send(&busy, BW_MSG_CLOCKS, 0, 9, NULL, 0);
		if (!bench_next(&b, &f, BENCH_MS) || f.session != s2)
			break;
		bench_send(&b, BW_MSG_CLOCKS, BW_F_REPLY, s2, 9, 0, NULL, 0);
		if (!client_next(&busy, &f, BENCH_MS))
			break;
	}
	CHECK_EQ(i, 100);
	for (i = 0; i < (int)(BW_WINDOW_MAX / BW_FRAME_MAX); i++)	/* nothing of its own was lost either */
		if (!client_next(&lazy, &f, BENCH_MS) || f.length != BW_FRAME_MAX)
			break;
	CHECK_EQ(i, BW_WINDOW_MAX / BW_FRAME_MAX);
	client_close(&lazy);
	client_close(&busy);
	bench_stop(&b);
}

/* Its session ends, the board hears of it, and another session does not notice. */
static void check_only_it_ends(struct bench *b, struct client *bad, uint32_t session, struct client *good, uint32_t good_session)
{
	struct bw_frame f = { 0 };

	CHECK(client_ended(bad, BENCH_MS));
	while (bench_next(b, &f, BENCH_MS) && f.type != BW_MSG_CLOSE)
		CHECK_EQ(f.session, session);
	CHECK(f.type == BW_MSG_CLOSE && f.session == session);
	client_send(good, BW_MSG_CLOCKS, 0, 9, NULL, 0);
	CHECK(bench_next(b, &f, BENCH_MS));
	CHECK_EQ(f.session, good_session);
	bench_send(b, BW_MSG_CLOCKS, BW_F_REPLY, good_session, 9, 0, NULL, 0);
	CHECK(client_next(good, &f, BENCH_MS));
	client_close(bad);
}

TEST("a client that sends more than the board's window loses its session, and no other does")
{
	static uint8_t data[BW_PAYLOAD_MAX];
	struct bench b;
	struct client bad, good;
	uint32_t s1, s2;
	int i;

	bench_start(&b, true);
	b.window = BW_WINDOW_MIN;
	CHECK(bench_up(&b));
	s1 = client_session(&b, &bad, BW_WINDOW);
	s2 = client_session(&b, &good, BW_WINDOW);
	for (i = 0; i < 3; i++)
		client_send(&bad, BW_MSG_HANDLE_WRITE, 0, 2, data, sizeof(data));
	check_only_it_ends(&b, &bad, s1, &good, s2);
	client_close(&good);
	bench_stop(&b);
}

TEST("credit from the board lets a client send on; credit that it never used ends its session")
{
	static uint8_t data[BW_PAYLOAD_MAX];
	static const uint8_t frame_credit[4] = { 0, 0, 1, 0 };	/* BW_FRAME_MAX */
	struct bench b;
	struct client bad, good;
	struct bw_frame f;
	uint32_t s1, s2;
	int i;

	bench_start(&b, true);
	b.window = BW_WINDOW_MIN;
	CHECK(bench_up(&b));
	s2 = client_session(&b, &good, BW_WINDOW);
	s1 = client_session(&b, &bad, BW_WINDOW);
	for (i = 0; i < 8; i++) {
		client_send(&good, BW_MSG_HANDLE_WRITE, 0, 2, data, sizeof(data));
		CHECK(bench_next(&b, &f, BENCH_MS) && f.session == s2 && f.length == BW_FRAME_MAX);
		bench_send(&b, BW_MSG_CREDIT, 0, s2, 0, 0, frame_credit, 4);
		CHECK(client_next(&good, &f, BENCH_MS) && f.type == BW_MSG_CREDIT);
	}
	client_send(&bad, BW_MSG_CREDIT, 0, 0, frame_credit, 4);
	check_only_it_ends(&b, &bad, s1, &good, s2);
	client_close(&good);
	bench_stop(&b);
}

TEST("a session that the board sends more than its window ends, and no other does")
{
	struct bench b;
	struct client bad, good;
	uint32_t s1, s2;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s1 = client_session(&b, &bad, BW_WINDOW_MIN);
	s2 = client_session(&b, &good, BW_WINDOW);
	flood(&b, s1, BW_WINDOW_MIN + 8 * BW_FRAME_MAX);
	check_only_it_ends(&b, &bad, s1, &good, s2);
	client_close(&good);
	bench_stop(&b);
}

static void check_refused(const void *bytes, size_t len)
{
	struct bench b;
	struct client bad, good;
	uint32_t s1, s2;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s1 = client_session(&b, &bad, BW_WINDOW);
	s2 = client_session(&b, &good, BW_WINDOW);
	CHECK_EQ(send(bad.fd, bytes, len, MSG_NOSIGNAL), len);
	check_only_it_ends(&b, &bad, s1, &good, s2);
	client_close(&good);
	bench_stop(&b);
}

TEST("a client that sends a frame over the limit, a session number, a HELLO or a second OPEN loses its session alone")
{
	static const uint8_t long_frame[20] = { 0x01, 0x00, 0x01, 0x00, 80 }, short_frame[20] = { 19, 0, 0, 0, 80 };
	static const uint8_t numbered[20] = { 20, 0, 0, 0, 80, 0, 0, 0, 1 }, hello[20] = { 20, 0, 0, 0, 1 }, again[20] = { 20, 0, 0, 0, 16 };

	check_refused(long_frame, 20);
	check_refused(short_frame, 20);
	check_refused(numbered, 20);
	check_refused(hello, 20);
	check_refused(again, 20);
}

TEST("a client's PING is answered by the bridge, and its CLOSE ends its session")
{
	struct bench b;
	struct client c;
	struct bw_frame f;
	uint32_t s;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = client_session(&b, &c, BW_WINDOW);
	client_send(&c, BW_MSG_PING, 0, 3, NULL, 0);
	CHECK(client_next(&c, &f, BENCH_MS) && f.type == BW_MSG_PING && f.flags == BW_F_REPLY && f.request == 3);
	client_send(&c, BW_MSG_CLOSE, 0, 0, NULL, 0);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_CLOSE && f.session == s && !f.status);
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	bench_stop(&b);
}

TEST("what a client said before it left reaches the board before its CLOSE")
{
	static uint8_t data[30000];
	struct bench b;
	struct client c;
	struct bw_frame f;
	uint32_t s;
	int i;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = client_session(&b, &c, BW_WINDOW);
	for (i = 0; i < 20; i++)
		client_send(&c, BW_MSG_HANDLE_WRITE, 0, (uint32_t)i + 1, data, sizeof(data));
	client_close(&c);
	for (i = 0; i < 20; i++)
		CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_HANDLE_WRITE && f.session == s && f.request == (uint32_t)i + 1);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_CLOSE);
	bench_stop(&b);
}

TEST("a session that the board ends is ended for the client, with the reason")
{
	struct bench b;
	struct client c;
	struct bw_frame f;
	uint32_t s;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = client_session(&b, &c, BW_WINDOW);
	bench_send(&b, BW_MSG_CLOSE, 0, s, 0, -ENOMEM, NULL, 0);
	CHECK(client_next(&c, &f, BENCH_MS));
	CHECK(f.type == BW_MSG_CLOSE && f.status == bw_errno_to_wire(-ENOMEM));
	CHECK(client_ended(&c, BENCH_MS));
	bench_send(&b, BW_MSG_CLOCKS, 0, s, 0, 0, NULL, 0);	/* a late one harms nobody */
	client_close(&c);
	CHECK(client_session(&b, &c, BW_WINDOW));
	client_close(&c);
	bench_stop(&b);
}

TEST("garbage from the board resets the link: sessions end with CLOSE, the next link works")
{
	uint8_t garbage[100];
	struct bench b;
	struct client c;
	struct bw_frame f;

	memset(garbage, 0xff, sizeof(garbage));
	bench_start(&b, true);
	CHECK(bench_up(&b));
	CHECK(client_session(&b, &c, BW_WINDOW));
	bench_write(&b, garbage, sizeof(garbage));
	CHECK(client_next(&c, &f, BENCH_MS));
	CHECK(f.type == BW_MSG_CLOSE && f.status < 0);
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	CHECK(bench_reset(&b, BENCH_MS));
	bench_write(&b, garbage, sizeof(garbage));		/* of the old link, before the new preamble */
	CHECK(bench_hello(&b));
	CHECK(greets(&b));
	CHECK_EQ(client_session(&b, &c, BW_WINDOW), 1);		/* a new life */
	client_close(&c);
	bench_stop(&b);
}

TEST("a frame for a session that never was resets the link")
{
	struct bench b;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	bench_send(&b, BW_MSG_CLOCKS, 0, 5, 0, 0, NULL, 0);
	CHECK(bench_reset(&b, BENCH_MS));
	bench_stop(&b);
}

TEST("a board that falls silent is asked, then given up within seconds; its sessions end")
{
	struct bench b;
	struct client c;
	struct bw_frame f;
	int64_t start;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	CHECK(client_session(&b, &c, BW_WINDOW));
	start = bw_now_ms();
	CHECK(bench_next(&b, &f, BW_PING_AFTER_MS + 1000) && f.type == BW_MSG_PING && f.request);
	bench_send(&b, BW_MSG_PING, BW_F_REPLY, 0, f.request, 0, NULL, 0);
	CHECK(bench_next(&b, &f, BW_PING_AFTER_MS + 1000) && f.type == BW_MSG_PING);
	CHECK(client_next(&c, &f, BW_DEAD_AFTER_MS) && f.type == BW_MSG_CLOSE && f.status == bw_errno_to_wire(-ETIMEDOUT));
	CHECK(bw_now_ms() - start < BW_PING_AFTER_MS + BW_DEAD_AFTER_MS + 1000);
	CHECK(bench_reset(&b, BENCH_MS));
	client_close(&c);
	bench_stop(&b);
}

TEST("a link without sessions is left alone")
{
	struct bench b;
	struct bw_frame f;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	CHECK(!bench_next(&b, &f, BW_PING_AFTER_MS * 2));
	CHECK(!bench_reset(&b, 0));
	bench_stop(&b);
}

TEST("the board's PING is answered")
{
	struct bench b;
	struct bw_frame f;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	bench_send(&b, BW_MSG_PING, 0, 0, 42, 0, NULL, 0);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_PING && f.flags == BW_F_REPLY && f.request == 42);
	bench_stop(&b);
}

static void check_greeting(struct bench *b, int status, const char *part)
{
	int64_t until = bw_now_ms() + BENCH_MS;
	struct bw_hello hello = { 0 };
	char reason[300] = "";
	struct bw_reader r;
	struct bw_frame f = { 0 };
	struct client c;

	do {
		client_connect(b, &c);
		CHECK(client_next(&c, &f, BENCH_MS));
		bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
		CHECK(!bw_get_hello(&r, &hello));
		snprintf(reason, sizeof(reason), "%.*s", (int)hello.reason.len, hello.reason.p);
		client_close(&c);
	} while (f.status == bw_errno_to_wire(-EAGAIN) && bw_now_ms() < until);
	CHECK_EQ(f.status, bw_errno_to_wire(status));
	CHECK(strstr(reason, part));
}

TEST("a board of another protocol version stays, and each client is told what to update")
{
	struct bench b;

	bench_start(&b, true);
	if (!freopen("/dev/null", "w", stderr))		/* it logs that, rightly */
		abort();
	CHECK(bench_reset(&b, BENCH_MS));
	CHECK(bench_hello_as(&b, BW_VERSION_MAJOR + 1, 0, ""));
	check_greeting(&b, -EPROTO, "update bpfwire on this machine");
	bench_write(&b, "whatever it says next", 21);
	check_greeting(&b, -EPROTO, "protocol 2, this bridge 1");
	bench_stop(&b);
}

TEST("the reason of a board that refuses reaches the client, without control characters")
{
	struct bench b;

	bench_start(&b, true);
	CHECK(bench_reset(&b, BENCH_MS));
	CHECK(bench_hello_as(&b, BW_VERSION_MAJOR, -EACCES, "needs a key\x1b[31m"));
	check_greeting(&b, -EACCES, "needs a key?[31m");
	bench_stop(&b);
}

TEST("a board that never answers is tried with new nonces, then given up with a reason")
{
	struct bench b;

	bench_start(&b, true);
	CHECK(bench_reset(&b, BENCH_MS));
	CHECK(bench_reset(&b, 2 * BENCH_MS));
	bench_stop(&b);
}

TEST("a command that ends is the end of its board: clients hear it, the reason is given")
{
	struct bench b;
	struct client c;
	struct bw_frame f;

	bench_start(&b, false);
	bw_stream_expect(&b.in, NULL);
	CHECK(bench_hello(&b) && greets(&b));
	CHECK(client_session(&b, &c, BW_WINDOW));
	shutdown(b.board_fd, SHUT_RDWR);
	CHECK(client_next(&c, &f, BENCH_MS) && f.type == BW_MSG_CLOSE && f.status == bw_errno_to_wire(-ENODEV));
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	bench_join(&b);
	CHECK_EQ(b.result, -ENODEV);
	CHECK(strstr(b.reason, "gone"));
}

TEST("a bridge that is told to stop closes its sessions on the board first")
{
	struct bench b;
	struct client c;
	struct bw_frame f;
	uint32_t s;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	s = client_session(&b, &c, BW_WINDOW);
	usleep(700000);			/* nothing moves: it sleeps for longer than stopping may take */
	bw_write_full(b.stop_fd, "x", 1);
	CHECK(bench_next(&b, &f, BENCH_MS) && f.type == BW_MSG_CLOSE && f.session == s);
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	bench_join(&b);
	CHECK_EQ(b.result, 0);
}

TEST("clients over the limit are turned away with a reason, and room comes back when one leaves")
{
	static struct client c[BW_CLIENTS_MAX];
	struct client more;
	struct bw_frame f;
	struct bench b;
	int i;

	bench_start(&b, true);
	CHECK(bench_up(&b));
	usleep(50000);		/* the client of bench_up is gone */
	for (i = 0; i < BW_CLIENTS_MAX; i++) {
		client_connect(&b, &c[i]);
		CHECK(client_next(&c[i], &f, BENCH_MS) && !f.status);
	}
	client_connect(&b, &more);
	CHECK(client_next(&more, &f, BENCH_MS) && f.status == bw_errno_to_wire(-EUSERS));
	client_close(&more);
	for (i = 0; i < BW_CLIENTS_MAX; i++)
		client_close(&c[i]);
	CHECK(greets(&b));
	bench_stop(&b);
}

int main(void) { return check_done(); }
