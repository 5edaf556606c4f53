// SPDX-License-Identifier: Apache-2.0
/*
 * From the tool's attr to the one that travels: descriptors become handles, what pointers point to becomes buffers. The table of
 * protocol/bpfattr.h says what is what; the daemon checks by the same table.
 */
#include "remote/bpf.h"
#include "remote/files.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY		0x7fffffffu	/* a pid that no kernel gives (PID_MAX_LIMIT) */
#define BW_ENOTSUPP	524	/* include/linux/errno.h: the kernel's own, leaked to user space */

static void set_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }
static void set_u64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof(v)); }
static uint32_t u32_at(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof(v)); return v; }

/* What the kernel would find at this number: an object of the board's, another file, or nothing. Its errors differ. */
static uint32_t handle_for(uint32_t fd)
{
	uint32_t handle = (int)fd < 0 ? BW_HANDLE_BAD : bw_handle_of((int)fd);

	if (handle != BW_HANDLE_BAD || (int)fd < 0)
		return handle;
	if (!fd)
		return BW_HANDLE_NONE;	/* stdin; in a devmap's value, in STRUCT_OPS: none */
	return bw_sys(SYS_fcntl, (long)fd, (long)F_GETFD) < 0 ? BW_HANDLE_CLOSED : BW_HANDLE_FOREIGN;
}

static int insn_handle(void *arg, uint32_t *fd)
{
	(void)arg;
	*fd = handle_for(*fd);
	return 0;
}

static void handles_at(uint8_t *data, uint32_t len, uint32_t step, int off)
{
	uint64_t i;

	for (i = 0; off >= 0 && step >= (uint32_t)off + 4 && i + step <= len; i += step)
		set_u32(data + i + off, handle_for(u32_at(data + i + off)));
}

/* Descriptors inside a buffer. Where a devmap's or cpumap's value has none (0, -1) it is asked with a bad one: not above 0 is what counts. */
static void translate(const struct bw_bpf_request *q, const struct bw_bpf_field *f, struct bw_bpf_arg *a, uint32_t *fd_array)
{
	if (f->flags & BW_INSNS)
		bw_bpf_insn_fds(a->data, a->len, insn_handle, NULL, fd_array);
	else if (f->rule == BW_LEN_FDS)
		handles_at(a->data, a->len, 4, 0);
	else if (!(f->flags & BW_HAS_FDS) || !q->has_map)
		return;
	else if (f->rule == BW_LEN_KEY || f->rule == BW_LEN_KEYS)
		handles_at(a->data, a->len, q->map.key_size, bw_map_key_fd(&q->map));
	else
		handles_at(a->data, a->len, q->map.value_size, bw_map_value_fd(&q->map));
}

/* Pointers to strings become the strings. One bad pointer is as good as all of them being bad: EFAULT. */
static int read_strings(struct bw_bpf_arg *a, uint32_t count, uint32_t max)
{
	uint64_t *pointers = count > BW_MSG_MAX / sizeof(*pointers) ? NULL : malloc(((size_t)count + 1) * sizeof(*pointers));
	char *one = malloc(max);
	struct bw_buf b = { 0 };
	uint32_t i;
	int r = count > BW_MSG_MAX / sizeof(*pointers) ? -E2BIG : pointers && one ? bw_copy_in(pointers, a->user, (size_t)count * sizeof(*pointers)) : -ENOMEM;

	for (i = 0; i < count && !r; i++) {
		ssize_t n = bw_copy_in_string(one, (const char *)(uintptr_t)pointers[i], max);

		one[max - 1] = 0;
		if (n < 0)
			r = (int)n;
		else
			bw_put_bytes(&b, one, (size_t)n);
		if (!r && (b.err || b.len > BW_MSG_MAX))
			r = b.err ? b.err : -E2BIG;
	}
	free(pointers);
	free(one);
	if (r) {
		bw_buf_free(&b);
		return r;
	}
	a->data = b.data;
	a->len = (uint32_t)b.len;
	return 0;
}

