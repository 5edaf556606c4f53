/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to ep0: the interface at each speed, and its name. Format: include/uapi/linux/usb/functionfs.h. */
#ifndef BW_GADGET_FFS_DESC_H
#define BW_GADGET_FFS_DESC_H

#include <stdint.h>

#include "protocol/buf.h"

/* The endpoints in the order of the descriptors, which is that of the files: ep1 is host to board, ep2 board to host. */
#define BW_FFS_OUT	"ep1"
#define BW_FFS_IN	"ep2"

enum bw_os_descs {
	BW_OS_DESCS_NONE,
	BW_OS_DESCS_OLD,	/* bcdVersion 1: what kernels up to 6.3 take, and later ones with a warning */
	BW_OS_DESCS,		/* bcdVersion 0x0100, as Microsoft has it */
};

void bw_ffs_put_descriptors(struct bw_buf *b, enum bw_os_descs os);
void bw_ffs_put_strings(struct bw_buf *b);

/* Writes both to ep0. -errno of the last try, where the kernel takes none of the forms. */
int bw_ffs_write_descriptors(int ep0);

#endif
