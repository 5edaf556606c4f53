/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the wire's codes and this architecture's numbers. The wire's errno numbers are those of
 * include/uapi/asm-generic/errno*.h (which most architectures use; MIPS, Alpha, SPARC and PA-RISC do not), and 524 (ENOTSUPP), which the
 * kernel leaks to user space from bpf(2). A number that neither side knows passes unchanged.
 */
#ifndef BW_PROTOCOL_WIRECODE_H
#define BW_PROTOCOL_WIRECODE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "protocol/msg.h"

int bw_errno_to_wire(int err);			/* both directions: a negative errno stays negative, 0 stays 0 */
int bw_errno_from_wire(int err);

uint32_t bw_oflags_to_wire(int flags);		/* flags that do not travel (O_CLOEXEC, O_LARGEFILE, O_NOCTTY) are dropped */
int bw_oflags_from_wire(uint32_t flags);	/* -EINVAL on an unknown bit; without O_CLOEXEC */

void bw_stat_to_wire(const struct stat *st, struct bw_stat *out);
void bw_stat_from_wire(const struct bw_stat *in, struct stat *st);
void bw_statfs_to_wire(const struct statfs *st, struct bw_statfs *out);
void bw_statfs_from_wire(const struct bw_statfs *in, struct statfs *st);

/* The wire code of a perf ioctl number of this architecture, BW_IOC_NONE if it has none; and back, 0 if none. */
uint32_t bw_ioctl_to_wire(unsigned long request);
unsigned long bw_ioctl_from_wire(uint32_t code);

/* "FILE_GET" for BW_MSG_FILE_GET, for people; "?" for a number that is no message. Static. */
const char *bw_msg_name(uint16_t type);

#endif
