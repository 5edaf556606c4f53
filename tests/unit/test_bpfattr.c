// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/bpf.h>
#include <linux/version.h>
#include <stdlib.h>

#include "protocol/bpfattr.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

#define CPUS 4

static const struct bw_map_info hash = { .type = BPF_MAP_TYPE_HASH, .key_size = 16, .value_size = 20, .max_entries = 100 };
static const struct bw_map_info array = { .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 20 };
static const struct bw_map_info percpu = { .type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 20 };
static const struct bw_map_info trie = { .type = BPF_MAP_TYPE_LPM_TRIE, .key_size = 8, .value_size = 8 };
static const struct bw_map_info queue = { .type = BPF_MAP_TYPE_QUEUE, .key_size = 0, .value_size = 12 };
static const struct bw_map_info bloom = { .type = BPF_MAP_TYPE_BLOOM_FILTER, .key_size = 0, .value_size = 12 };

/* The row of cmd at this offset that applies to attr; NULL if none. */
static const struct bw_bpf_field *row(uint32_t cmd, size_t off, const union bpf_attr *attr)
{
	for (const struct bw_bpf_field *f = bw_bpf_cmd(cmd)->fields; f->kind; f++)
		if (f->off == off && (!attr || bw_bpf_field_applies(f, attr, sizeof(*attr))))
			return f;
	return NULL;
}

/* The length of what the field points to, -1 if no row applies. */
static long long len_of(uint32_t cmd, size_t off, const union bpf_attr *attr, const struct bw_map_info *map)
{
	const struct bw_bpf_field *f = row(cmd, off, attr);

	return f ? bw_bpf_len(f, attr, sizeof(*attr), map, CPUS) : -1;
}

#define A(field) offsetof(union bpf_attr, field)
#define LEN(cmd, field, attr, map) len_of(cmd, A(field), attr, map)
#define KIND(cmd, field, attr) ({ const struct bw_bpf_field *f_ = row(cmd, A(field), attr); f_ ? f_->kind : 0; })

static bool needs_map(const struct bw_bpf_field *f)
{
	return f->rule == BW_LEN_KEY || f->rule == BW_LEN_KEY_OR_U32 || f->rule == BW_LEN_VALUE || f->rule == BW_LEN_KEYS ||
	       f->rule == BW_LEN_VALUES;
}

TEST("the table has a row for every command from 0 up, in order, and none beyond")
{
	CHECK_EQ(bw_bpf_cmd_count(), 39);
	for (uint32_t i = 0; i < bw_bpf_cmd_count(); i++) {
		const struct bw_bpf_cmd *c = bw_bpf_cmd(i);

		CHECK(c && c->name && c->fields);
		CHECK_EQ(c->cmd, i);
	}
	CHECK(!bw_bpf_cmd((uint32_t)bw_bpf_cmd_count()));
	CHECK(!bw_bpf_cmd(UINT32_MAX));
	CHECK(!bw_bpf_cmd(1u << 16));	/* BPF_COMMON_ATTRS */
	CHECK(!strcmp(bw_bpf_cmd(BPF_PROG_BIND_MAP)->name, "PROG_BIND_MAP"));
	CHECK(!strcmp(bw_bpf_cmd(BPF_MAP_LOOKUP_AND_DELETE_BATCH)->name, "MAP_LOOKUP_AND_DELETE_BATCH"));
}

TEST("every field lies within its command's attr, is aligned, and finds its map and its lengths")
{
	for (uint32_t i = 0; i < bw_bpf_cmd_count(); i++) {
		const struct bw_bpf_cmd *c = bw_bpf_cmd(i);

		CHECK(c->attr_max <= BW_BPF_ATTR_MAX && c->attr_max > 0);
		for (const struct bw_bpf_field *f = c->fields; f->kind; f++) {
			bool fd = f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE;
			unsigned int size = fd ? 4 : 8;

			CHECK(f->off % size == 0 && f->off + size <= c->attr_max);
			CHECK(f->a <= c->attr_max || f->rule == BW_LEN_STRING || f->rule == BW_LEN_FIXED);
			CHECK(fd ? f->rule == BW_LEN_NONE : f->rule != BW_LEN_NONE);
			CHECK(!needs_map(f) || c->map_fd_off != BW_NO_MAP);
		}
		if (c->map_fd_off != BW_NO_MAP)
			CHECK(row(i, c->map_fd_off, NULL)->kind == BW_FIELD_FD);
	}
}

TEST("no two rows claim the same bytes of the same attr")
{
	for (uint32_t i = 0; i < bw_bpf_cmd_count(); i++)
		for (uint32_t type = 0; type < 64; type++) {
			union bpf_attr attr = { .link_create.attach_type = type };
			char taken[sizeof(attr)] = { 0 };

			for (const struct bw_bpf_field *f = bw_bpf_cmd(i)->fields; f->kind; f++) {
				size_t size = f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE ? 4 : 8;

				if (!bw_bpf_field_applies(f, &attr, sizeof(attr)))
					continue;
				for (size_t k = f->off; k < f->off + size; k++)
					CHECK(!taken[k]++);
			}
		}
}

