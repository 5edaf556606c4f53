// SPDX-License-Identifier: Apache-2.0
/*
 * What the preloaded library makes of a board's replies: any bytes come back for its requests, and nothing may be written but where the tool's own
 * arguments say. Input: u8 what is called, u8 command or type, u32 CPUs of the board, map (u8 type, u8 key size, u16 value size, u32 entries),
 * u8 length and the attr, then the replies, one after the other: u8 errno, u16 length, bytes.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/bpf.h"
#include "remote/conn.h"
#include "remote/files.h"
#include "remote/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)
#define ROOM	4096u
#define FIELDS	BW_BPF_BUFS_MAX
#define UNTOUCHED 0xa5

/* ---- the board: what is left of the input ---- */

static struct bw_reader input;
static struct bw_board board;

/* The linker puts these in the place of the library's: see fuzz_remote in the Makefile. */
int __wrap_bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply);
int __wrap_bw_post(uint16_t type, const struct bw_buf *payload);
int __wrap_bw_request(struct bw_waiter *w, uint16_t type, const void *payload, size_t len);
void __wrap_bw_waiter_wait(struct bw_waiter *w);
int __wrap_bw_conn_ready(void);
const struct bw_board *__wrap_bw_board(void);
void __wrap_bw_say(const char *fmt, ...);

static int next_reply(struct bw_buf *b)
{
	int err = bw_get_u8(&input);
	uint32_t len = bw_get_u16(&input);
	const uint8_t *p;

	len = len < input.left ? len : (uint32_t)input.left;
	p = bw_get_bytes(&input, len);
	if (!p)
		return -ENODEV;
	bw_put_bytes(b, p, len);
	return err > 133 ? 0 : -err;
}

int __wrap_bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply)
{
	struct bw_buf b = { 0 };
	int r = payload && payload->err ? payload->err : next_reply(&b);

	(void)type;
	if (!reply) {
		bw_buf_free(&b);
		return r;
	}
	reply->status = r;
	reply->owned = b.len ? realloc(b.data, b.len) : b.data;	/* of exactly its size */
	reply->data = b.len ? reply->owned : (const uint8_t *)"";
	reply->len = b.len;
	return r;
}

int __wrap_bw_post(uint16_t type, const struct bw_buf *payload)
{
	(void)type, (void)payload;
	return 0;
}

int __wrap_bw_request(struct bw_waiter *w, uint16_t type, const void *payload, size_t len)
{
	(void)type, (void)payload, (void)len;
	memset(w, 0, sizeof(*w));
	w->status = next_reply(&w->data);
	return w->status == -ENODEV ? -ENODEV : 0;
}

void __wrap_bw_waiter_wait(struct bw_waiter *w)
{
	(void)w;
}

int __wrap_bw_conn_ready(void)
{
	return 0;
}

const struct bw_board *__wrap_bw_board(void)
{
	return &board;
}

void __wrap_bw_say(const char *fmt, ...)
{
	(void)fmt;
}

/* ---- the tool's memory ---- */

static uint8_t *rooms[FIELDS];
static struct bw_map_info map;

static uint8_t *room_of(size_t i)
{
	if (!rooms[i])
		REQUIRE((rooms[i] = malloc(ROOM)));
	memset(rooms[i], UNTOUCHED, ROOM);
	return rooms[i];
}

static void check_room(size_t i, int64_t len)
{
	static uint8_t untouched[ROOM];
	size_t at = len < 0 ? 0 : len < ROOM ? (size_t)len : ROOM;

	if (!*untouched)
		memset(untouched, UNTOUCHED, ROOM);
	REQUIRE(!memcmp(rooms[i] + at, untouched, ROOM - at));
}

static bool is_pointer(const struct bw_bpf_field *f)
{
	return f->kind == BW_FIELD_IN || f->kind == BW_FIELD_OUT || f->kind == BW_FIELD_INOUT;
}

static void point(uint8_t *attr, uint32_t size, const struct bw_bpf_field *fields, int fd)
{
	size_t i = 0;

	for (; fields && fields->kind && i < FIELDS; fields++, i++) {
		uint64_t p = (uintptr_t)room_of(i);

		if (!bw_bpf_field_applies(fields, attr, size))
			continue;
		if (is_pointer(fields) && fields->off + 8u <= size)
			memcpy(attr + fields->off, &p, sizeof(p));
		else if (fields->off + 4u <= size)
			memcpy(attr + fields->off, &fd, sizeof(fd));
	}
}

