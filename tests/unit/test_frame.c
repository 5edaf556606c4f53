// SPDX-License-Identifier: Apache-2.0
/* Frames, streams, joining, windows. Messages inside frames: test_msg.c. */
#include <errno.h>
#include <stdlib.h>

#include "protocol/frame.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

static const uint8_t nonce[BW_NONCE_SIZE] = "0123456789abcdef";

/* length type flags session request status, payload */
static const struct { const char *claim, *hex; struct bw_frame f; } frames[] = {
	{ "PING", "14000000 0200 0000 00000000 07000000 00000000", { 20, BW_MSG_PING, 0, 0, 7, 0, NULL } },
	{ "PING's reply", "14000000 0200 0200 00000000 07000000 00000000", { 20, BW_MSG_PING, BW_F_REPLY, 0, 7, 0, NULL } },
	{ "PAD", "16000000 0300 0000 00000000 00000000 00000000 0000", { 22, BW_MSG_PAD, 0, 0, 0, 0, NULL } },
	{ "CLOSE, of a board that is gone", "14000000 1100 0000 09000000 00000000 95ffffff", { 20, BW_MSG_CLOSE, 0, 9, 0, -107, NULL } },
	{ "CREDIT", "18000000 1200 0000 04030201 00000000 00000000 00000800", { 24, BW_MSG_CREDIT, 0, 0x01020304, 0, 0, NULL } },
	{ "OPEN's reply", "14000000 1000 0200 00000000 01000000 00000000", { 20, BW_MSG_OPEN, BW_F_REPLY, 0, 1, 0, NULL } },
	{ "HANDLE_CLOSE", "18000000 2300 0000 01000000 00000000 00000000 03000000", { 24, BW_MSG_HANDLE_CLOSE, 0, 1, 0, 0, NULL } },
	{ "HANDLE_WRITE's reply", "18000000 2500 0200 01000000 02000000 00000000 0c000000",
	  { 24, BW_MSG_HANDLE_WRITE, BW_F_REPLY, 1, 2, 0, NULL } },
	{ "RING_UNMAP", "18000000 3100 0000 01000000 02000000 00000000 03000000", { 24, BW_MSG_RING_UNMAP, 0, 1, 2, 0, NULL } },
	{ "RING_FLUSH", "18000000 3400 0000 01000000 02000000 00000000 03000000", { 24, BW_MSG_RING_FLUSH, 0, 1, 2, 0, NULL } },
	{ "FILE_ACCESS's reply: ENOENT", "14000000 4200 0200 01000000 02000000 feffffff",
	  { 20, BW_MSG_FILE_ACCESS, BW_F_REPLY, 1, 2, -2, NULL } },
	{ "FILE_READLINK's reply", "1a000000 4300 0200 01000000 02000000 00000000 02000000 2f78",
	  { 26, BW_MSG_FILE_READLINK, BW_F_REPLY, 1, 2, 0, NULL } },
	{ "a part of RING_DATA", "15000000 3300 0100 01000000 00000000 00000000 aa", { 21, BW_MSG_RING_DATA, BW_F_MORE, 1, 0, 0, NULL } },
};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))

static bool same_header(const struct bw_frame *a, const struct bw_frame *b)
{
	return a->length == b->length && a->type == b->type && a->flags == b->flags && a->session == b->session &&
	       a->request == b->request && a->status == b->status;
}

TEST("every kind of frame is its golden bytes, written and read")
{
	for (size_t i = 0; i < FRAMES; i++) {
		size_t len;
		uint8_t *p = hex_bytes(frames[i].hex, &len), head[BW_FRAME_HEADER];
		struct bw_frame f;

		CHECK_EQ(bw_frame_parse(p, len, &f), 1);
		CHECK(same_header(&f, &frames[i].f));
		CHECK(f.payload == p + BW_FRAME_HEADER);
		bw_frame_put_header(head, &frames[i].f);
		if (memcmp(head, p, sizeof(head))) {
			hex_print(frames[i].claim, head, sizeof(head));
			CHECK(!"written as read");
		}
		free(p);
	}
}

TEST("a frame that has not come whole is waited for, at any length")
{
	size_t len;
	uint8_t *p = hex_bytes(frames[FRAMES - 2].hex, &len);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = exact_copy(p, cut);
		struct bw_frame f;

		CHECK_EQ(bw_frame_parse(copy, cut, &f), 0);
		free(copy);
	}
	free(p);
}

