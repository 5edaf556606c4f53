// SPDX-License-Identifier: Apache-2.0
/*
 * The preloaded library's receiving end: any frames from a board, while requests wait for replies, into rings in the tool's memory that a reader
 * empties as trustingly as libbpf and BCC do. Input: blocks of u8 kind, u8 length, bytes:
 *
 *	0	frames as they are
 *	1	one frame: u8 type, u8 flags, u8 request, payload
 *	2	records for ring (length % 3), as RING_DATA
 *	3	a reader takes what ring (length % 3) holds
 *	4	a tool scribbles over the position of ring (length % 3): u64
 *	5	credit is given back
 */
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "remote/conn.h"
#include "remote/remote.h"
#include "remote/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)
#define RINGS	3
#define WAITERS	3
#define SIZE	8192u

/* What goes to the board goes well, and nothing is said. (The linker puts these in the place of the library's: fuzz_remote in the Makefile.) */
int __wrap_bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply);
int __wrap_bw_send(uint16_t type, uint32_t request, const void *payload, size_t len);
int __wrap_bw_send_try(uint16_t type, const void *payload, size_t len);
void __wrap_bw_say(const char *fmt, ...);

int __wrap_bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply)
{
	(void)type, (void)payload, (void)reply;
	return 0;
}

int __wrap_bw_send(uint16_t type, uint32_t request, const void *payload, size_t len)
{
	(void)type, (void)request, (void)payload, (void)len;
	return 0;
}

int __wrap_bw_send_try(uint16_t type, const void *payload, size_t len)
{
	(void)type, (void)payload, (void)len;
	return 0;
}

void __wrap_bw_say(const char *fmt, ...)
{
	(void)fmt;
}

static struct bw_placeholder objects[RINGS];
static const enum bw_ring_kind kinds[RINGS] = { BW_RING_PERF, BW_RING_PERF, BW_RING_BPF };
static const enum bw_ring_shows shows[RINGS] = { BW_RING_RAW, BW_RING_ALL, BW_RING_ALL };
static bool scribbled[RINGS];		/* no reader could make sense of it then */
static struct bw_waiter waiters[WAITERS];

static _Atomic uint64_t *word(const struct bw_ring *r, size_t perf, size_t bpf)
{
	return (_Atomic uint64_t *)(r->mem + (r->kind == BW_RING_PERF ? perf : bpf));
}

static uint8_t byte_at(const struct bw_ring *r, uint64_t pos)
{
	return (uint8_t)r->mem[(r->kind == BW_RING_PERF ? r->page : 2 * r->page) + (pos & (r->size - 1))];
}

static uint32_t u32_at(const struct bw_ring *r, uint64_t pos)
{
	return byte_at(r, pos) | (uint32_t)byte_at(r, pos + 1) << 8 | (uint32_t)byte_at(r, pos + 2) << 16 | (uint32_t)byte_at(r, pos + 3) << 24;
}

