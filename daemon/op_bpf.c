// SPDX-License-Identifier: Apache-2.0
/*
 * bpf(2) by the table in protocol/bpfattr.h: the attr arrives with handles and without pointers; here it gets descriptors, and pointers into
 * buffers whose lengths follow from the table and never from the wire. A pointer field for which no buffer came is NULL.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/maybe_fds.h"
#include "daemon/object.h"
#include "daemon/op.h"
#include "protocol/bpfattr.h"
#include "protocol/log.h"

#define SLOTS		(BW_BPF_BUFS_MAX)
#define SLACK		64u		/* behind each buffer, zero: ends strings, and catches what the kernel rounds up */
#define TOOL_PAGE	4096u		/* the least that a tool's kernel can have: a ring buffer smaller than that is wrong everywhere */
#define LOG_LIMIT	(UINT32_MAX >> 2)	/* kernel/bpf/log.c bpf_verifier_log_attr_valid() */
#define NOT_WRITTEN	0xffu		/* first byte of a text that the kernel did not touch; none that it writes begins so */
#define BAD_POINTER	UINT64_MAX	/* access_ok() fails on it everywhere */
#define VERSION_5_0	(5u << 16)	/* from here on kern_version is not looked at: commit 6c4fc209fcf9 */

/* A pointer field of the attr (or, with `inside`, of the info structure) and the buffer it points to. */
struct slot {
	const struct bw_bpf_field *f;
	uint8_t kind;			/* enum bw_field_kind, for this map */
	uint16_t where;
	bool inside, bad;
	uint32_t asked, lowered;	/* its count, if the kernel was asked with a lower one; else 0 */
	uint8_t *data;
	uint32_t len;			/* as the table says, which is what the kernel may write */
};

struct call {
	struct bw_worker *w;
	const struct bw_bpf *m;
	const struct bw_bpf_cmd *cmd;
	const struct bw_map_info *map;	/* of the rules: &map_info, or NULL for none */
	struct bw_map_info map_info;	/* a copy, since the table of handles may move */
	enum bw_object info_object;
	uint32_t fd_array_entries;
	uint32_t asked_entries;		/* of MAP_CREATE, if it was raised */
	uint64_t out_total;
	uint32_t attach_btf_id;		/* of the program of LINK_CREATE, if it was loaded here; else 0 */
	uint32_t nhandles;		/* buffers at BW_BUF_HANDLES that were made use of */
	uint32_t nslots;
	struct slot slots[SLOTS];
	struct slot *info;
	_Alignas(8) uint8_t attr[BW_BPF_ATTR_MAX];
};

static bool has_count(uint8_t rule)
{
	return rule == BW_LEN_FIELD || rule == BW_LEN_TIMES || rule == BW_LEN_PRODUCT || rule == BW_LEN_KEYS || rule == BW_LEN_VALUES;
}

static void set_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }
static void set_u64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof(v)); }
static uint32_t u32_at(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof(v)); return v; }

/* A file that is no BPF object, as the tool's own number is. */
static int foreign_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd;
}

/* 0 stays 0: where it means "none" to the kernel it shall, and else it is /dev/null here, no BPF object, as a tool's own 0 would be. */
static uint32_t fd_of(const struct call *c, uint32_t handle)
{
	switch (handle) {
	case BW_HANDLE_NONE:
		return 0;
	case BW_HANDLE_CLOSED:
		return INT32_MAX;
	case BW_HANDLE_FOREIGN:
		return (uint32_t)foreign_fd();
	default:
		return (uint32_t)bw_handle_fd(&c->w->handles, handle);
	}
}

/* ---- buffers ---- */

static const struct bw_bpf_buf *find_buf(const struct call *c, uint16_t where)
{
	for (uint32_t i = 0; i < c->m->nbufs; i++)
		if (c->m->bufs[i].where == where)
			return &c->m->bufs[i];
	return NULL;
}