static int read_in(const struct bw_bpf_request *q, const struct bw_bpf_field *f, struct bw_bpf_arg *a)
{
	ssize_t n;

	if (f->rule == BW_LEN_STRINGS) {
		n = read_strings(a, bw_attr_u32(q->given, q->size, f->a), f->b);
		if (n == -EFAULT)
			*a = (struct bw_bpf_arg){ .where = a->where, .dir = BW_BUF_BAD };
		return n == -EFAULT ? 0 : (int)n;
	}
	a->data = malloc(a->len ? a->len : 1);
	if (!a->data)
		return -ENOMEM;
	if (f->rule == BW_LEN_STRING) {
		n = bw_copy_in_string((char *)a->data, a->user, a->len);
		if (n >= 0)
			a->len = (uint32_t)n;
	} else {
		n = bw_copy_in(a->data, a->user, a->len);
	}
	if (n < 0)
		*a = (struct bw_bpf_arg){ .where = a->where, .dir = BW_BUF_BAD, .data = a->data };
	return 0;
}

/* Which words are descriptors only the board can say (BW_MAYBE_FDS): all of them once more, as handles. */
static int gather_handles(struct bw_bpf_request *q, const struct bw_bpf_arg *of)
{
	struct bw_bpf_arg *a = &q->args[q->nargs];
	uint32_t i;

	if (q->nargs == BW_BPF_BUFS_MAX)
		return -E2BIG;
	*a = (struct bw_bpf_arg){ .where = (uint16_t)(of->where + BW_BUF_HANDLES), .dir = BW_BUF_IN, .len = of->len / 4 * 4 };
	a->data = malloc(a->len + 4);
	if (!a->data)
		return -ENOMEM;
	q->nargs++;
	for (i = 0; i + 4 <= a->len; i += 4)
		set_u32(a->data + i, handle_for(u32_at(of->data + i)));
	return 0;
}

/* The kernel may have done half of what it was asked when it finds that it cannot write: so a pointer to nowhere travels as one. */
static bool unreadable(const void *user, uint32_t len)
{
	char c;

	return len && (bw_copy_in(&c, user, 1) || bw_copy_in(&c, (const char *)user + len - 1, 1));
}

/* base: the attr, or the info structure; `from` is it as the tool gave it, which lengths and pointers are taken from. */
static int gather_pointer(struct bw_bpf_request *q, const struct bw_bpf_field *f, uint8_t *base, const uint8_t *from, uint32_t size,
			  bool inside, uint32_t *fd_array)
{
	static const uint8_t dirs[] = { [BW_FIELD_IN] = BW_BUF_IN, [BW_FIELD_OUT] = BW_BUF_OUT, [BW_FIELD_INOUT] = BW_BUF_INOUT };
	const struct bw_map_info *map = q->has_map ? &q->map : NULL;
	void *user = (void *)(uintptr_t)bw_attr_u64(from, size, f->off);
	int64_t len = bw_bpf_len(f, from, size, map, bw_board()->ncpus_possible);
	struct bw_bpf_arg *a = &q->args[q->nargs];
	int r = 0;

	set_u64(base + f->off, 0);
	if (!user)
		return 0;
	if (f->rule == BW_LEN_FDS && !len)
		len = (int64_t)*fd_array * 4;
	if (q->nargs == BW_BPF_BUFS_MAX)
		return -E2BIG;
	if (len < 0 && (f->rule == BW_LEN_KEYS || f->rule == BW_LEN_VALUES)) {
		bw_verbose(1, "bpf %s: more than fits into a message; use a smaller count", q->row->name);
		return (int)len;
	}
	if (len < 0) {	/* more than any kernel takes, and which error that is shall the board's say: before it looks there */
		q->args[q->nargs++] = (struct bw_bpf_arg){ .where = (uint16_t)(f->off + (inside ? BW_BUF_INFO : 0)), .dir = BW_BUF_BAD };
		return 0;
	}
	*a = (struct bw_bpf_arg){ .where = (uint16_t)(f->off + (inside ? BW_BUF_INFO : 0)), .dir = dirs[bw_bpf_kind(f, map)],
				  .len = (uint32_t)len, .user = user };
	q->nargs++;
	if (a->dir == BW_BUF_OUT) {
		if (unreadable(user, a->len))
			*a = (struct bw_bpf_arg){ .where = a->where, .dir = BW_BUF_BAD };
		return 0;
	}
	r = read_in(q, f, a);
	if (!r && a->dir != BW_BUF_BAD && a->len >= 4)
		translate(q, f, a, fd_array);
	if (!r && a->dir != BW_BUF_BAD && f->flags & BW_INSNS)
		r = bw_bpftrace_load(bw_attr_u32(q->given, q->size, offsetof(union bpf_attr, prog_type)), (struct bpf_insn *)(void *)a->data, a->len / 8);
	if (!r && a->dir != BW_BUF_BAD && (f->flags & BW_MAYBE_FDS || (f->flags & BW_HAS_FDS && f->rule == BW_LEN_VALUE && map &&
	    bw_map_value_maybe_fds(map))))
		r = gather_handles(q, a);
	return r;
}

