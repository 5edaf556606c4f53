// SPDX-License-Identifier: Apache-2.0
/*
 * Everything happens in the owner's thread: libusb calls the callbacks below from dispatch and close only. A callback notes what happened and
 * nothing else: libusb must not be entered from it.
 *
 * Reset: cancel what is under way to the board, wait till it came back (the IN transfers stay posted: a board whose writes are stuck
 * gets rid of them), clear halts, send RESET. Until then nothing is sent.
 */
#include <errno.h>
#include <libusb-1.0/libusb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-bridge/pipe_usb.h"
#include "host-bridge/usb_device.h"
#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define RESET_MS	1000	/* for the control request; as long again for cancelled transfers to come back */
#define LINGER_MS	200	/* at close, for what is under way to the board */

struct transfer {
	struct pipe_usb *u;
	struct libusb_transfer *t;
	uint8_t *buf;			/* u->size, and a PAD frame */
	size_t start, end;		/* IN: what is not taken yet; OUT: end is what is filled */
	bool busy;			/* libusb has it */
	bool done;			/* IN: came back, not posted again */
};

enum reset_state {
	RESET_NONE,
	RESET_CANCEL,			/* OUT transfers are being cancelled */
	RESET_REQUEST,			/* the control request is under way */
};

struct pipe_usb {
	struct bw_pipe p;
	struct bw_usb_device d;
	char name[80];
	size_t size;			/* of a transfer */
	struct transfer in[BW_USB_IN], out[BW_USB_OUT], ctl;
	unsigned int in_head;		/* the transfer whose bytes come next: they are used in the order in which they were posted */
	struct transfer *filling;	/* OUT, not submitted yet */
	bool whole;			/* the last OUT transfer ended at the end of a packet */
	bool pad_wanted;		/* ... and it was the last for now, but no transfer was free for a PAD */
	bool gone;			/* the device */
	bool closing;
	int broken;			/* 0, or why the link needs a reset */
	bool in_failed;			/* IN transfers need to be posted anew */
	bool in_halt, out_halt;
	enum reset_state reset;
	int64_t reset_by;
	unsigned int events;
};

static struct pipe_usb *usb(struct bw_pipe *p)
{
	return (struct pipe_usb *)p;
}

static void set_gone(struct pipe_usb *u)
{
	u->gone = true;
	u->p.error = -ENODEV;
	u->events |= BW_PIPE_DOWN | BW_PIPE_FAILED;
}

static void set_broken(struct pipe_usb *u, int err)
{
	if (!u->broken)
		u->broken = err;
	u->events |= BW_PIPE_READABLE;		/* recv tells */
}

static bool any_busy(const struct transfer *t, int n)
{
	while (n--)
		if (t++->busy)
			return true;
	return false;
}

static void cancel(struct transfer *t, int n)
{
	for (; n--; t++)
		if (t->busy)
			libusb_cancel_transfer(t->t);
}

/* ---- callbacks ---- */

static int status_errno(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return 0;
	case LIBUSB_TRANSFER_TIMED_OUT:
		return -ETIMEDOUT;
	case LIBUSB_TRANSFER_CANCELLED:
		return -ECANCELED;
	case LIBUSB_TRANSFER_STALL:
		return -EPIPE;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return -ENODEV;
	case LIBUSB_TRANSFER_OVERFLOW:
		return -EOVERFLOW;
	case LIBUSB_TRANSFER_ERROR:
		break;
	}
	return -EIO;
}

static void LIBUSB_CALL in_done(struct libusb_transfer *lt)
{
	struct transfer *t = lt->user_data;
	struct pipe_usb *u = t->u;
	int r = status_errno(lt->status);

	t->busy = false;
	if (!r) {
		t->done = true;
		t->start = 0;
		t->end = (size_t)lt->actual_length;
		u->p.transfers_in++;
		u->p.bytes_in += t->end;
		u->events |= BW_PIPE_READABLE;
	} else if (r == -ENODEV) {
		set_gone(u);
	} else {
		u->in_failed = true;
		u->in_halt |= r == -EPIPE;
		if (u->reset == RESET_NONE && !u->closing)
			set_broken(u, r);
	}
}

static void LIBUSB_CALL out_done(struct libusb_transfer *lt)
{
	struct transfer *t = lt->user_data;
	struct pipe_usb *u = t->u;
	int r = status_errno(lt->status);

	t->busy = false;
	u->p.transfers_out++;
	u->p.bytes_out += (uint64_t)lt->actual_length;
	u->events |= BW_PIPE_WRITABLE;
	if (r == -ENODEV) {
		set_gone(u);
	} else if (r) {
		u->out_halt |= r == -EPIPE;
		if (u->reset == RESET_NONE && !u->closing)
			set_broken(u, r);
	}
}