/* Does what came fit what the table asks for? A string may be shorter than its most. */
static bool fits(uint8_t kind, const struct bw_bpf_field *f, const struct bw_bpf_buf *b, int64_t want)
{
	static const uint8_t dirs[] = { [BW_FIELD_IN] = BW_BUF_IN, [BW_FIELD_OUT] = BW_BUF_OUT, [BW_FIELD_INOUT] = BW_BUF_INOUT };

	if (b->dir == BW_BUF_BAD)
		return true;
	if (b->dir != dirs[kind])
		return false;
	return f->rule == BW_LEN_STRING || f->rule == BW_LEN_STRINGS ? b->len <= want : b->len == want;
}

static int64_t length_of(const struct call *c, const struct bw_bpf_field *f, const void *base, uint32_t size)
{
	int64_t len = bw_bpf_len(f, base, size, c->map, c->w->cpus);

	/* An fd_array whose length the attr does not tell is as long as the instructions reach. */
	if (f->rule == BW_LEN_FDS && len == 0)
		len = (int64_t)c->fd_array_entries * 4;
	return len > (int64_t)BW_MSG_MAX ? -E2BIG : len;
}

static int alloc_slot(struct call *c, struct slot *s, const struct bw_bpf_buf *b, int64_t len)
{
	c->out_total += (uint64_t)len;
	if (c->out_total > 2ull * BW_MSG_MAX)
		return -E2BIG;
	s->len = (uint32_t)len;
	s->data = calloc(1, (size_t)len + SLACK);
	if (!s->data)
		return -ENOMEM;
	if (b->data && b->len)
		memcpy(s->data, b->data, b->len);
	return 0;
}

/* Strings one after the other become what the kernel reads: pointers to them. count of them, no more and no less. */
static int alloc_strings(struct call *c, struct slot *s, const struct bw_bpf_buf *b, uint32_t count)
{
	size_t table = (size_t)count * sizeof(char *);
	const char *p, *end;
	uint32_t i;
	int r;

	if (b->len < count)
		return -EINVAL;
	r = alloc_slot(c, s, &(struct bw_bpf_buf){ .dir = BW_BUF_IN }, (int64_t)(table + b->len));
	if (r)
		return r;
	if (b->len)
		memcpy(s->data + table, b->data, b->len);
	p = (const char *)s->data + table;
	end = p + b->len;
	for (i = 0; i < count && p < end; i++) {
		memcpy(s->data + i * sizeof(p), &p, sizeof(p));
		p += strnlen(p, (size_t)(end - p)) + 1;
	}
	return i == count && p == end ? 0 : -EINVAL;
}

/* Handles inside instructions, map values, map keys and descriptor lists. */
static int insn_fd(void *arg, uint32_t *fd)
{
	*fd = fd_of(arg, *fd);
	return 0;
}

static void translate_at(const struct call *c, struct slot *s, uint32_t step, int off)
{
	for (uint64_t i = 0; off >= 0 && step >= (uint32_t)off + 4 && i + step <= s->len; i += step)
		set_u32(s->data + i + off, fd_of(c, u32_at(s->data + i + off)));
}

static void translate_elements(const struct call *c, struct slot *s)
{
	switch (s->f->rule) {
	case BW_LEN_KEY:
	case BW_LEN_KEYS:
	case BW_LEN_KEY_OR_U32:
		translate_at(c, s, c->map->key_size, bw_map_key_fd(c->map));
		break;
	case BW_LEN_VALUE:
	case BW_LEN_VALUES:
		translate_at(c, s, bw_map_value_len(c->map, c->w->cpus, 0), bw_map_value_fd(c->map));
		break;
	}
}

/*
 * Descriptors where only the kernel's BTF says that there are some, by the words' handles in the buffer beside. 0 is none to the kernel in all of them.
 * A function pointer of STRUCT_OPS is read whole, so that its upper half goes too.
 */
static void translate_maybe(struct call *c, struct slot *s)
{
	const struct bw_bpf_buf *handles = find_buf(c, (uint16_t)(s->where + BW_BUF_HANDLES));
	bool iter = c->m->cmd == BPF_LINK_CREATE;
	uint32_t offs[BW_MAYBE_FDS_MAX], n, i, width = iter ? 4 : sizeof(long);

	if (!handles || handles->dir != BW_BUF_IN)
		return;
	c->nhandles++;
	n = iter ? bw_iter_info_fds((int)u32_at(c->attr), c->attach_btf_id, offs) : bw_struct_ops_fds((int)u32_at(c->attr), offs);
	for (i = 0; i < n; i++) {
		uint8_t *p = s->data + offs[i];

		if (offs[i] > s->len || s->len - offs[i] < width || offs[i] + 4 > handles->len || !u32_at(p))
			continue;
		memset(p, 0, width);
		set_u32(p, fd_of(c, u32_at(handles->data + offs[i])));
	}
}

