/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells that some USB device came or went, by libusb's hotplug events. It says only "look again": what is there, the finder says. Where libusb has no
 * such events (no netlink, no udev) the bridge lives on its rescans.
 */
#ifndef BW_HOST_BRIDGE_HOTPLUG_H
#define BW_HOST_BRIDGE_HOTPLUG_H

#include <poll.h>
#include <stdbool.h>

struct bw_hotplug;

#define BW_HOTPLUG_POLLFDS	8

struct bw_hotplug *bw_hotplug_new(void);	/* NULL: there are no such events here (logged) */
void bw_hotplug_free(struct bw_hotplug *h);

/* h may be NULL in both. */
int bw_hotplug_pollfds(struct bw_hotplug *h, struct pollfd *fds, int max, int *timeout_ms);
bool bw_hotplug_input(struct bw_hotplug *h);	/* after poll; true: something came or went */

#endif
