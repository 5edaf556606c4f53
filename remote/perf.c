// SPDX-License-Identifier: Apache-2.0
/* perf_event_open(2), and what can be done with its descriptor. Layouts: include/uapi/linux/perf_event.h. */
#include "remote/bpf.h"
#include "remote/conn.h"
#include "remote/files.h"
#include "remote/ring.h"

#include <dlfcn.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/wirecode.h"

#define ATTR_MAX	BW_BPF_ATTR_MAX		/* far above any perf_event_attr; the kernel's limit is a page */
#define FILTER_MAX	4096			/* a page, as perf_ioctl() allows */

struct request {
	_Alignas(8) uint8_t attr[ATTR_MAX];
	struct perf_event_attr *a;		/* the same */
	uint32_t size;
	char target[BW_STRING_MAX + 2];
	bool has_target;
};

/* What a ring must know of its event, in o->priv. */
struct event {
	enum bw_ring_shows shows;
};

/* ---- the attr ---- */

/* Whether all bytes of an attr behind ATTR_MAX are 0: 1 or 0, or -EFAULT. */
static int zeros_behind(const char *user, uint32_t size)
{
	static const uint8_t zeros[ATTR_MAX];
	uint8_t part[ATTR_MAX];
	uint32_t off, n;

	for (off = ATTR_MAX; off < size; off += n) {
		n = size - off < sizeof(part) ? size - off : sizeof(part);
		if (bw_copy_in(part, user + off, n))
			return -EFAULT;
		if (memcmp(part, zeros, n))
			return 0;
	}
	return 1;
}

/*
 * The board's kernel judges the attr's size, and writes its own where it refuses: so attr.size travels as it is, with as many bytes of the attr as there can be.
 * What is further behind matters only by being 0 or not. Size 0 means the first version.
 */
static int copy_attr(struct request *q, const void *user)
{
	uint32_t size;
	int zeros = 1;

	if (bw_copy_in(&size, (const char *)user + offsetof(struct perf_event_attr, size), sizeof(size)))
		return -EFAULT;
	q->a = (struct perf_event_attr *)q->attr;
	q->size = size < PERF_ATTR_SIZE_VER0 ? PERF_ATTR_SIZE_VER0 : size < ATTR_MAX ? size : ATTR_MAX;
	if ((size && size < PERF_ATTR_SIZE_VER0) || size > bw_board()->page_size) {
		memset(q->attr, 0, sizeof(q->attr));
		q->a->size = size;
		return 0;
	}
	if (bw_copy_in(q->attr, user, q->size) || (zeros = zeros_behind(user, size)) < 0)
		return -EFAULT;
	if (!zeros)
		q->attr[ATTR_MAX - 1] = 1;
	return 0;
}

/* The size that the board's kernel wrote with E2BIG, which says how much of an attr it knows. */
static void size_out(void *user, uint32_t size)
{
	if (size)
		bw_copy_out((char *)user + offsetof(struct perf_event_attr, size), &size, sizeof(size));
}

/*
 * BCC 0.26's Python passes one argument too few to bpf_attach_uprobe, so that the offset of a reference counter (the upper half of a uprobe's
 * config) is what happened to be on the stack. BCC's Python means none ever (USDT semaphores it writes by itself).
 *
 * A kprobe's function and a uprobe's file are strings that config1 points to; a kprobe may have none (an address in
 * config2).
 */
static int take_target(struct request *q)
{
	const struct bw_board *b = bw_board();
	const char *user = (const char *)(uintptr_t)q->a->config1;
	bool kprobe = q->a->type == b->pmu_kprobe, uprobe = q->a->type == b->pmu_uprobe;
	ssize_t n;

	if (!(kprobe || uprobe) || !user)
		return 0;
	if (uprobe && q->a->config >> 32 && bw_in_python_bcc())
		q->a->config &= UINT32_MAX;
	n = bw_copy_in_string(q->target, user, sizeof(q->target));
	if (n < 0)
		return -EFAULT;
	if (n == sizeof(q->target))
		return -E2BIG;		/* as perf_kprobe_init() and perf_uprobe_init() have it */
	q->has_target = true;
	q->a->config1 = 0;
	return 0;
}

static int check_pid(pid_t pid, int cpu, unsigned long flags)
{
	static atomic_bool said;

	if (flags & PERF_FLAG_PID_CGROUP)
		return pid != -1 && cpu != -1 && bw_handle_of(pid) == BW_HANDLE_BAD ? -EBADF : 0;
	if (pid == -1)
		return 0;
	if (pid == 0 || bw_is_own_pid(pid)) {
		if (!atomic_exchange(&said, true))
			bw_say("the tool asks to measure itself (perf_event_open, pid %d), which is not on the board: refused", pid);
		return -ESRCH;
	}
	return bw_refuse_child(pid) ? -ESRCH : 0;
}

