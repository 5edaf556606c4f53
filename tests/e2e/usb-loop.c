// SPDX-License-Identifier: Apache-2.0
/*
 * Proves gadget/ against a real kernel and libusb, without daemon and bridge: `usb-loop board [OPTIONS]` is a daemon that sends every
 * frame back, `usb-loop host CASE...` is the other end of the cable. Run by tests/e2e/usb-loop.sh on the virtual board.
 */
#include <errno.h>
#include <getopt.h>
#include <libusb-1.0/libusb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gadget/gadget.h"
#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define IN_SIZE		16384
#define WAIT_MS		10000
#define TYPE		BW_MSG_PING

/* ---- the board: every frame comes back ---- */

static volatile sig_atomic_t stopped;
static void on_stop(int sig) { stopped = sig; }

struct echo {
	struct bw_pipe *pipe;
	struct bw_stream in;
	struct bw_buf out;
	size_t sent;
	bool up;
};

static void echo_frame(struct echo *e, const struct bw_frame *f)
{
	struct bw_frame reply = { .type = f->type, .flags = BW_F_REPLY, .request = f->request };

	if (f->type != BW_MSG_PAD)
		bw_frame_put_msg(&e->out, &reply, f->payload, bw_frame_payload_len(f));
}

static void echo_send(struct echo *e)
{
	ssize_t n = 1;

	while (e->sent < e->out.len && (n = e->pipe->ops->send(e->pipe, e->out.data + e->sent, e->out.len - e->sent)) > 0)
		e->sent += (size_t)n;
	if (e->sent == e->out.len) {
		bw_buf_reset(&e->out);
		e->sent = 0;
		n = e->pipe->ops->flush(e->pipe);
	}
	if (n < 0 && n != -EAGAIN)
		bw_log(BW_LOG_WARN, "send: %s", strerror((int)-n));
}

static void echo_receive(struct echo *e)
{
	struct bw_frame f;
	ssize_t n;
	size_t room;

	/* Back pressure: nothing is read while the echo is not out. */
	while (!e->out.len) {
		uint8_t *to = bw_stream_room(&e->in, &room);

		n = e->pipe->ops->recv(e->pipe, to, room);
		if (n < 0) {
			if (n != -EAGAIN)
				bw_log(BW_LOG_WARN, "recv: %s", strerror((int)-n));
			return;
		}
		bw_stream_fed(&e->in, (size_t)n);
		while (bw_stream_next(&e->in, &f) > 0)
			echo_frame(e, &f);
		echo_send(e);
	}
}

static void echo_round(struct echo *e)
{
	struct pollfd fds[BW_PIPE_POLLFDS];
	int timeout = -1, n = e->pipe->ops->pollfds(e->pipe, fds, BW_PIPE_POLLFDS, &timeout);
	unsigned int ev;

	if (poll(fds, (nfds_t)n, timeout) < 0)
		return;
	ev = e->pipe->ops->dispatch(e->pipe, fds, n);
	if (ev & BW_PIPE_DOWN) {
		bw_log(BW_LOG_INFO, "down");
		e->up = false;
	}
	if (ev & BW_PIPE_RESET) {
		bw_log(BW_LOG_INFO, "reset");
		bw_buf_reset(&e->out);
		e->sent = 0;
		bw_stream_expect(&e->in, e->pipe->nonce);
		bw_put_preamble(&e->out, e->pipe->nonce);
		e->up = true;
	}
	if (ev & BW_PIPE_FAILED) {
		bw_log(BW_LOG_ERROR, "failed: %s", strerror(-e->pipe->error));
		stopped = 1;
	}
	if (e->up) {
		echo_send(e);
		echo_receive(e);
	}
}

