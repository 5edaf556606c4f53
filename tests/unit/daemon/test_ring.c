// SPDX-License-Identifier: Apache-2.0
/* Rings, filled by BPF programs that are run on request, so that every record is known. */
#include "tests/unit/daemon/bpf_client.h"

static struct client c;
static int64_t map, prog;
static uint32_t ring_handle;	/* whose ring the records come from */

#define VALUE		0x1122334455667788ull
#define PERF_RECORD	24u	/* header 8, raw size 4, 12 of raw: 8 of data padded to the next 8 with the size before it */
#define BPF_RECORD	16u	/* header 8, 8 of data */

/* perf_event_array, a software event with a ring on CPU 0, and a program that writes one record. */
static void start_perf(uint32_t size, uint32_t wakeup_events)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = 0, .config = PERF_COUNT_SW_BPF_OUTPUT, .sample_period = 1,
					.sample_type = PERF_SAMPLE_RAW, .wakeup_events = wakeup_events };
	uint32_t key = 0;
	int64_t h;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	map = map_create(&c, 1, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 64);
	h = perf_open(&c, 1, &attr, -1, 0);
	CHECK(h > 0);
	ring_handle = (uint32_t)h;
	CHECK(ring_map(&c, 1, ring_handle, BW_RING_PERF, size) >= (int)size);
	CHECK_EQ(do_ioctl(&c, 1, ring_handle, BW_IOC_PERF_ENABLE, 0, NULL, 0), 0);
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &h, 4), 0);
	{
		const struct bpf_insn insns[] = {
			LD_IMM64(BPF_REG_3, VALUE), INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_3, -8, 0),
			LD_MAP(BPF_REG_2, map), MOV_IMM(BPF_REG_3, 0), MOV_REG(BPF_REG_4, BPF_REG_10), ADD_IMM(BPF_REG_4, -8), MOV_IMM(BPF_REG_5, 8),
			CALL(perf_event_output), MOV_IMM(BPF_REG_0, 0), EXIT(),
		};

		prog = PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, insns);
		CHECK(prog > 0);
	}
}

/* The events are on CPU 0, so the program runs there. */
static int output(int times)
{
	union bpf_attr a;
	int r = 0;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	a.test.flags = BPF_F_TEST_RUN_ON_CPU;
	a.test.cpu = 0;
	while (times-- && !r)
		r = bpf(&c, 1, BPF_PROG_TEST_RUN, &a, 80, NULL, 0);
	return r;
}

static void start_bpf(uint32_t entries, uint32_t size, uint32_t data, uint64_t flags)
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	map = map_create(&c, 1, BPF_MAP_TYPE_RINGBUF, 0, 0, entries);
	CHECK(map > 0);
	ring_handle = (uint32_t)map;
	CHECK_EQ(ring_map(&c, 1, ring_handle, BW_RING_BPF, size), entries);
	{
		const struct bpf_insn small[] = {
			LD_IMM64(BPF_REG_3, VALUE), INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_3, -8, 0),
			LD_MAP(BPF_REG_1, map), MOV_REG(BPF_REG_2, BPF_REG_10), ADD_IMM(BPF_REG_2, -8), MOV_IMM(BPF_REG_3, 8),
			LD_IMM64(BPF_REG_4, flags), CALL(ringbuf_output), MOV_IMM(BPF_REG_0, 0), EXIT(),
		};
		const struct bpf_insn big[] = {
			LD_MAP(BPF_REG_1, map), MOV_IMM(BPF_REG_2, (int)data), MOV_IMM(BPF_REG_3, 0), CALL(ringbuf_reserve),
			INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, 0), MOV_IMM(BPF_REG_0, 0), EXIT(),
			LD_IMM64(BPF_REG_3, VALUE), INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_3, (int16_t)0, 0),
			MOV_REG(BPF_REG_1, BPF_REG_0), LD_IMM64(BPF_REG_2, flags), CALL(ringbuf_submit), MOV_IMM(BPF_REG_0, 0), EXIT(),
		};

		prog = data == 8 ? PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, small) : PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, big);
		CHECK(prog > 0);
	}
}

/* Count the records of a type in what came; every one must be whole. */
static int count_perf(uint32_t type)
{
	size_t at = 0;
	int n = 0;

	while (at < c.ring.len) {
		struct perf_event_header h;

		memcpy(&h, c.ring.data + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > c.ring.len - at) {
			CHECK(!"records are whole");
			return -1;
		}
		n += h.type == type;
		at += h.size;
	}
	return n;
}

