/* SPDX-License-Identifier: Apache-2.0 */
/* A record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg) as dmesg(1) shows it. */
#ifndef BW_COMMAND_KMSG_H
#define BW_COMMAND_KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bw_kmsg {
	unsigned int level, facility;
	uint64_t usec;			/* since the board's start */
	const char *text;		/* as the kernel escaped it: "\xNN" for what is not printable ASCII, and for '\' */
	size_t len;
};

/* 0 or -EPROTO: no such record. k points into record. */
int bw_kmsg_parse(struct bw_kmsg *k, const char *record, size_t len);
/* decode: with facility and level before it. The kernel's escapes are undone, and ours are done. */
void bw_kmsg_print(FILE *out, const struct bw_kmsg *k, bool decode);
/* "err,warn": a bit for each level, 0: one of these is none. */
unsigned int bw_kmsg_levels(const char *list);

#endif
