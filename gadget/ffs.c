// SPDX-License-Identifier: Apache-2.0
#include "gadget/ffs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gadget/fail.h"
#include "gadget/ffs_desc.h"
#include "protocol/io.h"
#include "protocol/log.h"

/* Divides the packet size of every speed: right for the PAD rule also where the kernel does not tell. */
#define PACKET_UNKNOWN 64

static int open_endpoint(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int init_queues(struct bw_ffs *f, unsigned int depth, size_t size, char *err, size_t errlen)
{
	/* The same number again for those that may be abandoned. */
	int ret = bw_aio_init(&f->aio, 4 * depth);

	if (ret == -ENOSYS)
		return bw_fail(err, errlen, -EOPNOTSUPP, "this kernel has no AIO: build it with CONFIG_AIO and CONFIG_EVENTFD "
			       "(see Kconfig-snippets/gadget.config)");
	if (ret == -EAGAIN)
		return bw_fail(err, errlen, ret, "no AIO requests left on this board: raise /proc/sys/fs/aio-max-nr");
	if (!ret)
		ret = bw_rx_init(&f->rx, &f->aio, f->out, depth, size);
	if (!ret)
		ret = bw_tx_init(&f->tx, &f->aio, f->in, depth, size);
	return ret ? bw_fail(err, errlen, ret, "transfers of %zu bytes: %s", size, strerror(-ret)) : 0;
}

int bw_ffs_init(struct bw_ffs *f, int ep0, const char *dir, unsigned int depth, size_t size, char *err, size_t errlen)
{
	int ret;

	memset(f, 0, sizeof(*f));
	f->aio.eventfd = f->ep0.fd = -1;
	f->out = open_endpoint(dir, BW_FFS_OUT);
	f->in = open_endpoint(dir, BW_FFS_IN);
	if (f->out < 0 || f->in < 0)
		ret = bw_fail(err, errlen, f->out < 0 ? f->out : f->in, "open %s/%s: %s", dir, f->out < 0 ? BW_FFS_OUT : BW_FFS_IN,
			      strerror(f->out < 0 ? -f->out : -f->in));
	else
		ret = init_queues(f, depth, size, err, errlen);
	if (!ret)
		ret = bw_ep0_init(&f->ep0, ep0);
	if (ret)
		bw_ffs_fini(f, 0);
	return ret;
}

/* ---- the states ---- */

static void report(struct bw_ffs *f, unsigned int event) { f->events |= event; }

static void give_up(struct bw_ffs *f, int error)
{
	f->state = BW_FFS_DOWN;
	f->error = error;
	f->events = BW_PIPE_FAILED;
}

static void go_down(struct bw_ffs *f)
{
	if (f->state >= BW_FFS_RESETTING) {
		/* Nobody needs to hear of a link that came and went in one round. */
		f->events &= ~(unsigned int)BW_PIPE_RESET;
		report(f, BW_PIPE_DOWN);
	}
	f->state = BW_FFS_DOWN;
	f->reset_early = false;
}

static void go_starting(struct bw_ffs *f)
{
	go_down(f);
	f->state = BW_FFS_STARTING;
	f->deadline = bw_now_ms() + BW_FFS_DRAIN_MS;
	/* The endpoints were disabled, so all that is out comes back by itself; except what ENABLE of a running function left. */
	bw_tx_cancel(&f->tx);
}

static void go_up(struct bw_ffs *f)
{
	bw_tx_clear(&f->tx);
	f->state = BW_FFS_UP;
	f->reset_early = false;
	report(f, BW_PIPE_RESET);
}

/* Returns 0 while there is still something to wait for; 1; a negative errno. */
static int drained(struct bw_ffs *f, bool rx)
{
	int ret;

	if (!bw_tx_busy(&f->tx) && !(rx && bw_rx_busy(&f->rx)))
		return 1;
	if (bw_now_ms() < f->deadline)
		return 0;
	bw_log(BW_LOG_WARN, "usb: the controller did not give requests back within %d ms; going on without them", BW_FFS_DRAIN_MS);
	ret = bw_tx_abandon(&f->tx);
	if (!ret && rx)
		ret = bw_rx_abandon(&f->rx);
	return ret ? ret : 1;
}

static size_t packet_size(struct bw_ffs *f)
{
	struct usb_endpoint_descriptor d;

	if (ioctl(f->in, FUNCTIONFS_ENDPOINT_DESC, &d) || !d.wMaxPacketSize)
		return PACKET_UNKNOWN;
	return le16toh(d.wMaxPacketSize);
}

static void start(struct bw_ffs *f)
{
	bw_rx_clear(&f->rx);
	f->tx.packet = packet_size(f);
	bw_log(BW_LOG_DEBUG, "usb: configured, packets of %zu bytes", f->tx.packet);
	bw_rx_post(&f->rx);
	if (f->reset_early)
		go_up(f);
	else
		f->state = BW_FFS_WAITING;
}

static void progress(struct bw_ffs *f)
{
	int ret;

	switch (f->state) {
	case BW_FFS_DOWN:
		break;
	case BW_FFS_STARTING:
		ret = drained(f, true);
		if (ret < 0)
			give_up(f, ret);
		else if (ret)
			start(f);
		break;
	case BW_FFS_WAITING:
		bw_rx_drop(&f->rx);
		break;
	case BW_FFS_RESETTING:
		ret = drained(f, false);
		if (ret < 0)
			give_up(f, ret);
		else if (ret)
			go_up(f);
		break;
	case BW_FFS_UP:
		if (bw_rx_ready(&f->rx))
			report(f, BW_PIPE_READABLE);
		if (bw_tx_progress(&f->tx))
			report(f, BW_PIPE_WRITABLE);
		break;
	}
}

/* ---- events ---- */

/*
 * The host has stopped sending before RESET, and is waiting for its answer: what came so far is of the link before. The writes are cancelled
 * only after the control transfer, because dwc3 does not stop an endpoint while one is under way. What arrives from then on is the new stream's
 * (the receiver looks for the preamble all the same).
 */
static void on_reset(struct bw_ffs *f, const struct usb_ctrlrequest *setup)
{
	uint8_t nonce[BW_NONCE_SIZE];
	int ret;

	if (f->state == BW_FFS_DOWN) {
		bw_ep0_stall(&f->ep0, setup);
		return;
	}
	bw_aio_reap(&f->aio);
	if (f->state != BW_FFS_STARTING)
		bw_rx_drop(&f->rx);
	ret = bw_ep0_read_nonce(&f->ep0, nonce);
	if (ret) {
		bw_log(BW_LOG_DEBUG, "usb: RESET not finished by the host: %s", strerror(-ret));
		return;
	}
	memcpy(f->nonce, nonce, sizeof(nonce));
	bw_ffs_reset(f);
}

int bw_ffs_reset(struct bw_ffs *f)
{
	if (f->state == BW_FFS_DOWN)
		return -ENOTCONN;
	if (f->state == BW_FFS_STARTING) {
		f->reset_early = true;
		return 0;
	}
	f->events &= ~(unsigned int)(BW_PIPE_RESET | BW_PIPE_READABLE | BW_PIPE_WRITABLE);
	if (f->state != BW_FFS_RESETTING)
		f->deadline = bw_now_ms() + BW_FFS_DRAIN_MS;
	f->state = BW_FFS_RESETTING;
	bw_tx_cancel(&f->tx);
	return 0;
}

static void on_setup(struct bw_ffs *f, const struct usb_ctrlrequest *setup)
{
	switch (bw_ep0_request(setup)) {
	case BW_EP0_RESET:
		on_reset(f, setup);
		break;
	case BW_EP0_STATUS:
		bw_ep0_write_status(&f->ep0, f->sessions, f->nonce);
		break;
	case BW_EP0_OTHER:
		bw_log(BW_LOG_DEBUG, "usb: stalled request %02x %02x, length %u", setup->bRequestType, setup->bRequest,
		       le16toh(setup->wLength));
		bw_ep0_stall(&f->ep0, setup);
		break;
	}
}

static void take_event(struct bw_ffs *f, const struct usb_functionfs_event *event)
{
	switch (event->type) {
	case FUNCTIONFS_BIND:
	case FUNCTIONFS_SUSPEND:	/* some controllers say so where they mean unplugged: the keepalive finds out */
	case FUNCTIONFS_RESUME:
		break;
	case FUNCTIONFS_UNBIND:
	case FUNCTIONFS_DISABLE:
		go_down(f);
		break;
	case FUNCTIONFS_ENABLE:
		go_starting(f);
		break;
	case FUNCTIONFS_SETUP:
		on_setup(f, &event->u.setup);
		break;
	default:
		bw_log(BW_LOG_WARN, "usb: FunctionFS event %u is not known", event->type);
	}
}

static void read_events(struct bw_ffs *f)
{
	struct usb_functionfs_event event;
	int ret;

	while ((ret = bw_ep0_next(&f->ep0, &event)) > 0)
		take_event(f, &event);
	if (ret < 0)
		give_up(f, ret);
}

/* ---- what the pipe does ---- */

int bw_ffs_pollfds(struct bw_ffs *f, struct pollfd *fds, int max, int *timeout_ms)
{
	if (max < 2)
		return 0;
	fds[0] = (struct pollfd){ .fd = f->ep0.fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = f->aio.eventfd, .events = POLLIN };
	if (f->state == BW_FFS_STARTING || f->state == BW_FFS_RESETTING) {
		int64_t left = f->deadline - bw_now_ms();

		left = left < 0 ? 0 : left;
		if (*timeout_ms < 0 || left < *timeout_ms)
			*timeout_ms = (int)left;
	}
	if (f->events)
		*timeout_ms = 0;
	return 2;
}

static bool is_ready(const struct pollfd *fds, int n, int fd)
{
	for (int i = 0; i < n; i++)
		if (fds[i].fd == fd && fds[i].revents)
			return true;
	return false;
}

unsigned int bw_ffs_dispatch(struct bw_ffs *f, const struct pollfd *fds, int n)
{
	unsigned int events;
	uint64_t count;

	if (is_ready(fds, n, f->aio.eventfd)) {
		(void)!read(f->aio.eventfd, &count, sizeof(count));
		bw_aio_reap(&f->aio);
	}
	if (!f->error && is_ready(fds, n, f->ep0.fd))
		read_events(f);
	if (!f->error)
		progress(f);
	/* An owner that hears of the end of one link and of the next one at once could take them in the wrong order. */
	events = f->events & BW_PIPE_DOWN ? BW_PIPE_DOWN : f->events;
	f->events &= ~events;
	return events;
}

/* Between the host's RESET and our saying so the owner still believes in the old link: it just gets no further with it. */
static int not_up(const struct bw_ffs *f) { return f->state == BW_FFS_RESETTING ? -EAGAIN : -ENOTCONN; }

ssize_t bw_ffs_recv(struct bw_ffs *f, void *buf, size_t len)
{
	return f->state == BW_FFS_UP ? bw_rx_recv(&f->rx, buf, len) : not_up(f);
}

ssize_t bw_ffs_send(struct bw_ffs *f, const void *buf, size_t len)
{
	return f->state == BW_FFS_UP ? bw_tx_send(&f->tx, buf, len) : not_up(f);
}

int bw_ffs_flush(struct bw_ffs *f)
{
	return f->state == BW_FFS_UP ? bw_tx_flush(&f->tx) : not_up(f);
}

static void wait_for_all(struct bw_ffs *f, int64_t deadline)
{
	struct pollfd p = { .fd = f->aio.eventfd, .events = POLLIN };
	int64_t left;
	uint64_t count;

	bw_aio_reap(&f->aio);
	while (f->aio.busy > f->aio.lost && (left = deadline - bw_now_ms()) > 0) {
		if (poll(&p, 1, (int)left) > 0)
			(void)!read(p.fd, &count, sizeof(count));
		bw_aio_reap(&f->aio);
	}
}

void bw_ffs_fini(struct bw_ffs *f, int64_t deadline)
{
	if (f->aio.eventfd >= 0) {
		bw_tx_cancel(&f->tx);
		wait_for_all(f, deadline);
	}
	if (f->out >= 0)
		close(f->out);
	if (f->in >= 0)
		close(f->in);
	bw_rx_fini(&f->rx);
	bw_tx_fini(&f->tx);
	bw_aio_fini(&f->aio);
	bw_ep0_fini(&f->ep0);
}