static int translate(struct call *c, struct slot *s)
{
	if (s->f->flags & BW_INSNS)
		return bw_bpf_insn_fds(s->data, s->len, insn_fd, c, &c->fd_array_entries);
	if (s->f->rule == BW_LEN_FDS)
		translate_at(c, s, 4, 0);
	if (s->f->flags & BW_MAYBE_FDS || (s->f->flags & BW_HAS_FDS && s->f->rule == BW_LEN_VALUE && c->map && bw_map_value_maybe_fds(c->map)))
		translate_maybe(c, s);
	else if (s->f->flags & BW_HAS_FDS && c->map)
		translate_elements(c, s);
	return 0;
}

/* ---- the request ---- */

/* Where the tool has room for more than a message holds, the kernel is told of less. A length that all kernels refuse stays what it is. */
static void lower_count(const struct call *c, struct slot *s, uint8_t *base, uint32_t size)
{
	uint32_t count = bw_bpf_count(s->f, base, size, c->map, c->w->cpus);

	if (s->kind != BW_FIELD_OUT || !has_count(s->f->rule) || count >= u32_at(base + s->f->a))
		return;
	s->asked = u32_at(base + s->f->a);
	s->lowered = count;
	set_u32(base + s->f->a, s->f->flags & BW_TEXT && s->asked > LOG_LIMIT ? UINT32_MAX : count);
}

static void raise_count(struct slot *s, uint8_t *base)
{
	uint32_t now = s->lowered ? u32_at(base + s->f->a) : 0;

	if (s->lowered && (now == s->lowered || now == UINT32_MAX))
		set_u32(base + s->f->a, s->asked);
}

/* base is the attr, or the info structure of size bytes whose fields are `where` BW_BUF_INFO and up. */
static int bind_pointer(struct call *c, const struct bw_bpf_field *f, uint8_t *base, uint32_t size, bool inside)
{
	uint16_t where = (uint16_t)(f->off + (inside ? BW_BUF_INFO : 0));
	const struct bw_bpf_buf *b = find_buf(c, where);
	uint8_t kind = bw_bpf_kind(f, c->map);
	struct slot *s;
	int64_t len;
	int r;

	set_u64(base + f->off, 0);
	if (!b)
		return 0;
	len = b->dir == BW_BUF_BAD ? 0 : length_of(c, f, base, size);
	if (len < 0)
		return (int)len;
	if (!fits(kind, f, b, len) || c->nslots == SLOTS) {
		bw_log(BW_LOG_DEBUG, "session %u: BPF %s: buffer at %#x is %u bytes (kind %u), not %lld", c->w->ch.session, c->cmd->name,
		       where, b->len, b->dir, (long long)len);
		return -EINVAL;
	}
	s = &c->slots[c->nslots++];
	*s = (struct slot){ .f = f, .kind = kind, .where = where, .inside = inside, .bad = b->dir == BW_BUF_BAD };
	if (s->bad) {
		set_u64(base + f->off, BAD_POINTER);
		return 0;
	}
	r = f->rule == BW_LEN_STRINGS ? alloc_strings(c, s, b, bw_attr_u32(base, size, f->a)) : alloc_slot(c, s, b, len);
	if (r)
		return r;
	set_u64(base + f->off, (uint64_t)(uintptr_t)s->data);
	lower_count(c, s, base, size);
	if (f->rule == BW_LEN_INFO)
		c->info = s;
	if (f->flags & BW_TEXT && s->len)
		s->data[0] = NOT_WRITTEN;
	return kind == BW_FIELD_OUT ? 0 : translate(c, s);
}

static int bind_field(struct call *c, const struct bw_bpf_field *f)
{
	uint8_t *p = c->attr + f->off;

	switch (f->kind) {
	case BW_FIELD_FD:
	case BW_FIELD_FD_OR_NONE:
		set_u32(p, fd_of(c, u32_at(p)));
		return 0;
	default:
		return bind_pointer(c, f, c->attr, c->m->attr_size, false);
	}
}

