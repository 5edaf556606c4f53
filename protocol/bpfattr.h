/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How union bpf_attr travels: one table, used by the remote module (to gather what pointers point to and to turn descriptors into handles)
 * and by the daemon (to refuse what does not fit, to size what the kernel will write, and to turn handles into descriptors). A
 * field that is in no row is a scalar and travels as it is. Facts: include/uapi/linux/bpf.h of the newest kernel, kernel/bpf/syscall.c.
 *
 * Both sides compute lengths by the same rules from the same attr and map: the daemon never trusts a length that came over the wire
 * for a buffer that the kernel fills.
 */
#ifndef BW_PROTOCOL_BPFATTR_H
#define BW_PROTOCOL_BPFATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/msg.h"

enum bw_field_kind {
	BW_FIELD_END = 0,
	BW_FIELD_FD,		/* u32 descriptor; a bad one is asked as bad */
	BW_FIELD_FD_OR_NONE,	/* u32 descriptor; 0 means none */
	BW_FIELD_IN,		/* u64 pointer: read by the kernel */
	BW_FIELD_OUT,		/* u64 pointer: written by the kernel */
	BW_FIELD_INOUT,
};

/* How long is what a pointer points to. `a`, `b`: offsets of u32 fields in the attr (or the info structure). */
enum bw_len_rule {
	BW_LEN_NONE = 0,
	BW_LEN_FIXED,		/* a bytes */
	BW_LEN_FIELD,		/* attr[a] bytes */
	BW_LEN_TIMES,		/* attr[a] * b bytes */
	BW_LEN_PRODUCT,		/* attr[a] * attr[b] bytes */
	BW_LEN_STRING,		/* up to and with the NUL, at most a bytes (a string that is not ended by then is sent as a bytes) */
	BW_LEN_STRINGS,		/* attr[a] pointers to strings of at most b bytes: travels as the strings, each with its NUL */
	BW_LEN_KEY,		/* key_size of the map in map_fd; nothing when that is 0 (queues) */
	BW_LEN_KEY_OR_U32,	/* a batch's cursor: a u32 of hash maps whatever their key_size, else a key */
	BW_LEN_VALUE,		/* size of a value as bpf(2) sees it: per-CPU maps hold one, rounded up to 8, for each possible CPU;
				 * a: offset of the u64 element flags */
	BW_LEN_KEYS,		/* KEY * attr[a] */
	BW_LEN_VALUES,		/* VALUE * attr[a]; b: offset of the u64 element flags */
	BW_LEN_FDS,		/* an array of descriptors (fd_array): attr[a] entries, or as many as instructions name if 0 */
	BW_LEN_INFO,		/* OBJ_GET_INFO_BY_FD: attr[a] bytes, with pointers inside: see bw_bpf_info_fields */
};

/* When the kernel's answer is an error, what comes back all the same. */
enum bw_field_flags {
	BW_ON_ERROR	= 1 << 0,	/* contents are meaningful also after an error (logs; batch and query results) */
	BW_TEXT		= 1 << 1,	/* OUT: only up to its NUL need travel */
	BW_INSNS	= 1 << 2,	/* array of struct bpf_insn: descriptors inside, see bw_bpf_insn_fds */
	BW_HAS_FDS	= 1 << 3,	/* IN: may hold descriptors by the type of the map (bw_map_value_fd, bw_map_key_fd): one in each
					 * KEY or VALUE long element. Value 0 or -1 may mean none there: pass them on as they are */
	BW_UNLESS_ID	= 1 << 4,	/* FD, FD_OR_NONE: an id and no descriptor if attr[a] has BPF_F_ID (bw_bpf_field_applies knows) */
	BW_RESULT_LEN	= 1 << 5,	/* OUT: as many bytes as bpf(2) returned */
	BW_BLOOM_IN	= 1 << 6,	/* OUT, but IN for BPF_MAP_TYPE_BLOOM_FILTER: see bw_bpf_kind */
	BW_MAYBE_FDS	= 1 << 7,	/* IN: some words may be descriptors, and which ones the board's BTF says (union bpf_iter_link_info
					 * by the iterator's target, a STRUCT_OPS value by its type: bw_map_value_maybe_fds): they travel
					 * as they are, and all words as handles in a second buffer at BW_BUF_HANDLES */
};

struct bw_bpf_field {
	uint16_t off;
	uint8_t kind;		/* enum bw_field_kind */
	uint8_t rule;		/* enum bw_len_rule */
	uint16_t a, b;
	uint16_t flags;
	/* The field is what the row says only if attr's u32 at cond_off is among the bits of cond_mask; cond_mask 0: always. */
	uint16_t cond_off;
	uint64_t cond_mask;
	uint16_t also_off;	/* a second condition of the same form */
	uint64_t also_mask;
};

