/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of processes: which file is mapped where, and what elfsyms.h knows of it. A process is its number and the time it started, so a number
 * that is used again is another one; what was known of one that has ended is still answered. Files are kept by device, inode, size and times.
 */
#ifndef BW_DAEMON_USYMS_H
#define BW_DAEMON_USYMS_H

#include <stdint.h>

struct bw_usyms;

struct bw_usym {
	const char *name, *module;	/* valid until the next call; module is the path of the file */
	uint64_t offset;		/* of the address in the function */
};

struct bw_usyms *bw_usyms_new(void);		/* NULL without memory */
void bw_usyms_free(struct bw_usyms *u);		/* NULL is fine */
/* 0; -EINVAL: no process has such a number; -ESRCH: there is none; -ENOENT: nothing known is there. */
int bw_usyms_at(struct bw_usyms *u, int32_t pid, uint64_t addr, struct bw_usym *out);
/* module: path of a mapped file, its last part, or X of libX.so. */
int bw_usyms_named(struct bw_usyms *u, int32_t pid, const char *name, const char *module, uint64_t *addr);

#endif