/* What is asked for would not fit: no tool does that, and the kernel writes past sanitizers. */
static bool too_long(const uint8_t *attr, uint32_t size, const struct bw_bpf_field *fields)
{
	for (; fields && fields->kind; fields++)
		if (is_pointer(fields) && bw_bpf_len(fields, attr, size, &map, board.ncpus_possible) > ROOM)
			return true;
	return false;
}

static void check_rooms(const uint8_t *attr, uint32_t size, const struct bw_bpf_field *fields)
{
	size_t i = 0;

	for (; fields && fields->kind && i < FIELDS; fields++, i++) {
		uint8_t kind = bw_bpf_kind(fields, &map);

		if (!bw_bpf_field_applies(fields, attr, size) || (kind != BW_FIELD_OUT && kind != BW_FIELD_INOUT))
			check_room(i, 0);
		else
			check_room(i, bw_bpf_len(fields, attr, size, &map, board.ncpus_possible));
	}
}

/* ---- what is called ---- */

static int object(uint32_t type)
{
	static const struct bw_placeholder_ops *const ops[] = { [BW_OBJ_MAP] = &bw_map_ops, [BW_OBJ_PROG] = &bw_prog_ops, [BW_OBJ_LINK] = &bw_link_ops,
								[BW_OBJ_BTF] = &bw_btf_ops, [BW_OBJ_ITER] = &bw_iter_ops };
	struct bw_placeholder_new n = { .object = type, .handle = 7, .fd = -1, .cloexec = true, .map = &map };

	n.ops = ops[type];
	return bw_placeholder_open(&n, NULL);
}

static void close_object(int fd)
{
	bw_placeholder_forget(fd);
	close(fd);
}

static void call_bpf(uint32_t cmd, const uint8_t *given, uint32_t size)
{
	const struct bw_bpf_cmd *row = bw_bpf_cmd(cmd % (uint32_t)bw_bpf_cmd_count());
	uint8_t *attr = malloc(size + !size), *before = malloc(size + !size);
	int fd = object(cmd & 128 ? BW_OBJ_PROG : BW_OBJ_MAP);
	long r;

	memcpy(attr, given, size);
	point(attr, size, row->fields, fd);
	memcpy(before, attr, size);
	r = too_long(attr, size, row->fields) ? -E2BIG : bw_bpf_call(row->cmd, attr, size);
	if (row->cmd != BPF_OBJ_GET_INFO_BY_FD)		/* whose info has pointers to anywhere */
		check_rooms(before, size, row->fields);
	if (row->object != BW_OBJ_NONE && r >= 0)
		close_object((int)r);
	close_object(fd);
	free(before);
	free(attr);
}

/* The info structure of any object, with its pointers into rooms. */
static void call_info(uint32_t type, const uint8_t *given, uint32_t size)
{
	static const uint32_t types[] = { BW_OBJ_MAP, BW_OBJ_PROG, BW_OBJ_LINK, BW_OBJ_BTF };
	uint32_t which = types[type % 4], len = type & 128 ? 240 : size;
	const struct bw_bpf_field *fields = bw_bpf_info_fields((enum bw_object)which);
	uint8_t *info = malloc(ROOM), *before = malloc(ROOM);
	int fd = object(which);
	union bpf_attr attr;
	size_t i;

	memset(info, 0, ROOM);
	if (which != BW_OBJ_LINK)	/* where the pointers of a link are is the board's to say */
		memcpy(info, given, size < len ? size : len);
	memset(info + len, UNTOUCHED, ROOM - len);
	point(info, len, fields, fd);
	memcpy(before, info, ROOM);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = len;
	attr.info.info = (uintptr_t)info;
	if (!too_long(info, len, fields))
		bw_bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	for (i = len; i < ROOM; i++)
		REQUIRE(info[i] == UNTOUCHED);
	check_rooms(before, len, fields);
	close_object(fd);
	free(info);
	free(before);
}

/* As tools read a map: its keys, and of each the value. */
static void call_iterate(void)
{
	uint32_t value_len = bw_map_value_len(&map, board.ncpus_possible, 0);
	int fd = object(BW_OBJ_MAP), i;
	union bpf_attr attr;
	long r = 0;

	for (i = 0; i < 6 && !r; i++) {
		uint8_t *key = room_of(0), *next = room_of(1), *value = room_of(2);

		memset(key, 0, map.key_size);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)fd;
		attr.key = i ? (uintptr_t)key : 0;
		attr.next_key = (uintptr_t)next;
		r = bw_bpf_call(BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr));
		check_room(1, map.key_size);
		attr.key = (uintptr_t)next;
		attr.value = value_len <= ROOM ? (uintptr_t)value : 8;
		bw_bpf_call(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
		check_room(2, value_len);
		if (i == 3)
			bw_bpf_call(BPF_MAP_DELETE_ELEM, &attr, sizeof(attr));
	}
	close_object(fd);
}