static int gather_field(struct bw_bpf_request *q, const struct bw_bpf_field *f, uint32_t *fd_array)
{
	uint8_t *p = q->attr + f->off;
	uint32_t fd = bw_attr_u32(q->given, q->size, f->off);

	switch (f->kind) {
	case BW_FIELD_FD:
		set_u32(p, handle_for(fd));
		return 0;
	case BW_FIELD_FD_OR_NONE:
		set_u32(p, fd ? handle_for(fd) : BW_HANDLE_NONE);
		return 0;
	default:
		return gather_pointer(q, f, q->attr, q->given, q->size, false, fd_array);
	}
}

/* Which pointers a link's info holds depends on its type (and a perf event's on one word more), which the tool need not know yet. */
static void find_link_type(struct bw_bpf_request *q)
{
	uint32_t info[64] = { 0 }, i = 0;
	union bpf_attr attr;

	while (i < q->info_len && !q->info[i])
		i++;
	if (q->object != BW_OBJ_LINK || i == q->info_len || q->info_len < sizeof(info[0]))
		return;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = bw_attr_u32(q->given, q->size, 0);
	attr.info.info = (uintptr_t)info;
	attr.info.info_len = sizeof(info);
	if (bw_bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info)) < 0)
		return;
	set_u32(q->info, info[0]);
	if (info[0] == BPF_LINK_TYPE_PERF_EVENT && q->info_len >= 5 * sizeof(info[0]))
		set_u32(q->info + 16, info[4]);
}

/* The info structure has pointers of its own, which the kernel fills too. */
static int gather_info(struct bw_bpf_request *q)
{
	const struct bw_bpf_field *f = bw_bpf_info_fields(q->object);
	struct bw_bpf_arg *info = NULL;
	uint32_t unused = 0;
	unsigned int i;
	int r = 0;

	for (i = 0; i < q->nargs; i++)
		if (q->args[i].dir == BW_BUF_INOUT)
			info = &q->args[i];
	if (q->row->cmd != BPF_OBJ_GET_INFO_BY_FD || !info)
		return 0;
	q->info_len = info->len;
	q->info = malloc(info->len ? info->len : 1);
	if (!q->info)
		return -ENOMEM;
	memcpy(q->info, info->data, info->len);
	find_link_type(q);
	for (; f && f->kind != BW_FIELD_END && !r; f++)
		if (bw_bpf_field_applies(f, q->info, q->info_len))
			r = gather_pointer(q, f, info->data, q->info, q->info_len, true, &unused);
	return r;
}