TEST("a length under the header's or over BW_FRAME_MAX is refused as soon as it is there")
{
	static const struct { const char *hex; int want; } cases[] = {
		{ "00000000", -EPROTO }, { "13000000", -EPROTO }, { "14000000", 0 }, { "00000100", 0 }, { "01000100", -EPROTO },
		{ "ffffffff", -EPROTO }, { "425057", 0 }, { "42505749", -EPROTO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;
		uint8_t *p = hex_bytes(cases[i].hex, &len);
		struct bw_frame f;

		CHECK_EQ(bw_frame_parse(p, len, &f), cases[i].want);
		free(p);
	}
}

TEST("a frame of type 0, with an unknown flag or a positive status is refused")
{
	static const char *const cases[] = {
		"14000000 0000 0000 00000000 07000000 00000000", "14000000 0200 0400 00000000 07000000 00000000",
		"14000000 0200 0000 00000000 07000000 01000000",
	};

	for (size_t i = 0; i < 3; i++) {
		size_t len;
		uint8_t *p = hex_bytes(cases[i], &len);
		struct bw_frame f;

		CHECK_EQ(bw_frame_parse(p, len, &f), -EPROTO);
		free(p);
	}
}

TEST("the session can be rewritten in place and nothing else changes")
{
	size_t len;
	uint8_t *p = hex_bytes(frames[4].hex, &len);
	struct bw_frame f, want = frames[4].f;

	bw_frame_set_session(p, want.session = 0xa1b2c3d4);
	CHECK_EQ(bw_frame_parse(p, len, &f), 1);
	CHECK(same_header(&f, &want));
	free(p);
}

TEST("PAD makes a length no multiple of the packet, whatever the packet")
{
	static const size_t packets[] = { 1, 2, 4, 5, 10, 20, 64, 512, 1024 };

	for (size_t i = 1; i < sizeof(packets) / sizeof(packets[0]); i++)
		for (size_t already = 0; already < 3 * packets[i]; already++) {
			struct bw_buf b = { 0 };
			struct bw_frame f;

			bw_frame_put_pad(&b, already, packets[i]);
			CHECK((b.len + already) % packets[i] != 0);
			CHECK((already % packets[i] != 0) == (b.len == 0));
			if (b.len)
				CHECK(bw_frame_parse(b.data, b.len, &f) == 1 && f.type == BW_MSG_PAD && f.length == b.len);
			bw_buf_free(&b);
		}
}

/* ---- streams ---- */

/* Feeds bytes in pieces of at most step, counts frames; sum is over their requests. */
static int feed(struct bw_stream *s, const uint8_t *p, size_t len, size_t step, uint64_t *sum)
{
	int frames_seen = 0;

	while (len) {
		size_t room, n = len < step ? len : step;
		uint8_t *to = bw_stream_room(s, &room);
		struct bw_frame f;
		int r;

		CHECK(room > 0);
		if (n > room)
			n = room;
		memcpy(to, p, n);
		bw_stream_fed(s, n);
		p += n;
		len -= n;
		while ((r = bw_stream_next(s, &f)) > 0) {
			frames_seen++;
			*sum += f.request;
		}
		if (r < 0)
			return r;
	}
	return frames_seen;
}

static void put_ping(struct bw_buf *b, uint32_t request)
{
	bw_frame_put_msg(b, &(struct bw_frame){ .type = BW_MSG_PING, .request = request }, NULL, 0);
}

TEST("frames come out whole however the stream is cut, also the longest ones, and the buffer never grows")
{
	static const size_t steps[] = { 1, 7, 19, 20, 21, 511, 512, 4096, 65535, 65536, 100000, BW_STREAM_SIZE };
	static uint8_t payload[3 * BW_PAYLOAD_MAX + 5];
	struct bw_buf b = { 0 };

	for (uint32_t i = 1; i <= 40; i++) {
		put_ping(&b, i);
		if (i % 10 == 0)
			bw_frame_put_msg(&b, &(struct bw_frame){ .type = BW_MSG_FILE_GET, .request = 1000 }, payload, sizeof(payload));
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct bw_stream s;
		uint64_t sum = 0;

		CHECK_EQ(bw_stream_init(&s), 0);
		CHECK_EQ(feed(&s, b.data, b.len, steps[i], &sum), 40 + 4 * 4);
		CHECK_EQ(sum, 820 + 16 * 1000);
		bw_stream_fini(&s);
	}
	bw_buf_free(&b);
}

/* What may lie in a pipe before the preamble, and what must all be dropped. */
static const char *const stale[] = {
	"", "42", "425057464952450a", "42425057 46495245", "42505746495245 42505746495245", "0a0a0a", "4250574649524542 50574649 52450a",
	"425057464952450a 30313233343536373839616263646500", "425057464952450a 425057464952450a", "425057464952450a 30 425057464952450a",
	"14000000 0200 0000 00000000 07000000 00000000",
};

TEST("a new link's preamble is found after any stale bytes, partial magics and older preambles, and cut anywhere")
{
	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
		for (size_t step = 1; step < 64; step++) {
			size_t len;
			uint8_t *junk = hex_bytes(stale[i], &len);
			struct bw_buf b = { 0 };
			struct bw_stream s;
			uint64_t sum = 0;

			bw_put_bytes(&b, junk, len);
			bw_put_preamble(&b, nonce);
			put_ping(&b, 5);
			put_ping(&b, 6);
			CHECK_EQ(bw_stream_init(&s), 0);
			bw_stream_expect(&s, nonce);
			CHECK_EQ(feed(&s, b.data, b.len, step, &sum), 2);
			CHECK_EQ(sum, 11);
			CHECK_EQ(s.dropped, len);
			bw_stream_fini(&s);
			bw_buf_free(&b);
			free(junk);
		}
}

TEST("megabytes of stale bytes pass through the scan")
{
	struct bw_buf b = { 0 };
	struct bw_stream s;
	uint64_t sum = 0;

	memset(bw_put_room(&b, 3 << 20), 'B', 3 << 20);
	bw_put_preamble(&b, nonce);
	put_ping(&b, 5);
	CHECK_EQ(bw_stream_init(&s), 0);
	bw_stream_expect(&s, nonce);
	CHECK_EQ(feed(&s, b.data, b.len, 65536, &sum), 1);
	CHECK_EQ(s.dropped, 3 << 20);
	bw_stream_fini(&s);
	bw_buf_free(&b);
}

TEST("a pipe without RESET takes the first preamble's nonce, and then expects one again")
{
	struct bw_buf b = { 0 };
	struct bw_stream s;
	uint64_t sum = 0;

	bw_put_str(&b, "Welcome to Debian\n");
	bw_put_preamble(&b, nonce);
	put_ping(&b, 1);
	CHECK_EQ(bw_stream_init(&s), 0);
	bw_stream_expect(&s, NULL);
	CHECK_EQ(feed(&s, b.data, b.len, 1, &sum), 1);
	CHECK(!memcmp(s.nonce, nonce, sizeof(nonce)));
	bw_stream_expect(&s, (const uint8_t *)"another nonce...");
	CHECK(!s.synced);
	CHECK_EQ(feed(&s, b.data, b.len, 1000, &sum), 0);
	bw_stream_fini(&s);
	bw_buf_free(&b);
}

TEST("a stream that loses its frames is an error and not a wait")
{
	struct bw_stream s;
	uint64_t sum = 0;

	CHECK_EQ(bw_stream_init(&s), 0);
	CHECK_EQ(feed(&s, (const uint8_t *)BW_MAGIC, 8, 8, &sum), -EPROTO);
	bw_stream_fini(&s);
}

/* ---- joining ---- */

static void check_joined(size_t len, size_t frames_wanted)
{
	struct bw_frame h = { .type = BW_MSG_FILE_GET, .flags = BW_F_REPLY, .session = 3, .request = 9, .status = -5 }, f;
	uint8_t *payload = malloc(len ? len : 1);
	struct bw_buf b = { 0 };
	struct bw_joiner j;
	const uint8_t *out = NULL;
	size_t at = 0, n = 0, out_len = 0;
	int r = 0;

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 7);
	bw_frame_put_msg(&b, &h, payload, len);
	bw_joiner_init(&j, len);
	for (; at < b.len; at += f.length, n++) {
		CHECK_EQ(r, 0);
		CHECK_EQ(bw_frame_parse(b.data + at, b.len - at, &f), 1);
		CHECK(f.type == h.type && f.session == 3 && f.request == 9 && f.status == -5 && f.flags & BW_F_REPLY);
		r = bw_joiner_add(&j, &f, &out, &out_len);
	}
	CHECK_EQ(r, 1);
	CHECK_EQ(n, frames_wanted);
	CHECK_EQ(out_len, len);
	CHECK(!memcmp(out, payload, len));
	bw_joiner_fini(&j);
	bw_buf_free(&b);
	free(payload);
}