static void LIBUSB_CALL reset_done(struct libusb_transfer *lt)
{
	struct transfer *t = lt->user_data;
	struct pipe_usb *u = t->u;
	int r = status_errno(lt->status);

	t->busy = false;
	u->reset = RESET_NONE;
	if (r == -ENODEV)
		set_gone(u);
	else if (r || u->in_failed)
		set_broken(u, r ? r : -EIO);
	else
		u->events |= BW_PIPE_WRITABLE;
}

/* ---- IN ---- */

static void in_post(struct pipe_usb *u, struct transfer *t)
{
	int r;

	t->done = false;
	libusb_fill_bulk_transfer(t->t, u->d.handle, u->d.ep_in, t->buf, (int)u->size, in_done, t, 0);
	r = libusb_submit_transfer(t->t);
	t->busy = !r;
	if (r == LIBUSB_ERROR_NO_DEVICE) {
		set_gone(u);
	} else if (r) {
		u->in_failed = true;
		set_broken(u, bw_usb_errno(r));
	}
}

static void in_post_all(struct pipe_usb *u)
{
	int i;

	u->in_failed = false;
	u->in_head = 0;
	for (i = 0; i < BW_USB_IN && !u->in_failed && !u->gone; i++)
		in_post(u, &u->in[i]);
}

static ssize_t usb_recv(struct bw_pipe *p, void *buf, size_t len)
{
	struct pipe_usb *u = usb(p);

	for (;;) {
		struct transfer *t = &u->in[u->in_head];
		size_t n;

		if (u->gone)
			return -ENOTCONN;
		if (u->broken)
			return u->broken;
		if (!t->done || u->in_failed)
			return -EAGAIN;
		n = t->end - t->start < len ? t->end - t->start : len;
		memcpy(buf, t->buf + t->start, n);
		t->start += n;
		if (t->start == t->end) {
			u->in_head = (u->in_head + 1) % BW_USB_IN;
			in_post(u, t);
		}
		if (n)
			return (ssize_t)n;
	}
}

/* ---- OUT ---- */

static struct transfer *out_free(struct pipe_usb *u)
{
	int i;

	for (i = 0; i < BW_USB_OUT; i++) {
		if (!u->out[i].busy) {
			u->out[i].end = 0;
			return &u->out[i];
		}
	}
	return NULL;
}

static void out_submit(struct pipe_usb *u, struct transfer *t)
{
	int r;

	u->filling = NULL;
	u->whole = t->end % u->d.packet_out == 0;
	libusb_fill_bulk_transfer(t->t, u->d.handle, u->d.ep_out, t->buf, (int)t->end, out_done, t, 0);
	r = libusb_submit_transfer(t->t);
	t->busy = !r;
	if (r == LIBUSB_ERROR_NO_DEVICE)
		set_gone(u);
	else if (r)
		set_broken(u, bw_usb_errno(r));
}

static ssize_t usb_send(struct bw_pipe *p, const void *buf, size_t len)
{
	struct pipe_usb *u = usb(p);
	size_t taken = 0, n;

	if (u->gone)
		return -ENOTCONN;
	if (u->reset != RESET_NONE)
		return -EAGAIN;
	u->pad_wanted = false;		/* there is more to come, and a PAD may only stand between frames */
	while (taken < len && !u->broken && !u->gone) {
		struct transfer *t = u->filling ? u->filling : (u->filling = out_free(u));

		if (!t)
			break;
		n = u->size - t->end < len - taken ? u->size - t->end : len - taken;
		memcpy(t->buf + t->end, (const uint8_t *)buf + taken, n);
		t->end += n;
		taken += n;
		if (t->end == u->size)
			out_submit(u, t);
	}
	if (u->broken)
		return u->broken;
	return taken || !len ? (ssize_t)taken : -EAGAIN;
}

static int usb_flush(struct bw_pipe *p)
{
	struct pipe_usb *u = usb(p);
	struct transfer *t = u->filling;
	struct bw_frame pad = { .length = BW_FRAME_HEADER, .type = BW_MSG_PAD };

	if (u->gone || u->reset != RESET_NONE || (!t && !u->whole))
		return u->gone ? -ENOTCONN : 0;
	if (!t)
		t = out_free(u);
	u->pad_wanted = !t;
	if (!t)
		return 0;
	if (t->end % u->d.packet_out == 0) {
		bw_frame_put_header(t->buf + t->end, &pad);
		t->end += pad.length;
	}
	out_submit(u, t);
	return u->broken;
}

