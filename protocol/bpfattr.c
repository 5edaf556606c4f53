// SPDX-License-Identifier: Apache-2.0
/* How long things are, and where descriptors hide. The rules of the table in bpfcmd.c. */
#include "protocol/bpfattr.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#ifndef BPF_PSEUDO_KFUNC_CALL
#define BPF_PSEUDO_KFUNC_CALL 2
#endif
#define OUT_MAX		(BW_MSG_MAX - (1u << 20))
#define BATCH_ELEM_FLAGS	offsetof(union bpf_attr, batch.elem_flags)
#define F_ID		(1u << 5)	/* BPF_F_ID */
#define F_ONE_CPU	(8u | 16u)	/* BPF_F_CPU, BPF_F_ALL_CPUS */

uint64_t bw_attr_u64(const void *attr, uint32_t attr_size, uint16_t off)
{
	uint64_t v;

	if (off + sizeof(v) > attr_size)
		return 0;
	memcpy(&v, (const char *)attr + off, sizeof(v));
	return v;
}

uint32_t bw_attr_u32(const void *attr, uint32_t attr_size, uint16_t off)
{
	uint32_t v;

	if (off + sizeof(v) > attr_size)
		return 0;
	memcpy(&v, (const char *)attr + off, sizeof(v));
	return v;
}

static bool condition(const void *attr, uint32_t attr_size, uint16_t off, uint64_t mask)
{
	uint32_t v = bw_attr_u32(attr, attr_size, off);

	return !mask || (v < 64 && mask >> v & 1);
}

bool bw_bpf_field_applies(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size)
{
	uint32_t size = f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE ? 4 : 8;

	if (f->kind == BW_FIELD_END || f->off + size > attr_size)
		return false;
	if (f->flags & BW_UNLESS_ID && bw_attr_u32(attr, attr_size, f->a) & F_ID)
		return false;
	return condition(attr, attr_size, f->cond_off, f->cond_mask) && condition(attr, attr_size, f->also_off, f->also_mask);
}

uint8_t bw_bpf_kind(const struct bw_bpf_field *f, const struct bw_map_info *map)
{
	return f->flags & BW_BLOOM_IN && map && map->type == BPF_MAP_TYPE_BLOOM_FILTER ? BW_FIELD_IN : f->kind;
}

/* ---- lengths ---- */

/* kernel/bpf/syscall.c bpf_map_value_size(). */
uint32_t bw_map_value_len(const struct bw_map_info *map, uint32_t cpus, uint64_t elem_flags)
{
	uint64_t len = map->value_size;

	if (elem_flags & F_ONE_CPU)
		return map->value_size;
	switch (map->type) {
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		len = (len + 7) & ~7ull;
		return __builtin_mul_overflow(len, cpus, &len) || len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return 4;
	default:
		return map->value_size;
	}
}

/* kernel/bpf/hashtab.c __htab_map_lookup_and_delete_batch(): the number of a bucket. Everybody else uses the last key. */
static uint32_t cursor_len(const struct bw_map_info *map)
{
	switch (map->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return 4;
	default:
		return map->key_size;
	}
}

/* Length of one element, and how many of them: none is longer than 2^32, so their product fits 64 bits. */
static uint64_t element_len(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus)
{
	switch ((enum bw_len_rule)f->rule) {
	case BW_LEN_FIXED:
	case BW_LEN_STRING:
		return f->a;
	case BW_LEN_TIMES:
	case BW_LEN_STRINGS:
		return f->b;
	case BW_LEN_PRODUCT:
		return bw_attr_u32(attr, attr_size, f->b);
	case BW_LEN_FDS:
		return 4;
	case BW_LEN_KEY:
	case BW_LEN_KEYS:
		return map ? map->key_size : 0;
	case BW_LEN_KEY_OR_U32:
		return map ? cursor_len(map) : 0;
	case BW_LEN_VALUE:
		return map ? bw_map_value_len(map, cpus, bw_attr_u64(attr, attr_size, f->a)) : 0;
	case BW_LEN_VALUES:
		return map ? bw_map_value_len(map, cpus, bw_attr_u64(attr, attr_size, f->b)) : 0;
	case BW_LEN_FIELD:
	case BW_LEN_INFO:
		return 1;
	case BW_LEN_NONE:
		return 0;
	}
	return 0;
}

static uint64_t element_count(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size)
{
	switch ((enum bw_len_rule)f->rule) {
	case BW_LEN_FIELD:
	case BW_LEN_TIMES:
	case BW_LEN_STRINGS:
	case BW_LEN_PRODUCT:
	case BW_LEN_KEYS:
	case BW_LEN_VALUES:
	case BW_LEN_FDS:
	case BW_LEN_INFO:
		return bw_attr_u32(attr, attr_size, f->a);
	case BW_LEN_NONE:
	case BW_LEN_FIXED:
	case BW_LEN_STRING:
	case BW_LEN_KEY:
	case BW_LEN_KEY_OR_U32:
	case BW_LEN_VALUE:
		return 1;
	}
	return 0;
}

/* A batch's keys and values share one count. */
static uint64_t most(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus, uint64_t each)
{
	if (f->kind != BW_FIELD_OUT)
		return UINT32_MAX;
	switch ((enum bw_len_rule)f->rule) {
	case BW_LEN_KEYS:
	case BW_LEN_VALUES:
		if (!map)
			return UINT32_MAX;
		each = (uint64_t)map->key_size + bw_map_value_len(map, cpus, bw_attr_u64(attr, attr_size, BATCH_ELEM_FLAGS));
		break;
	case BW_LEN_FIELD:
	case BW_LEN_TIMES:
	case BW_LEN_PRODUCT:
		break;
	default:
		return UINT32_MAX;
	}
	return each ? OUT_MAX / each : UINT32_MAX;
}

