// SPDX-License-Identifier: Apache-2.0
/*
 * The table of bpf(2)'s commands. Layout: include/uapi/linux/bpf.h, of this machine where its 6.1 fields reach, and by number for what
 * came later (up to 7.3; tests/unit/test_bpfattr.c holds the numbers against a newer header where there is one). What the kernel
 * reads and writes: kernel/bpf/syscall.c, and for each link type its own file.
 */
#include "protocol/bpfattr.h"

#include <linux/bpf.h>

#define A(field)	offsetof(union bpf_attr, field)
#define END(field)	(offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field))
#define BIT(n)		(1ull << (n))

/* Fields that came after 6.1. */
enum {
	MAP_VALUE_TYPE_BTF_OBJ_FD	= 72,
	MAP_TOKEN_FD			= 76,
	MAP_EXCL_PROG_HASH		= 80,
	MAP_EXCL_PROG_HASH_SIZE		= 88,
	PROG_TOKEN_FD			= 144,
	PROG_FD_ARRAY_CNT		= 148,
	PROG_SIGNATURE			= 152,
	PROG_SIGNATURE_SIZE		= 160,
	PROG_KEYRING_ID			= 164,
	OBJ_PATH_FD			= 16,
	ATTACH_RELATIVE_FD		= 20,
	ATTACH_EXPECTED_REVISION	= 24,
	ID_TOKEN_FD			= 12,
	QUERY_LINK_IDS			= 40,
	QUERY_LINK_ATTACH_FLAGS		= 48,
	QUERY_REVISION			= 56,
	RAW_TP_COOKIE			= 16,
	BTF_LOG_TRUE_SIZE		= 28,
	BTF_TOKEN_FD			= 36,
	LINK_RELATIVE_FD		= 16,
	LINK_UPROBES_PATH		= 16,
	LINK_UPROBES_OFFSETS		= 24,
	LINK_UPROBES_REF_CTRS		= 32,
	LINK_UPROBES_COOKIES		= 40,
	LINK_UPROBES_CNT		= 48,
	LINK_UPROBES_PATH_FD		= 60,
	LINK_UPROBES_END		= 64,
	LINK_TRACINGS_IDS		= 16,
	LINK_TRACINGS_COOKIES		= 24,
	LINK_TRACINGS_CNT		= 32,
	STREAM_BUF			= 0,
	STREAM_BUF_LEN			= 8,
	STREAM_PROG_FD			= 16,
	ASSOC_MAP_FD			= 0,
	ASSOC_PROG_FD			= 4,
	ASSOC_END			= 12,
};

/* Attach types, by number where they came after 6.1. */
#define TCX		(BIT(46) | BIT(47))
#define NETKIT		(BIT(54) | BIT(55))
#define IFINDEX		(BIT(BPF_XDP) | TCX | NETKIT)		/* target_fd is target_ifindex */
#define KPROBE_MULTI	(BIT(BPF_TRACE_KPROBE_MULTI) | BIT(56))
#define UPROBE_MULTI	(BIT(48) | BIT(57))
#define TRACING_MULTI	(BIT(59) | BIT(60) | BIT(61))
#define CGROUP_UNIX	(BIT(49) | BIT(50) | BIT(51) | BIT(52) | BIT(53))
#define CGROUP		(BIT(BPF_CGROUP_INET_INGRESS) | BIT(BPF_CGROUP_INET_EGRESS) | BIT(BPF_CGROUP_INET_SOCK_CREATE) | \
			 BIT(BPF_CGROUP_SOCK_OPS) | BIT(BPF_CGROUP_DEVICE) | BIT(BPF_CGROUP_INET4_BIND) | BIT(BPF_CGROUP_INET6_BIND) | \
			 BIT(BPF_CGROUP_INET4_CONNECT) | BIT(BPF_CGROUP_INET6_CONNECT) | BIT(BPF_CGROUP_INET4_POST_BIND) | \
			 BIT(BPF_CGROUP_INET6_POST_BIND) | BIT(BPF_CGROUP_UDP4_SENDMSG) | BIT(BPF_CGROUP_UDP6_SENDMSG) | \
			 BIT(BPF_CGROUP_SYSCTL) | BIT(BPF_CGROUP_UDP4_RECVMSG) | BIT(BPF_CGROUP_UDP6_RECVMSG) | \
			 BIT(BPF_CGROUP_GETSOCKOPT) | BIT(BPF_CGROUP_SETSOCKOPT) | BIT(BPF_CGROUP_INET4_GETPEERNAME) | \
			 BIT(BPF_CGROUP_INET6_GETPEERNAME) | BIT(BPF_CGROUP_INET4_GETSOCKNAME) | BIT(BPF_CGROUP_INET6_GETSOCKNAME) | \
			 BIT(BPF_CGROUP_INET_SOCK_RELEASE) | BIT(BPF_LSM_CGROUP) | CGROUP_UNIX)

