/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, bpf(2) and rings, called by their libc names as a tool does, against a fake board. */
#include <dlfcn.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "protocol/bpfattr.h"
#include "remote/conn.h"
#include "remote/remote.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

/* ---- the fake board: handles from 1 up, never reused ---- */

#define KEY	0x1122334455667788ull
#define VALUE	0x99aabbccddeeff00ull

static uint8_t attr_back[BW_BPF_ATTR_MAX];
#define NO_RECORDS	UINT64_MAX
#define LIE		666	/* entries of a map whose keys and values the board says are longer than they are */
static uint32_t handles, closed[64], nclosed, unmapped, credit;

static struct bw_map_info map_of(const struct bw_bpf *m)
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

static const struct bw_bpf_buf *buf_at(const struct bw_bpf *m, uint16_t where)
{
	for (uint32_t i = 0; i < m->nbufs; i++)
		if (m->bufs[i].where == where)
			return &m->bufs[i];
	return NULL;
}

static void add_buf(struct bw_bpf_reply *p, uint16_t where, uint16_t dir, const void *data, uint32_t len)
{
	p->bufs[p->nbufs++] = (struct bw_bpf_buf){ where, dir, len, data };
}

/* An array of u64 with 4-byte keys: element i is 100 + i; all that came for arrays is counted. */
static uint32_t array_asked;
static uint64_t array_values[256];
static uint32_t array_keys[256];

static int array_lookup(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	const struct bw_bpf_buf *key = buf_at(m, offsetof(union bpf_attr, key));

	array_asked++;
	memcpy(&array_keys[0], key->data, 4);
	array_values[0] = 100 + array_keys[0];
	add_buf(p, offsetof(union bpf_attr, value), BW_BUF_OUT, array_values, 8);
	return 0;
}

static int array_batch(const struct bw_bpf *m, struct bw_bpf_reply *p, uint32_t entries)
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

static int lookup(const struct bw_bpf *m, struct bw_bpf_reply *p)
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
static int prog_load(const struct bw_bpf *m, struct bw_bpf_reply *p)
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

static int get_info(const struct bw_bpf *m, struct bw_bpf_reply *p)
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

static int on_bpf(struct bw_reader *r, struct bw_buf *out)
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

static void push(uint32_t handle, uint32_t flags, const void *data, uint32_t len)
{
	struct bw_ring_data d = { handle, flags, len, data };
	struct bw_buf b = { 0 };

	bw_put_ring_data(&b, &d);
	fake_send(fake_fd, BW_MSG_RING_DATA, 0, 0, 0, &b);
	bw_buf_free(&b);
}

/* value: how many records of 64 bytes, with their number inside; the last one wakes. A mmap record that the ring shall not show goes first. */
static void push_records(uint32_t handle, uint32_t kind, uint64_t count)
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

static void push_no_records(uint32_t handle, uint32_t kind)
{
	for (size_t i = 0; i < sizeof(no_records) / sizeof(no_records[0]); i++)
		if (no_records[i].kind == kind)
			push(handle, BW_RING_WAKE, no_records[i].words, no_records[i].len);
}

static int on_ioctl(struct bw_reader *r, struct bw_buf *out)
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

static int on_perf_open(struct bw_reader *r, struct bw_buf *out)
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
static int fake(uint16_t type, struct bw_reader *r, struct bw_buf *out)
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

/* ---- helpers ---- */

static struct bw_clocks counts(void)
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

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map_create(uint32_t type, uint32_t value_size, uint32_t entries)
{
	union bpf_attr a = { .map_type = type, .key_size = 8, .value_size = value_size, .max_entries = entries };

	return bpf(BPF_MAP_CREATE, &a);
}

static int perf_open(uint32_t type, uint64_t config, const char *target)
{
	struct perf_event_attr a = {
		.type = type, .config = config, .config1 = (uintptr_t)target, .size = target ? sizeof(a) : 0, .sample_type = PERF_SAMPLE_RAW,
	};

	return (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static int readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 200);
}

/* ---- bpf(2) ---- */

static int hash = -1;

TEST("a map becomes a local descriptor, close-on-exec, that says what it is")
{
	struct bw_placeholder *o;

	hash = map_create(BPF_MAP_TYPE_HASH, 8, 4);
	CHECK(hash >= 0);
	CHECK_EQ(fcntl(hash, F_GETFD), FD_CLOEXEC);
	o = bw_placeholder_get(hash);
	CHECK(o && o->map.key_size == 8 && !strcmp(o->ops->name, "anon_inode:bpf-map"));
	bw_placeholder_put(o);
	CHECK_EQ(bw_handle_of(hash), 1);
}

