/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of a descriptor. */
#ifndef BW_DAEMON_OBJECT_H
#define BW_DAEMON_OBJECT_H

#include "protocol/msg.h"

/* bpf(2) itself; -1 and errno on failure. */
long bw_sys_bpf(int cmd, void *attr, unsigned int size);
/* 0 or -errno. */
int bw_object_map_info(int fd, struct bw_map_info *map);
/* What fd is, by the name of its anonymous inode in /proc/self/fd; BW_OBJ_OTHER if it is none of the kinds we name. */
enum bw_object bw_object_kind(int fd);

#endif
