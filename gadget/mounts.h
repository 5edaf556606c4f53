/* SPDX-License-Identifier: Apache-2.0 */
/* File systems that the daemon needs, mounted where they are missing. */
#ifndef BW_GADGET_MOUNTS_H
#define BW_GADGET_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#define BW_CONFIGFS	"/sys/kernel/config"
#define BW_FFS_PARENT	"/dev/usb-ffs"

/* True if a FunctionFS is mounted at dir. */
bool bw_ffs_mounted(const char *dir);

/*
 * Mounts the FunctionFS instance at dir, which is made. Never with no_disconnect: with it the second open of ep0 deadlocks Linux 6.1.
 * -EBUSY: the instance is mounted elsewhere.
 */
int bw_ffs_mount(const char *instance, const char *dir, char *err, size_t errlen);
void bw_ffs_umount(const char *dir);

#endif