TEST("fields that came after 6.1 are where a newer header has them")
{
#define AT(cmd, field) CHECK(row(cmd, A(field), NULL))
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	AT(BPF_MAP_CREATE, value_type_btf_obj_fd);
	AT(BPF_MAP_CREATE, map_token_fd);
	AT(BPF_PROG_LOAD, prog_token_fd);
	AT(BPF_BTF_LOAD, btf_token_fd);
	AT(BPF_OBJ_PIN, path_fd);
	AT(BPF_OBJ_GET, path_fd);
	AT(BPF_PROG_ATTACH, relative_fd);
	AT(BPF_PROG_QUERY, query.link_ids);
	AT(BPF_PROG_QUERY, query.link_attach_flags);
	AT(BPF_LINK_CREATE, link_create.tcx.relative_fd);
	AT(BPF_LINK_CREATE, link_create.uprobe_multi.path);
	AT(BPF_LINK_CREATE, link_create.uprobe_multi.offsets);
	AT(BPF_LINK_CREATE, link_create.uprobe_multi.ref_ctr_offsets);
	AT(BPF_LINK_CREATE, link_create.uprobe_multi.cookies);
	AT(BPF_TOKEN_CREATE, token_create.bpffs_fd);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	AT(BPF_MAP_CREATE, excl_prog_hash);
	AT(BPF_PROG_LOAD, signature);
	AT(BPF_PROG_STREAM_READ_BY_FD, prog_stream_read.stream_buf);
	AT(BPF_PROG_STREAM_READ_BY_FD, prog_stream_read.prog_fd);
	CHECK_EQ(row(BPF_PROG_LOAD, A(fd_array), NULL)->a, A(fd_array_cnt));
	CHECK_EQ(row(BPF_PROG_LOAD, A(signature), NULL)->a, A(signature_size));
	CHECK_EQ(row(BPF_MAP_CREATE, A(excl_prog_hash), NULL)->a, A(excl_prog_hash_size));
	CHECK_EQ(bw_bpf_cmd(BPF_PROG_LOAD)->attr_max, A(keyring_id) + 4);
	CHECK_EQ(bw_bpf_info_fields(BW_OBJ_MAP)->off, offsetof(struct bpf_map_info, hash));
	CHECK_EQ(bw_bpf_info_fields(BW_OBJ_MAP)->a, offsetof(struct bpf_map_info, hash_size));
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
	AT(BPF_PROG_ASSOC_STRUCT_OPS, prog_assoc_struct_ops.prog_fd);
	AT(BPF_LINK_CREATE, link_create.uprobe_multi.path_fd);
	AT(BPF_LINK_CREATE, link_create.tracing_multi.ids);
	AT(BPF_LINK_CREATE, link_create.tracing_multi.cookies);
	CHECK_EQ(bw_bpf_cmd_count(), __MAX_BPF_CMD);
	CHECK_EQ(__MAX_BPF_ATTACH_TYPE, 62);
	CHECK_EQ(__MAX_BPF_LINK_TYPE, 16);
#endif
	AT(BPF_MAP_CREATE, inner_map_fd);
}

/* ---- lengths by command ---- */

TEST("map elements: lengths come from the map")
{
	union bpf_attr attr = { 0 };

	CHECK_EQ(LEN(BPF_MAP_LOOKUP_ELEM, key, &attr, &hash), 16);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_ELEM, value, &attr, &hash), 20);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_ELEM, value, &attr, &percpu), 24 * CPUS);
	CHECK_EQ(LEN(BPF_MAP_UPDATE_ELEM, value, &attr, &percpu), 24 * CPUS);
	CHECK_EQ(LEN(BPF_MAP_DELETE_ELEM, key, &attr, &hash), 16);
	CHECK_EQ(LEN(BPF_MAP_GET_NEXT_KEY, key, &attr, &hash), 16);
	CHECK_EQ(LEN(BPF_MAP_GET_NEXT_KEY, next_key, &attr, &array), 4);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_AND_DELETE_ELEM, key, &attr, &queue), 0);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_AND_DELETE_ELEM, value, &attr, &queue), 12);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_ELEM, value, &attr, NULL), 0);
	CHECK_EQ(KIND(BPF_MAP_LOOKUP_ELEM, value, &attr), BW_FIELD_OUT);
	CHECK_EQ(KIND(BPF_MAP_UPDATE_ELEM, value, &attr), BW_FIELD_IN);
	CHECK_EQ(KIND(BPF_MAP_FREEZE, map_fd, &attr), BW_FIELD_FD);
}

