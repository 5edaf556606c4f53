// SPDX-License-Identifier: Apache-2.0
#include <libusb-1.0/libusb.h>
#include <stdlib.h>

#include "host-bridge/hotplug.h"
#include "protocol/log.h"

struct bw_hotplug {
	libusb_context *ctx;
	libusb_hotplug_callback_handle callback;
	bool changed;
};

/* In here libusb may not be asked anything: it would answer BUSY. */
static int LIBUSB_CALL note(libusb_context *ctx, libusb_device *device, libusb_hotplug_event event, void *arg)
{
	struct bw_hotplug *h = arg;

	(void)ctx;
	(void)device;
	(void)event;
	h->changed = true;
	return 0;
}

struct bw_hotplug *bw_hotplug_new(void)
{
	struct bw_hotplug *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return NULL;
	r = libusb_init(&h->ctx);
	if (r < 0) {
		h->ctx = NULL;
	} else if (!libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG)) {
		r = LIBUSB_ERROR_NOT_SUPPORTED;
	} else {
		r = libusb_hotplug_register_callback(h->ctx, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
						     LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
						     note, h, &h->callback);
	}
	if (r >= 0)
		return h;
	bw_log(BW_LOG_DEBUG, "no hotplug events from libusb (%s): boards are found by looking every second", libusb_strerror(r));
	bw_hotplug_free(h);
	return NULL;
}

void bw_hotplug_free(struct bw_hotplug *h)
{
	if (!h)
		return;
	if (h->ctx)
		libusb_exit(h->ctx);
	free(h);
}

int bw_hotplug_pollfds(struct bw_hotplug *h, struct pollfd *fds, int max, int *timeout_ms)
{
	const struct libusb_pollfd **list;
	struct timeval tv;
	int n, ms;

	if (!h)
		return 0;
	list = libusb_get_pollfds(h->ctx);
	for (n = 0; list && list[n] && n < max; n++)
		fds[n] = (struct pollfd) { .fd = list[n]->fd, .events = list[n]->events };
	libusb_free_pollfds(list);
	if (libusb_get_next_timeout(h->ctx, &tv) > 0) {
		ms = (int)(tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
		if (*timeout_ms < 0 || ms < *timeout_ms)
			*timeout_ms = ms;
	}
	return n;
}

bool bw_hotplug_input(struct bw_hotplug *h)
{
	struct timeval none = { 0 };
	bool changed;

	if (!h)
		return false;
	libusb_handle_events_timeout_completed(h->ctx, &none, NULL);
	changed = h->changed;
	h->changed = false;
	return changed;
}
