/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fake board with maps, programs, events and rings, in the child of fake_bridge.h: handles from 1 up, never reused. Including it starts it.
 */
#ifndef BW_TESTS_FAKE_OBJECTS_H
#define BW_TESTS_FAKE_OBJECTS_H

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "protocol/bpfattr.h"
#include "remote/conn.h"
#include "remote/remote.h"
#include "tests/unit/remote/fake_bridge.h"

#define KEY	0x1122334455667788ull
#define VALUE	0x99aabbccddeeff00ull

static uint8_t attr_back[BW_BPF_ATTR_MAX];
#define NO_RECORDS	UINT64_MAX
#define LIE		666	/* entries of a map whose keys and values the board says are longer than they are */
static uint32_t handles, closed[64], nclosed, unmapped, credit;

static inline struct bw_map_info map_of(const struct bw_bpf *m)
{
	static uint32_t id = 8;
	struct bw_map_info i = { .id = ++id };

	i.type = bw_attr_u32(m->attr, m->attr_size, 0);
	i.key_size = bw_attr_u32(m->attr, m->attr_size, 4);
	i.value_size = bw_attr_u32(m->attr, m->attr_size, 8);
	i.max_entries = bw_attr_u32(m->attr, m->attr_size, 12);
	i.flags = bw_attr_u32(m->attr, m->attr_size, 16);
	if (i.max_entries == LIE)
		i.key_size = i.value_size = 4096;
	return i;
}

static inline const struct bw_bpf_buf *buf_at(const struct bw_bpf *m, uint16_t where)
{
	for (uint32_t i = 0; i < m->nbufs; i++)
		if (m->bufs[i].where == where)
			return &m->bufs[i];
	return NULL;
}

static inline void add_buf(struct bw_bpf_reply *p, uint16_t where, uint16_t dir, const void *data, uint32_t len)
{
	p->bufs[p->nbufs++] = (struct bw_bpf_buf){ where, dir, len, data };
}

/* An array of u64 with 4-byte keys: element i is 100 + i; all that came for arrays is counted. */
static uint32_t array_asked;
static uint64_t array_values[256];
static uint32_t array_keys[256];

static inline int array_lookup(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	const struct bw_bpf_buf *key = buf_at(m, offsetof(union bpf_attr, key));

	array_asked++;
	memcpy(&array_keys[0], key->data, 4);
	array_values[0] = 100 + array_keys[0];
	add_buf(p, offsetof(union bpf_attr, value), BW_BUF_OUT, array_values, 8);
	return 0;
}

static inline int array_batch(const struct bw_bpf *m, struct bw_bpf_reply *p, uint32_t entries)
{
	const struct bw_bpf_buf *in = buf_at(m, offsetof(union bpf_attr, batch.in_batch));
	uint32_t count = bw_attr_u32(m->attr, m->attr_size, offsetof(union bpf_attr, batch.count)), first, i;

	array_asked++;
	memcpy(&first, in->data, 4);
	first++;
	for (i = 0; i < count && i < 256 && first + i < entries; i++) {
		array_keys[i] = first + i;
		array_values[i] = 100 + first + i;
	}
	memcpy(attr_back + offsetof(union bpf_attr, batch.count), &i, 4);
	add_buf(p, offsetof(union bpf_attr, batch.keys), BW_BUF_OUT, array_keys, i * 4);
	add_buf(p, offsetof(union bpf_attr, batch.values), BW_BUF_OUT, array_values, i * 8);
	return first + i == entries ? -ENOENT : 0;
}

