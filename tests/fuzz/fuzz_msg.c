// SPDX-License-Identifier: Apache-2.0
/*
 * Every decoder, chosen by the first byte. What is decoded is encoded and decoded again and must encode the same: no decoder takes
 * in what its encoder cannot say.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

#define CODEC(name) \
	static int again_##name(struct bw_reader *r, struct bw_buf *b) \
	{ \
		struct bw_##name m; \
		int err = bw_get_##name(r, &m); \
		if (!err) \
			bw_put_##name(b, &m); \
		return err; \
	}

CODEC(hello)
CODEC(open)
CODEC(bpf)
CODEC(bpf_reply)
CODEC(perf_open)
CODEC(handle_reply)
CODEC(ioctl)
CODEC(ioctl_reply)
CODEC(handle_read)
CODEC(handle_write)
CODEC(ring_map)
CODEC(ring_map_reply)
CODEC(ring_credit)
CODEC(ring_data)
CODEC(file)
CODEC(file_change)
CODEC(statfs)
CODEC(clocks)
CODEC(opened)
CODEC(kill)
CODEC(stat)
CODEC(dirent)
CODEC(check)

typedef int again_fn(struct bw_reader *r, struct bw_buf *b);
static again_fn *const codecs[] = {
	again_hello, again_open, again_bpf, again_bpf_reply, again_perf_open, again_handle_reply, again_ioctl, again_ioctl_reply,
	again_handle_read, again_handle_write, again_ring_map, again_ring_map_reply, again_ring_credit, again_ring_data, again_file,
	again_file_change, again_statfs, again_clocks, again_stat, again_dirent, again_check, again_opened, again_kill,
};

/* Decode from memory of exactly len bytes, encode into b. */
static int decode(again_fn *again, const void *data, size_t len, struct bw_buf *b)
{
	uint8_t *copy = memcpy(malloc(len + !len), data, len);
	struct bw_reader r;
	int err;

	bw_reader_init(&r, copy, len);
	err = again(&r, b);
	REQUIRE(err == 0 || err == -EPROTO);
	free(copy);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_buf first = { 0 }, second = { 0 };
	again_fn *again;

	if (!size)
		return 0;
	again = codecs[data[0] % (sizeof(codecs) / sizeof(codecs[0]))];
	if (!decode(again, data + 1, size - 1, &first)) {
		REQUIRE(first.len <= size - 1 && !memcmp(first.data, data + 1, first.len));
		REQUIRE(!decode(again, first.data, first.len, &second));
		REQUIRE(first.len == second.len && !memcmp(first.data, second.data, first.len));
	}
	bw_buf_free(&first);
	bw_buf_free(&second);
	return 0;
}
