// SPDX-License-Identifier: Apache-2.0
/*
 * Probes of the text protocol. Each is one perf event, whose descriptor is the number that the client gets; closing it detaches. A kernel without the
 * kprobe and uprobe PMUs (before 4.17) gets a line in kprobe_events or uprobe_events, journalled as all are, and its tracepoint. Where the kernel has links
 * (5.15) the program is attached by one, which is what is pinned when the number is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/object.h"
#include "daemon/text.h"
#include "protocol/io.h"

#define TARGET_MAX	512	/* of a line of uprobe_events */

enum kind { KPROBE, UPROBE, TRACEPOINT, PERF, NKINDS };

static const struct {
	const char *answer, *pmu, *events, *group;
} kinds[NKINDS] = {
	[KPROBE] = { "kprobe", "kprobe", "kprobe_events", "bpfwire_k" },
	[UPROBE] = { "uprobe", "uprobe", "uprobe_events", "bpfwire_u" },
	[TRACEPOINT] = { "tracepoint", NULL, NULL, NULL },
	[PERF] = { "perf_event", NULL, NULL, NULL },
};

struct bw_text_probe {
	struct bw_text_probe *next;
	enum kind kind;
	uint32_t handle;
	int link;			/* or -1 */
	bool pinned;
	char *name;			/* the client's; "category name" of a tracepoint; "" of a perf event */
	char *event;			/* of the line in its events file, or NULL */
};

static const char *tracefs(void)
{
	return access("/sys/kernel/tracing/events", F_OK) ? "/sys/kernel/debug/tracing" : "/sys/kernel/tracing";
}

static int read_number(const char *path, int64_t *out)
{
	char text[64];
	ssize_t n = bw_read_line(path, text, sizeof(text));
	char *end;

	if (n < 0)
		return (int)n;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || end == text ? -EINVAL : 0;
}

/* ---- the books ---- */

static void free_probe(struct bw_text *t, struct bw_text_probe *p)
{
	char path[64], line[160];
	int fd, n;

	if (p->event) {
		snprintf(path, sizeof(path), "%s/%s", tracefs(), kinds[p->kind].events);
		n = snprintf(line, sizeof(line), "-:%s\n", p->event);
		fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (fd >= 0) {
			bw_journal_write(&t->w.journal, fd, path, line, (size_t)n);	/* what fails is undone from the journal */
			close(fd);
		}
	}
	if (p->link >= 0)
		close(p->link);
	free(p->event);
	free(p->name);
	free(p);
}

static struct bw_text_probe *new_probe(enum kind kind, char *name)
{
	struct bw_text_probe *p = name ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		free(name);
		return NULL;
	}
	p->kind = kind;
	p->link = -1;
	p->name = name;
	return p;
}

static struct bw_text_probe *probe_of(const struct bw_text *t, uint32_t handle)
{
	struct bw_text_probe *p = t->probes;

	while (p && p->handle != handle)
		p = p->next;
	return p;
}

void bw_text_probe_drop(struct bw_text *t, uint32_t handle)
{
	for (struct bw_text_probe **at = &t->probes, *p; (p = *at); at = &p->next)
		if (p->handle == handle) {
			*at = p->next;
			free_probe(t, p);
			return;
		}
}

void bw_text_probes_fini(struct bw_text *t)
{
	while (t->probes)
		bw_text_probe_drop(t, t->probes->handle);
}

/* All of that name, as the original had one event for all who attached to it. */
static int detach(struct bw_text *t, enum kind kind, const char *name)
{
	int r = name ? -ENOENT : -ENOMEM;
	struct bw_text_probe *p = t->probes;

	while (name && p) {
		if (p->kind == kind && !strcmp(p->name, name)) {
			r = bw_text_close_handle(t, p->handle);
			p = t->probes;		/* it is another list now */
		} else {
			p = p->next;
		}
	}
	return r;
}

/* ---- perf events ---- */

static int prog_fd(const struct bw_text *t, uint64_t num)
{
	const struct bw_handle *h = bw_handle_get(&t->w.handles, bw_text_handle(t, num));

	return !h ? -EBADF : h->object != BW_OBJ_PROG ? -EINVAL : h->fd;
}