static void call_perf(const uint8_t *given, uint32_t size)
{
	static const unsigned long requests[] = { PERF_EVENT_IOC_ID, PERF_EVENT_IOC_QUERY_BPF, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_PERIOD };
	_Alignas(8) uint8_t attr[256] = { 0 };
	struct bw_placeholder *o;
	uint32_t ids = 3, i;
	long fd;

	memcpy(attr, given, size < sizeof(attr) ? size : sizeof(attr));
	((struct perf_event_attr *)attr)->size = PERF_ATTR_SIZE_VER5;
	((struct perf_event_attr *)attr)->config1 = 0;
	fd = bw_perf_event_open(attr, -1, 0, -1, 0);
	o = fd >= 0 ? bw_placeholder_get((int)fd) : NULL;
	for (i = 0; o && i < 4; i++) {
		uint8_t *arg = room_of(0);

		memcpy(arg, &ids, sizeof(ids));
		o->ops->ioctl(o, requests[i], (unsigned long)arg);
		check_room(0, requests[i] == PERF_EVENT_IOC_QUERY_BPF ? 8 + 4 * ids : 8);
	}
	bw_placeholder_put(o);
	if (fd >= 0)
		close_object((int)fd);
}

static void call_files(uint8_t which)
{
	char text[64];
	struct bw_dir *d;
	struct dirent64 *e;
	struct stat st;
	int fd;

	switch (which % 4) {
	case 0:
		fd = bw_file_open("/sys/kernel/debug/fuzz", O_RDONLY, 0);
		if (fd >= 0)
			close_object(fd);
		break;
	case 1:
		bw_stat_forget();
		bw_file_stat("/sys/kernel/debug/fuzz", which & 4, &st);
		break;
	case 2:
		if (bw_dir_open("/sys/kernel/debug", &d))
			break;
		while ((e = bw_dir_read(d)))
			REQUIRE(*e->d_name && strlen(e->d_name) <= 255 && !strchr(e->d_name, '/'));
		bw_dir_close(d);
		break;
	case 3:
		REQUIRE(bw_file_text("/proc/fuzz", text, sizeof(text)) < (ssize_t)sizeof(text));
		break;
	}
}

static void call_read(uint16_t len)
{
	int fd = object(BW_OBJ_ITER);
	struct bw_placeholder *o = bw_placeholder_get(fd);
	ssize_t n = bw_handle_read(o, room_of(0), len, -1);

	REQUIRE(n <= len);
	check_room(0, n < 0 ? 0 : n);
	bw_placeholder_put(o);
	close_object(fd);
}

static void call_lookup(void)
{
	uint32_t len = bw_map_value_len(&map, board.ncpus_possible, 0);
	int fd = object(BW_OBJ_MAP);
	struct bw_placeholder *o = bw_placeholder_get(fd);

	if (len <= ROOM) {
		bw_map_lookup(o, room_of(1), room_of(0));
		check_room(0, len);
	}
	bw_placeholder_put(o);
	close_object(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint32_t id;
	const uint8_t *attr;
	uint8_t what, which;
	uint32_t len;

	bw_reader_init(&input, data, size);
	what = bw_get_u8(&input);
	which = bw_get_u8(&input);
	board.ncpus_possible = bw_get_u32(&input) % (1u << 21) + 1;
	map = (struct bw_map_info){ .type = bw_get_u8(&input), .id = ++id };
	map.key_size = bw_get_u8(&input);
	map.value_size = bw_get_u16(&input);
	if (map.value_size & 0x8000)
		map.value_size <<= 16;
	map.max_entries = bw_get_u32(&input);
	len = bw_get_u8(&input);
	len = len < input.left ? len : (uint32_t)input.left;
	attr = bw_get_bytes(&input, len);
	if (!attr)
		return 0;
	switch (what % 8) {
	case 0: call_bpf(which, attr, len); break;
	case 1: call_info(which, attr, len); break;
	case 2: call_iterate(); break;
	case 3: call_perf(attr, len); break;
	case 4: call_files(which); break;
	case 5: call_read(which * 15); break;
	case 6: call_lookup(); break;
	case 7: call_bpf(which & 7, attr, len); break;	/* the everyday ones */
	}
	return 0;
}
