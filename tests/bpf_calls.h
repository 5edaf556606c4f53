/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf(2), perf_event_open(2) and rings as messages, for tests and the benchmark. Whoever includes it has before: a struct client with `struct bw_buf reply`, the payload of
 * the last reply, and a function int call(struct client *, uint32_t session, uint16_t type, struct bw_buf *payload), which frees payload
 * and gives the reply's status; -ETIME or -ENOTCONN where none came.
 */
#ifndef BW_TESTS_BPF_CALLS_H
#define BW_TESTS_BPF_CALLS_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <string.h>

#include "protocol/msg.h"

#ifndef USED
#define USED __attribute__((unused))
#endif

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define ST_DW(d, o, i)	INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define ST_W(d, o, i)	INSN(BPF_ST | BPF_MEM | BPF_W, d, 0, o, i)
#define LD_MAP(d, h)	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, (int)(h)), INSN(0, 0, 0, 0, 0)
#define LD_IMM64(d, v)	INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (int)(v)), INSN(0, 0, 0, 0, (int)((uint64_t)(v) >> 32))
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##f)
#define EXIT()		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* The last reply to bpf(); its buffers are in c->reply. */
static struct bw_bpf_reply got;

static USED int bpf(struct client *c, uint32_t session, uint32_t cmd, const void *attr, uint32_t size, const struct bw_bpf_buf *bufs, uint32_t n)
{
	struct bw_bpf m = { .cmd = cmd, .attr_size = size, .attr = attr, .nbufs = n };
	struct bw_buf b = { 0 };
	struct bw_reader r;
	int status;

	if (n)
		memcpy(m.bufs, bufs, n * sizeof(*bufs));
	bw_put_bpf(&b, &m);
	status = call(c, session, BW_MSG_BPF, &b);
	memset(&got, 0, sizeof(got));
	if (status == -ETIME || status == -ENOTCONN)
		return status;
	bw_reader_init(&r, c->reply.data, c->reply.len);
	return bw_get_bpf_reply(&r, &got) ? -EPROTO : status;
}

static USED const struct bw_bpf_buf *got_buf(uint16_t where)
{
	for (uint32_t i = 0; i < got.nbufs; i++)
		if (got.bufs[i].where == where)
			return &got.bufs[i];
	return NULL;
}

/* The handle or the error. */
static USED int64_t map_create(struct client *c, uint32_t s, uint32_t type, uint32_t key, uint32_t value, uint32_t entries)
{
	union bpf_attr a;
	int r;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = entries;
	memcpy(a.map_name, "bw_test", 7);
	r = bpf(c, s, BPF_MAP_CREATE, &a, 72, NULL, 0);
	if (!r && got.object != BW_OBJ_MAP)
		return -EPROTO;
	return r ? (int64_t)r : (int64_t)got.handle;
}

static USED int map_update(struct client *c, uint32_t s, int64_t map, const void *key, uint32_t klen, const void *value, uint32_t vlen)
{
	struct bw_bpf_buf bufs[2] = {
		{ offsetof(union bpf_attr, key), BW_BUF_IN, klen, key }, { offsetof(union bpf_attr, value), BW_BUF_IN, vlen, value },
	};
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	return bpf(c, s, BPF_MAP_UPDATE_ELEM, &a, 32, bufs, 2);
}

/* The value, in the reply, or NULL. */
static USED const uint8_t *map_lookup(struct client *c, uint32_t s, int64_t map, const void *key, uint32_t klen, uint32_t vlen)
{
	struct bw_bpf_buf bufs[2] = {
		{ offsetof(union bpf_attr, key), BW_BUF_IN, klen, key }, { offsetof(union bpf_attr, value), BW_BUF_OUT, vlen, NULL },
	};
	const struct bw_bpf_buf *v;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map;
	if (bpf(c, s, BPF_MAP_LOOKUP_ELEM, &a, 32, bufs, 2))
		return NULL;
	v = got_buf(offsetof(union bpf_attr, value));
	return v && v->len == vlen ? v->data : NULL;
}

static USED int64_t prog_load(struct client *c, uint32_t s, uint32_t type, const struct bpf_insn *insns, uint32_t count, uint32_t log_size)
{
	struct bw_bpf_buf bufs[3] = {
		{ offsetof(union bpf_attr, insns), BW_BUF_IN, count * 8, (const uint8_t *)insns },
		{ offsetof(union bpf_attr, license), BW_BUF_IN, 4, (const uint8_t *)"GPL" },
		{ offsetof(union bpf_attr, log_buf), BW_BUF_OUT, log_size, NULL },
	};
	union bpf_attr a;
	int r;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.insn_cnt = count;
	a.log_size = log_size;
	a.log_level = log_size ? 1 : 0;
	memcpy(a.prog_name, "bw_test", 7);
	r = bpf(c, s, BPF_PROG_LOAD, &a, 128, bufs, log_size ? 3 : 2);
	return r ? (int64_t)r : (int64_t)got.handle;
}
#define PROG_LOAD(c, s, type, insns) prog_load(c, s, type, insns, sizeof(insns) / sizeof((insns)[0]), 0)

/* The handle in a PERF_OPEN or FILE_OPEN reply, or the error. */
static USED int64_t reply_handle(struct client *c, int status)
{
	struct bw_handle_reply m = { 0 };
	struct bw_reader r;

	if (status)
		return status;
	bw_reader_init(&r, c->reply.data, c->reply.len);
	return bw_get_handle_reply(&r, &m) ? -EPROTO : (int64_t)m.handle;
}

static USED int ring_map(struct client *c, uint32_t s, uint32_t handle, uint32_t kind, uint32_t size)
{
	struct bw_ring_map m = { handle, kind, size };
	struct bw_ring_map_reply reply = { 0 };
	struct bw_buf b = { 0 };
	struct bw_reader r;
	int status;

	bw_put_ring_map(&b, &m);
	status = call(c, s, BW_MSG_RING_MAP, &b);
	if (status)
		return status;
	bw_reader_init(&r, c->reply.data, c->reply.len);
	return bw_get_ring_map_reply(&r, &reply) ? -EPROTO : (int)reply.size;
}

static USED int64_t perf_open(struct client *c, uint32_t s, const struct perf_event_attr *attr, int pid, int cpu)
{
	struct bw_perf_open m = { .pid = pid, .cpu = cpu, .group = BW_HANDLE_BAD, .attr_size = sizeof(*attr), .attr = (const uint8_t *)attr };
	struct bw_buf b = { 0 };

	bw_put_perf_open(&b, &m);
	return reply_handle(c, call(c, s, BW_MSG_PERF_OPEN, &b));
}

static USED int do_ioctl(struct client *c, uint32_t s, uint32_t handle, uint32_t code, uint64_t value, const void *data, uint32_t len)
{
	struct bw_ioctl m = { handle, code, value, len, data };
	struct bw_buf b = { 0 };

	bw_put_ioctl(&b, &m);
	return call(c, s, BW_MSG_IOCTL, &b);
}

#endif