#define PATH_SIZE	(BW_PATH_MAX + 1)
#define SYM_SIZE	513	/* KSYM_NAME_LEN, and one more: the kernel shall see for itself that it is too long */
#define NAME_SIZE	128	/* what the kernel takes of a licence and of a tracepoint's name */

#define FD(o)		{ .off = (o), .kind = BW_FIELD_FD }
#define FD_OR_NONE(o)	{ .off = (o), .kind = BW_FIELD_FD_OR_NONE }
#define IF(where, mask)	.cond_off = (where), .cond_mask = (mask)
#define ROWS(name)	static const struct bw_bpf_field name[]

ROWS(map_create) = {
	FD_OR_NONE(A(inner_map_fd)),
	FD_OR_NONE(A(btf_fd)),
	FD_OR_NONE(MAP_VALUE_TYPE_BTF_OBJ_FD),
	FD_OR_NONE(MAP_TOKEN_FD),
	{ MAP_EXCL_PROG_HASH, BW_FIELD_IN, BW_LEN_FIELD, .a = MAP_EXCL_PROG_HASH_SIZE },
	{ 0 }
};

ROWS(map_lookup) = {
	FD(A(map_fd)),
	{ A(key), BW_FIELD_IN, BW_LEN_KEY, .flags = BW_HAS_FDS },
	{ A(value), BW_FIELD_OUT, BW_LEN_VALUE, .a = A(flags), .flags = BW_BLOOM_IN },
	{ 0 }
};

ROWS(map_update) = {
	FD(A(map_fd)),
	{ A(key), BW_FIELD_IN, BW_LEN_KEY, .flags = BW_HAS_FDS },
	{ A(value), BW_FIELD_IN, BW_LEN_VALUE, .a = A(flags), .flags = BW_HAS_FDS },
	{ 0 }
};

ROWS(map_delete) = {
	FD(A(map_fd)),
	{ A(key), BW_FIELD_IN, BW_LEN_KEY, .flags = BW_HAS_FDS },
	{ 0 }
};

ROWS(map_next_key) = {
	FD(A(map_fd)),
	{ A(key), BW_FIELD_IN, BW_LEN_KEY, .flags = 0 },
	{ A(next_key), BW_FIELD_OUT, BW_LEN_KEY, .flags = 0 },
	{ 0 }
};

ROWS(prog_load) = {
	{ A(insns), BW_FIELD_IN, BW_LEN_TIMES, .a = A(insn_cnt), .b = 8, .flags = BW_INSNS },
	{ A(license), BW_FIELD_IN, BW_LEN_STRING, .a = NAME_SIZE },
	{ A(log_buf), BW_FIELD_OUT, BW_LEN_FIELD, .a = A(log_size), .flags = BW_ON_ERROR | BW_TEXT },
	FD_OR_NONE(A(prog_btf_fd)),
	{ A(func_info), BW_FIELD_IN, BW_LEN_PRODUCT, .a = A(func_info_cnt), .b = A(func_info_rec_size) },
	{ A(line_info), BW_FIELD_IN, BW_LEN_PRODUCT, .a = A(line_info_cnt), .b = A(line_info_rec_size) },
	FD_OR_NONE(A(attach_prog_fd)),
	{ A(fd_array), BW_FIELD_IN, BW_LEN_FDS, .a = PROG_FD_ARRAY_CNT },
	{ A(core_relos), BW_FIELD_IN, BW_LEN_PRODUCT, .a = A(core_relo_cnt), .b = A(core_relo_rec_size) },
	FD_OR_NONE(PROG_TOKEN_FD),
	{ PROG_SIGNATURE, BW_FIELD_IN, BW_LEN_FIELD, .a = PROG_SIGNATURE_SIZE },
	{ 0 }
};