TEST("how long keys and values are is what the tool said when it made the map, and not what the board says")
{
	int fd = map_create(BPF_MAP_TYPE_HASH, 8, LIE);
	struct bw_placeholder *o = bw_placeholder_get(fd);

	CHECK(o && o->map.key_size == 8 && o->map.value_size == 8 && o->map.max_entries == LIE);
	bw_placeholder_put(o);
	close(fd);
}

TEST("values as long as no message holds are not read ahead")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = 1, .value_size = 1u << 31, .max_entries = 100 }, e = { 0 };
	uint32_t key, next;

	e.map_fd = (uint32_t)bpf(BPF_MAP_CREATE, &a);
	e.next_key = (uintptr_t)&next;
	CHECK_EQ(bpf(BPF_MAP_GET_NEXT_KEY, &e), -1);
	close((int)e.map_fd);
	a.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
	a.key_size = 4;
	e.map_fd = (uint32_t)bpf(BPF_MAP_CREATE, &a);
	e.key = (uintptr_t)&key;
	e.value = 8;
	for (key = 0; key < 4; key++)
		bpf(BPF_MAP_LOOKUP_ELEM, &e);		/* in a row: a few would be fetched ahead */
	close((int)e.map_fd);
}

TEST("a lookup sends the key and brings the value; errno is the kernel's; a bad pointer is EFAULT")
{
	uint64_t key = KEY, value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)hash, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	errno = 5;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	CHECK(value == VALUE);
	CHECK_EQ(errno, 5);
	key = 1;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, ENOENT);
	key = KEY;
	a.value = ~0ull;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, EFAULT);
	a.key = ~0ull;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, ~0ul, sizeof(a)), -1);
	CHECK_EQ(errno, EFAULT);
}

TEST("an errno that has no name (524) and an unknown command come back exactly")
{
	union bpf_attr a = { 0 };

	CHECK_EQ(bpf(BPF_MAP_FREEZE, &a), -1);
	CHECK_EQ(errno, 524);
	CHECK_EQ(bpf(9999, &a), -1);
	CHECK_EQ(errno, EINVAL);
}

static int load(char *log, uint32_t size)
{
	struct bpf_insn insns[4] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .src_reg = BPF_PSEUDO_MAP_FD, .imm = hash }, { 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_KPROBE, .insn_cnt = 4, .insns = (uintptr_t)insns, .license = (uintptr_t)"GPL",
			     .log_buf = (uintptr_t)log, .log_size = size };

	return bpf(BPF_PROG_LOAD, &a);
}

TEST("descriptors inside instructions become handles; a refused program brings its log")
{
	char log[64] = "";
	int fd = load(NULL, 0);

	CHECK(fd >= 0);
	CHECK_EQ(load(log, sizeof(log)), -1);
	CHECK_EQ(errno, EACCES);
	CHECK(!strcmp(log, "no such helper"));
	if (fd >= 0) {
		uint32_t ids[2] = { 0 };
		struct bpf_prog_info info = { .nr_map_ids = 2, .map_ids = (uintptr_t)ids };
		union bpf_attr a = { .info = { (uint32_t)fd, sizeof(info), (uintptr_t)&info } };

		CHECK_EQ(bpf(BPF_OBJ_GET_INFO_BY_FD, &a), 0);
		CHECK_EQ(info.id, 77);
		CHECK(info.map_ids == (uintptr_t)ids && ids[0] == 7 && ids[1] == 8);
		CHECK(a.info.info == (uintptr_t)&info && a.info.bpf_fd == (uint32_t)fd);
	}
	close(fd);
}

static uint64_t asked(void)
{
	uint64_t key = 2, value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)hash, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	return value;
}

static uint64_t element(int fd, uint32_t i)
{
	uint64_t value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .value = (uintptr_t)&value };

	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	return value;
}

