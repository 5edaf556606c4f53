// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-bridge/finder.h"
#include "protocol/wire.h"

/* One attribute, without its newline. "" where there is none. */
static void attribute(int dir_fd, const char *device, const char *name, char *out, size_t size)
{
	char path[160];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", device, name);
	fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
}

static long number(int dir_fd, const char *device, const char *name, int base)
{
	char text[32], *end;
	long v;

	attribute(dir_fd, device, name, text, sizeof(text));
	v = strtol(text, &end, base);
	return end == text ? -1 : v;
}

static int is_ours(int dir_fd, const char *interface)
{
	char text[64];

	if (number(dir_fd, interface, "bInterfaceClass", 16) != BW_USB_CLASS ||
	    number(dir_fd, interface, "bInterfaceSubClass", 16) != BW_USB_SUBCLASS ||
	    number(dir_fd, interface, "bInterfaceProtocol", 16) != BW_USB_PROTOCOL)
		return 0;
	/* The kernel does not read interface strings of devices that are known to choke on that: then the triple must do. */
	attribute(dir_fd, interface, "interface", text, sizeof(text));
	return !*text || !strcmp(text, BW_USB_INTERFACE_STRING);
}

/* "1-1.2:1.0" is interface 0 of configuration 1 of the device 1-1.2. */
static int describe(int dir_fd, const char *interface, struct bw_found *out)
{
	size_t n = strcspn(interface, ":");
	long bus, dev;

	*out = (struct bw_found) { .interface = (int)number(dir_fd, interface, "bInterfaceNumber", 16) };
	if (n >= sizeof(out->path))
		return -EINVAL;
	memcpy(out->path, interface, n);
	bus = number(dir_fd, out->path, "busnum", 10);
	dev = number(dir_fd, out->path, "devnum", 10);
	if (bus < 0 || dev < 0)		/* it went while we looked */
		return -ENODEV;
	snprintf(out->node, sizeof(out->node), "/dev/bus/usb/%03ld/%03ld", bus, dev);
	attribute(dir_fd, out->path, "serial", out->serial, sizeof(out->serial));
	out->speed = (unsigned int)number(dir_fd, out->path, "speed", 10);
	return 0;
}

static int by_node(const void *a, const void *b)
{
	return strcmp(((const struct bw_found *)a)->node, ((const struct bw_found *)b)->node);
}

int bw_finder_scan(const struct bw_finder *f, struct bw_found *out, int max)
{
	DIR *dir = opendir(f->sysfs);
	struct dirent *e;
	int n = 0;

	if (!dir)
		return -errno;
	while (n < max && (e = readdir(dir))) {
		if (!strchr(e->d_name, ':') || !is_ours(dirfd(dir), e->d_name) || describe(dirfd(dir), e->d_name, &out[n]) < 0)
			continue;
		if (!f->node || !strcmp(f->node, out[n].node))
			n++;
	}
	closedir(dir);
	qsort(out, (size_t)n, sizeof(*out), by_node);	/* so that the same boards get the same names each time */
	return n;
}