static int board(int argc, char **argv)
{
	static const struct option options[] = {
		{ "udc", 1, NULL, 'u' }, { "serial", 1, NULL, 's' }, { "name", 1, NULL, 'n' }, { "transfers", 1, NULL, 't' },
		{ "size", 1, NULL, 'z' }, { 0 }
	};
	struct bw_gadget_options o = { 0 };
	struct sigaction act = { .sa_handler = on_stop };
	struct echo e = { 0 };
	char err[BW_GADGET_ERR];
	int c;

	bw_log_init("usb-loop", getenv("DEBUG") ? BW_LOG_DEBUG : BW_LOG_INFO);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u': o.udc = optarg; break;
		case 's': o.serial = optarg; break;
		case 'n': o.name = optarg; break;
		case 't': o.transfers = (unsigned int)atoi(optarg); break;
		case 'z': o.transfer_size = (unsigned int)atoi(optarg); break;
		default: return 2;
		}
	}
	sigaction(SIGTERM, &act, NULL);
	if (bw_mounts_prepare(true, err, sizeof(err)) || bw_gadget_open(&o, &e.pipe, err, sizeof(err)) || bw_stream_init(&e.in)) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	bw_gadget_set_status(e.pipe, 7);
	bw_log(BW_LOG_INFO, "serving %s", bw_gadget_udc(e.pipe));
	while (!stopped)
		echo_round(&e);
	bw_log(BW_LOG_INFO, "%llu bytes in, %llu out", (unsigned long long)e.pipe->bytes_in, (unsigned long long)e.pipe->bytes_out);
	e.pipe->ops->close(e.pipe);
	bw_stream_fini(&e.in);
	bw_buf_free(&e.out);
	return stopped == SIGTERM ? 0 : 1;
}

/* ---- the host ---- */

struct host {
	libusb_device_handle *dev;
	uint8_t interface, out, in;
	unsigned int packet;
	struct bw_stream stream;
	uint8_t nonce[BW_NONCE_SIZE];
};

#define DIE(...) do { fprintf(stderr, "FAIL line %d: ", __LINE__); fprintf(stderr, __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)
#define MUST(cond) do { if (!(cond)) DIE("%s", #cond); } while (0)

static const struct libusb_interface_descriptor *find_interface(const struct libusb_config_descriptor *cfg)
{
	for (int i = 0; i < cfg->bNumInterfaces; i++) {
		const struct libusb_interface_descriptor *d = &cfg->interface[i].altsetting[0];

		if (d->bInterfaceClass == BW_USB_CLASS && d->bInterfaceSubClass == BW_USB_SUBCLASS &&
		    d->bInterfaceProtocol == BW_USB_PROTOCOL && d->bNumEndpoints == 2)
			return d;
	}
	return NULL;
}

static bool try_open(struct host *h, libusb_device *dev, const char *serial)
{
	struct libusb_config_descriptor *cfg;
	struct libusb_device_descriptor dd;
	const struct libusb_interface_descriptor *d;
	unsigned char name[64] = "", sn[128] = "";
	bool ok = false;

	if (libusb_get_device_descriptor(dev, &dd) || libusb_get_active_config_descriptor(dev, &cfg))
		return false;
	d = find_interface(cfg);
	if (d && !libusb_open(dev, &h->dev)) {
		libusb_get_string_descriptor_ascii(h->dev, d->iInterface, name, sizeof(name));
		libusb_get_string_descriptor_ascii(h->dev, dd.iSerialNumber, sn, sizeof(sn));
		ok = !strcmp((char *)name, BW_USB_INTERFACE_STRING) && (!serial || !strcmp((char *)sn, serial));
		for (int i = 0; i < 2; i++) {
			if (d->endpoint[i].bEndpointAddress & LIBUSB_ENDPOINT_IN)
				h->in = d->endpoint[i].bEndpointAddress;
			else
				h->out = d->endpoint[i].bEndpointAddress;
			h->packet = d->endpoint[i].wMaxPacketSize;
		}
		h->interface = d->bInterfaceNumber;
		if (!ok)
			libusb_close(h->dev);
	}
	libusb_free_config_descriptor(cfg);
	return ok;
}

static void open_board(struct host *h, const char *serial)
{
	int64_t end = bw_now_ms() + WAIT_MS;

	while (bw_now_ms() < end) {
		libusb_device **list;
		ssize_t n = libusb_get_device_list(NULL, &list);
		bool found = false;

		for (ssize_t i = 0; i < n && !found; i++)
			found = try_open(h, list[i], serial);
		libusb_free_device_list(list, 1);
		if (found && !libusb_claim_interface(h->dev, h->interface))
			return;
		if (found)
			libusb_close(h->dev);
		usleep(100000);
	}
	DIE("no board within %d ms", WAIT_MS);
}

static int control(struct host *h, uint8_t type, uint8_t request, uint8_t *data, uint16_t len)
{
	return libusb_control_transfer(h->dev, type, request, 0, h->interface, data, len, 3000);
}

static void host_reset(struct host *h)
{
	int ret;

	bw_random(h->nonce, sizeof(h->nonce));
	ret = control(h, 0x41, BW_USB_REQ_RESET, h->nonce, sizeof(h->nonce));
	if (ret != BW_NONCE_SIZE)
		DIE("RESET: %s", libusb_error_name(ret));
	bw_stream_expect(&h->stream, h->nonce);
}

