/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's own types (BTF), as far as the daemon must know them: which words of a value or an iterator's parameters are descriptors. */
#ifndef BW_DAEMON_BTF_H
#define BW_DAEMON_BTF_H

#include <stdint.h>

struct bw_btf;

/* vmlinux's types, and those of the module whose BTF object has this id (0, or vmlinux's own id: none). NULL: the kernel has none to show. */
struct bw_btf *bw_btf_load(uint32_t object_id);
void bw_btf_free(struct bw_btf *b);

/* Name of a type, "" if it has none or there is no such type. Valid as long as b. */
const char *bw_btf_name(const struct bw_btf *b, uint32_t id);
/*
 * For struct bpf_struct_ops_X { ...; struct X data; }: offsets of data's function pointers in the whole, into offs (at most max). How many; 0 for any
 * other type.
 */
uint32_t bw_btf_struct_ops(const struct bw_btf *b, uint32_t id, uint32_t *offs, uint32_t max);

/* For tests and fuzzing: of these bytes, which it takes over (malloc). */
struct bw_btf *bw_btf_parse(uint8_t *base, uint32_t base_len, uint8_t *module, uint32_t module_len);

#endif
