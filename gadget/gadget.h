/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's end of the cable: a USB gadget with one vendor interface, as a pipe (protocol/pipe.h).
 *
 * bw_gadget_open() mounts FunctionFS, composes the gadget through libusbgx, writes the descriptors and binds the controller; the pipe's close undoes
 * all of that. The pipe says BW_PIPE_RESET when a host has opened the link, BW_PIPE_DOWN when the cable is out, the host has configured the
 * device anew, or the gadget was unbound by hand; it stays of use after DOWN. The two never come
 * together. Between DOWN and RESET recv, send and flush give -ENOTCONN.
 *
 * One thread makes all calls. SIGALRM is used by the pipe (a limit on control transfers): whoever wants it must not. The descriptors behind
 * a pipe are all CLOEXEC; a child that is forked and does not exec must close them (close_range), because the gadget stays
 * bound as long as somebody holds FunctionFS open.
 *
 * Errors are a negative errno and one line for the user in err (ended by NUL, without newline).
 */
#ifndef BW_GADGET_GADGET_H
#define BW_GADGET_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/pipe.h"

struct bw_join;

#define BW_GADGET_NAME		"bpfwire"
#define BW_GADGET_ERR		512	/* an err buffer that holds every message */
#define BW_GADGET_NAME_MAX	35	/* the kernel's limit for a function is 39, with "ffs." */
#define BW_SERIAL_MAX		64

/* Zero is the default of every field. Strings belong to the caller and are needed only during the call. */
struct bw_gadget_options {
	uint16_t vid, pid;		/* BW_USB_VID, BW_USB_PID */
	const char *manufacturer;	/* "bpfwire" */
	const char *product;		/* "bpfwire on HOSTNAME" */
	const char *serial;		/* see bw_gadget_serial */
	const char *udc;		/* the controller's name in /sys/class/udc; the only one there is */
	const char *name;		/* of the gadget and of the FunctionFS instance: BW_GADGET_NAME, or where there are several
					 * controllers BW_GADGET_NAME.UDC, so that each may have its daemon */
	const char *dir;		/* where FunctionFS is mounted: /dev/usb-ffs/NAME */
	struct bw_join *join;		/* an existing gadget to be added to (join.h), found already, and the caller's; or NULL. vid to serial and udc are the gadget's then */
	const char *functionfs;		/* a FunctionFS that somebody else mounted and composes a gadget with, who binds it once ep1 is there; or NULL */
	unsigned int transfers;		/* in flight in each direction: 8, at most 64 */
	unsigned int transfer_size;	/* bytes of each: 16384; a multiple of 1024, at most 1 MiB */
};

/*
 * What may be missing on a bare initramfs: proc, sys, dev, tracefs, debugfs, bpffs; and configfs if usb. Never fails for the tracing
 * file systems (a warning is logged). -errno for the others, with err filled in.
 */
int bw_mounts_prepare(bool usb, char *err, size_t errlen);

/*
 * The board's serial number, by which the host names it: given, else /proc/device-tree/serial-number, else /etc/machine-id. Made fit for a
 * file name: [A-Za-z0-9._-], not starting with '.', at most BW_SERIAL_MAX. -ENODATA: there is none, --serial is needed; -EINVAL: given has no fit
 * character.
 */
int bw_gadget_serial(const char *given, char serial[BW_SERIAL_MAX + 1], char *err, size_t errlen);

/*
 * -ENODEV no controller or none of that name; -EINVAL bad options, or several controllers and no udc; -EBUSY the controller is taken, or
 * another daemon serves this gadget; -EOPNOTSUPP the kernel lacks something, or functionfs is mounted no_disconnect; others as the kernel gave them.
 */
int bw_gadget_open(const struct bw_gadget_options *o, struct bw_pipe **pipe, char *err, size_t errlen);

/* What the vendor request STATUS tells the host: how many sessions are open now. */
void bw_gadget_set_status(struct bw_pipe *pipe, uint32_t sessions);

/* Name of the controller, for messages; empty with functionfs. */
const char *bw_gadget_udc(const struct bw_pipe *pipe);

/* In place of a process that died with a joined gadget: the gadget as it was before, our function gone. Does nothing where nothing is to be done. */
void bw_gadget_mend(struct bw_join *join);

#endif