static uint64_t lost(void)
{
	uint64_t sum = 0, n;

	for (size_t at = 0; at < c.ring.len; ) {
		struct perf_event_header h;

		memcpy(&h, c.ring.data + at, sizeof(h));
		if (h.type == PERF_RECORD_LOST) {
			memcpy(&n, c.ring.data + at + 16, 8);
			sum += n;
		}
		at += h.size;
	}
	return sum;
}

TEST("a perf record comes byte for byte, with a wake")
{
	const uint64_t value = VALUE;

	start_perf(4096, 1);
	CHECK_EQ(output(1), 0);
	CHECK(WAIT_FOR(&c, c.ring.len > 0));
	CHECK_EQ(c.ring.len, PERF_RECORD);
	CHECK_EQ(count_perf(PERF_RECORD_SAMPLE), 1);
	CHECK(c.ring.len == PERF_RECORD && !memcmp(c.ring.data + 12, &value, 8));
	CHECK(WAIT_FOR(&c, c.ring_wakes > 0));
	daemon_stop(&c);
}

TEST("without credit records stay in the kernel, which counts what it loses")
{
	uint32_t got_bytes;

	start_perf(4096, 1);
	CHECK_EQ(output(1000), 0);
	SETTLE(&c, 100);
	got_bytes = (uint32_t)c.ring.len;
	CHECK(got_bytes <= 4096 && got_bytes > 4096 - PERF_RECORD);
	give_ring_credit(&c, 1, ring_handle, got_bytes);
	CHECK(WAIT_FOR(&c, c.ring.len > got_bytes));
	SETTLE(&c, 100);
	give_ring_credit(&c, 1, ring_handle, 4096);
	CHECK_EQ(output(1), 0);
	CHECK(WAIT_FOR(&c, lost() > 0));
	CHECK_EQ((uint64_t)count_perf(PERF_RECORD_SAMPLE) + lost(), 1001);
	daemon_stop(&c);
}

TEST("a stream with credit loses nothing")
{
	uint32_t given = 0;

	start_perf(65536, 1);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(output(50), 0);
		SETTLE(&c, 0);
		give_ring_credit(&c, 1, ring_handle, (uint32_t)c.ring.len - given);
		given = (uint32_t)c.ring.len;
	}
	CHECK(WAIT_FOR(&c, count_perf(PERF_RECORD_SAMPLE) == 10000));
	CHECK_EQ(lost(), 0);
	daemon_stop(&c);
}

TEST("records of wakeup_events 10 come without wakes, but for the tenth")
{
	start_perf(4096, 10);
	CHECK_EQ(output(4), 0);
	CHECK(WAIT_FOR(&c, count_perf(PERF_RECORD_SAMPLE) == 4));
	SETTLE(&c, 50);
	CHECK_EQ(c.ring_wakes, 0);
	CHECK_EQ(output(6), 0);
	CHECK(WAIT_FOR(&c, c.ring_wakes > 0));
	SETTLE(&c, 50);
	CHECK_EQ(c.ring_wakes, 1);
	CHECK_EQ(count_perf(PERF_RECORD_SAMPLE), 10);
	daemon_stop(&c);
}

TEST("a BPF ring buffer's record comes with its header, and a wake")
{
	const uint64_t value = VALUE;
	const uint32_t header = 8;

	start_bpf(4096, 4096, 8, 0);
	CHECK_EQ(output(1), 0);
	CHECK(WAIT_FOR(&c, c.ring.len > 0));
	CHECK_EQ(c.ring.len, BPF_RECORD);
	CHECK(!memcmp(c.ring.data, &header, 4) && !memcmp(c.ring.data + 8, &value, 8));
	CHECK(WAIT_FOR(&c, c.ring_wakes > 0));
	daemon_stop(&c);
}

TEST("BPF_RB_NO_WAKEUP records come all the same, without a wake")
{
	start_bpf(4096, 4096, 8, BPF_RB_NO_WAKEUP);
	CHECK_EQ(output(3), 0);
	CHECK(WAIT_FOR(&c, c.ring.len == 3 * BPF_RECORD));
	SETTLE(&c, 50);
	CHECK_EQ(c.ring_wakes, 0);
	daemon_stop(&c);
}

