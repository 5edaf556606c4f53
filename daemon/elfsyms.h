/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of an ELF file, read by libelf. Where the file has no .symtab, the one of its debug file is taken, which is found by build-id and
 * by .gnu_debuglink (whose checksum must be right); .dynsym as the last resort.
 */
#ifndef BW_DAEMON_ELFSYMS_H
#define BW_DAEMON_ELFSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_ELF_SYMBOLS_MAX	(4u << 20)	/* of one file; more are left out */

struct bw_elfsyms;

struct bw_elfsym {
	const char *name;		/* as long as the table */
	uint64_t addr;			/* as in the file */
};

/*
 * root goes before path, which is absolute, and debug_root before /usr/lib/debug ("/proc/7/root", or ""). NULL: cannot be read, is no ELF file, or
 * without memory.
 */
struct bw_elfsyms *bw_elfsyms_open(const char *root, const char *path, const char *debug_root);
void bw_elfsyms_free(struct bw_elfsyms *e);

/* An offset in the file as an address of its symbols and back: false if no loaded segment has it. */
bool bw_elfsyms_addr(const struct bw_elfsyms *e, uint64_t offset, uint64_t *addr);
bool bw_elfsyms_offset(const struct bw_elfsyms *e, uint64_t addr, uint64_t *offset);
bool bw_elfsyms_at(const struct bw_elfsyms *e, uint64_t addr, struct bw_elfsym *out);
bool bw_elfsyms_named(const struct bw_elfsyms *e, const char *name, struct bw_elfsym *out);

#endif
