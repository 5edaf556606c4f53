// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "host-bridge/hotplug.h"
#include "tests/unit/check.h"

/* In memory that ends where the event does, for the sanitizers. */
static bool is_usb(const char *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);
	bool r;

	memcpy(copy, bytes, len);
	r = bw_hotplug_is_usb(copy, len);
	free(copy);
	return r;
}
#define IS_USB(text) is_usb(text, sizeof(text))		/* with its last NUL */

TEST("a uevent of the USB subsystem is told from others")
{
	CHECK(IS_USB("add@/devices/x/usb1/1-1\0ACTION=add\0SUBSYSTEM=usb\0DEVTYPE=usb_interface"));
	CHECK(IS_USB("remove@/devices/x\0SUBSYSTEM=usb"));
	CHECK(!IS_USB("add@/devices/x\0ACTION=add\0SUBSYSTEM=usbmon"));
	CHECK(!IS_USB("change@/devices/y\0SUBSYSTEM=power_supply\0NAME=SUBSYSTEM=usb"));
	CHECK(!IS_USB("add@/devices/x"));
}

TEST("a uevent that is cut off is read to its end and no further")
{
	static const char whole[] = "add@/devices/x\0SUBSYSTEM=usb";

	for (size_t len = 0; len < sizeof(whole); len++)
		CHECK(!is_usb(whole, len));
	CHECK(is_usb(whole, sizeof(whole)));
}

int main(void) { return check_done(); }
