// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host-bridge/finder.h"
#include "tests/unit/check.h"

static char root[64];

static void put(const char *device, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, device);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", root, device, name);
	f = fopen(path, "w");
	fprintf(f, "%s\n", text);
	fclose(f);
}

static void put_device(const char *device, const char *devnum, const char *serial)
{
	put(device, "busnum", "1");
	put(device, "devnum", devnum);
	put(device, "speed", "480");
	if (serial)
		put(device, "serial", serial);
}

static void put_interface(const char *interface, const char *number, const char *subclass, const char *string)
{
	put(interface, "bInterfaceNumber", number);
	put(interface, "bInterfaceClass", "ff");
	put(interface, "bInterfaceSubClass", subclass);
	put(interface, "bInterfaceProtocol", "01");
	if (string)
		put(interface, "interface", string);
}

/* What sysfs looks like with five devices plugged in. */
static void make_tree(void)
{
	strcpy(root, "/tmp/bw-finder-XXXXXX");
	if (!mkdtemp(root))
		abort();
	put_device("1-1", "12", "BOARD");
	put_interface("1-1:1.0", "00", "42", "ADB Interface");
	put_interface("1-1:1.2", "02", "62", "bpfwire");
	put_device("1-1.4", "3", NULL);
	put_interface("1-1.4:1.0", "00", "62", "bpfwire");
	put_device("1-2", "5", "OTHER");
	put_interface("1-2:1.0", "00", "62", "something else");
	put_device("1-3", "6", "QUIRK");
	put_interface("1-3:1.0", "00", "62", NULL);
	put_interface("1-4:1.0", "00", "62", "bpfwire");	/* its device has just gone */
}

static void remove_tree(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command))
		abort();
}

TEST("bpfwire interfaces are found by class and string, with port, node, number, serial and speed")
{
	struct bw_finder f = { .sysfs = root };
	struct bw_found found[8];

	make_tree();
	CHECK_EQ(bw_finder_scan(&f, found, 8), 3);
	CHECK(!strcmp(found[0].path, "1-1.4") && !strcmp(found[0].node, "/dev/bus/usb/001/003") && !strcmp(found[0].serial, ""));
	CHECK(!strcmp(found[1].path, "1-3"));
	CHECK(!strcmp(found[2].path, "1-1") && !strcmp(found[2].node, "/dev/bus/usb/001/012") && !strcmp(found[2].serial, "BOARD"));
	CHECK(found[2].interface == 2 && found[2].speed == 480);
	CHECK_EQ(bw_finder_scan(&f, found, 1), 1);
	f.node = "/dev/bus/usb/001/012";
	CHECK_EQ(bw_finder_scan(&f, found, 8), 1);
	CHECK(!strcmp(found[0].serial, "BOARD"));
	remove_tree();
	CHECK(bw_finder_scan(&f, found, 8) < 0);
}

int main(void) { return check_done(); }