/* ---- reset ---- */

static int usb_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE])
{
	struct pipe_usb *u = usb(p);
	int i;

	if (u->gone)
		return -ENODEV;
	if (u->reset != RESET_NONE)
		return -EBUSY;
	memcpy(p->nonce, nonce, BW_NONCE_SIZE);
	u->reset = RESET_CANCEL;
	u->reset_by = bw_now_ms() + RESET_MS;
	u->broken = 0;
	u->filling = NULL;
	u->whole = u->pad_wanted = false;
	cancel(u->out, BW_USB_OUT);
	if (u->in_failed)
		cancel(u->in, BW_USB_IN);
	for (i = 0; i < BW_USB_IN; i++)		/* what came is of the link that ended; recv posts it again */
		u->in[i].start = u->in[i].end;
	return 0;
}

static void reset_request(struct pipe_usb *u)
{
	struct transfer *t = &u->ctl;
	int r;

	u->reset = RESET_REQUEST;
	libusb_fill_control_setup(t->buf, LIBUSB_ENDPOINT_OUT | LIBUSB_REQUEST_TYPE_VENDOR | LIBUSB_RECIPIENT_INTERFACE,
				  BW_USB_REQ_RESET, 0, (uint16_t)u->d.interface, BW_NONCE_SIZE);
	memcpy(t->buf + LIBUSB_CONTROL_SETUP_SIZE, u->p.nonce, BW_NONCE_SIZE);
	libusb_fill_control_transfer(t->t, u->d.handle, t->buf, reset_done, t, RESET_MS);
	r = libusb_submit_transfer(t->t);
	t->busy = !r;
	if (!r)
		return;
	u->reset = RESET_NONE;
	if (r == LIBUSB_ERROR_NO_DEVICE)
		set_gone(u);
	else
		set_broken(u, bw_usb_errno(r));
}

/* Goes on with a reset when the cancelled transfers are back. Not in a callback: clear_halt waits for the device (the kernel: 5 s at most). */
static void reset_step(struct pipe_usb *u)
{
	if (u->reset != RESET_CANCEL || u->gone)
		return;
	if (any_busy(u->out, BW_USB_OUT) || (u->in_failed && any_busy(u->in, BW_USB_IN))) {
		if (u->in_failed)
			cancel(u->in, BW_USB_IN);
		if (bw_now_ms() < u->reset_by)
			return;
		/* A host controller that does not give transfers back: only closing the device helps. */
		u->p.error = -EIO;
		u->events |= BW_PIPE_FAILED;
		u->reset = RESET_NONE;
		return;
	}
	if (u->out_halt)
		libusb_clear_halt(u->d.handle, u->d.ep_out);
	if (u->in_halt)
		libusb_clear_halt(u->d.handle, u->d.ep_in);
	u->out_halt = u->in_halt = false;
	if (u->in_failed)
		in_post_all(u);
	if (!u->gone && !u->broken)
		reset_request(u);
	else
		u->reset = RESET_NONE;
}

/* ---- the loop ---- */

static int usb_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms)
{
	struct pipe_usb *u = usb(p);
	const struct libusb_pollfd **list = libusb_get_pollfds(u->d.ctx);
	struct timeval tv;
	int64_t ms = -1;
	int n;

	for (n = 0; list && list[n] && n < max; n++)
		fds[n] = (struct pollfd) { .fd = list[n]->fd, .events = list[n]->events };
	libusb_free_pollfds(list);
	if (u->events)
		ms = 0;
	else if (libusb_get_next_timeout(u->d.ctx, &tv) > 0)
		ms = tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000;
	if (u->reset == RESET_CANCEL && (ms < 0 || ms > RESET_MS))
		ms = RESET_MS;
	if (ms >= 0 && (*timeout_ms < 0 || ms < *timeout_ms))
		*timeout_ms = (int)ms;
	return n;
}

/* libusb polls once more itself, which a turn that is about clients alone is spared. */
static void handle_events(struct pipe_usb *u, const struct pollfd *fds, int n)
{
	struct timeval none = { 0 };
	int r;

	while (n && !fds[n - 1].revents)
		n--;
	if (!n && libusb_pollfds_handle_timeouts(u->d.ctx))
		return;
	r = libusb_handle_events_timeout_completed(u->d.ctx, &none, NULL);
	if (r == LIBUSB_ERROR_NO_DEVICE)
		set_gone(u);
	else if (r && r != LIBUSB_ERROR_INTERRUPTED)
		set_broken(u, bw_usb_errno(r));
}