static int add_event(const struct request *q, uint32_t handle, bool cloexec)
{
	struct bw_placeholder_new n = { .ops = &bw_perf_ops, .object = BW_OBJ_PERF, .handle = handle, .fd = -1, .cloexec = cloexec };
	struct event *e = calloc(1, sizeof(*e));
	int fd;

	if (e && q->a->type == PERF_TYPE_SOFTWARE && q->a->config == PERF_COUNT_SW_BPF_OUTPUT)
		e->shows = q->a->sample_type == PERF_SAMPLE_RAW ? BW_RING_RAW : BW_RING_OUTPUT;
	n.priv = e;
	fd = bw_placeholder_open(&n, NULL);
	if (fd < 0)
		free(e);
	return fd;
}

static int open_event(struct request *q, void *user, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	struct bw_perf_open m = {
		.pid = flags & PERF_FLAG_PID_CGROUP ? (int32_t)bw_handle_of(pid) : pid, .cpu = cpu,
		.group = group_fd == -1 ? BW_HANDLE_BAD : bw_handle_of(group_fd), .flags = flags & ~(unsigned long)PERF_FLAG_FD_CLOEXEC,
		.attr_size = q->size, .attr = q->attr, .has_target = q->has_target,
		.target = { q->target, q->has_target ? (uint32_t)strlen(q->target) : 0 },
	};
	struct bw_handle_reply h;
	struct bw_reader rd;
	struct bw_reply reply;
	struct bw_buf b = { 0 };
	int r;

	if (group_fd != -1 && m.group == BW_HANDLE_BAD)
		return -EBADF;
	bw_put_perf_open(&b, &m);
	r = bw_call(BW_MSG_PERF_OPEN, &b, &reply);
	rd = bw_reply_reader(&reply);
	if ((!r || r == -E2BIG) && bw_get_handle_reply(&rd, &h))
		r = r ? r : -EPROTO;
	else if (r == -E2BIG)
		size_out(user, h.handle);
	if (!r)
		r = add_event(q, h.handle, flags & PERF_FLAG_FD_CLOEXEC);
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return r;
}

long bw_perf_event_open(void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	struct request *q;
	long r = bw_conn_ready();

	if (r)
		return r;
	bw_front_end_now();
	bw_maps_push();
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	r = copy_attr(q, attr);
	if (!r)
		r = check_pid(pid, cpu, flags);
	if (!r)
		r = take_target(q);
	if (!r)
		r = open_event(q, attr, pid, cpu, group_fd, flags);
	bw_verbose(2, "perf_event_open type %u config %#llx %s: %ld", q->a ? q->a->type : 0, q->a ? (unsigned long long)q->a->config : 0ull,
		   q->target, r);
	free(q);
	return r;
}

/* ---- ioctl ---- */

static int send_ioctl(struct bw_placeholder *o, struct bw_ioctl *m, struct bw_reply *reply)
{
	struct bw_buf b = { 0 };
	int r;

	m->handle = o->handle;
	bw_put_ioctl(&b, m);
	r = bw_call(BW_MSG_IOCTL, &b, reply);
	bw_buf_free(&b);
	return r;
}

/* Result of an ioctl whose reply carries size bytes (or fewer) for `out`. */
static int finish_ioctl(const struct bw_reply *reply, int r, void *out, size_t size)
{
	struct bw_reader rd = bw_reply_reader(reply);
	struct bw_ioctl_reply a;

	if (r)
		return r;
	r = bw_get_ioctl_reply(&rd, &a);
	if (!r && out)
		r = bw_copy_out(out, a.data, a.len < size ? a.len : size);
	return r ? r : (int)a.value;
}

/* struct perf_event_query_bpf: u32 ids_len, in; u32 prog_cnt and the ids, out; also where there was no room for all. */
static int query_bpf(struct bw_placeholder *o, struct bw_ioctl *m, void *arg, struct bw_reply *reply)
{
	uint32_t ids_len;
	int r;

	if (bw_copy_in(&ids_len, arg, sizeof(ids_len)))
		return -EFAULT;
	m->value = ids_len;
	r = send_ioctl(o, m, reply);
	if (r != -ENOSPC)
		return finish_ioctl(reply, r, (char *)arg + sizeof(ids_len), 4 + 4 * (size_t)ids_len);
	r = finish_ioctl(reply, 0, (char *)arg + sizeof(ids_len), 4 + 4 * (size_t)ids_len);
	return r < 0 ? r : -ENOSPC;
}