/* Which pointers a link's info holds depends on its type (and a perf link's on one more), so the kernel is asked for that first. */
static void find_link_type(struct call *c)
{
	_Alignas(8) uint8_t info[256] = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = u32_at(c->attr);
	attr.info.info = (uint64_t)(uintptr_t)info;
	attr.info.info_len = sizeof(info);
	if (bw_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0)
		return;
	if (c->info->len >= 4)
		memcpy(c->info->data, info, 4);
	if (c->info->len >= 20 && u32_at(info) == BPF_LINK_TYPE_PERF_EVENT)
		memcpy(c->info->data + 16, info + 16, 4);
}

static int bind_info(struct call *c)
{
	const struct bw_bpf_field *f = bw_bpf_info_fields(c->info_object);
	int r = 0;

	if (c->info && c->info_object == BW_OBJ_LINK)
		find_link_type(c);
	for (; c->info && f && f->kind != BW_FIELD_END && !r; f++)
		if (bw_bpf_field_applies(f, c->info->data, c->info->len))
			r = bind_pointer(c, f, c->info->data, c->info->len, true);
	return r;
}

static uint32_t width(const struct bw_bpf_field *f)
{
	return f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE ? 4 : 8;
}

/* Of a field that the attr's end cuts the kernel reads the rest as zero: where there was something, something stays that leads nowhere. */
static void blunt_cut(struct call *c, const struct bw_bpf_field *f)
{
	uint32_t n = f->off < c->m->attr_size && f->off + width(f) > c->m->attr_size ? c->m->attr_size - f->off : 0, i = 0;

	while (i < n && !c->attr[f->off + i])
		i++;
	if (i == n)
		return;
	memset(c->attr + f->off, 0, n);
	if (width(f) == 8)
		c->attr[f->off] = 8;		/* in the page that nobody has */
	else
		memset(c->attr + f->off, 0xff, n);
}

/* Instructions first: they tell how long fd_array is. */
static int bind_fields(struct call *c)
{
	for (int pass = 0; pass < 2; pass++) {
		for (const struct bw_bpf_field *f = c->cmd->fields; f->kind != BW_FIELD_END; f++) {
			int r;

			if (!(f->flags & BW_INSNS) == !pass)
				continue;
			if (!bw_bpf_field_applies(f, c->m->attr, c->m->attr_size)) {
				blunt_cut(c, f);
				continue;
			}
			r = bind_field(c, f);
			if (r)
				return r;
		}
	}
	return bind_info(c);
}

/* What no row of the table knows may be a pointer to a newer kernel: it must be 0, as an older kernel would insist too. */
static bool tail_is_zero(const struct call *c)
{
	for (uint32_t i = c->cmd->attr_max; i < c->m->attr_size; i++)
		if (c->attr[i])
			return false;
	return true;
}

/* Which error that is depends on how long the kernel's own attr is; it says so before it looks at the command. */
static int tail_error(struct call *c)
{
	memset(c->attr, 0, c->cmd->attr_max);
	return bw_sys_bpf(INT32_MAX, c->attr, c->m->attr_size) < 0 && errno == E2BIG ? -E2BIG : -EINVAL;
}

/* Every buffer must have found its field, or the two sides do not mean the same. */
static bool all_bound(const struct call *c)
{
	return c->nslots + c->nhandles == c->m->nbufs;
}

static void find_map(struct call *c)
{
	uint32_t first = bw_attr_u32(c->attr, c->m->attr_size, 0);
	const struct bw_handle *h;

	if (c->cmd->map_fd_off != BW_NO_MAP) {
		h = bw_handle_get(&c->w->handles, bw_attr_u32(c->attr, c->m->attr_size, c->cmd->map_fd_off));
		if (h && h->object == BW_OBJ_MAP) {
			c->map_info = h->map;
			c->map = &c->map_info;
		}
	}
	h = bw_handle_get(&c->w->handles, first);
	c->attach_btf_id = c->m->cmd == BPF_LINK_CREATE && h ? h->attach_btf_id : 0;
	c->info_object = c->m->cmd == BPF_OBJ_GET_INFO_BY_FD && h ? h->object : BW_OBJ_NONE;
}