TEST("an array that is read or cleared in a row costs a few messages, and what is read twice is asked twice")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	int fd = bpf(BPF_MAP_CREATE, &a);
	uint64_t zero = 0, before = asked();
	uint32_t i, next;

	for (i = 0; i < 100; i++)
		CHECK_EQ(element(fd, i), 100 + i);
	CHECK_EQ(asked(), before + 2);
	CHECK_EQ(element(fd, 50), 150);		/* out of the row: asked, and not what was there a moment ago */
	CHECK_EQ(element(fd, 50), 150);
	CHECK_EQ(asked(), before + 4);
	for (i = 0; i < 100; i++) {
		union bpf_attr u = { .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .value = (uintptr_t)&zero };

		CHECK_EQ(bpf(BPF_MAP_UPDATE_ELEM, &u), 0);
	}
	CHECK_EQ(asked(), before + 104);	/* not waited for, but none is missing */
	i = 98;
	a = (union bpf_attr){ .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .next_key = (uintptr_t)&next };
	CHECK(!bpf(BPF_MAP_GET_NEXT_KEY, &a) && next == 99);
	i = 99;
	CHECK(bpf(BPF_MAP_GET_NEXT_KEY, &a) == -1 && errno == ENOENT);
	i = 4000;
	CHECK(!bpf(BPF_MAP_GET_NEXT_KEY, &a) && next == 0);
	CHECK_EQ(asked(), before + 104);
	close(fd);
}

TEST("arrays that are read side by side cost a few messages each")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	int fds[3] = { bpf(BPF_MAP_CREATE, &a), bpf(BPF_MAP_CREATE, &a), bpf(BPF_MAP_CREATE, &a) };
	uint64_t before = asked();
	uint32_t i, k;

	for (i = 0; i < 100; i++)
		for (k = 0; k < 3; k++)
			CHECK_EQ(element(fds[k], i), 100 + i);
	CHECK_EQ(asked(), before + 6);
	for (k = 0; k < 3; k++)
		close(fds[k]);
}

TEST("what is read ahead of an array is forgotten when the tool writes a batch or runs a program")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	static const int cmds[] = { BPF_MAP_UPDATE_BATCH, BPF_PROG_TEST_RUN };
	int fd = bpf(BPF_MAP_CREATE, &a);
	uint32_t i;

	for (i = 0; i < 2; i++) {
		uint64_t before;

		element(fd, 10);
		element(fd, 11);
		before = asked();
		memset(&a, 0, sizeof(a));
		bpf(cmds[i], &a);
		CHECK_EQ(element(fd, 12), 112);
		CHECK_EQ(asked(), before + 1);
	}
	close(fd);
}

TEST("a map with BPF_F_MMAPABLE is mapped with the board's contents, at a fixed place too; another is refused")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100, .map_flags = 1u << 10 };
	size_t page = (size_t)getpagesize();
	int fd = bpf(BPF_MAP_CREATE, &a), plain;
	char *place = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *got = mmap(place, page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);

	CHECK(got == (void *)place && got[0] == 100 && got[99] == 199 && got[100] == 0);
	CHECK(mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
	munmap(place, page);
	close(fd);
	a.map_flags = 0;
	plain = bpf(BPF_MAP_CREATE, &a);
	CHECK(mmap(NULL, page, PROT_READ, MAP_SHARED, plain, 0) == MAP_FAILED && errno == EINVAL);
	close(plain);
}

/* ---- descriptors ---- */

TEST("duplicates are the same object; the last close, and no other, closes the handle")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), a = dup(fd), b = fcntl(fd, F_DUPFD_CLOEXEC, 50), c = dup2(fd, 60);
	uint32_t h = bw_handle_of(fd);
	int64_t before = counts().realtime;

	CHECK(a >= 0 && b >= 50 && c == 60);
	CHECK(bw_handle_of(a) == h && bw_handle_of(b) == h && bw_handle_of(c) == h);
	close(fd);
	close(a);
	close(b);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(dup2(1, 60), 60);		/* replaced */
	CHECK_EQ(counts().realtime, before + 1);
	CHECK_EQ(counts().monotonic, h);
	CHECK_EQ(bw_handle_of(60), BW_HANDLE_BAD);
	close(60);
}