ROWS(obj_pin) = {
	{ A(pathname), BW_FIELD_IN, BW_LEN_STRING, .a = PATH_SIZE },
	FD(A(bpf_fd)),
	FD_OR_NONE(OBJ_PATH_FD),
	{ 0 }
};

ROWS(obj_get) = {
	{ A(pathname), BW_FIELD_IN, BW_LEN_STRING, .a = PATH_SIZE },
	FD_OR_NONE(OBJ_PATH_FD),
	{ 0 }
};

/* 0 is a valid target for some (a network namespace's flow dissector: this process's own), so it must arrive as 0. */
ROWS(prog_attach) = {
	{ A(target_fd), BW_FIELD_FD_OR_NONE, IF(A(attach_type), ~IFINDEX) },
	FD_OR_NONE(A(attach_bpf_fd)),
	FD_OR_NONE(A(replace_bpf_fd)),
	{ ATTACH_RELATIVE_FD, BW_FIELD_FD_OR_NONE, .a = A(attach_flags), .flags = BW_UNLESS_ID },
	{ 0 }
};

/* The kernel writes the context of a BPF_PROG_TYPE_SYSCALL program back to where it was read. */
ROWS(prog_test_run) = {
	FD(A(test.prog_fd)),
	{ A(test.data_in), BW_FIELD_IN, BW_LEN_FIELD, .a = A(test.data_size_in) },
	{ A(test.data_out), BW_FIELD_OUT, BW_LEN_FIELD, .a = A(test.data_size_out), .flags = BW_ON_ERROR },
	{ A(test.ctx_in), BW_FIELD_INOUT, BW_LEN_FIELD, .a = A(test.ctx_size_in) },
	{ A(test.ctx_out), BW_FIELD_OUT, BW_LEN_FIELD, .a = A(test.ctx_size_out), .flags = BW_ON_ERROR },
	{ 0 }
};

ROWS(none) = {
	{ 0 }
};

ROWS(fd_by_id) = {
	FD_OR_NONE(ID_TOKEN_FD),
	{ 0 }
};

ROWS(get_info) = {
	FD(A(info.bpf_fd)),
	{ A(info.info), BW_FIELD_INOUT, BW_LEN_INFO, .a = A(info.info_len), .flags = BW_ON_ERROR },
	{ 0 }
};

ROWS(prog_query) = {
	{ A(query.target_fd), BW_FIELD_FD_OR_NONE, IF(A(query.attach_type), ~IFINDEX) },
	{ A(query.prog_ids), BW_FIELD_OUT, BW_LEN_TIMES, .a = A(query.prog_cnt), .b = 4, .flags = BW_ON_ERROR },
	{ A(query.prog_attach_flags), BW_FIELD_OUT, BW_LEN_TIMES, .a = A(query.prog_cnt), .b = 4, .flags = BW_ON_ERROR },
	{ QUERY_LINK_IDS, BW_FIELD_OUT, BW_LEN_TIMES, .a = A(query.prog_cnt), .b = 4, .flags = BW_ON_ERROR },
	{ QUERY_LINK_ATTACH_FLAGS, BW_FIELD_OUT, BW_LEN_TIMES, .a = A(query.prog_cnt), .b = 4, .flags = BW_ON_ERROR },
	{ 0 }
};

ROWS(raw_tracepoint) = {
	{ A(raw_tracepoint.name), BW_FIELD_IN, BW_LEN_STRING, .a = NAME_SIZE },
	FD(A(raw_tracepoint.prog_fd)),
	{ 0 }
};

ROWS(btf_load) = {
	{ A(btf), BW_FIELD_IN, BW_LEN_FIELD, .a = A(btf_size) },
	{ A(btf_log_buf), BW_FIELD_OUT, BW_LEN_FIELD, .a = A(btf_log_size), .flags = BW_ON_ERROR | BW_TEXT },
	FD_OR_NONE(BTF_TOKEN_FD),
	{ 0 }
};

/*
 * pid and fd name a descriptor of any process on the board. The tool's own are the session's: then pid travels as 0 (which no kernel finds
 * a task for), fd as a handle, and the daemon asks with its own pid.
 */