/* The tool's kern_version is its own machine's, and old kernels compare it for kprobes. */
static void fix_version(struct call *c)
{
	const uint16_t off = offsetof(union bpf_attr, kern_version);

	if (c->w->kernel < VERSION_5_0 && c->m->attr_size >= off + 4u)
		set_u32(c->attr + off, c->w->kernel);
}

/* A ring buffer is a multiple of the board's page, which may be larger than the tool's: it gets more than it asked for, and is told what it asked. */
static void fix_entries(struct call *c)
{
	const uint16_t off = offsetof(union bpf_attr, max_entries);
	uint32_t type = bw_attr_u32(c->attr, c->m->attr_size, offsetof(union bpf_attr, map_type));
	uint32_t entries = bw_attr_u32(c->attr, c->m->attr_size, off);

	if ((type != BPF_MAP_TYPE_RINGBUF && type != BPF_MAP_TYPE_USER_RINGBUF) || entries < TOOL_PAGE || entries >= c->w->page_size ||
	    entries & (entries - 1))
		return;
	c->asked_entries = entries;
	set_u32(c->attr + off, c->w->page_size);
}

static int prepare(struct call *c)
{
	int r;

	memcpy(c->attr, c->m->attr, c->m->attr_size);
	if (!tail_is_zero(c))
		return tail_error(c);
	find_map(c);
	if (c->m->cmd == BPF_PROG_LOAD)
		fix_version(c);
	if (c->m->cmd == BPF_MAP_CREATE)
		fix_entries(c);
	r = bind_fields(c);
	if (r)
		return r;
	/* The session's own descriptors are the worker's, see the table. */
	if (c->m->cmd == BPF_TASK_FD_QUERY && c->m->attr_size >= 4 && !u32_at(c->attr))
		set_u32(c->attr, (uint32_t)getpid());
	if (!all_bound(c)) {
		bw_log(BW_LOG_DEBUG, "session %u: BPF %s: %u buffers, %u of them known", c->w->ch.session, c->cmd->name, c->m->nbufs, c->nslots);
		return -EINVAL;
	}
	return 0;
}

/* ---- the reply ---- */

static void describe_map(const struct call *c, struct bw_handle *h)
{
	/* A kernel before 4.13 cannot tell: then what was asked for is what there is. */
	if (bw_object_map_info(h->fd, &h->map) && c->m->cmd == BPF_MAP_CREATE)
		h->map = (struct bw_map_info){
			.type = u32_at(c->attr), .key_size = u32_at(c->attr + 4), .value_size = u32_at(c->attr + 8),
			.max_entries = u32_at(c->attr + 12), .flags = u32_at(c->attr + 16),
		};
	h->asked_entries = c->asked_entries;
	if (c->asked_entries)
		h->map.max_entries = c->asked_entries;
}

static int new_object(struct call *c, int fd, struct bw_bpf_reply *reply)
{
	uint32_t object = c->cmd->object == BW_OBJ_OTHER ? bw_object_kind(fd) : c->cmd->object;
	int handle = bw_handle_add(&c->w->handles, object, fd);
	struct bw_handle *h;

	if (handle < 0)
		return handle;
	h = bw_handle_get(&c->w->handles, (uint32_t)handle);
	if (object == BW_OBJ_MAP)
		describe_map(c, h);
	if (c->m->cmd == BPF_PROG_LOAD)
		h->attach_btf_id = bw_attr_u32(c->attr, c->m->attr_size, offsetof(union bpf_attr, attach_btf_id));
	reply->value = 0;
	reply->object = object;
	reply->handle = (uint32_t)handle;
	reply->map = h->map;
	return 0;
}

/* The tool asked for less than the kernel would take (fix_entries); it is told of what it asked for. */
static void fix_info(struct call *c, uint32_t handle)
{
	const struct bw_handle *h = bw_handle_get(&c->w->handles, handle);
	const size_t off = offsetof(struct bpf_map_info, max_entries);

	if (c->info && h && h->asked_entries && c->info->len >= off + 4)
		set_u32(c->info->data + off, h->asked_entries);
}

