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

/* Size 0 means the first version. A longer attr than we know travels as it is: the board's kernel judges it. */
static int copy_attr(struct request *q, const void *user)
{
	if (bw_copy_in(&q->size, (const char *)user + offsetof(struct perf_event_attr, size), sizeof(q->size)))
		return -EFAULT;
	if (!q->size)
		q->size = PERF_ATTR_SIZE_VER0;
	if (q->size < PERF_ATTR_SIZE_VER0 || q->size > ATTR_MAX)
		return -E2BIG;
	if (bw_copy_in(q->attr, user, q->size))
		return -EFAULT;
	q->a = (struct perf_event_attr *)q->attr;
	return 0;
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
		return kprobe ? -EINVAL : -ENAMETOOLONG;
	q->has_target = true;
	q->a->config1 = 0;
	return 0;
}

static int check_pid(pid_t pid, unsigned long flags)
{
	static atomic_bool said;

	if (flags & PERF_FLAG_PID_CGROUP || pid == -1)
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

static int open_event(struct request *q, pid_t pid, int cpu, int group_fd, unsigned long flags)
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
	if (!r)
		r = bw_get_handle_reply(&rd, &h);
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
		r = check_pid(pid, flags);
	if (!r)
		r = take_target(q);
	if (!r)
		r = open_event(q, pid, cpu, group_fd, flags);
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

/* struct perf_event_query_bpf: u32 ids_len, in; u32 prog_cnt and the ids, out. */
static int query_bpf(struct bw_placeholder *o, struct bw_ioctl *m, void *arg, struct bw_reply *reply)
{
	uint32_t ids_len;

	if (bw_copy_in(&ids_len, arg, sizeof(ids_len)))
		return -EFAULT;
	m->value = ids_len;
	return finish_ioctl(reply, send_ioctl(o, m, reply), (char *)arg + sizeof(ids_len), 4 + 4 * (size_t)ids_len);
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

static int modify_attributes(struct bw_placeholder *o, struct bw_ioctl *m, const void *user, struct bw_reply *reply)
{
	struct request q;
	int r = copy_attr(&q, user);

	if (r)
		return r;
	m->data = q.attr;
	m->len = q.size;
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