ROWS(task_fd_query) = {
	{ A(task_fd_query.fd), BW_FIELD_FD, IF(A(task_fd_query.pid), BIT(0)) },
	{ A(task_fd_query.buf), BW_FIELD_OUT, BW_LEN_FIELD, .a = A(task_fd_query.buf_len), .flags = BW_ON_ERROR | BW_TEXT },
	{ 0 }
};

ROWS(map_freeze) = {
	FD(A(map_fd)),
	{ 0 }
};

/* The cursor travels in both directions: what the kernel does not write after an error stays as it was. */
ROWS(lookup_batch) = {
	{ A(batch.in_batch), BW_FIELD_IN, BW_LEN_KEY_OR_U32, .flags = 0 },
	{ A(batch.out_batch), BW_FIELD_INOUT, BW_LEN_KEY_OR_U32, .flags = BW_ON_ERROR },
	{ A(batch.keys), BW_FIELD_OUT, BW_LEN_KEYS, .a = A(batch.count), .flags = BW_ON_ERROR },
	{ A(batch.values), BW_FIELD_OUT, BW_LEN_VALUES, .a = A(batch.count), .b = A(batch.elem_flags), .flags = BW_ON_ERROR },
	FD(A(batch.map_fd)),
	{ 0 }
};

ROWS(update_batch) = {
	{ A(batch.keys), BW_FIELD_IN, BW_LEN_KEYS, .a = A(batch.count), .flags = BW_HAS_FDS },
	{ A(batch.values), BW_FIELD_IN, BW_LEN_VALUES, .a = A(batch.count), .b = A(batch.elem_flags), .flags = BW_HAS_FDS },
	FD(A(batch.map_fd)),
	{ 0 }
};

ROWS(delete_batch) = {
	{ A(batch.keys), BW_FIELD_IN, BW_LEN_KEYS, .a = A(batch.count), .flags = BW_HAS_FDS },
	FD(A(batch.map_fd)),
	{ 0 }
};

/*
 * Addresses are unsigned long to the kernel, 8 bytes as seen through a 64-bit daemon. Symbols are pointers to strings of KSYM_NAME_LEN.
 */
#define TYPE		A(link_create.attach_type)
#define MULTI(o, mask, cnt, size) { (o), BW_FIELD_IN, BW_LEN_TIMES, .a = (cnt), .b = (size), IF(TYPE, mask) }
ROWS(link_create) = {
	FD(A(link_create.prog_fd)),
	{ A(link_create.target_fd), BW_FIELD_FD_OR_NONE, IF(TYPE, ~IFINDEX) },
	{ A(link_create.iter_info), BW_FIELD_IN, BW_LEN_FIELD, .a = A(link_create.iter_info_len), .flags = BW_MAYBE_FDS,
	  IF(TYPE, BIT(BPF_TRACE_ITER)) },
	{ A(link_create.kprobe_multi.syms), BW_FIELD_IN, BW_LEN_STRINGS, .a = A(link_create.kprobe_multi.cnt), .b = SYM_SIZE,
	  IF(TYPE, KPROBE_MULTI) },
	MULTI(A(link_create.kprobe_multi.addrs), KPROBE_MULTI, A(link_create.kprobe_multi.cnt), 8),
	MULTI(A(link_create.kprobe_multi.cookies), KPROBE_MULTI, A(link_create.kprobe_multi.cnt), 8),
	{ LINK_UPROBES_PATH, BW_FIELD_IN, BW_LEN_STRING, .a = PATH_SIZE, IF(TYPE, UPROBE_MULTI) },
	MULTI(LINK_UPROBES_OFFSETS, UPROBE_MULTI, LINK_UPROBES_CNT, 8),
	MULTI(LINK_UPROBES_REF_CTRS, UPROBE_MULTI, LINK_UPROBES_CNT, 8),
	MULTI(LINK_UPROBES_COOKIES, UPROBE_MULTI, LINK_UPROBES_CNT, 8),
	{ LINK_UPROBES_PATH_FD, BW_FIELD_FD_OR_NONE, IF(TYPE, UPROBE_MULTI) },
	MULTI(LINK_TRACINGS_IDS, TRACING_MULTI, LINK_TRACINGS_CNT, 4),
	MULTI(LINK_TRACINGS_COOKIES, TRACING_MULTI, LINK_TRACINGS_CNT, 8),
	{ LINK_RELATIVE_FD, BW_FIELD_FD_OR_NONE, .a = A(link_create.flags), .flags = BW_UNLESS_ID, IF(TYPE, TCX | NETKIT | CGROUP) },
	{ 0 }
};

