// SPDX-License-Identifier: Apache-2.0
/*
 * Holds our table of bpf(2) (protocol/bpfcmd.c) and our idea of perf_event_attr to the kernel's own header: walks the BTF of an object that was compiled
 * from a <linux/bpf.h> and a <linux/perf_event.h>, newer than the one we compile against.
 *
 *	uapi-walk OBJECT
 *
 * Every field of union bpf_attr and of the info structures, every command, map type, attach type and link type must be in a list here, which says what it is.
 * What is no scalar must have a row of the same kind at the header's own offset, with the length rule by the header's own fields, in each
 * command that the list names; and no row may be left over that no field of the lists accounts for.
 */
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bpfattr.h"

static struct btf *btf;
static unsigned int passed, failed;

static void claim(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void claim(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("not ok - ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- the lists ---- */

/* What a line leaves out is zero, which is what most lines mean. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum class {
	SCALAR = 0,
	FD = BW_FIELD_FD,
	FD_OR_NONE = BW_FIELD_FD_OR_NONE,
	IN = BW_FIELD_IN,
	OUT = BW_FIELD_OUT,
	INOUT = BW_FIELD_INOUT,
};

/* A field: its path, what it is, in which commands (NULL: in all that have no row there, a scalar), and what its length is by. */
struct leaf {
	const char *path;
	int class;
	const char *commands;		/* names with blanks between; a scalar's are not needed */
	int rule;
	const char *a, *b;		/* fields that the rule names */
	uint16_t fixed;			/* TIMES: size of an element; FIXED, STRING: bytes */
	uint16_t off;			/* of a field that is newer than the newest header we can get */
};

#define ELEM		"MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY MAP_LOOKUP_AND_DELETE_ELEM"
#define BATCH		"MAP_LOOKUP_BATCH MAP_LOOKUP_AND_DELETE_BATCH"
#define BY_ID		"PROG_GET_FD_BY_ID MAP_GET_FD_BY_ID BTF_GET_FD_BY_ID LINK_GET_FD_BY_ID"
#define ATTACH		"PROG_ATTACH PROG_DETACH"

static const struct leaf attr_leaves[] = {
	{ "map_type" }, { "key_size" }, { "value_size" }, { "max_entries" }, { "map_flags" }, { "numa_node" }, { "map_name" }, { "map_ifindex" },
	{ "btf_key_type_id" }, { "btf_value_type_id" }, { "btf_vmlinux_value_type_id" }, { "map_extra" }, { "excl_prog_hash_size" },
	{ "inner_map_fd", FD_OR_NONE, "MAP_CREATE" },
	{ "btf_fd", FD_OR_NONE, "MAP_CREATE" },
	{ "value_type_btf_obj_fd", FD_OR_NONE, "MAP_CREATE" },
	{ "map_token_fd", FD_OR_NONE, "MAP_CREATE" },
	{ "excl_prog_hash", IN, "MAP_CREATE", BW_LEN_FIELD, "excl_prog_hash_size" },

	{ "flags" },
	{ "map_fd", FD, ELEM " MAP_FREEZE" },
	{ "key", IN, ELEM, BW_LEN_KEY },
	{ "value", OUT, "MAP_LOOKUP_ELEM MAP_LOOKUP_AND_DELETE_ELEM", BW_LEN_VALUE, "flags" },
	{ "value", IN, "MAP_UPDATE_ELEM", BW_LEN_VALUE, "flags" },
	{ "next_key", OUT, "MAP_GET_NEXT_KEY", BW_LEN_KEY },

	{ "batch.count" }, { "batch.elem_flags" }, { "batch.flags" },
	{ "batch.in_batch", IN, BATCH, BW_LEN_KEY_OR_U32 },
	{ "batch.out_batch", INOUT, BATCH, BW_LEN_KEY_OR_U32 },
	{ "batch.keys", OUT, BATCH, BW_LEN_KEYS, "batch.count" },
	{ "batch.keys", IN, "MAP_UPDATE_BATCH MAP_DELETE_BATCH", BW_LEN_KEYS, "batch.count" },
	{ "batch.values", OUT, BATCH, BW_LEN_VALUES, "batch.count", "batch.elem_flags" },
	{ "batch.values", IN, "MAP_UPDATE_BATCH", BW_LEN_VALUES, "batch.count", "batch.elem_flags" },
	{ "batch.map_fd", FD, BATCH " MAP_UPDATE_BATCH MAP_DELETE_BATCH" },

	{ "prog_type" }, { "insn_cnt" }, { "log_level" }, { "log_size" }, { "kern_version" }, { "prog_flags" }, { "prog_name" }, { "prog_ifindex" },
	{ "expected_attach_type" }, { "func_info_rec_size" }, { "func_info_cnt" }, { "line_info_rec_size" }, { "line_info_cnt" },
	{ "attach_btf_id" }, { "core_relo_cnt" }, { "core_relo_rec_size" }, { "log_true_size" }, { "fd_array_cnt" }, { "signature_size" },
	{ "keyring_id" },
	{ "insns", IN, "PROG_LOAD", BW_LEN_TIMES, "insn_cnt", NULL, 8 },
	{ "license", IN, "PROG_LOAD", BW_LEN_STRING, NULL, NULL, 128 },
	{ "log_buf", OUT, "PROG_LOAD", BW_LEN_FIELD, "log_size" },
	{ "prog_btf_fd", FD_OR_NONE, "PROG_LOAD" },
	{ "func_info", IN, "PROG_LOAD", BW_LEN_PRODUCT, "func_info_cnt", "func_info_rec_size" },
	{ "line_info", IN, "PROG_LOAD", BW_LEN_PRODUCT, "line_info_cnt", "line_info_rec_size" },
	{ "attach_prog_fd", FD_OR_NONE, "PROG_LOAD" },
	{ "attach_btf_obj_fd", FD_OR_NONE, "PROG_LOAD" },
	{ "fd_array", IN, "PROG_LOAD", BW_LEN_FDS, "fd_array_cnt" },
	{ "core_relos", IN, "PROG_LOAD", BW_LEN_PRODUCT, "core_relo_cnt", "core_relo_rec_size" },
	{ "prog_token_fd", FD_OR_NONE, "PROG_LOAD" },
	{ "signature", IN, "PROG_LOAD", BW_LEN_FIELD, "signature_size" },

	{ "file_flags" },
	{ "pathname", IN, "OBJ_PIN OBJ_GET", BW_LEN_STRING, NULL, NULL, 4096 },
	{ "bpf_fd", FD, "OBJ_PIN" },
	{ "path_fd", FD_OR_NONE, "OBJ_PIN OBJ_GET" },

	{ "target_ifindex" }, { "attach_type" }, { "attach_flags" }, { "relative_id" }, { "expected_revision" },
	{ "target_fd", FD_OR_NONE, ATTACH },
	{ "attach_bpf_fd", FD_OR_NONE, ATTACH },
	{ "replace_bpf_fd", FD_OR_NONE, ATTACH },
	{ "relative_fd", FD_OR_NONE, ATTACH },

	{ "test.retval" }, { "test.data_size_in" }, { "test.data_size_out" }, { "test.repeat" }, { "test.duration" }, { "test.ctx_size_in" },
	{ "test.ctx_size_out" }, { "test.flags" }, { "test.cpu" }, { "test.batch_size" },
	{ "test.prog_fd", FD, "PROG_TEST_RUN" },
	{ "test.data_in", IN, "PROG_TEST_RUN", BW_LEN_FIELD, "test.data_size_in" },
	{ "test.data_out", OUT, "PROG_TEST_RUN", BW_LEN_FIELD, "test.data_size_out" },
	{ "test.ctx_in", INOUT, "PROG_TEST_RUN", BW_LEN_FIELD, "test.ctx_size_in" },
	{ "test.ctx_out", OUT, "PROG_TEST_RUN", BW_LEN_FIELD, "test.ctx_size_out" },

	{ "start_id" }, { "prog_id" }, { "map_id" }, { "btf_id" }, { "link_id" }, { "next_id" }, { "open_flags" },
	{ "fd_by_id_token_fd", FD_OR_NONE, BY_ID },

	{ "info.info_len" },
	{ "info.bpf_fd", FD, "OBJ_GET_INFO_BY_FD" },
	{ "info.info", INOUT, "OBJ_GET_INFO_BY_FD", BW_LEN_INFO, "info.info_len" },

	{ "query.target_ifindex" }, { "query.attach_type" }, { "query.query_flags" }, { "query.attach_flags" }, { "query.prog_cnt" },
	{ "query.count" }, { "query.revision" },
	{ "query.target_fd", FD_OR_NONE, "PROG_QUERY" },
	{ "query.prog_ids", OUT, "PROG_QUERY", BW_LEN_TIMES, "query.prog_cnt", NULL, 4 },
	{ "query.prog_attach_flags", OUT, "PROG_QUERY", BW_LEN_TIMES, "query.prog_cnt", NULL, 4 },
	{ "query.link_ids", OUT, "PROG_QUERY", BW_LEN_TIMES, "query.prog_cnt", NULL, 4 },
	{ "query.link_attach_flags", OUT, "PROG_QUERY", BW_LEN_TIMES, "query.prog_cnt", NULL, 4 },

	{ "raw_tracepoint.cookie" },
	{ "raw_tracepoint.name", IN, "RAW_TRACEPOINT_OPEN", BW_LEN_STRING, NULL, NULL, 128 },
	{ "raw_tracepoint.prog_fd", FD, "RAW_TRACEPOINT_OPEN" },

	{ "btf_size" }, { "btf_log_size" }, { "btf_log_level" }, { "btf_log_true_size" }, { "btf_flags" },
	{ "btf", IN, "BTF_LOAD", BW_LEN_FIELD, "btf_size" },
	{ "btf_log_buf", OUT, "BTF_LOAD", BW_LEN_FIELD, "btf_log_size" },
	{ "btf_token_fd", FD_OR_NONE, "BTF_LOAD" },

	{ "task_fd_query.pid" }, { "task_fd_query.flags" }, { "task_fd_query.buf_len" }, { "task_fd_query.prog_id" }, { "task_fd_query.fd_type" },
	{ "task_fd_query.probe_offset" }, { "task_fd_query.probe_addr" },
	{ "task_fd_query.fd", FD, "TASK_FD_QUERY" },
	{ "task_fd_query.buf", OUT, "TASK_FD_QUERY", BW_LEN_FIELD, "task_fd_query.buf_len" },

	{ "link_create.target_ifindex" }, { "link_create.attach_type" }, { "link_create.flags" }, { "link_create.target_btf_id" },
	{ "link_create.iter_info_len" }, { "link_create.perf_event.bpf_cookie" }, { "link_create.kprobe_multi.flags" },
	{ "link_create.kprobe_multi.cnt" }, { "link_create.tracing.target_btf_id" }, { "link_create.tracing.cookie" },
	{ "link_create.netfilter.pf" }, { "link_create.netfilter.hooknum" }, { "link_create.netfilter.priority" },
	{ "link_create.netfilter.flags" }, { "link_create.tcx.relative_id" }, { "link_create.tcx.expected_revision" },
	{ "link_create.uprobe_multi.cnt" }, { "link_create.uprobe_multi.flags" }, { "link_create.uprobe_multi.pid" },
	{ "link_create.netkit.relative_id" }, { "link_create.netkit.expected_revision" }, { "link_create.cgroup.relative_id" },
	{ "link_create.cgroup.expected_revision" }, { "link_create.tracing_multi.cnt" },
	{ "link_create.prog_fd", FD, "LINK_CREATE" },
	{ "link_create.map_fd", FD, "LINK_CREATE" },
	{ "link_create.target_fd", FD_OR_NONE, "LINK_CREATE" },
	{ "link_create.iter_info", IN, "LINK_CREATE", BW_LEN_FIELD, "link_create.iter_info_len" },
	{ "link_create.kprobe_multi.syms", IN, "LINK_CREATE", BW_LEN_STRINGS, "link_create.kprobe_multi.cnt", NULL, 513 },
	{ "link_create.kprobe_multi.addrs", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.kprobe_multi.cnt", NULL, 8 },
	{ "link_create.kprobe_multi.cookies", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.kprobe_multi.cnt", NULL, 8 },
	{ "link_create.tcx.relative_fd", FD_OR_NONE, "LINK_CREATE" },
	{ "link_create.netkit.relative_fd", FD_OR_NONE, "LINK_CREATE" },
	{ "link_create.cgroup.relative_fd", FD_OR_NONE, "LINK_CREATE" },
	{ "link_create.uprobe_multi.path", IN, "LINK_CREATE", BW_LEN_STRING, NULL, NULL, 4096 },
	{ "link_create.uprobe_multi.offsets", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.uprobe_multi.cnt", NULL, 8 },
	{ "link_create.uprobe_multi.ref_ctr_offsets", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.uprobe_multi.cnt", NULL, 8 },
	{ "link_create.uprobe_multi.cookies", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.uprobe_multi.cnt", NULL, 8 },
	{ "link_create.uprobe_multi.path_fd", FD_OR_NONE, "LINK_CREATE" },
	{ "link_create.tracing_multi.ids", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.tracing_multi.cnt", NULL, 4 },
	{ "link_create.tracing_multi.cookies", IN, "LINK_CREATE", BW_LEN_TIMES, "link_create.tracing_multi.cnt", NULL, 8 },

	{ "link_update.flags" },
	{ "link_update.link_fd", FD, "LINK_UPDATE" },
	{ "link_update.new_prog_fd", FD, "LINK_UPDATE" },
	{ "link_update.new_map_fd", FD, "LINK_UPDATE" },
	{ "link_update.old_prog_fd", FD_OR_NONE, "LINK_UPDATE" },
	{ "link_update.old_map_fd", FD_OR_NONE, "LINK_UPDATE" },

	{ "link_detach.link_fd", FD, "LINK_DETACH" },
	{ "enable_stats.type" },
	{ "iter_create.flags" },
	{ "iter_create.link_fd", FD, "ITER_CREATE" },
	{ "prog_bind_map.flags" },
	{ "prog_bind_map.prog_fd", FD, "PROG_BIND_MAP" },
	{ "prog_bind_map.map_fd", FD, "PROG_BIND_MAP" },
	{ "token_create.flags" },
	{ "token_create.bpffs_fd", FD, "TOKEN_CREATE" },
	{ "prog_stream_read.stream_buf_len" }, { "prog_stream_read.stream_id" },
	{ "prog_stream_read.stream_buf", OUT, "PROG_STREAM_READ_BY_FD", BW_LEN_FIELD, "prog_stream_read.stream_buf_len" },
	{ "prog_stream_read.prog_fd", FD, "PROG_STREAM_READ_BY_FD" },
	{ "prog_assoc_struct_ops.flags" },
	{ "prog_assoc_struct_ops.map_fd", FD, "PROG_ASSOC_STRUCT_OPS" },
	{ "prog_assoc_struct_ops.prog_fd", FD, "PROG_ASSOC_STRUCT_OPS" },
	{ NULL }
};

static const struct leaf prog_info_leaves[] = {
	{ "type" }, { "id" }, { "tag" }, { "jited_prog_len" }, { "xlated_prog_len" }, { "load_time" }, { "created_by_uid" }, { "nr_map_ids" },
	{ "name" }, { "ifindex" }, { "gpl_compatible" }, { "netns_dev" }, { "netns_ino" }, { "nr_jited_ksyms" }, { "nr_jited_func_lens" },
	{ "btf_id" }, { "func_info_rec_size" }, { "nr_func_info" }, { "nr_line_info" }, { "nr_jited_line_info" }, { "line_info_rec_size" },
	{ "jited_line_info_rec_size" }, { "nr_prog_tags" }, { "run_time_ns" }, { "run_cnt" }, { "recursion_misses" }, { "verified_insns" },
	{ "attach_btf_obj_id" }, { "attach_btf_id" },
	{ "jited_prog_insns", OUT, "", BW_LEN_FIELD, "jited_prog_len" },
	{ "xlated_prog_insns", OUT, "", BW_LEN_FIELD, "xlated_prog_len" },
	{ "map_ids", OUT, "", BW_LEN_TIMES, "nr_map_ids", NULL, 4 },
	{ "jited_ksyms", OUT, "", BW_LEN_TIMES, "nr_jited_ksyms", NULL, 8 },
	{ "jited_func_lens", OUT, "", BW_LEN_TIMES, "nr_jited_func_lens", NULL, 4 },
	{ "func_info", OUT, "", BW_LEN_PRODUCT, "nr_func_info", "func_info_rec_size" },
	{ "line_info", OUT, "", BW_LEN_PRODUCT, "nr_line_info", "line_info_rec_size" },
	{ "jited_line_info", OUT, "", BW_LEN_PRODUCT, "nr_jited_line_info", "jited_line_info_rec_size" },
	{ "prog_tags", OUT, "", BW_LEN_TIMES, "nr_prog_tags", NULL, 8 },
	{ NULL }
};

static const struct leaf map_info_leaves[] = {
	{ "type" }, { "id" }, { "key_size" }, { "value_size" }, { "max_entries" }, { "map_flags" }, { "name" }, { "ifindex" },
	{ "btf_vmlinux_value_type_id" }, { "netns_dev" }, { "netns_ino" }, { "btf_id" }, { "btf_key_type_id" }, { "btf_value_type_id" },
	{ "btf_vmlinux_id" }, { "map_extra" }, { "hash_size" },
	{ "hash", OUT, "", BW_LEN_FIELD, "hash_size" },
	{ NULL }
};

static const struct leaf btf_info_leaves[] = {
	{ "btf_size" }, { "id" }, { "name_len" }, { "kernel_btf" },
	{ "btf", OUT, "", BW_LEN_FIELD, "btf_size" },
	{ "name", OUT, "", BW_LEN_FIELD, "name_len" },
	{ NULL }
};

static const struct leaf link_info_leaves[] = {
	{ "type" }, { "id" }, { "prog_id" },
	{ "raw_tracepoint.tp_name_len" }, { "raw_tracepoint.cookie" },
	{ "tracing.attach_type" }, { "tracing.target_obj_id" }, { "tracing.target_btf_id" }, { "tracing.cookie" },
	{ "cgroup.cgroup_id" }, { "cgroup.attach_type" },
	{ "iter.target_name_len" }, { "iter.map.map_id" }, { "iter.cgroup.cgroup_id" }, { "iter.cgroup.order" }, { "iter.task.tid" },
	{ "iter.task.pid" }, { "netns.netns_ino" }, { "netns.attach_type" }, { "xdp.ifindex" }, { "struct_ops.map_id" }, { "netfilter.pf" },
	{ "netfilter.hooknum" }, { "netfilter.priority" }, { "netfilter.flags" }, { "kprobe_multi.count" }, { "kprobe_multi.flags" },
	{ "kprobe_multi.missed" }, { "uprobe_multi.path_size" }, { "uprobe_multi.count" }, { "uprobe_multi.flags" }, { "uprobe_multi.pid" },
	{ "perf_event.type" }, { "perf_event.uprobe.name_len" }, { "perf_event.uprobe.offset" }, { "perf_event.uprobe.cookie" },
	{ "perf_event.uprobe.ref_ctr_offset" }, { "perf_event.kprobe.name_len" }, { "perf_event.kprobe.offset" }, { "perf_event.kprobe.addr" },
	{ "perf_event.kprobe.missed" }, { "perf_event.kprobe.cookie" }, { "perf_event.tracepoint.name_len" }, { "perf_event.tracepoint.cookie" },
	{ "perf_event.event.config" }, { "perf_event.event.type" }, { "perf_event.event.cookie" }, { "tcx.ifindex" }, { "tcx.attach_type" },
	{ "netkit.ifindex" }, { "netkit.attach_type" }, { "sockmap.map_id" }, { "sockmap.attach_type" }, { "tracing_multi.attach_type" },
	{ "tracing_multi.count" }, { "tracing_multi.obj_id" }, { "tracing_multi.flags" },
	{ "raw_tracepoint.tp_name", OUT, "", BW_LEN_FIELD, "raw_tracepoint.tp_name_len" },
	{ "iter.target_name", OUT, "", BW_LEN_FIELD, "iter.target_name_len" },
	{ "kprobe_multi.addrs", OUT, "", BW_LEN_TIMES, "kprobe_multi.count", NULL, 8 },
	{ "kprobe_multi.cookies", OUT, "", BW_LEN_TIMES, "kprobe_multi.count", NULL, 8 },
	{ "uprobe_multi.path", OUT, "", BW_LEN_FIELD, "uprobe_multi.path_size" },
	{ "uprobe_multi.offsets", OUT, "", BW_LEN_TIMES, "uprobe_multi.count", NULL, 8 },
	{ "uprobe_multi.ref_ctr_offsets", OUT, "", BW_LEN_TIMES, "uprobe_multi.count", NULL, 8 },
	{ "uprobe_multi.cookies", OUT, "", BW_LEN_TIMES, "uprobe_multi.count", NULL, 8 },
	{ "perf_event.uprobe.file_name", OUT, "", BW_LEN_FIELD, "perf_event.uprobe.name_len" },
	{ "perf_event.kprobe.func_name", OUT, "", BW_LEN_FIELD, "perf_event.kprobe.name_len" },
	{ "perf_event.tracepoint.tp_name", OUT, "", BW_LEN_FIELD, "perf_event.tracepoint.name_len" },
	{ "tracing_multi.ids", OUT, "", BW_LEN_TIMES, "tracing_multi.count", NULL, 4, 32 },
	{ "tracing_multi.addrs", OUT, "", BW_LEN_TIMES, "tracing_multi.count", NULL, 8, 40 },
	{ "tracing_multi.cookies", OUT, "", BW_LEN_TIMES, "tracing_multi.count", NULL, 8, 48 },
	{ NULL }
};

/* union bpf_iter_link_info: daemon/iter_info.c takes these words for descriptors by the iterator's target. */
static const struct leaf iter_info_leaves[] = {
	{ "map.map_fd" }, { "cgroup.order" }, { "cgroup.cgroup_fd" }, { "cgroup.cgroup_id" }, { "task.tid" }, { "task.pid" }, { "task.pid_fd" },
	{ NULL }
};

/*
 * struct perf_event_attr travels as it is (struct bw_perf_open); remote/perf.c makes a string of what config1 points to for the two PMUs that take one,
 * of which kprobe_func and uprobe_path are other names.
 */
static const struct leaf perf_leaves[] = {
	{ "type" }, { "size" }, { "config" }, { "sample_period" }, { "sample_freq" }, { "sample_type" }, { "read_format" }, { "disabled" },
	{ "inherit" }, { "pinned" }, { "exclusive" }, { "exclude_user" }, { "exclude_kernel" }, { "exclude_hv" }, { "exclude_idle" }, { "mmap" },
	{ "comm" }, { "freq" }, { "inherit_stat" }, { "enable_on_exec" }, { "task" }, { "watermark" }, { "precise_ip" }, { "mmap_data" },
	{ "sample_id_all" }, { "exclude_host" }, { "exclude_guest" }, { "exclude_callchain_kernel" }, { "exclude_callchain_user" }, { "mmap2" },
	{ "comm_exec" }, { "use_clockid" }, { "context_switch" }, { "write_backward" }, { "namespaces" }, { "ksymbol" }, { "bpf_event" },
	{ "aux_output" }, { "cgroup" }, { "text_poke" }, { "build_id" }, { "inherit_thread" }, { "remove_on_exec" }, { "sigtrap" },
	{ "defer_callchain" }, { "defer_output" }, { "__reserved_1" }, { "wakeup_events" }, { "wakeup_watermark" }, { "bp_type" }, { "bp_addr" },
	{ "kprobe_func" }, { "uprobe_path" }, { "config1" }, { "bp_len" }, { "kprobe_addr" }, { "probe_offset" }, { "config2" },
	{ "branch_sample_type" }, { "sample_regs_user" }, { "sample_stack_user" }, { "clockid" }, { "sample_regs_intr" }, { "aux_watermark" },
	{ "sample_max_stack" }, { "__reserved_2" }, { "aux_sample_size" }, { "aux_action" }, { "aux_start_paused" }, { "aux_pause" },
	{ "aux_resume" }, { "__reserved_3" }, { "sig_data" }, { "config3" }, { "config4" },
	{ NULL }
};

/* Last member of each command's attr, which the kernel calls CMD_LAST_FIELD. */
static const struct { const char *command, *last; } lasts[] = {
	{ "MAP_CREATE", "excl_prog_hash_size" }, { "MAP_LOOKUP_ELEM", "flags" }, { "MAP_UPDATE_ELEM", "flags" }, { "MAP_DELETE_ELEM", "key" },
	{ "MAP_GET_NEXT_KEY", "next_key" }, { "PROG_LOAD", "keyring_id" }, { "OBJ_PIN", "path_fd" }, { "OBJ_GET", "path_fd" },
	{ "PROG_ATTACH", "expected_revision" }, { "PROG_DETACH", "expected_revision" }, { "PROG_TEST_RUN", "test.batch_size" },
	{ "PROG_GET_NEXT_ID", "next_id" }, { "MAP_GET_NEXT_ID", "next_id" }, { "PROG_GET_FD_BY_ID", "fd_by_id_token_fd" },
	{ "MAP_GET_FD_BY_ID", "fd_by_id_token_fd" }, { "OBJ_GET_INFO_BY_FD", "info.info" }, { "PROG_QUERY", "query.revision" },
	{ "RAW_TRACEPOINT_OPEN", "raw_tracepoint.cookie" }, { "BTF_LOAD", "btf_token_fd" }, { "BTF_GET_FD_BY_ID", "fd_by_id_token_fd" },
	{ "TASK_FD_QUERY", "task_fd_query.probe_addr" }, { "MAP_LOOKUP_AND_DELETE_ELEM", "flags" }, { "MAP_FREEZE", "map_fd" },
	{ "BTF_GET_NEXT_ID", "next_id" }, { "MAP_LOOKUP_BATCH", "batch.flags" }, { "MAP_LOOKUP_AND_DELETE_BATCH", "batch.flags" },
	{ "MAP_UPDATE_BATCH", "batch.flags" }, { "MAP_DELETE_BATCH", "batch.flags" }, { "LINK_CREATE", "link_create.uprobe_multi.path_fd" },
	{ "LINK_UPDATE", "link_update.old_prog_fd" }, { "LINK_GET_FD_BY_ID", "fd_by_id_token_fd" }, { "LINK_GET_NEXT_ID", "next_id" },
	{ "ENABLE_STATS", "enable_stats.type" }, { "ITER_CREATE", "iter_create.flags" }, { "LINK_DETACH", "link_detach.link_fd" },
	{ "PROG_BIND_MAP", "prog_bind_map.flags" }, { "TOKEN_CREATE", "token_create.bpffs_fd" },
	{ "PROG_STREAM_READ_BY_FD", "prog_stream_read.prog_fd" }, { "PROG_ASSOC_STRUCT_OPS", "prog_assoc_struct_ops.flags" },
};

/* Not in the table: answered EINVAL with a line, as by a kernel that has none of them. */
static const char *const refused_commands[] = { "BPF_COMMON_ATTRS" };

/* Of a map with keys of 16 and values of 24 bytes on 2 CPUs: length of a value, place of a descriptor in value and key, length of a batch's cursor. */
static const struct { const char *name; uint32_t value; int value_fd, key_fd; uint32_t cursor; } map_types[] = {
	{ "HASH", 24, -1, -1, 4 }, { "ARRAY", 24, -1, -1, 16 }, { "PROG_ARRAY", 4, 0, -1, 16 }, { "PERF_EVENT_ARRAY", 4, 0, -1, 16 },
	{ "PERCPU_HASH", 48, -1, -1, 4 }, { "PERCPU_ARRAY", 48, -1, -1, 16 }, { "STACK_TRACE", 24, -1, -1, 16 },
	{ "CGROUP_ARRAY", 4, 0, -1, 16 }, { "LRU_HASH", 24, -1, -1, 4 }, { "LRU_PERCPU_HASH", 48, -1, -1, 4 }, { "LPM_TRIE", 24, -1, -1, 16 },
	{ "ARRAY_OF_MAPS", 4, 0, -1, 16 }, { "HASH_OF_MAPS", 4, 0, -1, 4 }, { "DEVMAP", 24, 4, -1, 16 }, { "SOCKMAP", 24, 0, -1, 16 },
	{ "CPUMAP", 24, 4, -1, 16 }, { "XSKMAP", 24, 0, -1, 16 }, { "SOCKHASH", 24, 0, -1, 16 }, { "CGROUP_STORAGE_DEPRECATED", 24, -1, -1, 16 },
	{ "CGROUP_STORAGE", 24, -1, -1, 16 }, { "REUSEPORT_SOCKARRAY", 24, 0, -1, 16 }, { "PERCPU_CGROUP_STORAGE", 48, -1, -1, 16 },
	{ "PERCPU_CGROUP_STORAGE_DEPRECATED", 48, -1, -1, 16 }, { "QUEUE", 24, -1, -1, 16 }, { "STACK", 24, -1, -1, 16 },
	{ "SK_STORAGE", 24, -1, 0, 16 }, { "DEVMAP_HASH", 24, 4, -1, 16 }, { "STRUCT_OPS", 24, -1, -1, 16 }, { "RINGBUF", 24, -1, -1, 16 },
	{ "INODE_STORAGE", 24, -1, 0, 16 }, { "TASK_STORAGE", 24, -1, 0, 16 }, { "BLOOM_FILTER", 24, -1, -1, 16 },
	{ "USER_RINGBUF", 24, -1, -1, 16 }, { "CGRP_STORAGE", 24, -1, 0, 16 }, { "ARENA", 24, -1, -1, 16 }, { "INSN_ARRAY", 24, -1, -1, 16 },
	{ "RHASH", 24, -1, -1, 16 },
};

/* How LINK_CREATE reads its union for an attach type: which member, if one that is no scalars; or an interface as the target. */
enum { TARGET_FD = 0, TARGET_IFINDEX = 1 };
static const struct { const char *name; int target; const char *member; } attach_types[] = {
	{ "CGROUP_INET_INGRESS", 0, "cgroup" }, { "CGROUP_INET_EGRESS", 0, "cgroup" },
	{ "CGROUP_INET_SOCK_CREATE", 0, "cgroup" }, { "CGROUP_SOCK_OPS", 0, "cgroup" }, { "SK_SKB_STREAM_PARSER" },
	{ "SK_SKB_STREAM_VERDICT" }, { "CGROUP_DEVICE", 0, "cgroup" }, { "SK_MSG_VERDICT" },
	{ "CGROUP_INET4_BIND", 0, "cgroup" }, { "CGROUP_INET6_BIND", 0, "cgroup" },
	{ "CGROUP_INET4_CONNECT", 0, "cgroup" }, { "CGROUP_INET6_CONNECT", 0, "cgroup" },
	{ "CGROUP_INET4_POST_BIND", 0, "cgroup" }, { "CGROUP_INET6_POST_BIND", 0, "cgroup" },
	{ "CGROUP_UDP4_SENDMSG", 0, "cgroup" }, { "CGROUP_UDP6_SENDMSG", 0, "cgroup" }, { "LIRC_MODE2" },
	{ "FLOW_DISSECTOR" }, { "CGROUP_SYSCTL", 0, "cgroup" }, { "CGROUP_UDP4_RECVMSG", 0, "cgroup" },
	{ "CGROUP_UDP6_RECVMSG", 0, "cgroup" }, { "CGROUP_GETSOCKOPT", 0, "cgroup" },
	{ "CGROUP_SETSOCKOPT", 0, "cgroup" }, { "TRACE_RAW_TP" }, { "TRACE_FENTRY" }, { "TRACE_FEXIT" }, { "MODIFY_RETURN" },
	{ "LSM_MAC" }, { "TRACE_ITER", 0, "iter_info" }, { "CGROUP_INET4_GETPEERNAME", 0, "cgroup" },
	{ "CGROUP_INET6_GETPEERNAME", 0, "cgroup" }, { "CGROUP_INET4_GETSOCKNAME", 0, "cgroup" },
	{ "CGROUP_INET6_GETSOCKNAME", 0, "cgroup" }, { "XDP_DEVMAP" }, { "CGROUP_INET_SOCK_RELEASE", 0, "cgroup" },
	{ "XDP_CPUMAP" }, { "SK_LOOKUP" }, { "XDP", TARGET_IFINDEX }, { "SK_SKB_VERDICT" }, { "SK_REUSEPORT_SELECT" },
	{ "SK_REUSEPORT_SELECT_OR_MIGRATE" }, { "PERF_EVENT" }, { "TRACE_KPROBE_MULTI", 0, "kprobe_multi" },
	{ "LSM_CGROUP", 0, "cgroup" }, { "STRUCT_OPS" }, { "NETFILTER" }, { "TCX_INGRESS", TARGET_IFINDEX, "tcx" },
	{ "TCX_EGRESS", TARGET_IFINDEX, "tcx" }, { "TRACE_UPROBE_MULTI", 0, "uprobe_multi" },
	{ "CGROUP_UNIX_CONNECT", 0, "cgroup" }, { "CGROUP_UNIX_SENDMSG", 0, "cgroup" },
	{ "CGROUP_UNIX_RECVMSG", 0, "cgroup" }, { "CGROUP_UNIX_GETPEERNAME", 0, "cgroup" },
	{ "CGROUP_UNIX_GETSOCKNAME", 0, "cgroup" }, { "NETKIT_PRIMARY", TARGET_IFINDEX, "netkit" },
	{ "NETKIT_PEER", TARGET_IFINDEX, "netkit" }, { "TRACE_KPROBE_SESSION", 0, "kprobe_multi" },
	{ "TRACE_UPROBE_SESSION", 0, "uprobe_multi" }, { "TRACE_FSESSION" }, { "TRACE_FENTRY_MULTI", 0, "tracing_multi" },
	{ "TRACE_FEXIT_MULTI", 0, "tracing_multi" }, { "TRACE_FSESSION_MULTI", 0, "tracing_multi" },
};

/* Pointers in a link's info, by its type. */
static const struct { const char *name; unsigned int pointers; } link_types[] = {
	{ "UNSPEC", 0 }, { "RAW_TRACEPOINT", 1 }, { "TRACING", 0 }, { "CGROUP", 0 }, { "ITER", 1 }, { "NETNS", 0 }, { "XDP", 0 }, { "PERF_EVENT", 1 },
	{ "KPROBE_MULTI", 2 }, { "STRUCT_OPS", 0 }, { "NETFILTER", 0 }, { "TCX", 0 }, { "UPROBE_MULTI", 4 }, { "NETKIT", 0 }, { "SOCKMAP", 0 },
	{ "TRACING_MULTI", 3 },
};

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

/* ---- BTF ---- */

struct place { uint32_t off, size; bool found; };

/* Calls fn for each member that is no structure or union, with its path. */
static void walk(uint32_t type, const char *prefix, uint32_t base, void (*fn)(const char *path, struct place p, void *arg), void *arg)
{
	const struct btf_type *t = btf__type_by_id(btf, type);
	const struct btf_member *m = btf_members(t);
	int i;

	for (i = 0; i < btf_vlen(t); i++, m++) {
		const char *name = btf__name_by_offset(btf, m->name_off);
		uint32_t id = (uint32_t)btf__resolve_type((struct btf *)btf, m->type), bits = btf_member_bit_offset(t, (uint32_t)i);
		const struct btf_type *mt = btf__type_by_id(btf, id);
		struct place p = { base + bits / 8, (uint32_t)btf__resolve_size(btf, m->type), true };
		char path[256];

		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix && *name ? "." : "", name);
		if (btf_is_composite(mt))
			walk(id, *name ? path : prefix, p.off, fn, arg);
		else if (*name)		/* else padding */
			fn(path, p, arg);
	}
}

struct search { const char *path; struct place p; };

static void compare(const char *path, struct place p, void *arg)
{
	struct search *s = arg;

	if (!strcmp(path, s->path))
		s->p = p;
}

static struct place find(uint32_t type, const char *path)
{
	struct search s = { path, { 0 } };

	if (path)
		walk(type, "", 0, compare, &s);
	return s.p;
}

/* ---- fields ---- */

struct list { const char *what; uint32_t type; const struct leaf *leaves; const struct bw_bpf_field *rows; };

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	const char *p = words;

	for (; (p = strstr(p, word)); p += len)
		if ((p == words || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

static bool rule_fits(const struct list *l, const struct leaf *leaf, const struct bw_bpf_field *f)
{
	struct place a = find(l->type, leaf->a), b = find(l->type, leaf->b);

	if (f->rule != leaf->rule || (leaf->a && !a.found) || (leaf->b && !b.found))
		return false;
	if (leaf->rule == BW_LEN_FIXED || leaf->rule == BW_LEN_STRING)
		return f->a == leaf->fixed;
	if (leaf->a && f->a != a.off)
		return false;
	return leaf->b ? f->b == b.off : leaf->rule != BW_LEN_TIMES && leaf->rule != BW_LEN_STRINGS ? true : f->b == leaf->fixed;
}

static bool has_row(const struct list *l, const struct leaf *leaf, const struct bw_bpf_field *f, struct place p)
{
	for (; f->kind != BW_FIELD_END; f++)
		if (f->off == p.off && f->kind == leaf->class && (f->kind == FD || f->kind == FD_OR_NONE || rule_fits(l, leaf, f)))
			return true;
	return false;
}

static void check_leaf(const struct list *l, const struct leaf *leaf, struct place p)
{
	size_t i;

	if (leaf->class == SCALAR)
		return;
	claim(p.size == (leaf->class == FD || leaf->class == FD_OR_NONE ? 4 : 8), "%s.%s is as wide as what it is said to be", l->what, leaf->path);
	if (l->rows)
		claim(has_row(l, leaf, l->rows, p), "%s.%s (offset %u) has a row of its kind and length", l->what, leaf->path, p.off);
	for (i = 0; !l->rows && i < bw_bpf_cmd_count(); i++) {
		const struct bw_bpf_cmd *c = bw_bpf_cmd((uint32_t)i);

		if (has_word(leaf->commands, c->name))
			claim(has_row(l, leaf, c->fields, p), "%s: %s (offset %u) has a row of its kind and length", c->name, leaf->path, p.off);
	}
}

static void check_field(const char *path, struct place p, void *arg)
{
	const struct list *l = arg;
	const struct leaf *leaf;
	bool known = false;

	for (leaf = l->leaves; leaf->path; leaf++) {
		if (strcmp(leaf->path, path))
			continue;
		known = true;
		check_leaf(l, leaf, p);
	}
	claim(known, "%s.%s (offset %u, %u bytes) is classified", l->what, path, p.off, p.size);
}

/* A row that no leaf accounts for: of a field that is not there, or is said to be a scalar. */
static void check_row(const struct list *l, const char *command, const struct bw_bpf_field *f)
{
	const struct leaf *leaf;

	for (leaf = l->leaves; leaf->path; leaf++) {
		struct place p = find(l->type, leaf->path);

		if (leaf->class == f->kind && (p.found ? p.off == f->off : f->rule == leaf->rule && f->off == leaf->off) &&
		    (l->rows || has_word(leaf->commands, command)))
			return;
	}
	claim(false, "%s: the row at offset %u is a field of the header", command, f->off);
}

static uint32_t type_of(const char *name, uint32_t kind)
{
	int id = btf__find_by_name_kind(btf, name, kind);

	claim(id > 0, "the header has %s", name);
	return id > 0 ? (uint32_t)id : 0;
}

static void check_list(const char *name, uint32_t kind, const struct leaf *leaves, const struct bw_bpf_field *rows)
{
	struct list l = { name, type_of(name, kind), leaves, rows };
	const struct bw_bpf_field *f;

	if (!l.type)
		return;
	walk(l.type, "", 0, check_field, &l);
	for (f = rows; f && f->kind != BW_FIELD_END; f++)
		check_row(&l, name, f);
}

static void check_commands_fields(void)
{
	struct list l = { "bpf_attr", type_of("bpf_attr", BTF_KIND_UNION), attr_leaves, NULL };
	size_t i, k;

	for (i = 0; i < bw_bpf_cmd_count(); i++) {
		const struct bw_bpf_cmd *c = bw_bpf_cmd((uint32_t)i);
		const struct bw_bpf_field *f;
		struct place last = { 0 };

		for (f = c->fields; f->kind != BW_FIELD_END; f++)
			check_row(&l, c->name, f);
		for (k = 0; k < COUNT(lasts); k++)
			if (!strcmp(lasts[k].command, c->name))
				last = find(l.type, lasts[k].last);
		claim(last.found && c->attr_max == last.off + last.size, "%s: its attr ends at %u, the header says %u", c->name, c->attr_max,
		      last.off + last.size);
	}
}

/* ---- enumerations ---- */

static void each_enumerator(const char *name, const char *prefix, void (*fn)(const char *name, uint32_t value))
{
	const struct btf_type *t = btf__type_by_id(btf, type_of(name, BTF_KIND_ENUM));
	const struct btf_enum *e = btf_enum(t);
	size_t len = strlen(prefix);
	int i;

	if (!btf_is_enum(t))
		return;
	for (i = 0; i < btf_vlen(t); i++, e++) {
		const char *n = btf__name_by_offset(btf, e->name_off);

		if (!strncmp(n, "__MAX_", 6))
			continue;
		claim(!strncmp(n, prefix, len), "%s begins with %s", n, prefix);
		fn(!strncmp(n, prefix, len) ? n + len : n, (uint32_t)e->val);
	}
}

static void check_command(const char *name, uint32_t value)
{
	const struct bw_bpf_cmd *c = bw_bpf_cmd(value);
	char full[128];
	size_t i;

	snprintf(full, sizeof(full), "BPF_%s", name);
	for (i = 0; i < COUNT(refused_commands); i++)
		if (!strcmp(refused_commands[i], full)) {
			claim(!c, "%s is refused", full);
			return;
		}
	claim(c && (!strcmp(c->name, name) || !strcmp(name, "PROG_RUN")), "command %s (%u) is in the table", name, value);
}

static void check_map_type(const char *name, uint32_t value)
{
	struct bw_map_info m = { .type = value, .key_size = 16, .value_size = 24, .max_entries = 1 };
	const struct bw_bpf_field *cursor = bw_bpf_cmd(BPF_MAP_LOOKUP_BATCH)->fields;
	union bpf_attr attr = { 0 };
	bool known = !strcmp(name, "UNSPEC");
	size_t i;

	while (cursor->rule != BW_LEN_KEY_OR_U32)
		cursor++;
	for (i = 0; i < COUNT(map_types); i++) {
		if (strcmp(map_types[i].name, name))
			continue;
		known = true;
		claim(bw_map_value_len(&m, 2, 0) == map_types[i].value, "map type %s: a value of 24 bytes is %u", name, map_types[i].value);
		claim(bw_map_value_fd(&m) == map_types[i].value_fd, "map type %s: a descriptor in a value is at %d", name, map_types[i].value_fd);
		claim(bw_map_key_fd(&m) == map_types[i].key_fd, "map type %s: a descriptor in a key is at %d", name, map_types[i].key_fd);
		claim(bw_bpf_len(cursor, &attr, sizeof(attr), &m, 2) == map_types[i].cursor, "map type %s: a batch's cursor is %u bytes", name,
		      map_types[i].cursor);
	}
	claim(known, "map type %s (%u) is classified", name, value);
}

/* Does LINK_CREATE have a row at this offset, of this width, that applies to this attach type? */
static bool link_row(uint32_t type, uint32_t off, bool wide)
{
	union bpf_attr attr = { .link_create.attach_type = type };
	const struct bw_bpf_field *f;

	for (f = bw_bpf_cmd(BPF_LINK_CREATE)->fields; f->kind != BW_FIELD_END; f++)
		if (f->off == off && (f->kind != FD && f->kind != FD_OR_NONE) == wide && bw_bpf_field_applies(f, &attr, sizeof(attr)))
			return true;
	return false;
}

/* Is there a pointer (or, not wide, a descriptor) at this offset in this member of link_create? */
static bool member_has(uint32_t type, const char *member, uint32_t off, bool wide)
{
	size_t len = member ? strlen(member) : 0;
	const struct leaf *l;

	for (l = attr_leaves; len && l->path; l++) {
		const char *p = strncmp(l->path, "link_create.", 12) ? NULL : l->path + 12;

		if (p && l->class != SCALAR && !strncmp(p, member, len) && (!p[len] || p[len] == '.') && find(type, l->path).off == off &&
		    (l->class != FD && l->class != FD_OR_NONE) == wide)
			return true;
	}
	return false;
}

static void check_members(const char *name, uint32_t value, const char *member)
{
	uint32_t type = type_of("bpf_attr", BTF_KIND_UNION), off;
	int wide;

	for (off = 16; off < 128; off += 4)
		for (wide = 0; wide < 2; wide++)
			claim(link_row(value, off, wide) == member_has(type, member, off, wide), "attach type %s: a %s at offset %u of link_create",
			      name, wide ? "pointer" : "descriptor", off);
}

static void check_attach_type(const char *name, uint32_t value)
{
	struct place target = find(type_of("bpf_attr", BTF_KIND_UNION), "link_create.target_fd");
	bool known = false;
	size_t i;

	for (i = 0; i < COUNT(attach_types); i++) {
		if (strcmp(attach_types[i].name, name))
			continue;
		known = true;
		claim(link_row(value, target.off, false) == (attach_types[i].target == TARGET_FD), "attach type %s: what its target is", name);
		check_members(name, value, attach_types[i].member);
	}
	claim(known, "attach type %s (%u) is classified", name, value);
}

static void check_link_type(const char *name, uint32_t value)
{
	uint32_t info[32] = { value };
	const struct bw_bpf_field *f = bw_bpf_info_fields(BW_OBJ_LINK);
	unsigned int pointers = 0;
	bool known = false;
	size_t i;

	for (; f->kind != BW_FIELD_END; f++)
		pointers += bw_bpf_field_applies(f, info, sizeof(info));
	for (i = 0; i < COUNT(link_types); i++) {
		if (strcmp(link_types[i].name, name))
			continue;
		known = true;
		claim(pointers == link_types[i].pointers, "link type %s: %u pointers in its info", name, link_types[i].pointers);
	}
	claim(known, "link type %s (%u) is classified", name, value);
}

int main(int argc, char **argv)
{
	btf = argc == 2 ? btf__parse(argv[1], NULL) : NULL;
	if (!btf) {
		fprintf(stderr, "usage: uapi-walk OBJECT (with BTF of linux/bpf.h and linux/perf_event.h)\n");
		return 2;
	}
	check_list("bpf_attr", BTF_KIND_UNION, attr_leaves, NULL);
	check_commands_fields();
	check_list("bpf_prog_info", BTF_KIND_STRUCT, prog_info_leaves, bw_bpf_info_fields(BW_OBJ_PROG));
	check_list("bpf_map_info", BTF_KIND_STRUCT, map_info_leaves, bw_bpf_info_fields(BW_OBJ_MAP));
	check_list("bpf_btf_info", BTF_KIND_STRUCT, btf_info_leaves, bw_bpf_info_fields(BW_OBJ_BTF));
	check_list("bpf_link_info", BTF_KIND_STRUCT, link_info_leaves, bw_bpf_info_fields(BW_OBJ_LINK));
	check_list("bpf_iter_link_info", BTF_KIND_UNION, iter_info_leaves, NULL);
	check_list("perf_event_attr", BTF_KIND_STRUCT, perf_leaves, NULL);
	each_enumerator("bpf_cmd", "BPF_", check_command);
	each_enumerator("bpf_map_type", "BPF_MAP_TYPE_", check_map_type);
	each_enumerator("bpf_attach_type", "BPF_", check_attach_type);
	each_enumerator("bpf_link_type", "BPF_LINK_TYPE_", check_link_type);
	btf__free(btf);
	printf("uapi: %u passed, %u failed\n", passed, failed);
	return failed || passed < 300;
}
