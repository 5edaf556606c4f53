// SPDX-License-Identifier: Apache-2.0
#include "gadget/ffs_ep0.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void on_alarm(int sig) { (void)sig; }

int bw_ep0_init(struct bw_ep0 *e, int fd)
{
	struct sigaction act = { .sa_handler = on_alarm };	/* no SA_RESTART: it is there to interrupt */
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

	*e = (struct bw_ep0){ .fd = -1 };
	ev.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	sigemptyset(&act.sa_mask);
	if (sigaction(SIGALRM, &act, NULL))
		return -errno;
	/* Without CONFIG_POSIX_TIMERS there is no limit: still a daemon that works. */
	e->has_timer = !timer_create(CLOCK_MONOTONIC, &ev, &e->timer);
	e->fd = fd;
	return 0;
}

void bw_ep0_fini(struct bw_ep0 *e)
{
	if (e->has_timer)
		timer_delete(e->timer);
	e->has_timer = false;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

static void set_limit(struct bw_ep0 *e, long ms)
{
	/* Again and again: one that fires before the system call would be lost. */
	struct itimerspec t = { .it_value = { ms / 1000, ms % 1000 * 1000000 }, .it_interval = { 0, ms ? 100000000 : 0 } };

	if (e->has_timer)
		timer_settime(e->timer, 0, &t, NULL);
}

int bw_ep0_next(struct bw_ep0 *e, struct usb_functionfs_event *event)
{
	ssize_t n;

	do {
		n = read(e->fd, event, sizeof(*event));
		/* EIDRM: the transfer before was given up by the host. Now the next event can be read. */
	} while (n < 0 && (errno == EINTR || errno == EIDRM));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n == sizeof(*event) ? 1 : -EIO;
}

enum bw_ep0_request bw_ep0_request(const struct usb_ctrlrequest *setup)
{
	const uint8_t vendor = USB_TYPE_VENDOR | USB_RECIP_INTERFACE;
	uint16_t len = le16toh(setup->wLength);

	if (setup->bRequestType == (USB_DIR_OUT | vendor) && setup->bRequest == BW_USB_REQ_RESET && len == BW_NONCE_SIZE)
		return BW_EP0_RESET;
	/* A host may have room for the longer STATUS of a later version. */
	if (setup->bRequestType == (USB_DIR_IN | vendor) && setup->bRequest == BW_USB_REQ_STATUS && len >= BW_USB_STATUS_SIZE)
		return BW_EP0_STATUS;
	return BW_EP0_OTHER;
}

void bw_ep0_stall(struct bw_ep0 *e, const struct usb_ctrlrequest *setup)
{
	/* I/O in the wrong direction is how FunctionFS is told to stall; it answers -EL2HLT. */
	if (setup->bRequestType & USB_DIR_IN)
		(void)!read(e->fd, NULL, 0);
	else
		(void)!write(e->fd, NULL, 0);
}

static int finish(struct bw_ep0 *e, ssize_t n, size_t want, uint8_t direction)
{
	if (n == (ssize_t)want)
		return 0;
	if (n >= 0)
		return -EPROTO;
	if (errno != EINTR)
		return -errno;
	/* The transfer is pending still, and ep0 stays readable until it is ended. */
	bw_ep0_stall(e, &(struct usb_ctrlrequest){ .bRequestType = direction });
	return -ETIMEDOUT;
}

int bw_ep0_read_nonce(struct bw_ep0 *e, uint8_t nonce[BW_NONCE_SIZE])
{
	uint8_t data[BW_NONCE_SIZE];
	ssize_t n;
	int ret;

	set_limit(e, BW_EP0_LIMIT_MS);
	n = read(e->fd, data, sizeof(data));
	ret = finish(e, n, sizeof(data), USB_DIR_OUT);
	set_limit(e, 0);
	if (!ret)
		memcpy(nonce, data, sizeof(data));
	return ret;
}

static void put_le(uint8_t *p, uint32_t v, int bytes)
{
	for (; bytes--; v >>= 8)
		*p++ = (uint8_t)v;
}

void bw_ep0_put_status(uint8_t out[BW_USB_STATUS_SIZE], uint32_t sessions, const uint8_t nonce[BW_NONCE_SIZE])
{
	_Static_assert(BW_USB_STATUS_SIZE == 2 + 2 + 4 + BW_NONCE_SIZE, "STATUS of wire.h");

	put_le(out, BW_VERSION_MAJOR, 2);
	put_le(out + 2, BW_VERSION_MINOR, 2);
	put_le(out + 4, sessions, 4);
	memcpy(out + 8, nonce, BW_NONCE_SIZE);
}

int bw_ep0_write_status(struct bw_ep0 *e, uint32_t sessions, const uint8_t nonce[BW_NONCE_SIZE])
{
	uint8_t data[BW_USB_STATUS_SIZE];
	ssize_t n;
	int ret;

	bw_ep0_put_status(data, sessions, nonce);
	set_limit(e, BW_EP0_LIMIT_MS);
	n = write(e->fd, data, sizeof(data));
	ret = finish(e, n, sizeof(data), USB_DIR_IN);
	set_limit(e, 0);
	return ret;
}
