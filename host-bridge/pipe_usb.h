/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipe to a board over USB: bulk IN and OUT by asynchronous libusb transfers, several in flight each way, RESET by a vendor request.
 * It works on a device node without any discovery (libusb_wrap_sys_device), so it needs neither udev nor netlink.
 *
 * Memory that the kernel holds for transfers is at most BW_USB_BUDGET a board, of the 16 MB that usbfs allows for all processes and devices
 * together (module parameter usbcore.usbfs_memory_mb). Where that is used up, smaller transfers are tried.
 */
#ifndef BW_HOST_BRIDGE_PIPE_USB_H
#define BW_HOST_BRIDGE_PIPE_USB_H

#include <stddef.h>

#include "protocol/pipe.h"

#define BW_USB_IN		8		/* transfers in flight */
#define BW_USB_OUT		4
#define BW_USB_TRANSFER		65536u		/* bytes of each: a multiple of every bulk packet size, or an IN could overflow */
#define BW_USB_TRANSFER_MIN	16384u
#define BW_USB_BUDGET		((BW_USB_IN + BW_USB_OUT) * BW_USB_TRANSFER)

/*
 * Opens the node, claims the interface (-1: the first that is bpfwire's by its descriptor). For about a second it tries again what udev may not
 * have permitted yet. On failure err is one line for the user. -EACCES, -EBUSY (somebody else claimed it), -ENODEV, ...
 */
int bw_pipe_usb_open(const char *name, const char *node, int interface, struct bw_pipe **out, char *err, size_t errlen);

#endif
