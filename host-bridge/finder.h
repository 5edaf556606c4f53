/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds bpfwire interfaces (class, subclass, protocol, and string) among the USB devices of this machine. It reads sysfs only, where the kernel keeps
 * descriptors and strings from enumeration: so it needs no permission, sends nothing to a device, and never waits for a board that hangs.
 * Facts: Documentation/ABI/stable/sysfs-bus-usb, testing/sysfs-bus-usb.
 */
#ifndef BW_HOST_BRIDGE_FINDER_H
#define BW_HOST_BRIDGE_FINDER_H

#include <stdint.h>

#define BW_FINDER_SYSFS	"/sys/bus/usb/devices"

struct bw_found {
	char path[64];		/* the device's name in sysfs, which is where it is plugged: "1-1.2" */
	char node[64];		/* /dev/bus/usb/BBB/DDD; a replugged board has another one */
	char serial[128];	/* as the device says; "" none */
	int interface;		/* number; -1: to be found by the descriptors */
	unsigned int speed;	/* Mbit/s; 0 unknown */
};

struct bw_finder {
	const char *sysfs;	/* BW_FINDER_SYSFS, but for tests */
	const char *node;	/* only the device with this node; NULL: any */
};

/* Fills out with at most max; returns how many, or a negative errno where there is no such directory. */
int bw_finder_scan(const struct bw_finder *f, struct bw_found *out, int max);

#endif