/* Instructions first: they tell how long fd_array is. */
static int gather_fields(struct bw_bpf_request *q)
{
	const struct bw_bpf_field *f;
	uint32_t fd_array = 0;
	int pass, r = 0;

	for (pass = 0; pass < 2; pass++)
		for (f = q->row->fields; f->kind != BW_FIELD_END && !r; f++)
			if ((pass == 0) == !!(f->flags & BW_INSNS) && bw_bpf_field_applies(f, q->given, q->size))
				r = gather_field(q, f, &fd_array);
	return r ? r : gather_info(q);
}

/* What is longer than any attr must be zero there, as bpf_check_uarg_tail_zero() asks. */
static int check_tail(const uint8_t *user, uint32_t size)
{
	uint8_t some[256];
	uint32_t i, n;

	for (; size; size -= n, user += n) {
		n = size < sizeof(some) ? size : sizeof(some);
		if (bw_copy_in(some, user, n))
			return -EFAULT;
		for (i = 0; i < n; i++)
			if (some[i])
				return -E2BIG;
	}
	return 0;
}

static void find_objects(struct bw_bpf_request *q)
{
	struct bw_placeholder *o;

	if (q->row->map_fd_off != BW_NO_MAP) {
		o = bw_placeholder_get((int)bw_attr_u32(q->given, q->size, q->row->map_fd_off));
		q->has_map = o && o->object == BW_OBJ_MAP;
		if (q->has_map)
			q->map = o->map;
		bw_placeholder_put(o);
	}
	if (q->row->cmd == BPF_OBJ_GET_INFO_BY_FD) {
		o = bw_placeholder_get((int)bw_attr_u32(q->given, q->size, 0));
		q->object = o ? o->object : BW_OBJ_NONE;
		bw_placeholder_put(o);
	}
}

/*
 * TASK_FD_QUERY about a descriptor of the tool's own: travels with pid 0 and a handle (protocol/bpfcmd.c). What is no placeholder is neither a perf
 * event nor a link, of which the kernel says ENOTSUPP.
 */
static int own_task(struct bw_bpf_request *q)
{
	const uint16_t pid_at = offsetof(union bpf_attr, task_fd_query.pid), fd_at = offsetof(union bpf_attr, task_fd_query.fd);
	int fd = (int)bw_attr_u32(q->given, q->size, fd_at);

	if (q->row->cmd != BPF_TASK_FD_QUERY || q->size < pid_at + 4u)
		return 0;
	q->own_pid = bw_attr_u32(q->given, q->size, pid_at);
	q->pid_changed = !q->own_pid;
	if (q->pid_changed)
		set_u32(q->given + pid_at, NOBODY);
	if (!bw_is_own_pid((pid_t)q->own_pid))
		return 0;
	if (bw_handle_of(fd) == BW_HANDLE_BAD)
		return bw_sys(SYS_fcntl, (long)fd, (long)F_GETFD) < 0 ? -EBADF : -BW_ENOTSUPP;
	q->pid_changed = true;
	set_u32(q->given + pid_at, 0);
	return 0;
}

int bw_bpf_request_gather(struct bw_bpf_request *q, uint32_t cmd, void *attr, uint32_t size)
{
	int r;

	memset(q, 0, sizeof(*q));
	q->row = bw_bpf_cmd(cmd);
	if (!q->row)
		return -EINVAL;
	if (size > 4096)
		return -E2BIG;
	q->user_attr = attr;
	q->size = size < BW_BPF_ATTR_MAX ? size : BW_BPF_ATTR_MAX;
	if (bw_copy_in(q->given, attr, q->size))
		return -EFAULT;
	r = check_tail((uint8_t *)attr + q->size, size - q->size);
	if (r)
		return r;
	r = own_task(q);
	if (r)
		return r;
	memcpy(q->attr, q->given, q->size);
	find_objects(q);
	return gather_fields(q);
}

void bw_bpf_request_free(struct bw_bpf_request *q)
{
	unsigned int i;

	for (i = 0; i < q->nargs; i++)
		free(q->args[i].data);
	free(q->info);
}