/* A line of an events file is undone when the session ends, so what hangs on one is not to outlive it. */
static int make_link(int fd, int prog, const struct bw_text_probe *p)
{
	union bpf_attr a;

	if (p->event)
		return -1;
	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (uint32_t)prog;
	a.link_create.target_fd = (uint32_t)fd;
	a.link_create.attach_type = BPF_PERF_EVENT;
	return (int)bw_sys_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

/* The number of a perf event that runs the program; p is among the probes then. Or -errno. Takes fd, which may be an errno. */
static int run_program(struct bw_text *t, int fd, int prog, struct bw_text_probe *p)
{
	int r;

	if (fd < 0)
		return fd;
	p->link = make_link(fd, prog, p);
	/* Of why not the older way tells: there are kernels that know no links. */
	if ((p->link < 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog)) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	r = bw_handle_add(&t->w.handles, BW_OBJ_PERF, fd);
	if (r < 0)
		return r;
	p->handle = (uint32_t)r;
	p->next = t->probes;
	t->probes = p;
	return bw_text_number(p->handle);
}

int bw_text_probe_pin(struct bw_text *t, uint32_t handle, const char *path)
{
	struct bw_text_probe *p = probe_of(t, handle);
	union bpf_attr a;

	if (!p || p->link < 0)
		return -EINVAL;
	memset(&a, 0, sizeof(a));
	a.pathname = (uint64_t)(uintptr_t)path;
	a.bpf_fd = (uint32_t)p->link;
	if (bw_sys_bpf(BPF_OBJ_PIN, &a, sizeof(a)) < 0)
		return -errno;
	p->pinned = true;
	return 0;
}

uint32_t bw_text_probe_unpinned(const struct bw_text *t)
{
	struct bw_text_probe *p = t->probes;

	while (p && p->pinned)
		p = p->next;
	return p ? p->handle : BW_HANDLE_CLOSED;
}

static int perf_open(struct perf_event_attr *a, int pid, int cpu, int group)
{
	int fd;

	a->size = sizeof(*a);
	fd = (int)syscall(__NR_perf_event_open, a, pid, cpu, group, (unsigned long)PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_tracepoint(const char *path, int pid)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .sample_period = 1, .wakeup_events = 1, .sample_type = PERF_SAMPLE_RAW };
	int64_t id;
	int r = read_number(path, &id);

	if (r)
		return r;
	a.config = (uint64_t)id;
	return perf_open(&a, pid, pid < 0 ? 0 : -1, -1);
}

/* ---- kprobes and uprobes ---- */

struct where {
	enum kind kind;
	bool ret;
	const char *target;		/* function or file */
	uint64_t offset, maxactive;
	int pid;
};

/* -ENOENT: this kernel has no such PMU. */
static int open_pmu(const struct where *w)
{
	struct perf_event_attr a = { .config1 = (uint64_t)(uintptr_t)w->target, .config2 = w->offset };
	char path[96], format[32];
	int64_t type;
	int bit = 0;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", kinds[w->kind].pmu);
	if (read_number(path, &type))
		return -ENOENT;
	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/format/retprobe", kinds[w->kind].pmu);
	if (bw_read_line(path, format, sizeof(format)) > 0 && sscanf(format, "config:%d", &bit) != 1)
		bit = 0;
	a.type = (uint32_t)type;
	a.config = (uint64_t)w->ret << (bit & 63);
	return perf_open(&a, w->pid, w->pid < 0 ? 0 : -1, -1);
}

static int make_event(struct bw_text *t, const struct where *w, const char *event)
{
	char path[64], line[TARGET_MAX + 256], most[24] = "";
	bw_cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", tracefs(), kinds[w->kind].events);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (w->ret && w->maxactive)
		snprintf(most, sizeof(most), "%u", (unsigned int)w->maxactive);
	n = snprintf(line, sizeof(line), w->kind == UPROBE ? "%c%s:%s %s:%#llx\n" : "%c%s:%s %s+%llu\n", w->ret ? 'r' : 'p', most, event, w->target,
		     (unsigned long long)w->offset);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -ENAMETOOLONG;
	n = bw_journal_write(&t->w.journal, fd, path, line, (size_t)n);
	return n < 0 ? (int)n : 0;
}

/* The event's name is this session's own: what the client says may be another's. */
static int open_event(struct bw_text *t, const struct where *w, struct bw_text_probe *p)
{
	static unsigned int count;
	char path[192], *event;
	int r;

	if (asprintf(&event, "%s/p_%d_%u", kinds[w->kind].group, getpid(), ++count) < 0)
		return -ENOMEM;
	r = make_event(t, w, event);
	if (r) {
		free(event);
		return r;
	}
	p->event = event;
	snprintf(path, sizeof(path), "%s/events/%s/id", tracefs(), event);
	return open_tracepoint(path, w->pid);
}

static int attach(struct bw_text *t, const struct where *w, uint64_t prog, const struct bw_str *name)
{
	struct bw_text_probe *p;
	int fd = prog_fd(t, prog), perf, r;

	if (fd < 0)
		return fd;
	p = new_probe(w->kind, bw_str_dup(*name));
	if (!p)
		return -ENOMEM;
	/* A number of instances cannot be told to the PMU. */
	perf = w->maxactive && w->ret ? -ENOENT : open_pmu(w);
	if (perf == -ENOENT)
		perf = open_event(t, w, p);
	r = run_program(t, perf, fd, p);
	if (r < 0)
		free_probe(t, p);
	return r;
}

static int attach_where(struct bw_text *t, struct where *w, const struct bw_text_line *l, const struct bw_str *target)
{
	bw_cleanup_free char *text = bw_str_dup(*target);

	if (!text)
		return -ENOMEM;
	if (l->v[1].num > 1 || target->len >= TARGET_MAX || strchr(text, ' ') || w->maxactive > INT32_MAX)
		return -EINVAL;
	w->ret = l->v[1].num;
	w->target = text;
	return attach(t, w, l->v[0].num, &l->v[2].text);
}

int bw_text_attach_kprobe(struct bw_text *t, const struct bw_text_line *l)
{
	struct where w = { .kind = KPROBE, .pid = -1, .offset = l->v[4].num, .maxactive = l->v[5].num };

	return bw_text_ret(t, "bpf_attach_kprobe", attach_where(t, &w, l, &l->v[3].text));
}

/* Process 0 would be this one. */
int bw_text_attach_uprobe(struct bw_text *t, const struct bw_text_line *l)
{
	struct where w = { .kind = UPROBE, .pid = (int)l->v[5].num, .offset = l->v[4].num };
	int r = w.pid == 0 || w.pid < -1 ? -EINVAL : attach_where(t, &w, l, &l->v[3].text);

	return bw_text_ret(t, "bpf_attach_uprobe", r);
}

static int detach_named(struct bw_text *t, enum kind kind, const struct bw_text_line *l)
{
	bw_cleanup_free char *name = bw_str_dup(l->v[0].text), *answer = NULL;

	if (asprintf(&answer, "bpf_detach_%s", kinds[kind].answer) < 0)
		answer = NULL;
	return bw_text_ret(t, answer ? answer : "bpf_detach", detach(t, kind, name));
}

int bw_text_detach_kprobe(struct bw_text *t, const struct bw_text_line *l)
{
	return detach_named(t, KPROBE, l);
}

int bw_text_detach_uprobe(struct bw_text *t, const struct bw_text_line *l)
{
	return detach_named(t, UPROBE, l);
}

/* ---- tracepoints ---- */

/* "category name"; NULL without memory. */
static char *tracepoint_name(const struct bw_str *category, const struct bw_str *name)
{
	char *s;

	return asprintf(&s, "%.*s %.*s", (int)category->len, category->p, (int)name->len, name->p) < 0 ? NULL : s;
}

/* Of the names only names: "../x" would be a file elsewhere. */
static int tracepoint_path(const struct bw_str *category, const struct bw_str *name, char *path, size_t size)
{
	const struct bw_str *both[] = { category, name };

	for (int i = 0; i < 2; i++)
		if (both[i]->len > 128 || memchr(both[i]->p, '/', both[i]->len) || *both[i]->p == '.')
			return -EINVAL;
	snprintf(path, size, "%s/events/%.*s/%.*s/id", tracefs(), (int)category->len, category->p, (int)name->len, name->p);
	return 0;
}

static int attach_tracepoint(struct bw_text *t, uint64_t prog, const struct bw_str *category, const struct bw_str *name)
{
	struct bw_text_probe *p;
	int fd = prog_fd(t, prog), r;
	char path[384];

	r = fd < 0 ? fd : tracepoint_path(category, name, path, sizeof(path));
	if (r)
		return r;
	p = new_probe(TRACEPOINT, tracepoint_name(category, name));
	if (!p)
		return -ENOMEM;
	r = run_program(t, open_tracepoint(path, -1), fd, p);
	if (r < 0)
		free_probe(t, p);
	return r;
}

int bw_text_attach_tracepoint(struct bw_text *t, const struct bw_text_line *l)
{
	return bw_text_ret(t, "bpf_attach_tracepoint", attach_tracepoint(t, l->v[0].num, &l->v[1].text, &l->v[2].text));
}

int bw_text_detach_tracepoint(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free char *name = tracepoint_name(&l->v[0].text, &l->v[1].text);

	return bw_text_ret(t, "bpf_detach_tracepoint", detach(t, TRACEPOINT, name));
}

/* ---- perf events ---- */

static int attach_perf_event(struct bw_text *t, const struct bw_text_line *l)
{
	struct perf_event_attr a = { .type = (uint32_t)l->v[1].num, .config = l->v[2].num };
	int fd = prog_fd(t, l->v[0].num), leader = bw_handle_fd(&t->w.handles, bw_text_handle(t, l->v[7].num)), r;
	struct bw_text_probe *p;

	if (fd < 0)
		return fd;
	if ((int64_t)l->v[7].num != -1 && leader < 0)
		return -EBADF;
	/* A sampling frequency goes before a period, as it does in BCC. */
	a.freq = l->v[4].num > 0;
	a.sample_freq = a.freq ? l->v[4].num : l->v[3].num;
	p = new_probe(PERF, strdup(""));
	if (!p)
		return -ENOMEM;
	r = run_program(t, perf_open(&a, (int)l->v[5].num, (int)l->v[6].num, leader), fd, p);
	if (r < 0)
		free_probe(t, p);
	return r;
}

int bw_text_attach_perf_event(struct bw_text *t, const struct bw_text_line *l)
{
	return bw_text_ret(t, "bpf_attach_perf_event", attach_perf_event(t, l));
}

int bw_text_close_perf_event(struct bw_text *t, const struct bw_text_line *l)
{
	uint32_t handle = bw_text_handle(t, l->v[0].num);
	const struct bw_handle *h = bw_handle_get(&t->w.handles, handle);
	int r = !h ? -EBADF : h->object != BW_OBJ_PERF ? -EINVAL : bw_text_close_handle(t, handle);

	return bw_text_ret(t, "bpf_close_perf_event_fd", r);
}