TEST("BPF_F_CPU and BPF_F_ALL_CPUS make a per-CPU value one CPU's")
{
	union bpf_attr attr = { .flags = 8 | 3ull << 32 };

	CHECK_EQ(LEN(BPF_MAP_LOOKUP_ELEM, value, &attr, &percpu), 20);
	attr.flags = 16;
	CHECK_EQ(LEN(BPF_MAP_UPDATE_ELEM, value, &attr, &percpu), 20);
	attr = (union bpf_attr){ .batch = { .count = 3, .elem_flags = 16 } };
	CHECK_EQ(LEN(BPF_MAP_UPDATE_BATCH, batch.values, &attr, &percpu), 60);
	attr.batch.elem_flags = 4;	/* BPF_F_LOCK */
	CHECK_EQ(LEN(BPF_MAP_UPDATE_BATCH, batch.values, &attr, &percpu), 3 * 24 * CPUS);
}

TEST("a lookup in a bloom filter is read by the kernel and not written")
{
	const struct bw_bpf_field *f = row(BPF_MAP_LOOKUP_ELEM, A(value), NULL);

	CHECK_EQ(bw_bpf_kind(f, &bloom), BW_FIELD_IN);
	CHECK_EQ(bw_bpf_kind(f, &queue), BW_FIELD_OUT);
	CHECK_EQ(bw_bpf_kind(f, NULL), BW_FIELD_OUT);
	CHECK_EQ(bw_bpf_kind(row(BPF_MAP_GET_NEXT_KEY, A(next_key), NULL), &bloom), BW_FIELD_OUT);
}

TEST("per-CPU value sizes round up to 8, descriptor maps hold 4 bytes, and no size overflows")
{
	struct bw_map_info m = percpu;

	CHECK_EQ(bw_map_value_len(&m, 1, 0), 24);
	CHECK_EQ(bw_map_value_len(&m, 128, 0), 24 * 128);
	m.type = BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
	CHECK_EQ(bw_map_value_len(&m, 2, 0), 48);
	m.value_size = UINT32_MAX;
	CHECK_EQ(bw_map_value_len(&m, UINT32_MAX, 0), UINT32_MAX);
	CHECK_EQ(bw_map_value_len(&m, 1, 0), UINT32_MAX);
	m.type = BPF_MAP_TYPE_PROG_ARRAY;
	CHECK_EQ(bw_map_value_len(&m, 8, 0), 4);
}

TEST("batches: keys and values by count, and a hash map's cursor is 4 bytes whatever its key")
{
	union bpf_attr attr = { .batch.count = 10 };

	CHECK_EQ(LEN(BPF_MAP_LOOKUP_BATCH, batch.in_batch, &attr, &hash), 4);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_AND_DELETE_BATCH, batch.out_batch, &attr, &hash), 4);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_BATCH, batch.in_batch, &attr, &array), 4);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_BATCH, batch.out_batch, &attr, &trie), 8);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_BATCH, batch.keys, &attr, &hash), 160);
	CHECK_EQ(LEN(BPF_MAP_LOOKUP_BATCH, batch.values, &attr, &percpu), 240 * CPUS);
	CHECK_EQ(LEN(BPF_MAP_DELETE_BATCH, batch.keys, &attr, &hash), 160);
	CHECK_EQ(LEN(BPF_MAP_DELETE_BATCH, batch.values, &attr, &hash), -1);
	CHECK_EQ(KIND(BPF_MAP_LOOKUP_BATCH, batch.keys, &attr), BW_FIELD_OUT);
	CHECK_EQ(KIND(BPF_MAP_UPDATE_BATCH, batch.keys, &attr), BW_FIELD_IN);
	attr.batch.count = UINT32_MAX;
	CHECK_EQ(LEN(BPF_MAP_UPDATE_BATCH, batch.values, &attr, &percpu), -E2BIG);
	CHECK_EQ(bw_bpf_cmd(BPF_MAP_LOOKUP_BATCH)->map_fd_off, 36);
}

TEST("what comes back is asked for only as far as it fits into a message, keys and values of a batch alike")
{
	union bpf_attr attr = { .batch.count = 1u << 30 };
	const struct bw_bpf_field *keys = row(BPF_MAP_LOOKUP_BATCH, A(batch.keys), &attr), *values = row(BPF_MAP_LOOKUP_BATCH, A(batch.values), &attr);
	uint32_t n = bw_bpf_count(values, &attr, sizeof(attr), &percpu, CPUS);

	CHECK(n > 100000 && n < 1u << 30);
	CHECK_EQ(bw_bpf_count(keys, &attr, sizeof(attr), &percpu, CPUS), n);
	CHECK_EQ(bw_bpf_len(values, &attr, sizeof(attr), &percpu, CPUS), 24ll * CPUS * n);
	CHECK(24ll * CPUS * n + 4ll * n < BW_MSG_MAX);
	attr.batch.count = 5;
	CHECK_EQ(bw_bpf_count(values, &attr, sizeof(attr), &percpu, CPUS), 5);
	attr = (union bpf_attr){ .log_size = UINT32_MAX >> 2 };
	CHECK(LEN(BPF_PROG_LOAD, log_buf, &attr, NULL) > 16 << 20);
	CHECK(LEN(BPF_PROG_LOAD, log_buf, &attr, NULL) < BW_MSG_MAX);
}