TEST("a message of any length is split into frames and joined again")
{
	check_joined(0, 1);
	check_joined(1, 1);
	check_joined(BW_PAYLOAD_MAX, 1);
	check_joined(BW_PAYLOAD_MAX + 1, 2);
	check_joined(2 * BW_PAYLOAD_MAX, 2);
	check_joined(1000000, 16);
}

/* Adds a frame of len zero bytes. */
static int add(struct bw_joiner *j, uint16_t type, uint16_t flags, uint32_t request, uint32_t len)
{
	static const uint8_t zeros[256];
	struct bw_frame f = { BW_FRAME_HEADER + len, type, flags, 1, request, 0, zeros };
	const uint8_t *out;
	size_t out_len;

	return bw_joiner_add(j, &f, &out, &out_len);
}

TEST("a frame of another message between a message's frames is refused")
{
	static const struct { uint16_t type, flags; uint32_t request; } others[] = {
		{ BW_MSG_BPF, 0, 2 }, { BW_MSG_IOCTL, 0, 1 }, { BW_MSG_BPF, BW_F_REPLY, 1 }, { BW_MSG_BPF, BW_F_MORE, 2 },
	};

	for (size_t i = 0; i < 4; i++) {
		struct bw_joiner j;

		bw_joiner_init(&j, 1000);
		CHECK_EQ(add(&j, BW_MSG_BPF, BW_F_MORE, 1, 10), 0);
		CHECK_EQ(add(&j, others[i].type, others[i].flags, others[i].request, 10), -EPROTO);
		bw_joiner_fini(&j);
	}
}