ROWS(link_update) = {
	FD(A(link_update.link_fd)),
	FD(A(link_update.new_prog_fd)),
	FD_OR_NONE(A(link_update.old_prog_fd)),
	{ 0 }
};

ROWS(link_detach) = {
	FD(A(link_detach.link_fd)),
	{ 0 }
};

ROWS(iter_create) = {
	FD(A(iter_create.link_fd)),
	{ 0 }
};

ROWS(prog_bind_map) = {
	FD(A(prog_bind_map.prog_fd)),
	FD(A(prog_bind_map.map_fd)),
	{ 0 }
};

ROWS(token_create) = {
	FD(4),
	{ 0 }
};

ROWS(stream_read) = {
	{ STREAM_BUF, BW_FIELD_OUT, BW_LEN_FIELD, .a = STREAM_BUF_LEN, .flags = BW_RESULT_LEN },
	FD(STREAM_PROG_FD),
	{ 0 }
};

ROWS(assoc_struct_ops) = {
	FD(ASSOC_MAP_FD),
	FD(ASSOC_PROG_FD),
	{ 0 }
};

#define CMD(n, what, max, obj, map_off, rows) [n] = { n, what, max, BW_OBJ_##obj, map_off, rows }
#define ELEM	A(map_fd)
#define BATCH	A(batch.map_fd)

