/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's functions by address and by name, from /proc/kallsyms; read again when /proc/modules has changed. */
#ifndef BW_DAEMON_KSYMS_H
#define BW_DAEMON_KSYMS_H

#include <stdint.h>

struct bw_ksyms;

struct bw_ksym {
	const char *name, *module;	/* valid until the next call; module is "kernel" for its own */
	uint64_t addr;
};

struct bw_ksyms *bw_ksyms_new(void);			/* NULL without memory; reads nothing yet */
void bw_ksyms_free(struct bw_ksyms *k);			/* NULL is fine */
/* The function that addr lies in or behind. 0, -ENOENT; -EPERM: the kernel hides its addresses; or what reading gave. */
int bw_ksyms_at(struct bw_ksyms *k, uint64_t addr, struct bw_ksym *out);
int bw_ksyms_named(struct bw_ksyms *k, const char *name, struct bw_ksym *out);

#endif