static int with_bytes(struct bw_placeholder *o, struct bw_ioctl *m, const void *user, size_t len, struct bw_reply *reply)
{
	uint8_t *data = malloc(len ? len : 1);
	int r = data ? bw_copy_in(data, user, len) : -ENOMEM;

	m->data = data;
	m->len = (uint32_t)len;
	if (!r)
		r = finish_ioctl(reply, send_ioctl(o, m, reply), NULL, 0);
	free(data);
	return r;
}

static int set_filter(struct bw_placeholder *o, struct bw_ioctl *m, const char *user, struct bw_reply *reply)
{
	char text[FILTER_MAX];
	ssize_t n = bw_copy_in_string(text, user, sizeof(text));

	if (n < 0)
		return -EFAULT;
	if (text[n - 1])
		return -EINVAL;
	m->data = (const uint8_t *)text;
	m->len = (uint32_t)n;
	return finish_ioctl(reply, send_ioctl(o, m, reply), NULL, 0);
}

static int modify_attributes(struct bw_placeholder *o, struct bw_ioctl *m, void *user, struct bw_reply *reply)
{
	struct request q;
	int r = copy_attr(&q, user), size;

	if (r)
		return r;
	m->data = q.attr;
	m->len = q.size;
	r = send_ioctl(o, m, reply);
	if (r != -E2BIG)
		return finish_ioctl(reply, r, NULL, 0);
	size = finish_ioctl(reply, 0, NULL, 0);
	if (size > 0)
		size_out(user, (uint32_t)size);
	return r;
}

/* -1 ends an earlier SET_OUTPUT, and must not be what a wrong descriptor means. */
static int set_output(struct bw_placeholder *o, struct bw_ioctl *m, unsigned long arg, struct bw_reply *reply)
{
	m->value = arg == ~0ul ? BW_HANDLE_BAD : bw_handle_of((int)arg);
	if (arg != ~0ul && m->value == BW_HANDLE_BAD)
		return -EBADF;
	return finish_ioctl(reply, send_ioctl(o, m, reply), NULL, 0);
}

static int ioctl_by_code(struct bw_placeholder *o, struct bw_ioctl *m, unsigned long arg, struct bw_reply *reply)
{
	void *user = (void *)arg;

	switch ((enum bw_ioctl_code)m->code) {
	case BW_IOC_NONE:
		return -ENOTTY;
	case BW_IOC_PERF_ENABLE:
	case BW_IOC_PERF_DISABLE:
	case BW_IOC_PERF_REFRESH:
	case BW_IOC_PERF_RESET:
	case BW_IOC_PERF_PAUSE_OUTPUT:
		m->value = arg;
		return finish_ioctl(reply, send_ioctl(o, m, reply), NULL, 0);
	case BW_IOC_PERF_SET_OUTPUT:
		return set_output(o, m, arg, reply);
	case BW_IOC_PERF_SET_BPF:
		m->value = (int)arg == -1 ? BW_HANDLE_BAD : bw_handle_of((int)arg);
		return finish_ioctl(reply, send_ioctl(o, m, reply), NULL, 0);
	case BW_IOC_PERF_ID:
		return finish_ioctl(reply, send_ioctl(o, m, reply), user, sizeof(uint64_t));
	case BW_IOC_PERF_PERIOD:
		return with_bytes(o, m, user, sizeof(uint64_t), reply);
	case BW_IOC_PERF_SET_FILTER:
		return set_filter(o, m, user, reply);
	case BW_IOC_PERF_QUERY_BPF:
		return query_bpf(o, m, user, reply);
	case BW_IOC_PERF_MODIFY_ATTRIBUTES:
		return modify_attributes(o, m, user, reply);
	}
	return -ENOTTY;
}

static int perf_ioctl(struct bw_placeholder *o, unsigned long request, unsigned long arg)
{
	struct bw_ioctl m = { .code = bw_ioctl_to_wire(request) };
	struct bw_reply reply = { 0 };
	int r;

	bw_maps_push();
	r = ioctl_by_code(o, &m, arg, &reply);
	bw_reply_free(&reply);
	if (r == -ENODEV && m.code == BW_IOC_PERF_DISABLE && bw_lost())
		r = 0;
	bw_verbose(2, "ioctl %#lx on a perf event: %d", request, r);
	return r;
}

/* ---- the rest ---- */

static void *perf_mmap(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	const struct event *e = o->priv;

	return bw_ring_mmap_perf(o, fd, addr, len, prot, flags, offset, e ? e->shows : BW_RING_ALL);
}

static ssize_t no_write(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset)
{
	(void)o, (void)buf, (void)len, (void)offset;
	return -EINVAL;
}

static void perf_free(struct bw_placeholder *o)
{
	free(o->priv);
}

const struct bw_placeholder_ops bw_perf_ops = {
	.name = "anon_inode:[perf_event]", .read = bw_handle_read, .write = no_write, .ioctl = perf_ioctl, .mmap = perf_mmap, .free = perf_free,
};