TEST("PROG_LOAD: instructions, licence, records, log")
{
	union bpf_attr attr = {
		.insn_cnt = 1000, .log_size = 4096, .func_info_cnt = 3, .func_info_rec_size = 8, .line_info_cnt = 5, .line_info_rec_size = 16,
		.core_relo_cnt = 2, .core_relo_rec_size = 16,
	};

	CHECK_EQ(LEN(BPF_PROG_LOAD, insns, &attr, NULL), 8000);
	CHECK_EQ(LEN(BPF_PROG_LOAD, license, &attr, NULL), 128);
	CHECK_EQ(LEN(BPF_PROG_LOAD, log_buf, &attr, NULL), 4096);
	CHECK_EQ(LEN(BPF_PROG_LOAD, func_info, &attr, NULL), 24);
	CHECK_EQ(LEN(BPF_PROG_LOAD, line_info, &attr, NULL), 80);
	CHECK_EQ(LEN(BPF_PROG_LOAD, core_relos, &attr, NULL), 32);
	CHECK_EQ(LEN(BPF_PROG_LOAD, fd_array, &attr, NULL), 0);
	CHECK_EQ(row(BPF_PROG_LOAD, A(insns), NULL)->flags, BW_INSNS);
	CHECK_EQ(KIND(BPF_PROG_LOAD, prog_btf_fd, &attr), BW_FIELD_FD_OR_NONE);
	CHECK_EQ(KIND(BPF_PROG_LOAD, attach_btf_obj_fd, &attr), BW_FIELD_FD_OR_NONE);
	attr.insn_cnt = UINT32_MAX;
	attr.func_info_cnt = attr.func_info_rec_size = UINT32_MAX;
	CHECK_EQ(LEN(BPF_PROG_LOAD, insns, &attr, NULL), -E2BIG);
	CHECK_EQ(LEN(BPF_PROG_LOAD, func_info, &attr, NULL), -E2BIG);
}

TEST("an array of descriptors is as long as fd_array_cnt says, which 6.1's attr does not have")
{
	unsigned char attr[168] = { 0 };
	uint32_t cnt = 7;
	const struct bw_bpf_field *f = row(BPF_PROG_LOAD, A(fd_array), NULL);

	memcpy(attr + 148, &cnt, 4);
	CHECK_EQ(bw_bpf_len(f, attr, sizeof(attr), NULL, CPUS), 28);
	CHECK_EQ(bw_bpf_len(f, attr, 144, NULL, CPUS), 0);
}

TEST("objects: paths, info, queries, test runs, BTF")
{
	union bpf_attr attr = { .info.info_len = 232 };

	CHECK_EQ(LEN(BPF_OBJ_GET, pathname, &attr, NULL), 4096);
	CHECK_EQ(KIND(BPF_OBJ_PIN, bpf_fd, &attr), BW_FIELD_FD);
	CHECK_EQ(LEN(BPF_OBJ_GET_INFO_BY_FD, info.info, &attr, NULL), 232);
	CHECK_EQ(KIND(BPF_OBJ_GET_INFO_BY_FD, info.info, &attr), BW_FIELD_INOUT);
	attr = (union bpf_attr){ .query.prog_cnt = 64 };
	CHECK_EQ(LEN(BPF_PROG_QUERY, query.prog_ids, &attr, NULL), 256);
	attr = (union bpf_attr){ .test = { .data_size_in = 14, .data_size_out = 64, .ctx_size_in = 32, .ctx_size_out = 8 } };
	CHECK_EQ(LEN(BPF_PROG_TEST_RUN, test.data_in, &attr, NULL), 14);
	CHECK_EQ(LEN(BPF_PROG_TEST_RUN, test.data_out, &attr, NULL), 64);
	CHECK_EQ(LEN(BPF_PROG_TEST_RUN, test.ctx_in, &attr, NULL), 32);
	CHECK_EQ(LEN(BPF_PROG_TEST_RUN, test.ctx_out, &attr, NULL), 8);
	attr = (union bpf_attr){ .btf_size = 5000, .btf_log_size = 100 };
	CHECK_EQ(LEN(BPF_BTF_LOAD, btf, &attr, NULL), 5000);
	CHECK_EQ(LEN(BPF_BTF_LOAD, btf_log_buf, &attr, NULL), 100);
	CHECK_EQ(LEN(BPF_RAW_TRACEPOINT_OPEN, raw_tracepoint.name, &attr, NULL), 128);
}