uint32_t bw_bpf_count(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus)
{
	uint64_t each = element_len(f, attr, attr_size, map, cpus), n = element_count(f, attr, attr_size), max = most(f, attr, attr_size, map, cpus, each);

	return (uint32_t)(n < max ? n : max);
}

int64_t bw_bpf_len(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map, uint32_t cpus)
{
	uint64_t len = element_len(f, attr, attr_size, map, cpus) * bw_bpf_count(f, attr, attr_size, map, cpus);

	if (f->rule == BW_LEN_STRINGS && len > BW_MSG_MAX)	/* the most that travels; they are shorter than they might be */
		return BW_MSG_MAX;
	return len > BW_MSG_MAX ? -E2BIG : (int64_t)len;
}

/*
 * After which errors the kernel has written what it had: lists that did not fit (ENOSPC), the end of a map (ENOENT), a batch that was
 * interrupted. Logs are text, and empty if nothing was written.
 */
static bool written_on_error(const struct bw_bpf_field *f, int err)
{
	if (!(f->flags & BW_ON_ERROR))
		return false;
	return f->flags & BW_TEXT || f->kind == BW_FIELD_INOUT || err == -ENOSPC || err == -ENOENT || err == -EINTR;
}

uint32_t bw_bpf_out_len(const struct bw_bpf_field *f, const void *attr, uint32_t attr_size, const struct bw_map_info *map,
			uint32_t cpus, int result, const void *data, uint32_t len)
{
	int64_t now;

	if (!len || (result < 0 && !written_on_error(f, result)))
		return 0;
	if (f->flags & BW_TEXT) {	/* not by its length as the kernel left it: btf's name_len does not count the NUL */
		size_t text = strnlen(data, len);

		return text < len ? (uint32_t)text + 1 : len;
	}
	now = f->flags & BW_RESULT_LEN ? result : bw_bpf_len(f, attr, attr_size, map, cpus);
	return now >= 0 && now < len ? (uint32_t)now : len;
}

/* ---- descriptors inside ---- */

int bw_map_value_fd(const struct bw_map_info *map)
{
	switch (map->type) {
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return map->value_size >= 4 ? 0 : -1;
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
		return map->value_size >= 8 ? 4 : -1;	/* after the interface, the queue's size: a program to run there */
	default:
		return -1;
	}
}

/* A program's in each function pointer of the value: kernel/bpf/bpf_struct_ops.c. */
bool bw_map_value_maybe_fds(const struct bw_map_info *map)
{
	return map->type == BPF_MAP_TYPE_STRUCT_OPS;
}

int bw_map_key_fd(const struct bw_map_info *map)
{
	switch (map->type) {
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case 32: /* BPF_MAP_TYPE_CGRP_STORAGE */
		return map->key_size >= 4 ? 0 : -1;
	default:
		return -1;
	}
}

#define INSN_SIZE 8u

/* struct bpf_insn: u8 code, u8 registers (source in the upper half), s16 off, s32 imm. */
static uint8_t insn_src(const uint8_t *p)
{
	return p[1] >> 4;
}

static int insn_fd(uint8_t *imm, int (*fn)(void *arg, uint32_t *fd), void *arg, bool none_is_0)
{
	uint32_t fd;
	int r;

	memcpy(&fd, imm, sizeof(fd));
	if (none_is_0 && !fd)
		return 0;
	r = fn(arg, &fd);
	memcpy(imm, &fd, sizeof(fd));
	return r;
}

static void reach(uint32_t *entries, uint32_t index)
{
	if (index > BW_FD_ARRAY_MAX)
		index = BW_FD_ARRAY_MAX;
	if (*entries < index + 1)
		*entries = index + 1;
}

int bw_bpf_insn_fds(void *insns, size_t len, int (*fn)(void *arg, uint32_t *fd), void *arg, uint32_t *fd_array_entries)
{
	uint32_t entries = 0, index;
	uint8_t *p = insns;
	int16_t off;
	int r = 0;

	for (; len >= INSN_SIZE && !r; p += INSN_SIZE, len -= INSN_SIZE) {
		if (p[0] == (BPF_JMP | BPF_CALL) && insn_src(p) == BPF_PSEUDO_KFUNC_CALL) {
			memcpy(&off, p + 2, sizeof(off));
			if (off > 0)	/* 0: a function of vmlinux */
				reach(&entries, (uint32_t)off);
		}
		if (p[0] != (BPF_LD | BPF_IMM | BPF_DW) || len < 2 * INSN_SIZE)
			continue;
		switch (insn_src(p)) {
		case BPF_PSEUDO_MAP_FD:
		case BPF_PSEUDO_MAP_VALUE:
			r = insn_fd(p + 4, fn, arg, false);
			break;
		case BPF_PSEUDO_MAP_IDX:
		case BPF_PSEUDO_MAP_IDX_VALUE:
			memcpy(&index, p + 4, sizeof(index));
			reach(&entries, index);
			break;
		case BPF_PSEUDO_BTF_ID:
			r = insn_fd(p + INSN_SIZE + 4, fn, arg, true);
			break;
		default:	/* a number, BPF_PSEUDO_FUNC, or what the verifier refuses */
			break;
		}
		p += INSN_SIZE;
		len -= INSN_SIZE;
	}
	if (fd_array_entries)
		*fd_array_entries = entries;
	return r;
}
