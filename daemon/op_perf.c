// SPDX-License-Identifier: Apache-2.0
/* perf_event_open(2) and the ioctls of what it gives. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/op.h"
#include "protocol/io.h"
#include "protocol/wirecode.h"

/* The kernel reads attr.size bytes, at most a page, of which there are some of 64 KiB; zeros where the tool's attr ends before. */
#define ATTR_ROOM	65536
/* How many program ids PERF_EVENT_IOC_QUERY_BPF may ask for: BPF_TRACE_MAX_PROGS in kernel/trace/bpf_trace.c. */
#define QUERY_MAX	64
#define STRING_MAX	4096	/* of a filter: the kernel takes a page */

union attr_room {
	struct perf_event_attr attr;
	uint8_t bytes[ATTR_ROOM];
};

/* May a record come without a signal to the reader? kernel/events/ring_buffer.c: only with wakeup_events 1 never. */
static bool wakes_each(const struct perf_event_attr *a)
{
	return !a->watermark && a->wakeup_events == 1;
}

BW_OP(perf_open)
{
	bw_cleanup_free char *target = NULL;
	bw_cleanup_free union attr_room *room = NULL;
	struct bw_handle_reply reply = { .object = BW_OBJ_PERF };
	struct bw_perf_open m;
	int fd, pid, handle;

	if (bw_get_perf_open(&q->r, &m) || m.attr_size > ATTR_ROOM)
		return BW_OP_MALFORMED;
	room = calloc(1, sizeof(*room));
	target = bw_str_dup(m.target);
	if (!room || !target)
		return -ENOMEM;
	memcpy(room->bytes, m.attr, m.attr_size);
	if (m.has_target)
		room->attr.config1 = (uint64_t)(uintptr_t)target;
	pid = m.flags & PERF_FLAG_PID_CGROUP ? bw_handle_fd(&w->handles, (uint32_t)m.pid) : m.pid;
	fd = (int)syscall(__NR_perf_event_open, &room->attr, pid, m.cpu, bw_handle_fd(&w->handles, m.group),
			  (unsigned long)(m.flags | PERF_FLAG_FD_CLOEXEC));
	if (fd < 0 && errno == E2BIG) {
		reply.handle = room->attr.size;
		bw_put_handle_reply(&w->reply, &reply);
		return -E2BIG;
	}
	if (fd < 0)
		return -errno;
	handle = bw_handle_add(&w->handles, BW_OBJ_PERF, fd);
	if (handle < 0)
		return handle;
	bw_handle_get(&w->handles, (uint32_t)handle)->wakes_each = wakes_each(&room->attr);
	reply.handle = (uint32_t)handle;
	bw_put_handle_reply(&w->reply, &reply);
	return 0;
}

/* ---- ioctls: one function for each form of argument ---- */

struct ioc {
	struct bw_worker *w;
	const struct bw_ioctl *m;
	unsigned long number;
	int fd;
	struct bw_ioctl_reply reply;
	uint8_t out[8 + 4 * QUERY_MAX];
};

static int call(struct ioc *i, unsigned long arg)
{
	int r = ioctl(i->fd, i->number, arg);

	if (r < 0)
		return -errno;
	i->reply.value = r;
	return 0;
}

static int by_value(struct ioc *i)
{
	return call(i, (unsigned long)i->m->value);
}

static int by_handle(struct ioc *i)
{
	return call(i, (unsigned long)(long)bw_handle_fd(&i->w->handles, (uint32_t)i->m->value));
}

static int in_u64(struct ioc *i)
{
	uint64_t v;

	if (i->m->len != sizeof(v))
		return -EINVAL;
	memcpy(&v, i->m->data, sizeof(v));
	return call(i, (unsigned long)&v);
}

static int in_string(struct ioc *i)
{
	bw_cleanup_free char *s = NULL;

	if (i->m->len > STRING_MAX)
		return -EINVAL;
	s = bw_str_dup((struct bw_str){ (const char *)i->m->data, i->m->len });
	return s ? call(i, (unsigned long)s) : -ENOMEM;
}

static int in_attr(struct ioc *i)
{
	bw_cleanup_free union attr_room *room = NULL;
	int r;

	if (i->m->len > ATTR_ROOM)
		return -E2BIG;
	room = calloc(1, sizeof(*room));
	if (!room)
		return -ENOMEM;
	memcpy(room->bytes, i->m->data, i->m->len);
	/* As this ioctl is for breakpoints alone, whose bp_addr is no pointer, nothing inside needs care. */
	r = call(i, (unsigned long)room);
	if (r == -E2BIG)
		i->reply.value = room->attr.size;
	return r;
}

static int out_u64(struct ioc *i)
{
	uint64_t v = 0;
	int r = call(i, (unsigned long)&v);

	memcpy(i->out, &v, sizeof(v));
	i->reply.len = r ? 0 : sizeof(v);
	return r;
}

/* struct perf_event_query_bpf: ids_len, prog_cnt, ids[], all of which are written, and also with ENOSPC. */
static int query(struct ioc *i)
{
	uint32_t q[2 + QUERY_MAX] = { 0 };
	int r;

	if (i->m->value > QUERY_MAX)
		return -E2BIG;
	q[0] = (uint32_t)i->m->value;
	r = call(i, (unsigned long)q);
	i->reply.len = r && r != -ENOSPC ? 0 : 4 + 4 * q[0];
	memcpy(i->out, &q[1], i->reply.len);
	return r;
}

static int (*const forms[])(struct ioc *i) = {
	[BW_IOC_PERF_ENABLE] = by_value, [BW_IOC_PERF_DISABLE] = by_value, [BW_IOC_PERF_REFRESH] = by_value,
	[BW_IOC_PERF_RESET] = by_value, [BW_IOC_PERF_PERIOD] = in_u64, [BW_IOC_PERF_SET_OUTPUT] = by_handle,
	[BW_IOC_PERF_SET_FILTER] = in_string, [BW_IOC_PERF_ID] = out_u64, [BW_IOC_PERF_SET_BPF] = by_handle,
	[BW_IOC_PERF_PAUSE_OUTPUT] = by_value, [BW_IOC_PERF_QUERY_BPF] = query, [BW_IOC_PERF_MODIFY_ATTRIBUTES] = in_attr,
};

BW_OP(ioctl)
{
	const struct bw_handle *h;
	struct bw_ioctl m;
	struct ioc i = { .w = w, .m = &m };
	int r;

	if (bw_get_ioctl(&q->r, &m))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, m.handle);
	if (!h)
		return -EBADF;
	/* The numbers are perf's own: on another kind of file they could mean anything. */
	if (h->object != BW_OBJ_PERF || m.code >= sizeof(forms) / sizeof(forms[0]) || !forms[m.code])
		return -ENOTTY;
	i.fd = h->fd;
	i.number = bw_ioctl_from_wire(m.code);
	i.reply.data = i.out;
	r = forms[m.code](&i);
	bw_put_ioctl_reply(&w->reply, &i.reply);
	return r;
}