TEST("every record of a BPF ring buffer is followed by a wake, however they race")
{
	int wakes = 0;

	start_bpf(65536, 65536, 8, 0);
	for (int i = 0; i < 500; i++) {
		size_t before = c.ring.len;

		CHECK_EQ(output(1), 0);
		if (!WAIT_FOR(&c, c.ring.len > before && c.ring_wakes > wakes))
			break;
		wakes = c.ring_wakes;
		give_ring_credit(&c, 1, ring_handle, BPF_RECORD);
	}
	CHECK_EQ(c.ring.len, 500 * BPF_RECORD);
	daemon_stop(&c);
}

TEST("a full BPF ring buffer goes on where it stopped when credit comes")
{
	start_bpf(4096, 4096, 8, 0);
	c.no_credit = true;
	CHECK_EQ(output(2000), 0);	/* 256 fit the credit, 256 more the kernel's ring */
	SETTLE(&c, 50);
	CHECK_EQ(c.ring.len, 4096);
	c.no_credit = false;
	give_ring_credit(&c, 1, ring_handle, 4096);
	CHECK(WAIT_FOR(&c, c.ring.len >= 2 * 4096 - 4 * BPF_RECORD));
	daemon_stop(&c);
}

TEST("a record longer than a frame comes as one message")
{
	const uint32_t size = 200000, aligned = (size + 8 + 7) & ~7u;
	uint32_t header;

	start_bpf(1 << 20, 1 << 20, size, 0);
	CHECK_EQ(output(2), 0);
	CHECK(WAIT_FOR(&c, c.ring.len >= 2 * aligned));
	CHECK_EQ(c.ring.len, 2 * aligned);
	CHECK_EQ(c.ring_messages - (c.ring_messages > 2), 2);
	memcpy(&header, c.ring.data + aligned, 4);
	CHECK_EQ(header, size);
	daemon_stop(&c);
}

TEST("RING_FLUSH answers behind all that was in the ring")
{
	start_perf(65536, 1000000);
	CHECK_EQ(output(100), 0);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_RING_FLUSH, ring_handle), 0);
	CHECK_EQ(count_perf(PERF_RECORD_SAMPLE), 100);
	daemon_stop(&c);
}

TEST("RING_FLUSH without credit waits for it")
{
	uint32_t request;
	struct bw_buf b = { 0 };

	start_perf(4096, 1);
	CHECK_EQ(output(300), 0);
	SETTLE(&c, 50);
	request = ++c.request;
	bw_put_u32(&b, ring_handle);
	send_frame(&c, BW_MSG_RING_FLUSH, 0, 1, request, b.data, b.len);
	SETTLE(&c, 50);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_RING_FLUSH, ring_handle), -EBUSY);
	bw_buf_free(&b);
	give_ring_credit(&c, 1, ring_handle, 4096);
	CHECK_EQ(wait_reply(&c, 1, request), 0);
	daemon_stop(&c);
}

TEST("an unmapped ring sends nothing more, and can be mapped again")
{
	size_t before;

	start_perf(4096, 1);
	CHECK_EQ(ring_map(&c, 1, ring_handle, BW_RING_PERF, 4096), -EBUSY);
	CHECK_EQ(output(1), 0);
	CHECK(WAIT_FOR(&c, c.ring_wakes == 1));
	CHECK_EQ(handle_call(&c, 1, BW_MSG_RING_UNMAP, ring_handle), 0);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_RING_UNMAP, ring_handle), -EINVAL);
	before = c.ring.len;
	CHECK_EQ(output(1), 0);
	SETTLE(&c, 50);
	CHECK_EQ(c.ring.len, before);
	CHECK(ring_map(&c, 1, ring_handle, BW_RING_PERF, 4096) > 0);
	CHECK_EQ(output(1), 0);
	CHECK(WAIT_FOR(&c, c.ring.len == before + PERF_RECORD));
	CHECK_EQ(handle_call(&c, 1, BW_MSG_HANDLE_CLOSE, ring_handle), 0);
	daemon_stop(&c);
}

TEST("rings of the wrong kind or size are refused")
{
	start_bpf(4096, 4096, 8, 0);
	CHECK_EQ(ring_map(&c, 1, ring_handle, BW_RING_PERF, 4096), -EINVAL);
	CHECK_EQ(ring_map(&c, 1, 99, BW_RING_PERF, 4096), -EBADF);
	CHECK_EQ(map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 4, 1), 3);
	CHECK_EQ(ring_map(&c, 1, 3, BW_RING_BPF, 4096), -EINVAL);
	daemon_stop(&c);
}

int main(void)
{
	rmdir(run_dir);
	return check_done();
}