static const struct bw_bpf_cmd cmds[] = {
	CMD(BPF_MAP_CREATE, "MAP_CREATE", MAP_EXCL_PROG_HASH_SIZE + 4, MAP, BW_NO_MAP, map_create),
	CMD(BPF_MAP_LOOKUP_ELEM, "MAP_LOOKUP_ELEM", END(flags), NONE, ELEM, map_lookup),
	CMD(BPF_MAP_UPDATE_ELEM, "MAP_UPDATE_ELEM", END(flags), NONE, ELEM, map_update),
	CMD(BPF_MAP_DELETE_ELEM, "MAP_DELETE_ELEM", END(key), NONE, ELEM, map_delete),
	CMD(BPF_MAP_GET_NEXT_KEY, "MAP_GET_NEXT_KEY", END(next_key), NONE, ELEM, map_next_key),
	CMD(BPF_PROG_LOAD, "PROG_LOAD", PROG_KEYRING_ID + 4, PROG, BW_NO_MAP, prog_load),
	CMD(BPF_OBJ_PIN, "OBJ_PIN", OBJ_PATH_FD + 4, NONE, BW_NO_MAP, obj_pin),
	CMD(BPF_OBJ_GET, "OBJ_GET", OBJ_PATH_FD + 4, OTHER, BW_NO_MAP, obj_get),
	CMD(BPF_PROG_ATTACH, "PROG_ATTACH", ATTACH_EXPECTED_REVISION + 8, NONE, BW_NO_MAP, prog_attach),
	CMD(BPF_PROG_DETACH, "PROG_DETACH", ATTACH_EXPECTED_REVISION + 8, NONE, BW_NO_MAP, prog_attach),
	CMD(BPF_PROG_TEST_RUN, "PROG_TEST_RUN", END(test.batch_size), NONE, BW_NO_MAP, prog_test_run),
	CMD(BPF_PROG_GET_NEXT_ID, "PROG_GET_NEXT_ID", END(next_id), NONE, BW_NO_MAP, none),
	CMD(BPF_MAP_GET_NEXT_ID, "MAP_GET_NEXT_ID", END(next_id), NONE, BW_NO_MAP, none),
	CMD(BPF_PROG_GET_FD_BY_ID, "PROG_GET_FD_BY_ID", ID_TOKEN_FD + 4, PROG, BW_NO_MAP, fd_by_id),
	CMD(BPF_MAP_GET_FD_BY_ID, "MAP_GET_FD_BY_ID", ID_TOKEN_FD + 4, MAP, BW_NO_MAP, fd_by_id),
	CMD(BPF_OBJ_GET_INFO_BY_FD, "OBJ_GET_INFO_BY_FD", END(info.info), NONE, BW_NO_MAP, get_info),
	CMD(BPF_PROG_QUERY, "PROG_QUERY", QUERY_REVISION + 8, NONE, BW_NO_MAP, prog_query),
	CMD(BPF_RAW_TRACEPOINT_OPEN, "RAW_TRACEPOINT_OPEN", RAW_TP_COOKIE + 8, LINK, BW_NO_MAP, raw_tracepoint),
	CMD(BPF_BTF_LOAD, "BTF_LOAD", BTF_TOKEN_FD + 4, BTF, BW_NO_MAP, btf_load),
	CMD(BPF_BTF_GET_FD_BY_ID, "BTF_GET_FD_BY_ID", ID_TOKEN_FD + 4, BTF, BW_NO_MAP, fd_by_id),
	CMD(BPF_TASK_FD_QUERY, "TASK_FD_QUERY", END(task_fd_query.probe_addr), NONE, BW_NO_MAP, task_fd_query),
	CMD(BPF_MAP_LOOKUP_AND_DELETE_ELEM, "MAP_LOOKUP_AND_DELETE_ELEM", END(flags), NONE, ELEM, map_lookup),
	CMD(BPF_MAP_FREEZE, "MAP_FREEZE", END(map_fd), NONE, ELEM, map_freeze),
	CMD(BPF_BTF_GET_NEXT_ID, "BTF_GET_NEXT_ID", END(next_id), NONE, BW_NO_MAP, none),
	CMD(BPF_MAP_LOOKUP_BATCH, "MAP_LOOKUP_BATCH", END(batch.flags), NONE, BATCH, lookup_batch),
	CMD(BPF_MAP_LOOKUP_AND_DELETE_BATCH, "MAP_LOOKUP_AND_DELETE_BATCH", END(batch.flags), NONE, BATCH, lookup_batch),
	CMD(BPF_MAP_UPDATE_BATCH, "MAP_UPDATE_BATCH", END(batch.flags), NONE, BATCH, update_batch),
	CMD(BPF_MAP_DELETE_BATCH, "MAP_DELETE_BATCH", END(batch.flags), NONE, BATCH, delete_batch),
	CMD(BPF_LINK_CREATE, "LINK_CREATE", LINK_UPROBES_END, LINK, BW_NO_MAP, link_create),
	CMD(BPF_LINK_UPDATE, "LINK_UPDATE", END(link_update.old_prog_fd), NONE, BW_NO_MAP, link_update),
	CMD(BPF_LINK_GET_FD_BY_ID, "LINK_GET_FD_BY_ID", ID_TOKEN_FD + 4, LINK, BW_NO_MAP, fd_by_id),
	CMD(BPF_LINK_GET_NEXT_ID, "LINK_GET_NEXT_ID", END(next_id), NONE, BW_NO_MAP, none),
	CMD(BPF_ENABLE_STATS, "ENABLE_STATS", END(enable_stats.type), OTHER, BW_NO_MAP, none),
	CMD(BPF_ITER_CREATE, "ITER_CREATE", END(iter_create.flags), ITER, BW_NO_MAP, iter_create),
	CMD(BPF_LINK_DETACH, "LINK_DETACH", END(link_detach.link_fd), NONE, BW_NO_MAP, link_detach),
	CMD(BPF_PROG_BIND_MAP, "PROG_BIND_MAP", END(prog_bind_map.flags), NONE, BW_NO_MAP, prog_bind_map),
	CMD(36, "TOKEN_CREATE", 8, OTHER, BW_NO_MAP, token_create),
	CMD(37, "PROG_STREAM_READ_BY_FD", STREAM_PROG_FD + 4, NONE, BW_NO_MAP, stream_read),
	CMD(38, "PROG_ASSOC_STRUCT_OPS", ASSOC_END, NONE, BW_NO_MAP, assoc_struct_ops),
};
#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

const struct bw_bpf_cmd *bw_bpf_cmd(uint32_t cmd)
{
	return cmd < CMDS ? &cmds[cmd] : NULL;
}

size_t bw_bpf_cmd_count(void)
{
	return CMDS;
}

/* ---- inside the info structures ---- */

#define P(field)	offsetof(struct bpf_prog_info, field)
#define OUT_BYTES(o, len)	{ (o), BW_FIELD_OUT, BW_LEN_FIELD, .a = (len) }
#define OUT_TIMES(o, cnt, size)	{ (o), BW_FIELD_OUT, BW_LEN_TIMES, .a = (cnt), .b = (size) }
#define OUT_RECORDS(o, cnt, rec) { (o), BW_FIELD_OUT, BW_LEN_PRODUCT, .a = (cnt), .b = (rec) }