struct writer {
	struct host *h;
	const uint8_t *data;
	size_t len;
	int ret;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;
	size_t done = 0;

	while (done < w->len && !w->ret) {
		int part = (int)(w->len - done < 65536 ? w->len - done : 65536), n = 0;

		w->ret = libusb_bulk_transfer(w->h->dev, w->h->out, (unsigned char *)w->data + done, part, &n, WAIT_MS);
		done += (size_t)n;
	}
	return NULL;
}

static int next_frame(struct host *h, struct bw_frame *f, unsigned int timeout)
{
	int ret, n;

	for (;;) {
		while ((ret = bw_stream_next(&h->stream, f)) > 0)
			if (f->type != BW_MSG_PAD)
				return 0;
		if (ret < 0)
			DIE("the stream is broken");
		size_t room;
		uint8_t *to = bw_stream_room(&h->stream, &room);

		/* A read must be a multiple of packets. */
		static uint8_t buf[IN_SIZE];
		static size_t have, at;
		if (at == have) {
			at = have = 0;
			ret = libusb_bulk_transfer(h->dev, h->in, buf, IN_SIZE, &n, timeout);
			if (ret && !n)
				return ret;
			have = (size_t)n;
		}
		size_t part = have - at < room ? have - at : room;
		memcpy(to, buf + at, part);
		at += part;
		bw_stream_fed(&h->stream, part);
	}
}

static void put_preamble_once(struct host *h, struct bw_buf *b, bool first)
{
	if (first)
		bw_put_preamble(b, h->nonce);
}

/* A frame of `size` bytes in all there and back; over the maximum, several with as much payload. */
static void echo(struct host *h, size_t size, bool first)
{
	struct bw_frame req = { .type = TYPE, .request = 9 }, f;
	struct writer w = { .h = h };
	struct bw_buf b = { 0 };
	size_t payload = size > BW_FRAME_MAX ? size : size - BW_FRAME_HEADER, got = 0;
	uint8_t *data = malloc(payload + 1);
	pthread_t t;
	int ret;

	bw_random(data, payload);
	put_preamble_once(h, &b, first);
	bw_frame_put_msg(&b, &req, data, payload);
	bw_frame_put_pad(&b, 0, h->packet);
	w.data = b.data;
	w.len = b.len;
	pthread_create(&t, NULL, write_all, &w);
	while (got < payload || !payload) {
		ret = next_frame(h, &f, WAIT_MS);
		if (ret)
			DIE("size %zu: %zu of %zu came back, then %s", size, got, payload, libusb_error_name(ret));
		MUST(f.type == TYPE && f.flags & BW_F_REPLY && f.request == 9);
		MUST(bw_frame_payload_len(&f) <= payload - got);
		MUST(!memcmp(f.payload, data + got, bw_frame_payload_len(&f)));
		got += bw_frame_payload_len(&f);
		if (!payload)
			break;
	}
	pthread_join(t, NULL);
	if (w.ret)
		DIE("size %zu: write: %s", size, libusb_error_name(w.ret));
	free(data);
	bw_buf_free(&b);
}

static void case_quick(struct host *h)
{
	host_reset(h);
	echo(h, 1000, true);
	echo(h, 40000, false);
}

static void case_sizes(struct host *h)
{
	static const size_t sizes[] = { 20, 21, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 2048, 16383, 16384, 16385, 32768, 65535, 65536, 65537,
					1 << 20, (1 << 20) + 1 };

	host_reset(h);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int k = 0; k < (sizes[i] > BW_FRAME_MAX ? 1 : 3); k++)
			echo(h, sizes[i], !i && !k);
}

static void case_soak(struct host *h)
{
	int64_t start = bw_now_ms();
	size_t total = 0;

	host_reset(h);
	echo(h, 100, true);
	for (int i = 0; i < 120; i++) {
		uint32_t r;

		bw_random(&r, sizeof(r));
		size_t size = 20 + r % (r & 0x80000000u ? 300000 : 3000);
		echo(h, size, false);
		total += size;
	}
	printf("soak: %zu bytes there and back in %lld ms\n", total, (long long)(bw_now_ms() - start));
	start = bw_now_ms();
	for (int i = 0; i < 200; i++)
		echo(h, 100, false);
	printf("soak: %.2f ms a round trip\n", (double)(bw_now_ms() - start) / 200);
}