TEST("a child's closes never reach the board, nor does its exit")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), status = 0;
	uint32_t h = bw_handle_of(fd);
	int64_t before = counts().realtime;
	pid_t pid = vfork();

	if (!pid) {
		close(fd);
		close_range(3, ~0u, 0);
		_exit(7);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	pid = fork();
	if (!pid) {
		int bad = bw_handle_of(fd) != BW_HANDLE_BAD || bw_is_owner();

		close(fd);
		_exit(bad);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(bw_handle_of(fd), h);
	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
}

TEST("closing everything leaves the connection open")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), conn = atomic_load(&bw_conn.fd), moved;
	int64_t before = counts().realtime;

	hash = -1;
	CHECK_EQ(close(conn), -1);
	CHECK_EQ(errno, EBADF);
	CHECK_EQ(dup(conn) >= 0 ? 0 : -1, 0);		/* harmless: a copy */
	CHECK_EQ(close_range(3, ~0u, 0), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(counts().realtime, before + 2);	/* this one and the hash */
	CHECK_EQ(dup2(1, conn), conn);
	moved = atomic_load(&bw_conn.fd);
	CHECK(moved != conn);
	CHECK_EQ(counts().realtime, before + 2);
	CHECK_EQ(close(conn), 0);
	closefrom(3);
	CHECK_EQ(counts().realtime, before + 2);
}

TEST("a number that was taken over behind our back is no placeholder any more")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);

	bw_sys(SYS_dup3, 1L, (long)fd, 0L);
	CHECK_EQ(bw_handle_of(fd), BW_HANDLE_BAD);
	close(fd);
}

TEST("a number that is used again is what it is now, and closing that closes nothing on the board")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), file;
	int64_t before = counts().realtime;
	uint64_t v = 0;

	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
	file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	CHECK_EQ(file, fd);
	CHECK_EQ(bw_handle_of(file), BW_HANDLE_BAD);
	CHECK_EQ(write(file, &v, sizeof(v)), sizeof(v));
	close(file);
	CHECK_EQ(counts().realtime, before + 1);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);		/* and again the board's */
	CHECK_EQ(fd, file);
	CHECK(bw_handle_of(fd) != BW_HANDLE_BAD);
	close(fd);
	CHECK_EQ(counts().realtime, before + 2);
}

TEST("close_range closes what is in its range and no other, and only marks with CLOSE_RANGE_CLOEXEC")
{
	int fds[3], i;
	int64_t before;

	for (i = 0; i < 3; i++)
		fds[i] = fcntl(map_create(BPF_MAP_TYPE_ARRAY, 8, 1), F_DUPFD, 70 + i);
	closefrom(73);
	close_range(3, 69, 0);		/* the originals: a duplicate is left of each */
	before = counts().realtime;
	CHECK_EQ(close_range(70, 72, 1u << 2 /* CLOSE_RANGE_CLOEXEC */), 0);
	CHECK_EQ(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(close_range(71, 71, 0), 0);
	CHECK_EQ(counts().realtime, before + 1);
	CHECK(bw_handle_of(70) != BW_HANDLE_BAD && bw_handle_of(72) != BW_HANDLE_BAD);
	CHECK_EQ(bw_handle_of(71), BW_HANDLE_BAD);
	CHECK_EQ(syscall(SYS_close_range, 70u, 72u, 0u), 0);	/* as Python does it */
	CHECK_EQ(counts().realtime, before + 3);
}

TEST("a vfork child that puts its pipes over descriptors, as a subprocess does, changes nothing of its parent's")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), status = 0;
	int64_t before = counts().realtime;
	uint32_t h = bw_handle_of(fd);
	pid_t pid = vfork();

	if (!pid) {
		dup2(1, fd);
		dup3(1, fd, O_CLOEXEC);
		fcntl(fd, F_SETFD, 0);
		close(dup(fd));
		closefrom(3);
		execl("/bin/true", "true", (char *)NULL);
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(bw_handle_of(fd), h);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
	CHECK_EQ(counts().monotonic, h);
}

TEST("read and write on a map are refused and not done on its placeholder")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);
	uint64_t v = 1;

	CHECK_EQ(write(fd, &v, sizeof(v)), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(read(fd, &v, sizeof(v)), -1);
	CHECK_EQ(errno, EINVAL);
	close(fd);
}

TEST("dlsym on libc gives our wrappers, RTLD_NEXT libc's own")
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

#ifndef __SANITIZE_THREAD__	/* whose own close is what our wrapper calls */
	CHECK(dlsym(libc, "close") == (void *)close);
#endif
	CHECK(dlsym(libc, "syscall") == (void *)syscall);
	CHECK(dlsym(libc, "clock_gettime") != (void *)bw_real.clock_gettime);
	CHECK(dlsym(libc, "strlen") != NULL);
	CHECK(dlsym(RTLD_NEXT, "close") == (void *)bw_real.close);
	CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol_here") == NULL);
}