TEST("TASK_FD_QUERY's fd is a handle only where the process is the session's own")
{
	union bpf_attr attr = { .task_fd_query = { .pid = 0, .fd = 9, .buf_len = 256 } };

	CHECK_EQ(KIND(BPF_TASK_FD_QUERY, task_fd_query.fd, &attr), BW_FIELD_FD);
	CHECK_EQ(LEN(BPF_TASK_FD_QUERY, task_fd_query.buf, &attr, NULL), 256);
	attr.task_fd_query.pid = 1;
	CHECK_EQ(KIND(BPF_TASK_FD_QUERY, task_fd_query.fd, &attr), 0);
}

TEST("LINK_CREATE's union is read by attach type")
{
	union bpf_attr attr = { .link_create = { .attach_type = BPF_PERF_EVENT, .target_fd = 5, .perf_event.bpf_cookie = 0x1234 } };

	CHECK_EQ(KIND(BPF_LINK_CREATE, link_create.target_fd, &attr), BW_FIELD_FD_OR_NONE);
	CHECK_EQ(KIND(BPF_LINK_CREATE, link_create.perf_event.bpf_cookie, &attr), 0);
	attr.link_create.attach_type = BPF_XDP;
	CHECK_EQ(KIND(BPF_LINK_CREATE, link_create.target_fd, &attr), 0);
	attr = (union bpf_attr){ .link_create = { .attach_type = BPF_TRACE_ITER, .iter_info = 1, .iter_info_len = 16 } };
	CHECK_EQ(LEN(BPF_LINK_CREATE, link_create.iter_info, &attr, NULL), 16);
	CHECK(row(BPF_LINK_CREATE, A(link_create.iter_info), &attr)->flags & BW_MAYBE_FDS);
	attr = (union bpf_attr){ .link_create = { .attach_type = BPF_TRACE_KPROBE_MULTI, .kprobe_multi = { .cnt = 300 } } };
	CHECK_EQ(LEN(BPF_LINK_CREATE, link_create.kprobe_multi.addrs, &attr, NULL), 2400);
	CHECK_EQ(LEN(BPF_LINK_CREATE, link_create.kprobe_multi.cookies, &attr, NULL), 2400);
	CHECK_EQ(LEN(BPF_LINK_CREATE, link_create.kprobe_multi.syms, &attr, NULL), 300 * 513);
	attr.link_create.kprobe_multi.cnt = 1 << 20;
	CHECK_EQ(LEN(BPF_LINK_CREATE, link_create.kprobe_multi.syms, &attr, NULL), BW_MSG_MAX);
	attr = (union bpf_attr){ .link_create = { .attach_type = BPF_TRACE_FENTRY, .tracing = { .target_btf_id = 99, .cookie = ~0ull } } };
	CHECK_EQ(KIND(BPF_LINK_CREATE, link_create.tracing.cookie, &attr), 0);
	attr.link_create.attach_type = 48;	/* BPF_TRACE_UPROBE_MULTI */
	CHECK_EQ(len_of(BPF_LINK_CREATE, 16, &attr, NULL), 4096);
	attr.link_create.attach_type = 60;	/* BPF_TRACE_FEXIT_MULTI */
	CHECK_EQ(row(BPF_LINK_CREATE, 16, &attr)->b, 4);
	attr.link_create.attach_type = 64 + BPF_TRACE_ITER;
	CHECK_EQ(KIND(BPF_LINK_CREATE, link_create.iter_info, &attr), 0);
}

TEST("a relative program is a descriptor, unless BPF_F_ID says that it is an id; an interface is neither")
{
	union bpf_attr attr = { .link_create = { .attach_type = 46 } };	/* BPF_TCX_INGRESS */

	CHECK(row(BPF_LINK_CREATE, 16, &attr));
	CHECK(!row(BPF_LINK_CREATE, A(link_create.target_fd), &attr));
	attr.link_create.flags = 1u << 5;
	CHECK(!row(BPF_LINK_CREATE, 16, &attr));
	attr = (union bpf_attr){ .attach_type = BPF_CGROUP_DEVICE };
	CHECK(row(BPF_PROG_ATTACH, 20, &attr));
	CHECK(row(BPF_PROG_ATTACH, A(target_fd), &attr));
	attr.attach_flags = 1u << 5 | 1u << 3;
	CHECK(!row(BPF_PROG_DETACH, 20, &attr));
	attr.attach_type = 54;			/* BPF_NETKIT_PRIMARY */
	CHECK(!row(BPF_PROG_ATTACH, A(target_fd), &attr));
}