static inline int lookup(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	static const uint64_t value = VALUE;
	const struct bw_bpf_buf *key = buf_at(m, offsetof(union bpf_attr, key)), *out = buf_at(m, offsetof(union bpf_attr, value));
	uint64_t k;

	if (!key || key->dir == BW_BUF_BAD || (out && out->dir == BW_BUF_BAD))
		return -EFAULT;
	if (key->len != 8 || !out || out->dir != BW_BUF_OUT || out->len != 8)
		return -EINVAL;
	memcpy(&k, key->data, 8);
	if (k == 2)			/* how often were arrays asked about */
		memcpy(array_values, &(uint64_t){ array_asked }, 8);
	if (k == 2)
		add_buf(p, out->where, BW_BUF_OUT, array_values, 8);
	if (k != KEY)
		return k == 2 ? 0 : -ENOENT;
	add_buf(p, out->where, BW_BUF_OUT, &value, 8);
	return 0;
}

/* The program must name handle 1 where the tool's map descriptor was, and the log comes back. */
static inline int prog_load(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	const struct bw_bpf_buf *insns = buf_at(m, offsetof(union bpf_attr, insns)), *log = buf_at(m, offsetof(union bpf_attr, log_buf));
	const struct bw_bpf_buf *license = buf_at(m, offsetof(union bpf_attr, license));
	uint32_t imm;

	if (!insns || insns->len != 32 || !license || license->len != 4 || memcmp(license->data, "GPL", 4))
		return -EINVAL;
	memcpy(&imm, insns->data + 4, 4);
	if (imm != 1)
		return -EBADF;
	if (log)
		add_buf(p, log->where, BW_BUF_OUT, "no such helper", 15);
	p->object = BW_OBJ_PROG;
	p->handle = log ? 0 : ++handles;
	return log ? -EACCES : 0;
}

static uint8_t info_bytes[sizeof(struct bpf_prog_info)];

static inline int get_info(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	static const uint32_t ids[2] = { 7, 8 };
	const struct bw_bpf_buf *info = buf_at(m, offsetof(union bpf_attr, info.info));
	const struct bw_bpf_buf *nested = buf_at(m, BW_BUF_INFO + offsetof(struct bpf_prog_info, map_ids));
	struct bpf_prog_info i;

	if (!info || info->dir != BW_BUF_INOUT || info->len != sizeof(i) || !nested || nested->len != 8)
		return -EINVAL;
	memcpy(&i, info->data, sizeof(i));
	if (i.map_ids || bw_attr_u32(m->attr, m->attr_size, 0) == BW_HANDLE_BAD)
		return -EINVAL;
	i.id = 77;
	memcpy(info_bytes, &i, sizeof(i));
	add_buf(p, info->where, BW_BUF_INOUT, info_bytes, sizeof(i));
	add_buf(p, nested->where, BW_BUF_OUT, ids, sizeof(ids));
	return 0;
}

static inline int on_bpf(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_bpf_reply p = { 0 };
	struct bw_bpf m;
	int status = 0;

	if (bw_get_bpf(r, &m))
		return -EPROTO;
	memcpy(attr_back, m.attr, m.attr_size);
	p.attr_size = m.attr_size;
	p.attr = attr_back;
	switch (m.cmd) {
	case BPF_MAP_CREATE:
		p.object = BW_OBJ_MAP;
		p.handle = ++handles;
		p.map = map_of(&m);
		break;
	case BPF_MAP_LOOKUP_ELEM:
		status = buf_at(&m, offsetof(union bpf_attr, key)) && buf_at(&m, offsetof(union bpf_attr, key))->len == 4 ?
			 array_lookup(&m, &p) : lookup(&m, &p);
		break;
	case BPF_MAP_LOOKUP_BATCH:
		status = array_batch(&m, &p, 100);
		break;
	case BPF_MAP_UPDATE_ELEM:
		array_asked++;
		break;
	case BPF_PROG_LOAD:
		status = prog_load(&m, &p);
		break;
	case BPF_OBJ_GET_INFO_BY_FD:
		status = get_info(&m, &p);
		break;
	default:
		status = -524;
	}
	bw_put_bpf_reply(out, &p);
	return status;
}