/* ---- perf rings ---- */

#define PAGES	4u

static uint64_t *ring_word(char *ring, size_t off) { return (uint64_t *)(ring + off); }

TEST("a kprobe's name travels as a string, and SET_BPF's argument as a handle")
{
	int fd = perf_open(6, 0, "vfs_read"), prog;

	CHECK(fd >= 0);
	hash = map_create(BPF_MAP_TYPE_HASH, 8, 4);
	prog = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);
	CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog), bw_handle_of(prog));
	CHECK_EQ(ioctl(fd, 0x1234, 0), -1);
	CHECK_EQ(errno, ENOTTY);
	close(fd);
	close(prog);
}

TEST("measuring the tool itself is refused")
{
	struct perf_event_attr a = { .type = 1 };

	CHECK_EQ(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0), -1);
	CHECK_EQ(errno, ESRCH);
}

static int perf_fd;
static char *perf_ring;

TEST("a perf ring shows samples alone, after the wake-up, which is reported once")
{
	size_t page = (size_t)getpagesize(), len = page * (PAGES + 1);

	perf_fd = perf_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT, NULL);
	CHECK(mmap(NULL, page * PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, perf_fd, 0) == MAP_FAILED && errno == EINVAL);
	perf_ring = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, perf_fd, 0);
	CHECK(perf_ring != MAP_FAILED);
	CHECK_EQ(*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_size)), page * PAGES);
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 3), 0);
	CHECK_EQ(readable(perf_fd), 1);
	CHECK_EQ(readable(perf_fd), 0);
	CHECK_EQ(*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head)), 3 * 64);
	CHECK_EQ(*ring_word(perf_ring, page + 2 * 64 + 16), 2);
}

static int64_t credit_after(int ms, int64_t want)
{
	int64_t got = counts().raw;

	for (; got < want && ms > 0; ms -= 10) {
		usleep(10000);
		got = counts().raw;
	}
	return got;
}

TEST("what the tool read is given back, and what the filter took, soon and without a wait")
{
	CHECK_EQ(counts().raw, 64);		/* at the wait that began after the dropped record */
	*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail)) = 3 * 64;
	CHECK_EQ(credit_after(3000, 4 * 64), 4 * 64);
}

TEST("a ring that wraps keeps its records whole, and one that is full is never overwritten")
{
	size_t page = (size_t)getpagesize(), size = page * PAGES, i;
	uint64_t *tail = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail));
	uint64_t *head = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head));

	for (i = 0; i < 2; i++) {
		CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, size / 64 - 10), 0);
		CHECK_EQ(readable(perf_fd), 1);
		CHECK_EQ(*head - *tail, size - 640);
		CHECK_EQ(*ring_word(perf_ring, page + (*head - 64) % size + 16), size / 64 - 11);
		if (!i)
			*tail = *head;
	}
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 20), 0);	/* more than is free: the board is not that of the contract */
	CHECK_EQ(*head - *tail, size);
	CHECK_EQ(*ring_word(perf_ring, page + *tail % size + 16), 0);
	*tail = *head;
}

TEST("what is no record is never shown, and a tail that no reader can have written makes no room")
{
	uint64_t *tail = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail)), at;
	uint64_t *head = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head)), was = *head;

	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_RESET, 0), 0);
	CHECK_EQ(*head, was);
	at = *tail;
	*tail = was + 64;
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 3), 0);
	CHECK_EQ(*head, was);
	*tail = at;
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 1), 0);
	CHECK_EQ(*head, was + 64);
	*tail = *head;
}

TEST("select and ppoll report and consume as poll does")
{
	struct timeval zero = { 0, 0 }, second = { 1, 0 };
	struct timespec none = { 0, 0 };
	struct pollfd p = { perf_fd, POLLIN, 0 };
	fd_set in;

	while (poll(&p, 1, 20) > 0)
		;
	ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 1);
	FD_ZERO(&in);
	FD_SET(perf_fd, &in);
	CHECK_EQ(select(perf_fd + 1, &in, NULL, NULL, &second), 1);
	FD_SET(perf_fd, &in);
	CHECK_EQ(select(perf_fd + 1, &in, NULL, NULL, &zero), 0);
	CHECK_EQ(ppoll(&p, 1, &none, NULL), 0);
}