TEST("an attr that ends before a field has 0 there, and the row does not apply")
{
	union bpf_attr attr;
	unsigned char *exact;
	const struct bw_bpf_field *f = row(BPF_PROG_LOAD, A(core_relos), NULL);

	memset(&attr, 0xff, sizeof(attr));
	exact = exact_copy(&attr, 64);
	CHECK(!bw_bpf_field_applies(f, exact, 64));
	CHECK_EQ(bw_bpf_len(f, exact, 64, NULL, CPUS), 0);
	CHECK_EQ(bw_attr_u32(exact, 64, 60), 0xffffffff);
	CHECK_EQ(bw_attr_u32(exact, 64, 61), 0);
	CHECK_EQ(bw_attr_u64(exact, 64, 60), 0);
	CHECK_EQ(bw_attr_u64(exact, 64, 56) == UINT64_MAX, 1);
	CHECK_EQ(bw_attr_u32(exact, 64, 0xffff), 0);
	free(exact);
	exact = exact_copy(&attr, 12);		/* cuts the key pointer of a map element */
	CHECK(!bw_bpf_field_applies(row(BPF_MAP_LOOKUP_ELEM, A(key), NULL), exact, 12));
	free(exact);
}

/* ---- what comes back ---- */

static uint32_t out_len(uint32_t cmd, size_t off, const union bpf_attr *attr, const struct bw_map_info *map, int result, const char *data,
			uint32_t len)
{
	return bw_bpf_out_len(row(cmd, off, attr), attr, sizeof(*attr), map, CPUS, result, data, len);
}

TEST("a log comes back up to its NUL, also after an error; one without NUL whole")
{
	union bpf_attr attr = { .log_size = 64 };
	char log[64] = "invalid insn";

	CHECK_EQ(out_len(BPF_PROG_LOAD, A(log_buf), &attr, NULL, -EINVAL, log, 64), 13);
	CHECK_EQ(out_len(BPF_PROG_LOAD, A(log_buf), &attr, NULL, 5, log, 64), 13);
	memset(log, 'x', sizeof(log));
	CHECK_EQ(out_len(BPF_PROG_LOAD, A(log_buf), &attr, NULL, -ENOSPC, log, 64), 64);
	CHECK_EQ(out_len(BPF_PROG_LOAD, A(log_buf), &attr, NULL, -ENOSPC, log, 0), 0);
}

TEST("a value comes back after success alone")
{
	union bpf_attr attr = { 0 };
	char value[20] = "";

	CHECK_EQ(out_len(BPF_MAP_LOOKUP_ELEM, A(value), &attr, &hash, 0, value, 20), 20);
	CHECK_EQ(out_len(BPF_MAP_LOOKUP_ELEM, A(value), &attr, &hash, -ENOENT, value, 20), 0);
}

TEST("a batch comes back by the count that the kernel left, at a map's end too, but not after it was refused")
{
	union bpf_attr attr = { .batch.count = 3 };
	char keys[160] = "";

	CHECK_EQ(out_len(BPF_MAP_LOOKUP_BATCH, A(batch.keys), &attr, &hash, 0, keys, 160), 48);
	CHECK_EQ(out_len(BPF_MAP_LOOKUP_BATCH, A(batch.keys), &attr, &hash, -ENOENT, keys, 160), 48);
	CHECK_EQ(out_len(BPF_MAP_LOOKUP_BATCH, A(batch.keys), &attr, &hash, -EINVAL, keys, 160), 0);
	CHECK_EQ(out_len(BPF_MAP_LOOKUP_BATCH, A(batch.out_batch), &attr, &hash, -EINVAL, keys, 4), 4);
	attr.batch.count = UINT32_MAX;
	CHECK_EQ(out_len(BPF_MAP_LOOKUP_BATCH, A(batch.keys), &attr, &hash, 0, keys, 160), 160);
}

TEST("a list that did not fit comes back as far as it does")
{
	union bpf_attr attr = { .query.prog_cnt = 100 };
	char ids[16] = "", data[8] = "";

	CHECK_EQ(out_len(BPF_PROG_QUERY, A(query.prog_ids), &attr, NULL, -ENOSPC, ids, 16), 16);
	attr.query.prog_cnt = 1;
	CHECK_EQ(out_len(BPF_PROG_QUERY, A(query.prog_ids), &attr, NULL, 0, ids, 16), 4);
	attr = (union bpf_attr){ .test.data_size_out = 5 };
	CHECK_EQ(out_len(BPF_PROG_TEST_RUN, A(test.data_out), &attr, NULL, 0, data, 8), 5);
	attr = (union bpf_attr){ .info.info_len = 80 };
	CHECK_EQ(out_len(BPF_OBJ_GET_INFO_BY_FD, A(info.info), &attr, NULL, 0, ids, 16), 16);
}

TEST("a stream comes back as many bytes as bpf(2) returned")
{
	unsigned char attr[20] = { [8] = 64 };
	char data[64] = "hello\0world";
	const struct bw_bpf_field *f = row(37, 0, NULL);

	CHECK_EQ(bw_bpf_len(f, attr, sizeof(attr), NULL, CPUS), 64);
	CHECK_EQ(bw_bpf_out_len(f, attr, sizeof(attr), NULL, CPUS, 11, data, 64), 11);
	CHECK_EQ(bw_bpf_out_len(f, attr, sizeof(attr), NULL, CPUS, 0, data, 64), 0);
	CHECK_EQ(bw_bpf_out_len(f, attr, sizeof(attr), NULL, CPUS, 1000, data, 64), 64);
	CHECK_EQ(bw_bpf_out_len(f, attr, sizeof(attr), NULL, CPUS, -EINVAL, data, 64), 0);
}