/* The host pushes and reads nothing until both directions are stuck, then RESET must get through. */
static void case_full(struct host *h)
{
	static uint8_t junk[60000];
	uint8_t status[BW_USB_STATUS_SIZE];
	struct bw_frame req = { .type = TYPE, .request = 1 };
	struct bw_buf b = { 0 };

	host_reset(h);
	echo(h, 100, true);
	for (int i = 0; i < 64; i++)
		bw_frame_put_msg(&b, &req, junk, sizeof(junk));
	for (int round = 0; round < 3; round++) {
		size_t done = 0;
		int ret = 0, n;

		while (!ret && done < b.len) {
			ret = libusb_bulk_transfer(h->dev, h->out, b.data + done, b.len - done < 65536 ? (int)(b.len - done) : 65536, &n, 500);
			done += (size_t)n;
		}
		if (ret != LIBUSB_ERROR_TIMEOUT)
			DIE("the pipes did not fill: %zu bytes, %s", done, libusb_error_name(ret));
		int64_t start = bw_now_ms();
		MUST(control(h, 0xc1, BW_USB_REQ_STATUS, status, sizeof(status)) == sizeof(status));
		MUST(!memcmp(status + 8, h->nonce, sizeof(h->nonce)));
		host_reset(h);
		int64_t reset = bw_now_ms();
		echo(h, 700, true);
		printf("full: stuck after %zu bytes; STATUS and RESET %lld ms, first echo after %lld ms more, %llu stale bytes dropped\n", done,
		       (long long)(reset - start), (long long)(bw_now_ms() - reset), (unsigned long long)h->stream.dropped);
	}
	bw_buf_free(&b);
}

static void case_requests(struct host *h)
{
	uint8_t data[64] = { 0 };

	MUST(control(h, 0xc1, BW_USB_REQ_STATUS, data, 64) == BW_USB_STATUS_SIZE);
	MUST(data[0] == BW_VERSION_MAJOR && !data[1] && data[4] == 7);
	MUST(control(h, 0xc1, BW_USB_REQ_STATUS, data, 23) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0x41, BW_USB_REQ_RESET, data, 15) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0x41, BW_USB_REQ_RESET, data, 17) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0x41, BW_USB_REQ_RESET, data, 0) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0x41, 0x77, data, 16) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0xc1, 0x77, data, 16) == LIBUSB_ERROR_PIPE);
	MUST(control(h, 0x40, BW_USB_REQ_RESET, data, 16) == LIBUSB_ERROR_PIPE);
	case_quick(h);
	MUST(control(h, 0x41, 0x77, data, 16) == LIBUSB_ERROR_PIPE);
	echo(h, 5000, false);
	for (int i = 0; i < 50; i++)
		host_reset(h);
	echo(h, 600, true);
}

/* The host configures again without a disconnect: DISABLE and ENABLE, or ENABLE alone. */
static void case_again(struct host *h)
{
	for (int i = 0; i < 5; i++) {
		case_quick(h);
		MUST(!libusb_set_interface_alt_setting(h->dev, h->interface, 0));
		case_quick(h);
		MUST(!libusb_clear_halt(h->dev, h->out));
		MUST(!libusb_clear_halt(h->dev, h->in));
		case_quick(h);
		MUST(!libusb_reset_device(h->dev));
	}
	case_quick(h);
}

static int host(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(struct host *h); } cases[] = {
		{ "quick", case_quick }, { "sizes", case_sizes }, { "soak", case_soak }, { "full", case_full },
		{ "requests", case_requests }, { "again", case_again },
	};
	struct host h = { 0 };
	int64_t start = bw_now_ms();

	MUST(!libusb_init(NULL));
	MUST(!bw_stream_init(&h.stream));
	open_board(&h, getenv("SERIAL"));
	printf("open after %lld ms, packets of %u bytes\n", (long long)(bw_now_ms() - start), h.packet);
	for (int i = 1; i < argc; i++) {
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
			if (!strcmp(argv[i], cases[k].name))
				cases[k].run(&h);
		printf("ok - %s\n", argv[i]);
		fflush(stdout);
	}
	libusb_release_interface(h.dev, h.interface);
	libusb_close(h.dev);
	libusb_exit(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "board"))
		return board(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "host"))
		return host(argc - 1, argv + 1);
	fprintf(stderr, "usage: usb-loop board [OPTIONS] | host CASE...\n");
	return 2;
}