/* perf_event_read_simple and what its callers do with a sample; ringbuf_process_ring. */
static uint64_t record_at(const struct bw_ring *r, uint64_t pos)
{
	uint32_t type = u32_at(r, pos), len = u32_at(r, pos + 4) >> 16;

	if (r->kind == BW_RING_BPF) {
		REQUIRE(!(type & BPF_RINGBUF_BUSY_BIT));
		return ((uint64_t)(type & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
	}
	REQUIRE(len >= sizeof(struct perf_event_header));
	if (r->shows == BW_RING_RAW) {
		REQUIRE(type == PERF_RECORD_SAMPLE || type == PERF_RECORD_LOST);
		REQUIRE(type == PERF_RECORD_SAMPLE ? u32_at(r, pos + 8) + 12ull <= len : len >= 24);
	}
	return len;
}

static void read_ring(const struct bw_ring *r)
{
	uint64_t end = atomic_load(word(r, offsetof(struct perf_event_mmap_page, data_head), r->page)), at;
	_Atomic uint64_t *tail = word(r, offsetof(struct perf_event_mmap_page, data_tail), 0);

	at = atomic_load(tail);
	if (scribbled[r->handle - 1])
		return;
	REQUIRE(end - at <= r->size);
	while (at != end) {
		at += record_at(r, at);
		REQUIRE(end - at <= r->size);
	}
	atomic_store(tail, at);
}

static void feed(const uint8_t *p, size_t len, int *closed, int *err)
{
	while (len && !*err && !*closed) {
		size_t room;
		uint8_t *to = bw_stream_room(&bw_conn.stream, &room);

		REQUIRE(room);
		room = room < len ? room : len;
		memcpy(to, p, room);
		bw_stream_fed(&bw_conn.stream, room);
		p += room;
		len -= room;
		*err = bw_receive_frames(closed);
		REQUIRE(*err <= 0);
	}
}

static void feed_frame(uint8_t type, uint8_t flags, uint8_t request, const void *p, size_t len, int *closed, int *err)
{
	struct bw_frame f = { .type = type, .flags = flags, .length = (uint32_t)(BW_FRAME_HEADER + len), .request = request };
	uint8_t frame[BW_FRAME_HEADER + 512];

	bw_frame_put_header(frame, &f);
	memcpy(frame + BW_FRAME_HEADER, p, len);
	feed(frame, f.length, closed, err);
}

static void feed_records(uint32_t handle, const uint8_t *p, size_t len, int *closed, int *err)
{
	struct bw_ring_data d = { handle, BW_RING_WAKE, (uint32_t)len, p };
	struct bw_buf b = { 0 };

	bw_put_ring_data(&b, &d);
	feed_frame(BW_MSG_RING_DATA, 0, 0, b.data, b.len, closed, err);
	bw_buf_free(&b);
}

static void begin(void)
{
	static int signalled = -1;
	size_t i;

	if (signalled < 0)
		REQUIRE((signalled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0);
	REQUIRE(!bw_stream_init(&bw_conn.stream));
	bw_window_init(&bw_conn.in, BW_WINDOW);
	bw_send_init(BW_WINDOW);
	bw_receive_init();
	atomic_store(&bw_conn.state, BW_CONN_UP);
	for (i = 0; i < RINGS; i++) {
		objects[i] = (struct bw_placeholder){ .handle = (uint32_t)i + 1, .epfd = -1 };
		scribbled[i] = false;
		REQUIRE(!bw_ring_make(&objects[i], signalled, kinds[i], SIZE, shows[i]));
	}
	for (i = 0; i < WAITERS; i++)
		REQUIRE(!bw_request(&waiters[i], BW_MSG_CLOCKS, NULL, 0));
}

static void end(void)
{
	size_t i;

	for (i = 0; i < WAITERS; i++) {
		REQUIRE(waiters[i].data.len <= BW_REPLY_MAX);
		bw_buf_free(&waiters[i].data);
	}
	for (i = 0; i < RINGS; i++)
		bw_ring_free(objects[i].ring);
	REQUIRE(!atomic_load(&bw_ring_count));
	bw_stream_fini(&bw_conn.stream);
}

static void block(uint8_t kind, uint8_t n, const uint8_t *p, size_t len, int *closed, int *err)
{
	struct bw_ring *r = objects[n % RINGS].ring;
	uint64_t position = 0;

	switch (kind % 6) {
	case 0:
		feed(p, len, closed, err);
		break;
	case 1:
		if (len >= 3)
			feed_frame(p[0], p[1] & (BW_F_MORE | BW_F_REPLY), (uint8_t)(waiters[0].id + p[2] % 4), p + 3, len - 3, closed, err);
		break;
	case 2:
		feed_records(n % RINGS + 1, p, len, closed, err);
		break;
	case 3:
		read_ring(r);
		break;
	case 4:
		scribbled[n % RINGS] = true;
		memcpy(&position, p, len < sizeof(position) ? len : sizeof(position));
		atomic_store(word(r, offsetof(struct perf_event_mmap_page, data_tail), 0), position);
		break;
	case 5:
		bw_rings_tick();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int closed = 0, err = 0;

	begin();
	while (size >= 2 && !closed && !err) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		block(data[0], data[1], data + 2, len, &closed, &err);
		data += 2 + len;
		size -= 2 + len;
	}
	for (size_t i = 0; i < RINGS; i++)
		read_ring(objects[i].ring);
	end();
	return 0;
}