/* ---- info structures ---- */

static const struct bw_bpf_field *info_row(enum bw_object object, size_t off, const void *info, uint32_t size)
{
	for (const struct bw_bpf_field *f = bw_bpf_info_fields(object); f && f->kind; f++)
		if (f->off == off && bw_bpf_field_applies(f, info, size))
			return f;
	return NULL;
}

#define INFO_LEN(object, type, field, info) ({ \
	const struct bw_bpf_field *f_ = info_row(object, offsetof(struct type, field), info, sizeof(*(info))); \
	f_ ? bw_bpf_len(f_, info, sizeof(*(info)), NULL, CPUS) : -1; })

TEST("a program's info: each array by its count")
{
	struct bpf_prog_info info = {
		.jited_prog_len = 100, .xlated_prog_len = 80, .nr_map_ids = 3, .nr_jited_ksyms = 2, .nr_jited_func_lens = 5, .nr_func_info = 2,
		.func_info_rec_size = 8, .nr_line_info = 7, .line_info_rec_size = 16, .nr_jited_line_info = 7, .jited_line_info_rec_size = 8,
		.nr_prog_tags = 4,
	};

	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, jited_prog_insns, &info), 100);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, xlated_prog_insns, &info), 80);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, map_ids, &info), 12);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, jited_ksyms, &info), 16);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, jited_func_lens, &info), 20);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, func_info, &info), 16);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, line_info, &info), 112);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, jited_line_info, &info), 56);
	CHECK_EQ(INFO_LEN(BW_OBJ_PROG, bpf_prog_info, prog_tags, &info), 32);
	CHECK(!info_row(BW_OBJ_PROG, offsetof(struct bpf_prog_info, map_ids), &info, 40));
}

TEST("a BTF's info: data and name")
{
	struct bpf_btf_info info = { .btf_size = 4096, .name_len = 64 };

	CHECK_EQ(INFO_LEN(BW_OBJ_BTF, bpf_btf_info, btf, &info), 4096);
	CHECK_EQ(INFO_LEN(BW_OBJ_BTF, bpf_btf_info, name, &info), 64);
}