struct bw_bpf_cmd {
	uint32_t cmd;
	const char *name;			/* "MAP_CREATE" */
	uint16_t attr_max;			/* end of the last field known of this command; a tool may give more if it is 0 */
	uint8_t object;				/* enum bw_object of the descriptor returned; OBJ_NONE: bpf(2)'s value is a number;
						 * OBJ_OTHER: to be found out (OBJ_GET: by /proc/self/fd on the board) */
	uint16_t map_fd_off;			/* where the rules' map descriptor is; BW_NO_MAP */
	const struct bw_bpf_field *fields;	/* ended by BW_FIELD_END */
};
#define BW_NO_MAP	0xffffu

/* The row of a command, or NULL for one that is not known: answered -EINVAL with a log line, as an older kernel would. */
const struct bw_bpf_cmd *bw_bpf_cmd(uint32_t cmd);
size_t bw_bpf_cmd_count(void);			/* commands 0..count-1 are in the table */

/*
 * True if the row applies to this attr (see cond_mask) and the field lies within attr_size. A field that the attr's end cuts in two does
 * not apply: nobody but a fuzzer makes one, and its bytes are cleared before the kernel sees them.
 */
bool bw_bpf_field_applies(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size);
/* A u32 or u64 of an attr of attr_size bytes; 0 where the attr ends before. */
uint32_t bw_attr_u32(const void *attr, uint32_t attr_size, uint16_t off);
uint64_t bw_attr_u64(const void *attr, uint32_t attr_size, uint16_t off);

/* enum bw_field_kind of f for this map (NULL: none): f->kind but for what BW_BLOOM_IN says. */
uint8_t bw_bpf_kind(const struct bw_bpf_field *f, const struct bw_map_info *map);
/*
 * The count of an OUT field's elements, lowered where they would not fit into a message: the daemon asks the kernel with that count. (Kernels take
 * logs of a gigabyte, and batches of any size.) For rules without a count: 1.
 */
uint32_t bw_bpf_count(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus);
/*
 * Length in bytes of what field f points to. map is the map of map_fd (NULL if none or not a map: rules that need one give 0),
 * cpus the board's possible CPUs. For STRING: the maximum. -E2BIG over BW_MSG_MAX, with all arithmetic checked.
 */
int64_t bw_bpf_len(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus);
/*
 * How many bytes of an OUT or INOUT buffer of len bytes are worth sending back, given the attr as the kernel left it and the result
 * (bpf(2)'s value, or the negative errno of this machine). Never more than len. For the fields of an info structure attr is that structure.
 */
uint32_t bw_bpf_out_len(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map,
			uint32_t cpus, int result, const void *data, uint32_t len);

/* UINT32_MAX where it is longer. elem_flags: of the operation (BPF_F_CPU and BPF_F_ALL_CPUS make it the value of one CPU). */
uint32_t bw_map_value_len(const struct bw_map_info *map, uint32_t cpus, uint64_t elem_flags);
/*
 * Offset of a descriptor inside the value (key) that update passes for maps of this type, or -1.
 */
int bw_map_value_fd(const struct bw_map_info *map);
bool bw_map_value_maybe_fds(const struct bw_map_info *map);	/* see BW_MAYBE_FDS */
int bw_map_key_fd(const struct bw_map_info *map);

/*
 * The fields inside the info structure of OBJ_GET_INFO_BY_FD for this kind of object: pointers (OUT, with TIMES of a count field of the
 * structure) that the tool may have filled in. NULL if it has none. A link's depend on its type, which the tool need not have filled
 * in: the caller asks the kernel with a zeroed structure first, and sets `type` (offset 0, only ever written by the kernel) to the true one.
 */
const struct bw_bpf_field *bw_bpf_info_fields(enum bw_object object);

/*
 * Instructions: calls fn for each u32 that is a descriptor (BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE: imm of the first half of an ld_imm64;
 * BPF_PSEUDO_BTF_ID: imm of the second half, 0 for vmlinux). fn changes *fd in place. Indexes into fd_array (MAP_IDX, kfunc's
 * off) are no descriptors; *fd_array_entries (NULL: not asked for) becomes the number of entries that they reach, at most
 * BW_FD_ARRAY_MAX + 1. insns is len bytes, unaligned; an unfinished instruction at the end is left alone. Stops at the first fn that
 * returns not 0, and returns that; else 0.
 */
#define BW_FD_ARRAY_MAX		65536u
int bw_bpf_insn_fds(void *insns, size_t len, int (*fn)(void *arg, uint32_t *fd), void *arg, uint32_t *fd_array_entries);

#endif