static inline void push(uint32_t handle, uint32_t flags, const void *data, uint32_t len)
{
	struct bw_ring_data d = { handle, flags, len, data };
	struct bw_buf b = { 0 };

	bw_put_ring_data(&b, &d);
	fake_send(fake_fd, BW_MSG_RING_DATA, 0, 0, 0, &b);
	bw_buf_free(&b);
}

/* value: how many records of 64 bytes, with their number inside; the last one wakes. A mmap record that the ring shall not show goes first. */
static inline void push_records(uint32_t handle, uint32_t kind, uint64_t count)
{
	uint8_t rec[64] = { 0 };
	uint32_t len = 64 - 8, raw = 64 - 12;

	for (uint64_t i = 0; i < count; i++) {
		struct perf_event_header h = { PERF_RECORD_MMAP, 0, sizeof(rec) };

		if (kind == BW_RING_PERF && !i) {
			memcpy(rec, &h, sizeof(h));
			push(handle, 0, rec, sizeof(rec));
		}
		h.type = PERF_RECORD_SAMPLE;
		if (kind == BW_RING_PERF)
			memcpy(rec, &h, sizeof(h));
		else
			memcpy(rec, &len, sizeof(len));
		memcpy(rec + 8, &raw, sizeof(raw));
		memcpy(rec + 16, &i, sizeof(i));
		push(handle, i + 1 == count ? BW_RING_WAKE : 0, rec, sizeof(rec));
	}
}

/* What no kernel writes: a reader that went from header to header would leave the ring, or never end. */
static const struct { uint32_t kind, len, words[8]; } no_records[] = {
	{ BW_RING_PERF, 16, { PERF_RECORD_SAMPLE, 0, 0, 0 } },			/* of no length */
	{ BW_RING_PERF, 16, { PERF_RECORD_SAMPLE, 12 << 16, 0, 0 } },
	{ BW_RING_PERF, 16, { PERF_RECORD_SAMPLE, 24 << 16, 0, 0 } },		/* longer than what came */
	{ BW_RING_PERF, 4, { PERF_RECORD_SAMPLE } },
	{ BW_RING_PERF, 32, { PERF_RECORD_SAMPLE, 16 << 16, 4, 0, PERF_RECORD_SAMPLE, 24 << 16, 0, 0 } },	/* the second one */
	{ BW_RING_PERF, 16, { PERF_RECORD_SAMPLE, 16 << 16, 5, 0 } },		/* raw data of 5 bytes, where 4 are */
	{ BW_RING_PERF, 16, { PERF_RECORD_LOST, 16 << 16, 0, 0 } },		/* without a count */
	{ BW_RING_BPF, 16, { 9, 0, 0, 0 } },
	{ BW_RING_BPF, 16, { 0xbfffffff, 0, 0, 0 } },
	{ BW_RING_BPF, 16, { 0x80000008, 0, 0, 0 } },				/* still being written */
	{ BW_RING_BPF, 4, { 0 } },
	{ BW_RING_BPF, 24, { 8, 0, 0, 0, 1, 0 } },
};

static inline void push_no_records(uint32_t handle, uint32_t kind)
{
	for (size_t i = 0; i < sizeof(no_records) / sizeof(no_records[0]); i++)
		if (no_records[i].kind == kind)
			push(handle, BW_RING_WAKE, no_records[i].words, no_records[i].len);
}

static inline int on_ioctl(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_ioctl_reply a = { 0 };
	struct bw_ioctl m;

	if (bw_get_ioctl(r, &m))
		return -EPROTO;
	if (m.code == BW_IOC_PERF_REFRESH)
		push_records(m.handle, BW_RING_PERF, m.value);
	if (m.code == BW_IOC_PERF_RESET)
		push_no_records(m.handle, BW_RING_PERF);
	a.value = m.code == BW_IOC_PERF_SET_BPF ? (int64_t)m.value : 0;
	bw_put_ioctl_reply(out, &a);
	return 0;
}