/* No pointer and no descriptor of this process leaves it. Conditions are those of the attr as it came. */
static void clear_private(struct call *c)
{
	for (const struct bw_bpf_field *f = c->cmd->fields; f->kind != BW_FIELD_END; f++)
		if ((f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE) && bw_bpf_field_applies(f, c->m->attr, c->m->attr_size))
			set_u32(c->attr + f->off, 0);
		else if (f->off < c->m->attr_size && f->off + width(f) > c->m->attr_size)	/* blunt_cut */
			memcpy(c->attr + f->off, c->m->attr + f->off, c->m->attr_size - f->off);
	for (uint32_t i = 0; i < c->nslots; i++)
		set_u64((c->slots[i].inside ? c->info->data : c->attr) + c->slots[i].f->off, 0);
	for (uint32_t i = 0; i < c->nslots; i++)
		raise_count(&c->slots[i], c->slots[i].inside ? c->info->data : c->attr);
	if (c->m->cmd == BPF_TASK_FD_QUERY && c->m->attr_size >= 4)
		memcpy(c->attr, c->m->attr, 4);
	if (c->asked_entries)
		set_u32(c->attr + offsetof(union bpf_attr, max_entries), c->asked_entries);
}

static void add_output(const struct call *c, const struct slot *s, int result, struct bw_bpf_reply *reply)
{
	const uint8_t *base = s->inside ? c->info->data : c->attr;
	uint32_t size = s->inside ? c->info->len : c->m->attr_size;
	struct bw_bpf_buf *b = &reply->bufs[reply->nbufs];

	if (s->bad || s->kind == BW_FIELD_IN || (s->f->flags & BW_TEXT && s->len && s->data[0] == NOT_WRITTEN) || (result < 0 && !(s->f->flags & BW_ON_ERROR)))
		return;
	*b = (struct bw_bpf_buf){
		.where = s->where, .dir = s->kind == BW_FIELD_OUT ? BW_BUF_OUT : BW_BUF_INOUT, .data = s->data,
		.len = bw_bpf_out_len(s->f, base, size, c->map, c->w->cpus, result, s->data, s->len),
	};
	if (b->len > s->len)
		b->len = s->len;
	reply->nbufs++;
}

/* result: of bpf(2), or -errno. Returns the status of the reply. */
static int answer(struct call *c, int result)
{
	struct bw_bpf_reply reply = { .value = result < 0 ? 0 : result, .attr_size = c->m->attr_size, .attr = c->attr };

	if (result >= 0 && c->cmd->object != BW_OBJ_NONE) {
		int r = new_object(c, result, &reply);

		if (r < 0)
			result = r;
	}
	if (result >= 0 && c->info)
		fix_info(c, bw_attr_u32(c->m->attr, c->m->attr_size, 0));
	for (uint32_t i = 0; i < c->nslots; i++)
		add_output(c, &c->slots[i], result, &reply);
	clear_private(c);
	bw_put_bpf_reply(&c->w->reply, &reply);
	return result < 0 ? result : 0;
}

/* An answer without having asked the kernel. */
static int refuse(struct bw_worker *w, const struct bw_bpf *m, int err)
{
	struct bw_bpf_reply reply = { .attr_size = m->attr_size, .attr = m->attr };

	bw_put_bpf_reply(&w->reply, &reply);
	return err;
}

BW_OP(bpf)
{
	struct call *c;
	struct bw_bpf m;
	int r;

	if (bw_get_bpf(&q->r, &m))
		return BW_OP_MALFORMED;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->w = w;
	c->m = &m;
	c->cmd = bw_bpf_cmd(m.cmd);
	if (!c->cmd) {
		bw_log(BW_LOG_INFO, "session %u: bpf command %u is newer than this daemon: EINVAL", w->ch.session, m.cmd);
		r = refuse(w, &m, -EINVAL);
		goto out;
	}
	r = prepare(c);
	if (r) {
		r = refuse(w, &m, r);
		goto out;
	}
	r = (int)bw_sys_bpf((int)m.cmd, c->attr, m.attr_size);
	r = answer(c, r < 0 ? -errno : r);
out:
	for (uint32_t i = 0; i < c->nslots; i++)
		free(c->slots[i].data);
	free(c);
	return r;
}
