// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-bridge/usb_device.h"
#include "protocol/io.h"
#include "protocol/wire.h"

#define PERMIT_MS	1000	/* udev sets owner and ACL a moment after the node is there */
#define RETRY_MS	50

int bw_usb_errno(int libusb_error)
{
	switch (libusb_error) {
	case LIBUSB_SUCCESS:
		return 0;
	case LIBUSB_ERROR_INVALID_PARAM:
		return -EINVAL;
	case LIBUSB_ERROR_ACCESS:
		return -EACCES;
	case LIBUSB_ERROR_NO_DEVICE:
		return -ENODEV;
	case LIBUSB_ERROR_NOT_FOUND:
		return -ENOENT;
	case LIBUSB_ERROR_BUSY:
		return -EBUSY;
	case LIBUSB_ERROR_TIMEOUT:
		return -ETIMEDOUT;
	case LIBUSB_ERROR_OVERFLOW:
		return -EOVERFLOW;
	case LIBUSB_ERROR_PIPE:
		return -EPIPE;
	case LIBUSB_ERROR_INTERRUPTED:
		return -EINTR;
	case LIBUSB_ERROR_NO_MEM:
		return -ENOMEM;
	case LIBUSB_ERROR_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

struct where {
	const char *name, *node;
	char *err;
	size_t len;
};

static int fail(const struct where *w, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(const struct where *w, int r, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(w->err, w->len, "board %s: ", w->name);

	if (n < 0 || (size_t)n >= w->len)
		return r;
	va_start(ap, fmt);
	vsnprintf(w->err + n, w->len - (size_t)n, fmt, ap);
	va_end(ap);
	return r;
}

static int open_node(struct bw_usb_device *d, const struct where *w)
{
	int64_t until = bw_now_ms() + PERMIT_MS;
	int r;

	for (;;) {
		d->fd = open(w->node, O_RDWR | O_CLOEXEC);
		if (d->fd >= 0)
			return 0;
		r = -errno;
		if ((r != -EACCES && r != -ENOENT) || bw_now_ms() >= until)
			break;
		usleep(RETRY_MS * 1000);
	}
	if (r == -EACCES || r == -EPERM)
		return fail(w, -EACCES, "no permission to open %s: install udev/70-bpfwire.rules in /etc/udev/rules.d and plug the board in "
			    "again, or join the group of that file (plugdev)", w->node);
	return fail(w, r == -ENOENT ? -ENODEV : r, "open %s: %s", w->node, strerror(-r));
}

static bool is_ours(const struct libusb_interface_descriptor *i, int number)
{
	return i->bInterfaceClass == BW_USB_CLASS && i->bInterfaceSubClass == BW_USB_SUBCLASS &&
	       i->bInterfaceProtocol == BW_USB_PROTOCOL && (number < 0 || i->bInterfaceNumber == number);
}

static bool take_endpoints(struct bw_usb_device *d, const struct libusb_interface_descriptor *i)
{
	bool in = false, out = false;
	uint8_t n;

	for (n = 0; n < i->bNumEndpoints; n++) {
		const struct libusb_endpoint_descriptor *e = &i->endpoint[n];

		if ((e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) != LIBUSB_TRANSFER_TYPE_BULK)
			continue;
		if (e->bEndpointAddress & LIBUSB_ENDPOINT_IN && !in) {
			d->ep_in = e->bEndpointAddress;
			in = true;
		} else if (!(e->bEndpointAddress & LIBUSB_ENDPOINT_IN) && !out) {
			d->ep_out = e->bEndpointAddress;
			d->packet_out = e->wMaxPacketSize & 0x7ff;
			out = true;
		}
	}
	return in && out && d->packet_out;
}

static int find_interface(struct bw_usb_device *d, int number, const struct where *w)
{
	struct libusb_config_descriptor *config;
	bool found = false;
	int n, r;

	r = libusb_get_active_config_descriptor(libusb_get_device(d->handle), &config);
	if (r < 0)
		return fail(w, bw_usb_errno(r), "read the configuration of %s: %s", w->node, libusb_strerror(r));
	for (n = 0; n < config->bNumInterfaces && !found; n++) {
		const struct libusb_interface_descriptor *i = config->interface[n].altsetting;

		found = config->interface[n].num_altsetting > 0 && is_ours(i, number) && take_endpoints(d, i);
		if (found)
			d->interface = i->bInterfaceNumber;
	}
	libusb_free_config_descriptor(config);
	return found ? 0 : fail(w, -ENODEV, "%s has no bpfwire interface (class ff/62/01 with two bulk endpoints)", w->node);
}

static int claim(struct bw_usb_device *d, const struct where *w)
{
	int r = libusb_claim_interface(d->handle, d->interface);

	if (r == LIBUSB_ERROR_BUSY)
		return fail(w, -EBUSY, "interface %d of %s is claimed by another program: end the other bpfwire-bridge (or kernel driver)",
			    d->interface, w->node);
	if (r < 0)
		return fail(w, bw_usb_errno(r), "claim interface %d of %s: %s", d->interface, w->node, libusb_strerror(r));
	d->claimed = true;
	return 0;
}

int bw_usb_device_open(struct bw_usb_device *d, const char *name, const char *node, int interface, char *err, size_t errlen)
{
	struct where w = { .name = name, .node = node, .err = err, .len = errlen };
	int r;

	*d = (struct bw_usb_device) { .fd = -1 };
	r = open_node(d, &w);
	if (r < 0)
		return r;
	libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	r = libusb_init(&d->ctx);
	if (r < 0) {
		bw_usb_device_close(d);
		return fail(&w, bw_usb_errno(r), "start libusb: %s", libusb_strerror(r));
	}
	r = libusb_wrap_sys_device(d->ctx, d->fd, &d->handle);
	if (r < 0)
		r = fail(&w, bw_usb_errno(r), "open %s: %s", node, libusb_strerror(r));
	else if (!(r = find_interface(d, interface, &w)))
		r = claim(d, &w);
	if (r < 0)
		bw_usb_device_close(d);
	return r;
}

void bw_usb_device_close(struct bw_usb_device *d)
{
	if (d->claimed)
		libusb_release_interface(d->handle, d->interface);
	if (d->handle)
		libusb_close(d->handle);
	if (d->ctx)
		libusb_exit(d->ctx);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct bw_usb_device) { .fd = -1 };
}