static unsigned int usb_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n)
{
	struct pipe_usb *u = usb(p);
	unsigned int events;

	handle_events(u, fds, n);
	reset_step(u);
	if (u->pad_wanted && u->events & BW_PIPE_WRITABLE && !u->broken)
		usb_flush(p);
	events = u->events;
	u->events = 0;
	return events;
}

/* ---- birth and death ---- */

static void run_until_idle(struct pipe_usb *u, const struct transfer *t, int n, int ms)
{
	int64_t until = bw_now_ms() + ms;
	struct timeval tick = { .tv_usec = 20000 };

	while (any_busy(t, n) && bw_now_ms() < until)
		if (libusb_handle_events_timeout_completed(u->d.ctx, &tick, NULL) < 0)
			return;
}

static void transfers_free(struct transfer *t, int n)
{
	for (; n--; t++) {
		libusb_free_transfer(t->t);
		free(t->buf);
		*t = (struct transfer) { 0 };
	}
}

static void usb_close(struct bw_pipe *p)
{
	struct pipe_usb *u = usb(p);

	u->closing = true;
	if (!u->gone && !u->broken)
		run_until_idle(u, u->out, BW_USB_OUT, LINGER_MS);
	cancel(u->out, BW_USB_OUT);
	cancel(u->in, BW_USB_IN);
	cancel(&u->ctl, 1);
	run_until_idle(u, u->out, BW_USB_OUT, BW_PIPE_CLOSE_MS / 4);
	run_until_idle(u, u->in, BW_USB_IN, BW_PIPE_CLOSE_MS / 4);
	run_until_idle(u, &u->ctl, 1, BW_PIPE_CLOSE_MS / 4);
	if (any_busy(u->out, BW_USB_OUT) || any_busy(u->in, BW_USB_IN) || any_busy(&u->ctl, 1)) {
		/* libusb would wait for them, maybe for ever. The process ends next, and the kernel cleans up. */
		bw_log(BW_LOG_WARN, "board %s: the host controller did not give all transfers back", u->name);
		return;
	}
	transfers_free(u->out, BW_USB_OUT);
	transfers_free(u->in, BW_USB_IN);
	transfers_free(&u->ctl, 1);
	bw_usb_device_close(&u->d);
	free(u);
}

static int transfers_new(struct pipe_usb *u, struct transfer *t, int n, size_t size)
{
	for (; n--; t++) {
		t->u = u;
		t->t = libusb_alloc_transfer(0);
		t->buf = malloc(size);
		if (!t->t || !t->buf)
			return -ENOMEM;
	}
	return 0;
}

/* IN transfers of a size that the kernel's budget still has room for, leaving as much again for the others. */
static int transfers_start(struct pipe_usb *u)
{
	for (u->size = BW_USB_TRANSFER; ; u->size /= 2) {
		in_post_all(u);
		if (u->broken != -ENOMEM || u->size / 2 < BW_USB_TRANSFER_MIN)
			return u->gone ? -ENODEV : u->broken;
		cancel(u->in, BW_USB_IN);
		run_until_idle(u, u->in, BW_USB_IN, RESET_MS);
		if (any_busy(u->in, BW_USB_IN))
			return -EIO;
		u->broken = 0;
		u->events = 0;
	}
}

static const struct bw_pipe_ops usb_ops = {
	.name = "usb", .has_reset = 1,
	.pollfds = usb_pollfds, .dispatch = usb_dispatch, .recv = usb_recv, .send = usb_send,
	.flush = usb_flush, .reset = usb_reset, .close = usb_close,
};

int bw_pipe_usb_open(const char *name, const char *node, int interface, struct bw_pipe **out, char *err, size_t errlen)
{
	struct pipe_usb *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->p.ops = &usb_ops;
	snprintf(u->name, sizeof(u->name), "%s", name);
	r = bw_usb_device_open(&u->d, name, node, interface, err, errlen);
	if (r < 0) {
		free(u);
		return r;
	}
	if ((r = transfers_new(u, u->in, BW_USB_IN, BW_USB_TRANSFER)) ||
	    (r = transfers_new(u, u->out, BW_USB_OUT, BW_USB_TRANSFER + BW_FRAME_HEADER)) ||
	    (r = transfers_new(u, &u->ctl, 1, LIBUSB_CONTROL_SETUP_SIZE + BW_NONCE_SIZE)) ||
	    (r = transfers_start(u))) {
		snprintf(err, errlen, "board %s: start transfers on %s: %s%s", name, node, strerror(-r),
			 r == -ENOMEM ? " (raise usbcore.usbfs_memory_mb)" : "");
		usb_close(&u->p);
		return r;
	}
	*out = &u->p;
	return 0;
}
