// SPDX-License-Identifier: Apache-2.0
/* The other end of raw_board.c, by libusb, once synchronous and once with transfers in flight as the bridge has them. */
#include <string.h>

#include "host-bridge/usb_device.h"
#include "tests/bench/bench.h"
#include "tests/bench/raw.h"

struct slot {
	struct libusb_transfer *t;
	uint8_t *data;
	struct host *h;
};

struct host {
	struct bw_usb_device d;
	struct slot in[BENCH_DEPTH], out;
	uint32_t in_size;
	uint32_t posted, count, arrived;
	bool out_busy;
	double *times;
};

static void command(struct host *h, struct raw_command c)
{
	int n;

	MUST(!libusb_bulk_transfer(h->d.handle, h->d.ep_out, (unsigned char *)&c, sizeof(c), &n, BENCH_LIMIT_MS) && n == sizeof(c));
}

/* ---- one at a time ---- */

static void ping_sync(struct host *h, uint32_t out_size, uint32_t in_size)
{
	for (uint32_t i = 0; i < h->count; i++) {
		int64_t start = now_ns();
		int n;

		MUST(!libusb_bulk_transfer(h->d.handle, h->d.ep_out, h->out.data, (int)out_size, &n, BENCH_LIMIT_MS));
		MUST(!libusb_bulk_transfer(h->d.handle, h->d.ep_in, h->in[0].data, RAW_READ, &n, BENCH_LIMIT_MS) && n == (int)in_size);
		h->times[i] = (double)(now_ns() - start) / 1000;
	}
}

static void stream_sync(struct host *h)
{
	int n;

	for (uint32_t i = 0; i < h->count; i++)
		MUST(!libusb_bulk_transfer(h->d.handle, h->d.ep_in, h->in[0].data, (int)h->in_size, &n, BENCH_LIMIT_MS) && n == (int)h->in_size);
}

/* ---- several in flight ---- */

static void LIBUSB_CALL in_done(struct libusb_transfer *t);
static void LIBUSB_CALL out_done(struct libusb_transfer *t)
{
	MUST(t->status == LIBUSB_TRANSFER_COMPLETED);
	((struct slot *)t->user_data)->h->out_busy = false;
}

static void post_in(struct slot *s, uint32_t room)
{
	libusb_fill_bulk_transfer(s->t, s->h->d.handle, s->h->d.ep_in, s->data, (int)room, in_done, s, 0);
	MUST(!libusb_submit_transfer(s->t));
	s->h->posted++;
}

static void LIBUSB_CALL in_done(struct libusb_transfer *t)
{
	struct slot *s = t->user_data;

	MUST(t->status == LIBUSB_TRANSFER_COMPLETED && t->actual_length == (int)s->h->in_size);
	s->h->arrived++;
	if (s->h->posted < s->h->count)
		post_in(s, (uint32_t)t->length);
}

static void post_all(struct host *h, uint32_t room)
{
	h->posted = h->arrived = 0;
	for (int i = 0; i < BENCH_DEPTH && h->posted < h->count; i++)
		post_in(&h->in[i], room);
}

static void wait_for(struct host *h, uint32_t arrived)
{
	struct timeval limit = { .tv_sec = BENCH_LIMIT_MS / 1000 };
	int64_t end = now_ns() + BENCH_LIMIT_MS * 1000000ll;

	while (h->arrived < arrived || h->out_busy) {
		MUST(!libusb_handle_events_timeout_completed(h->d.ctx, &limit, NULL));
		MUST(now_ns() < end);
	}
}

static void ping_async(struct host *h, uint32_t out_size)
{
	post_all(h, RAW_READ);
	for (uint32_t i = 0; i < h->count; i++) {
		int64_t start = now_ns();

		libusb_fill_bulk_transfer(h->out.t, h->d.handle, h->d.ep_out, h->out.data, (int)out_size, out_done, &h->out, 0);
		h->out_busy = true;
		MUST(!libusb_submit_transfer(h->out.t));
		wait_for(h, i + 1);
		h->times[i] = (double)(now_ns() - start) / 1000;
	}
}

static void stream_async(struct host *h)
{
	post_all(h, h->in_size);
	wait_for(h, h->count);
}

/* ---- what is measured ---- */

static const char *way(uint32_t depth) { return depth == 1 ? "sync" : "async"; }

static void ping(struct host *h, const char *name, uint32_t depth, uint32_t out_size, uint32_t in_size, uint32_t count)
{
	h->count = count;
	h->in_size = in_size;
	h->times = calloc(count, sizeof(double));
	MUST(h->times);
	command(h, (struct raw_command){ RAW_PING, depth, out_size, in_size, count });
	if (depth == 1)
		ping_sync(h, out_size, in_size);
	else
		ping_async(h, out_size);
	report(percentile(h->times, (int)count, 50), "us", "raw.ping.%s.%s", name, way(depth));
	free(h->times);
}

static void stream(struct host *h, const char *name, uint32_t depth, uint32_t size, uint32_t kib)
{
	int64_t start = now_ns();

	h->in_size = size;
	h->count = kib * 1024 / size;
	command(h, (struct raw_command){ RAW_STREAM, depth, 0, size, h->count });
	if (depth == 1)
		stream_sync(h);
	else
		stream_async(h);
	report((double)h->count * size * 1000 / (double)(now_ns() - start), "MB/s", "%s.in.%uk.%s", name, size / 1024, way(depth));
}

static void slot_init(struct slot *s, struct host *h)
{
	*s = (struct slot){ libusb_alloc_transfer(0), calloc(1, RAW_MAX), h };
	MUST(s->t && s->data);
}

static void host_open(struct host *h, const char *node)
{
	char err[256] = "";

	if (bw_usb_device_open(&h->d, "raw", node, -1, err, sizeof(err)))
		DIE("%s", err);
	for (int i = 0; i < BENCH_DEPTH; i++)
		slot_init(&h->in[i], h);
	slot_init(&h->out, h);
}

/* raw-ping NODE COUNT OUT IN: COUNT round trips of 64 bytes, and COUNT of OUT and IN bytes; none may be a multiple of the packet size */
int bench_raw_ping(int argc, char **argv)
{
	struct host h = { 0 };

	if (argc != 5)
		return 2;
	host_open(&h, argv[1]);
	for (uint32_t depth = 1; depth <= BENCH_DEPTH; depth += BENCH_DEPTH - 1) {
		ping(&h, "64", depth, 64, 64, (uint32_t)atoi(argv[2]));
		ping(&h, "lookup", depth, (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[2]));
	}
	bw_usb_device_close(&h.d);
	return 0;
}

/* raw-stream NODE NAME KIB: KIB to the host, each way */
int bench_raw_stream(int argc, char **argv)
{
	struct host h = { 0 };

	if (argc != 4)
		return 2;
	host_open(&h, argv[1]);
	for (uint32_t depth = 1; depth <= BENCH_DEPTH; depth += BENCH_DEPTH - 1) {
		stream(&h, argv[2], depth, 16384, (uint32_t)atoi(argv[3]));
		stream(&h, argv[2], depth, 65536, (uint32_t)atoi(argv[3]));
	}
	bw_usb_device_close(&h.d);
	return 0;
}