/* A record size that is not the kernel's own is refused by it before anything is written. */
ROWS(prog_info) = {
	OUT_BYTES(P(jited_prog_insns), P(jited_prog_len)),
	OUT_BYTES(P(xlated_prog_insns), P(xlated_prog_len)),
	OUT_TIMES(P(map_ids), P(nr_map_ids), 4),
	OUT_TIMES(P(jited_ksyms), P(nr_jited_ksyms), 8),
	OUT_TIMES(P(jited_func_lens), P(nr_jited_func_lens), 4),
	OUT_RECORDS(P(func_info), P(nr_func_info), P(func_info_rec_size)),
	OUT_RECORDS(P(line_info), P(nr_line_info), P(line_info_rec_size)),
	OUT_RECORDS(P(jited_line_info), P(nr_jited_line_info), P(jited_line_info_rec_size)),
	OUT_TIMES(P(prog_tags), P(nr_prog_tags), BPF_TAG_SIZE),
	{ 0 }
};

ROWS(map_info) = {
	OUT_BYTES(88, 96),	/* hash, hash_size */
	{ 0 }
};

ROWS(btf_info) = {
	OUT_BYTES(offsetof(struct bpf_btf_info, btf), offsetof(struct bpf_btf_info, btf_size)),
	{ offsetof(struct bpf_btf_info, name), BW_FIELD_OUT, BW_LEN_FIELD, .a = offsetof(struct bpf_btf_info, name_len),
	  .flags = BW_ON_ERROR | BW_TEXT },
	{ 0 }
};

/* All fields but type, id, prog_id (0, 4, 8) are a union from 16 on, by type. */
#define LINK(o, type, len_rule, x, y, f) { (o), BW_FIELD_OUT, len_rule, .a = (x), .b = (y), .flags = (f), IF(0, BIT(type)) }
#define LINK_TEXT(o, type, len)		LINK(o, type, BW_LEN_FIELD, len, 0, BW_ON_ERROR | BW_TEXT)
#define LINK_ARRAY(o, type, cnt, size)	LINK(o, type, BW_LEN_TIMES, cnt, size, BW_ON_ERROR)
ROWS(link_info) = {
	LINK_TEXT(16, BPF_LINK_TYPE_RAW_TRACEPOINT, 24),
	LINK_TEXT(16, BPF_LINK_TYPE_ITER, 24),
	/* The first field is enum bpf_perf_event_type: all but EVENT (6), where a number is, begin with a name. */
	{ 24, BW_FIELD_OUT, BW_LEN_FIELD, .a = 32, .flags = BW_ON_ERROR | BW_TEXT, IF(0, BIT(BPF_LINK_TYPE_PERF_EVENT)),
	  .also_off = 16, .also_mask = 0x3f },
	LINK_ARRAY(16, BPF_LINK_TYPE_KPROBE_MULTI, 24, 8),
	LINK_ARRAY(40, BPF_LINK_TYPE_KPROBE_MULTI, 24, 8),
	LINK_TEXT(16, 12, 48),		/* UPROBE_MULTI: path, path_size; then offsets, ref_ctr_offsets, cookies; count at 52 */
	LINK_ARRAY(24, 12, 52, 8),
	LINK_ARRAY(32, 12, 52, 8),
	LINK_ARRAY(40, 12, 52, 8),
	LINK_ARRAY(32, 15, 20, 4),	/* TRACING_MULTI: ids, addrs, cookies; count at 20 */
	LINK_ARRAY(40, 15, 20, 8),
	LINK_ARRAY(48, 15, 20, 8),
	{ 0 }
};

const struct bw_bpf_field *bw_bpf_info_fields(enum bw_object object)
{
	switch (object) {
	case BW_OBJ_PROG: return prog_info;
	case BW_OBJ_MAP: return map_info;
	case BW_OBJ_BTF: return btf_info;
	case BW_OBJ_LINK: return link_info;
	case BW_OBJ_NONE: case BW_OBJ_ITER: case BW_OBJ_PERF: case BW_OBJ_FILE: case BW_OBJ_OTHER: return NULL;
	}
	return NULL;
}