TEST("a message over its maximum is refused at the frame that goes over, in one frame or in many")
{
	struct bw_joiner j;

	bw_joiner_init(&j, 100);
	CHECK_EQ(add(&j, BW_MSG_BPF, 0, 1, 100), 1);
	CHECK_EQ(add(&j, BW_MSG_BPF, 0, 1, 101), -EMSGSIZE);
	CHECK_EQ(add(&j, BW_MSG_BPF, BW_F_MORE, 1, 60), 0);
	CHECK_EQ(add(&j, BW_MSG_BPF, BW_F_MORE, 1, 40), 0);
	CHECK_EQ(add(&j, BW_MSG_BPF, 0, 1, 1), -EMSGSIZE);
	bw_joiner_fini(&j);
}

TEST("one message after another goes through the same joiner")
{
	struct bw_joiner j;

	bw_joiner_init(&j, 100);
	for (uint32_t i = 0; i < 5; i++) {
		CHECK_EQ(add(&j, BW_MSG_BPF, BW_F_MORE, i, 50), 0);
		CHECK_EQ(add(&j, BW_MSG_BPF, 0, i, 50), 1);
		CHECK_EQ(add(&j, BW_MSG_IOCTL, 0, i, 100), 1);
	}
	bw_joiner_fini(&j);
}

/* ---- windows ---- */

TEST("CREDIT, OPEN and CLOSE are not counted, all else is")
{
	for (uint16_t type = 1; type <= BW_MSG_LAST; type++)
		CHECK(bw_frame_counts(type) == (type != BW_MSG_CREDIT && type != BW_MSG_OPEN && type != BW_MSG_CLOSE));
}

TEST("a peer that sends more than its window is caught at the first byte over")
{
	struct bw_window w;

	bw_window_init(&w, 1000);
	CHECK_EQ(bw_window_receive(&w, 600), 0);
	CHECK_EQ(bw_window_receive(&w, 401), -EPROTO);
	CHECK_EQ(bw_window_receive(&w, 400), 0);
	CHECK_EQ(bw_window_receive(&w, 1), -EPROTO);
	CHECK_EQ(bw_window_receive(&w, 0xffffffff), -EPROTO);
}

TEST("what was consumed is given back at half of the window, and no byte is lost")
{
	struct bw_window w;
	int64_t peer;
	uint64_t given = 0, consumed = 0;

	bw_window_init(&w, BW_WINDOW_MIN);
	peer = w.avail;
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t len = 20 + i * 7919 % (BW_FRAME_MAX - 19), back;

		CHECK(peer >= len);		/* a sender never stalls when all is consumed at once */
		peer -= len;
		CHECK_EQ(bw_window_receive(&w, len), 0);
		consumed += len;
		back = bw_window_consume(&w, len);
		given += back;
		peer += back;
		CHECK_EQ(peer, w.avail);
		CHECK(consumed - given < BW_WINDOW_MIN / 2);
	}
}

TEST("a request and its reply need no CREDIT")
{
	struct bw_window w;

	bw_window_init(&w, BW_WINDOW);
	CHECK_EQ(bw_window_receive(&w, 200), 0);
	CHECK_EQ(bw_window_consume(&w, 200), 0);
}

int main(void)
{
	return check_done();
}
