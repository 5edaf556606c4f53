/* SPDX-License-Identifier: Apache-2.0 */
/* A USB device opened by its node, with bpfwire's interface claimed: what pipe_usb.c stands on. */
#ifndef BW_HOST_BRIDGE_USB_DEVICE_H
#define BW_HOST_BRIDGE_USB_DEVICE_H

#include <libusb-1.0/libusb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_usb_device {
	libusb_context *ctx;
	libusb_device_handle *handle;
	int fd;				/* of the node: libusb does not close it */
	int interface;
	bool claimed;
	uint8_t ep_in, ep_out;		/* addresses */
	unsigned int packet_out;	/* wMaxPacketSize of ep_out */
};

int bw_usb_device_open(struct bw_usb_device *d, const char *name, const char *node, int interface, char *err, size_t errlen);
void bw_usb_device_close(struct bw_usb_device *d);
int bw_usb_errno(int libusb_error);		/* negative errno */

#endif