TEST("a link's info: pointers by the link's type, and never where a number is")
{
	struct { uint32_t w[20]; } info = { { BPF_LINK_TYPE_RAW_TRACEPOINT } };
	static const struct { uint32_t type; size_t off, len_off; uint32_t each; } cases[] = {
		{ 1, 16, 24, 1 }, { 4, 16, 24, 1 }, { 7, 24, 32, 1 }, { 8, 16, 24, 8 }, { 8, 40, 24, 8 }, { 12, 16, 48, 1 }, { 12, 24, 52, 8 },
		{ 12, 32, 52, 8 }, { 12, 40, 52, 8 }, { 15, 32, 20, 4 }, { 15, 40, 20, 8 }, { 15, 48, 20, 8 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bw_bpf_field *f;

		memset(&info, 0, sizeof(info));
		info.w[0] = cases[i].type;
		info.w[cases[i].len_off / 4] = 6;
		f = info_row(BW_OBJ_LINK, cases[i].off, &info, sizeof(info));
		CHECK(f && bw_bpf_len(f, &info, sizeof(info), NULL, CPUS) == 6 * cases[i].each);
	}
	for (uint32_t type = 0; type < 40; type++) {
		info.w[0] = type;
		info.w[4] = 6;		/* BPF_PERF_EVENT_EVENT: a number where the others have a name */
		CHECK((info_row(BW_OBJ_LINK, 16, &info, sizeof(info)) != NULL) == (type == 1 || type == 4 || type == 8 || type == 12));
		CHECK((info_row(BW_OBJ_LINK, 24, &info, sizeof(info)) != NULL) == (type == 12));
	}
}

TEST("only programs, maps, BTF and links have pointers in their info")
{
	for (int o = BW_OBJ_NONE; o <= BW_OBJ_OTHER; o++)
		CHECK((bw_bpf_info_fields((enum bw_object)o) != NULL) == (o >= BW_OBJ_MAP && o <= BW_OBJ_BTF));
}

/* ---- descriptors inside ---- */

TEST("descriptors in values and keys are found by the map's type")
{
	static const struct { uint32_t type; int value, key; } cases[] = {
		{ BPF_MAP_TYPE_HASH, -1, -1 }, { BPF_MAP_TYPE_PROG_ARRAY, 0, -1 }, { BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0, -1 },
		{ BPF_MAP_TYPE_CGROUP_ARRAY, 0, -1 }, { BPF_MAP_TYPE_ARRAY_OF_MAPS, 0, -1 }, { BPF_MAP_TYPE_HASH_OF_MAPS, 0, -1 },
		{ BPF_MAP_TYPE_DEVMAP, 4, -1 }, { BPF_MAP_TYPE_CPUMAP, 4, -1 }, { BPF_MAP_TYPE_DEVMAP_HASH, 4, -1 }, { BPF_MAP_TYPE_SOCKMAP, 0, -1 },
		{ BPF_MAP_TYPE_SOCKHASH, 0, -1 }, { BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 0, -1 }, { BPF_MAP_TYPE_SK_STORAGE, -1, 0 },
		{ BPF_MAP_TYPE_INODE_STORAGE, -1, 0 }, { BPF_MAP_TYPE_TASK_STORAGE, -1, 0 }, { 32, -1, 0 }, { BPF_MAP_TYPE_CGROUP_STORAGE, -1, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bw_map_info m = { .type = cases[i].type, .key_size = 4, .value_size = 8 };

		CHECK_EQ(bw_map_value_fd(&m), cases[i].value);
		CHECK_EQ(bw_map_key_fd(&m), cases[i].key);
		m.value_size = m.key_size = 3;
		CHECK_EQ(bw_map_value_fd(&m), -1);
		CHECK_EQ(bw_map_key_fd(&m), -1);
	}
	CHECK_EQ(bw_map_value_fd(&(struct bw_map_info){ .type = BPF_MAP_TYPE_DEVMAP, .value_size = 4 }), -1);
}

static int add_100(void *arg, uint32_t *fd)
{
	++*(int *)arg;
	*fd += 100;
	return 0;
}

static int stop(void *arg, uint32_t *fd)
{
	(void)fd;
	return ++*(int *)arg == 2 ? -EBADF : 0;
}

/* code regs off imm; an ld_imm64 is two. */
static const char program[] =
	"b7 01 0000 07000000"				/* r1 = 7: a number */
	"18 11 0000 05000000 00 00 0000 00000000"	/* map 5 */
	"18 22 0000 06000000 00 00 0000 18000000"	/* value of map 6, offset 24 */
	"18 33 0000 2a000000 00 00 0000 08000000"	/* BTF id 42 of module BTF 8 */
	"18 33 0000 2b000000 00 00 0000 00000000"	/* BTF id 43 of vmlinux */
	"18 41 0000 18110000 00 00 0000 18110000"	/* function (source 4) */
	"18 01 0000 18110000 18 11 0000 09000000"	/* a number: its second half only looks like a map */
	"18 51 0000 02000000 00 00 0000 00000000"	/* map by index 2 */
	"85 20 0300 10000000"				/* kfunc of the BTF at index 3 */
	"85 20 0000 10000000"				/* kfunc of vmlinux */
	"85 10 ffff 10000000"				/* a call of the program's own */
	"95 00 0000 00000000";

TEST("an instruction's descriptors are changed in place and nothing else is")
{
	static const size_t where[] = { 8 + 4, 24 + 4, 40 + 8 + 4 };
	size_t len;
	uint8_t *p = hex_bytes(program, &len), *before = exact_copy(p, len);
	uint32_t entries = 99;
	int calls = 0;

	CHECK_EQ(bw_bpf_insn_fds(p, len, add_100, &calls, &entries), 0);
	CHECK_EQ(calls, 3);
	CHECK_EQ(entries, 4);
	for (size_t i = 0; i < 3; i++) {
		CHECK_EQ(p[where[i]], before[where[i]] + 100);
		p[where[i]] = before[where[i]];
	}
	CHECK(!memcmp(p, before, len));
	free(p);
	free(before);
}

TEST("a descriptor that is refused stops the walk with that error")
{
	size_t len;
	uint8_t *p = hex_bytes(program, &len);
	int calls = 0;

	CHECK_EQ(bw_bpf_insn_fds(p, len, stop, &calls, NULL), -EBADF);
	CHECK_EQ(calls, 2);
	free(p);
}

TEST("a program cut anywhere is walked to its end and not past it")
{
	size_t len;
	uint8_t *p = hex_bytes(program, &len);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = exact_copy(p, cut);
		int calls = 0;

		CHECK_EQ(bw_bpf_insn_fds(copy, cut, add_100, &calls, NULL), 0);
		CHECK(calls <= 3);
		free(copy);
	}
	free(p);
}

TEST("an index far out does not make an array of gigabytes")
{
	size_t len;
	uint8_t *p = hex_bytes("18 51 0000 ffffffff 00 00 0000 00000000", &len);
	uint32_t entries;
	int calls = 0;

	CHECK_EQ(bw_bpf_insn_fds(p, len, add_100, &calls, &entries), 0);
	CHECK_EQ(entries, BW_FD_ARRAY_MAX + 1);
	free(p);
}

int main(void)
{
	return check_done();
}