static inline int on_perf_open(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_reply h = { BW_OBJ_PERF, 0 };
	struct bw_perf_open m;
	struct perf_event_attr a = { 0 };

	if (bw_get_perf_open(r, &m))
		return -EPROTO;
	memcpy(&a, m.attr, m.attr_size < sizeof(a) ? m.attr_size : sizeof(a));
	if (a.type == 6 && (!m.has_target || !bw_str_eq(m.target, "vfs_read") || a.config1))
		return -EINVAL;
	if (a.type == 1 && m.attr_size != PERF_ATTR_SIZE_VER0)
		return -EINVAL;
	h.handle = ++handles;
	bw_put_handle_reply(out, &h);
	return 0;
}

/* CLOCKS tells what the board has counted: number of closes, the last closed, unmaps, credit. */
static inline int fake(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_clocks c;

	switch (type) {
	case BW_MSG_BPF:
		return on_bpf(r, out);
	case BW_MSG_PERF_OPEN:
		return on_perf_open(r, out);
	case BW_MSG_IOCTL:
		return on_ioctl(r, out);
	case BW_MSG_HANDLE_CLOSE:
		closed[nclosed++ % 64] = bw_get_u32(r);
		return 0;
	case BW_MSG_RING_MAP:
		bw_put_u32(out, 1 << 20);
		return 0;
	case BW_MSG_RING_UNMAP:
		unmapped = bw_get_u32(r);
		return 0;
	case BW_MSG_RING_CREDIT:
		bw_get_u32(r);
		credit += bw_get_u32(r);
		return 0;
	case BW_MSG_HANDLE_READ: {	/* the memory of an array of 100 words */
		struct bw_handle_read m;
		uint64_t i, v;

		if (bw_get_handle_read(r, &m) || m.offset == BW_OFFSET_CURRENT)
			return -EINVAL;
		for (i = m.offset / 8; i < (m.offset + m.len) / 8 && i < 4096 / 8; i++) {
			v = i < 100 ? 100 + i : 0;
			bw_put_bytes(out, &v, sizeof(v));
		}
		return 0;
	}
	case BW_MSG_HANDLE_WRITE: {	/* test to board: push into a BPF ring */
		struct bw_handle_write w;

		if (!bw_get_handle_write(r, &w) && w.offset != NO_RECORDS)
			push_records(w.handle, BW_RING_BPF, w.offset);
		else
			push_no_records(w.handle, BW_RING_BPF);
		bw_put_u32(out, 0);
		return 0;
	}
	case BW_MSG_FILE_REALPATH:
		memset(bw_put_room(out, BW_REPLY_MAX + 1), 0, BW_REPLY_MAX + 1);
		return 0;
	case BW_MSG_CLOCKS:
		c = (struct bw_clocks){ nclosed, nclosed ? closed[(nclosed - 1) % 64] : 0, unmapped, credit };
		bw_put_clocks(out, &c);
		return 0;
	}
	return -EOPNOTSUPP;
}

__attribute__((constructor(101))) static void start(void) { fake_bridge(fake); }

/* ---- what the tests call ---- */

static inline struct bw_clocks counts(void)
{
	struct bw_clocks c = { -1, -1, -1, -1 };
	struct bw_reply reply;
	struct bw_reader rd;

	if (!bw_call(BW_MSG_CLOCKS, NULL, &reply)) {
		rd = bw_reply_reader(&reply);
		bw_get_clocks(&rd, &c);
	}
	bw_reply_free(&reply);
	return c;
}

static inline int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static inline int map_create(uint32_t type, uint32_t value_size, uint32_t entries)
{
	union bpf_attr a = { .map_type = type, .key_size = 8, .value_size = value_size, .max_entries = entries };

	return bpf(BPF_MAP_CREATE, &a);
}

static inline int perf_open(uint32_t type, uint64_t config, const char *target)
{
	struct perf_event_attr a = {
		.type = type, .config = config, .config1 = (uintptr_t)target, .size = target ? sizeof(a) : 0, .sample_type = PERF_SAMPLE_RAW,
	};

	return (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static inline int readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 200);
}

#endif
