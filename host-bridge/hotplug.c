// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/hotplug.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define KERNEL_EVENTS	1	/* the group of the kernel's own; 2 is udevd's */

/* The kernel sends to every network namespace, but only those of the first user namespace: the one in which all ids are themselves. */
static bool has_events(void)
{
	unsigned long inside, outside, count;
	char line[128];

	if (bw_read_line("/proc/self/uid_map", line, sizeof(line)) < 0)
		return true;		/* a kernel without user namespaces */
	return sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 && !inside && !outside && count == UINT32_MAX;
}

int bw_hotplug_open(void)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS };
	int fd = -1;

	errno = EPERM;
	if (has_events())
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd >= 0 && !bind(fd, (const struct sockaddr *)&kernel, sizeof(kernel)))
		return fd;
	bw_log(BW_LOG_DEBUG, "no hotplug events from the kernel (%s): boards are found by looking every second", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool bw_hotplug_is_usb(const char *uevent, size_t len)
{
	static const char usb[] = "SUBSYSTEM=usb";
	const char *end = uevent + len, *nul;

	for (; uevent < end && (nul = memchr(uevent, 0, (size_t)(end - uevent))); uevent = nul + 1)
		if ((size_t)(nul - uevent) == sizeof(usb) - 1 && !memcmp(uevent, usb, sizeof(usb) - 1))
			return true;
	return false;
}

bool bw_hotplug_input(int fd)
{
	bool changed = false;
	char uevent[8192];	/* the kernel's are at most 2048 and the path */
	ssize_t n;

	while ((n = recv(fd, uevent, sizeof(uevent), MSG_DONTWAIT)) >= 0 || errno == ENOBUFS || errno == EINTR)
		changed |= n < 0 ? errno == ENOBUFS : bw_hotplug_is_usb(uevent, (size_t)n);
	return changed;
}