TEST("an epoll set reports a perf ring once for each wake-up")
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 5 };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, perf_fd, &ev), 0);
	CHECK(!(ev.events & EPOLLET));
	while (epoll_wait(ep, &ev, 1, 20) > 0)
		;
	ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 2);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK_EQ(ev.data.u32, 5);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	close(ep);
}

TEST("the last mapping's end unmaps the board's ring; close closes the event")
{
	uint32_t h = bw_handle_of(perf_fd);

	CHECK_EQ(munmap(perf_ring, (size_t)getpagesize() * (PAGES + 1)), 0);
	CHECK_EQ(counts().boottime, h);
	CHECK_EQ(atomic_load(&bw_ring_count), 0);
	close(perf_fd);
	CHECK_EQ(counts().monotonic, h);
}

/* ---- BPF ring buffers ---- */

static void push_bpf(int fd, uint64_t n)
{
	struct bw_handle_write w = { bw_handle_of(fd), n, 0, (const uint8_t *)"" };
	struct bw_buf b = { 0 };

	bw_put_handle_write(&b, &w);
	CHECK_EQ(bw_call(BW_MSG_HANDLE_WRITE, &b, NULL), 0);
	bw_buf_free(&b);
}

TEST("a BPF ring buffer is readable as long as there is data, in poll and in epoll")
{
	size_t page = (size_t)getpagesize(), size = 4 * page, i;
	int fd = map_create(BPF_MAP_TYPE_RINGBUF, 0, (uint32_t)size), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	char *consumer, *producer;

	CHECK(mmap(NULL, page + 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page) == MAP_FAILED && errno == EPERM);
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	CHECK(consumer != MAP_FAILED && producer != MAP_FAILED);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	push_bpf(fd, 2);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK_EQ(*ring_word(producer, 0), 128);
	CHECK_EQ(*ring_word(producer, page + 64 + 16), 1);
	CHECK_EQ(*ring_word(producer, page + size + 64 + 16), 1);	/* and once more behind */
	*ring_word(consumer, 0) = 64;					/* one left: level-triggered */
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 1);
	CHECK_EQ(readable(fd), 1);
	CHECK_EQ(readable(fd), 1);
	*ring_word(consumer, 0) = 128;
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	CHECK_EQ(readable(fd), 0);
	for (i = 1; i < 4; i++) {					/* read before anybody waited */
		push_bpf(fd, 1);
		*ring_word(consumer, 0) = 128 + 64 * i;
		CHECK_EQ(i % 2 ? readable(fd) : epoll_wait(ep, &ev, 1, 20), 0);
	}
	push_bpf(fd, NO_RECORDS);
	CHECK_EQ(*ring_word(producer, 0), 320);
	for (i = 0; i < 5; i++) {					/* around the end */
		push_bpf(fd, size / 64 - 1);
		CHECK_EQ(*ring_word(producer, 0) - *ring_word(consumer, 0), size - 64);
		*ring_word(consumer, 0) = *ring_word(producer, 0);
	}
	munmap(consumer, page);
	munmap(producer, page + 2 * size);
	close(ep);
	close(fd);
	CHECK_EQ(atomic_load(&bw_ring_count), 0);
}

TEST("a reply that is too long is an error of that request, and the next one is answered")
{
	struct bw_reply reply;

	CHECK_EQ(bw_call(BW_MSG_FILE_REALPATH, NULL, &reply), -EMSGSIZE);
	CHECK(reply.len <= BW_REPLY_MAX);
	bw_reply_free(&reply);
	CHECK(counts().realtime >= 0);
}

TEST("memory that the tool names badly is EFAULT also where process_vm_readv is refused")
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), text[16];

	mprotect(page + 4096, 4096, PROT_NONE);
	strcpy(page + 4090, "end");
	CHECK_EQ(bw_copy_in_string(text, page + 4090, sizeof(text)), 4);
	memset(page + 4090, 'x', 6);
	CHECK_EQ(bw_copy_in_string(text, page + 4090, sizeof(text)), -EFAULT);
	CHECK_EQ(bw_copy_in_string(text, page, 4), 1);
	CHECK_EQ(bw_copy_out(page + 4090, text, 12), -EFAULT);
	CHECK_EQ(bw_copy_in(text, page + 4090, 6), 0);
	munmap(page, 8192);
}

int main(void) { return check_done(); }
