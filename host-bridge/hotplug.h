/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells that something USB came or went, by the kernel's own uevents (lib/kobject_uevent.c; no udevd takes part). It says only "look again": what is
 * there, the finder says. Where there are no such events (no netlink; a user namespace, to which the kernel sends none) the bridge lives on its rescans.
 */
#ifndef BW_HOST_BRIDGE_HOTPLUG_H
#define BW_HOST_BRIDGE_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>

int bw_hotplug_open(void);		/* a descriptor to poll for input and to close; -1: there are no such events here (logged) */
bool bw_hotplug_input(int fd);		/* takes what came; true: something USB came or went, or events were lost */

/* True if the uevent of len bytes ("ACTION@PATH", then "NAME=VALUE" strings, each with its NUL) is of a USB device or interface. */
bool bw_hotplug_is_usb(const char *uevent, size_t len);

#endif
