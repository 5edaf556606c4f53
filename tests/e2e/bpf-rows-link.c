// SPDX-License-Identifier: Apache-2.0
/* What programs are attached to: cgroups and links. */
#include "bpf-rows.h"

/* ---- cgroups ---- */

static void query(const char *name, uint32_t target, uint32_t type, uint32_t room, uint32_t flags)
{
	uint32_t ids[16], i;
	union bpf_attr attr = ATTR(.query = { .target_fd = target, .attach_type = type, .query_flags = flags, .prog_ids = PTR(ids), .prog_cnt = room });

	memset(ids, 0xa5, sizeof(ids));
	mask(FIELD(query.prog_ids));
	row(name, BPF_PROG_QUERY, &attr, sizeof(attr.query));
	printf("  ids:");
	for (i = 0; i < 4; i++)
		printf(" %s", ids[i] == 0xa5a5a5a5 ? "-" : ids[i] ? "id" : "0");
	putchar('\n');
}

void cgroup_section(void)
{
	/* cgroup2 beside version 1 is elsewhere. */
	const char *dir = access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup/bw-rows" : "/sys/fs/cgroup/unified/bw-rows";
	int fd, prog = LOAD(BPF_PROG_TYPE_CGROUP_SKB, 0, MOV_IMM(0, 1), EXIT), prog2 = LOAD(BPF_PROG_TYPE_CGROUP_SKB, 0, MOV_IMM(0, 1), EXIT), link;
	struct bpf_link_info info = { 0 };
	union bpf_attr attr;

	if (mkdir(dir, 0755) && errno != EEXIST)
		printf("mkdir: errno %d\n", errno);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	printf("directory: %s\n", fd < 0 ? strerror(errno) : "open");
	NEED(fd);
#define ATTACH(what, cmd, ...) do { attr = ATTR(.target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_INET_EGRESS, __VA_ARGS__); \
	row(what, cmd, &attr, FIELD(replace_bpf_fd) + 4); } while (0)
	ATTACH("attach", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach again", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach with other flags", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog2);
	ATTACH("attach a second", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog2, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach a bad one", BPF_PROG_ATTACH, .attach_bpf_fd = 9999, .attach_flags = BPF_F_ALLOW_MULTI);
	query("query", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 16, 0);
	query("query with little room", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 1, 0);
	query("query with no room", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 0, 0);
	query("query what is effective", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 16, BPF_F_QUERY_EFFECTIVE);
	query("query of another type", (uint32_t)fd, BPF_CGROUP_INET_INGRESS, 16, 0);
	query("query of a bad type", (uint32_t)fd, 250, 16, 0);
	query("query of a bad directory", 9999, BPF_CGROUP_INET_EGRESS, 16, 0);
	query("query of a program", (uint32_t)prog, BPF_CGROUP_INET_EGRESS, 16, 0);
	ATTACH("detach", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	ATTACH("detach again", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	ATTACH("replace", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE, .replace_bpf_fd = (uint32_t)prog2);
	ATTACH("detach what is replaced", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog2);
	ATTACH("detach", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	attr = ATTR(.target_fd = 9999, .attach_bpf_fd = (uint32_t)prog, .attach_type = BPF_CGROUP_INET_EGRESS);
	row("attach to nothing", BPF_PROG_ATTACH, &attr, FIELD(replace_bpf_fd) + 4);
	attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_INET_EGRESS });
	link = (int)row_fd("link", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	info_row("its info", link, &info, sizeof(info));
	printf("  type %u attach %u cgroup %d\n", info.type, info.cgroup.attach_type, info.cgroup.cgroup_id != 0);
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog2 });
	row("update it", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)prog });
	row("update it, not what it has", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)prog2 });
	row("update it, what it has", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = 9999 });
	row("update it with a bad program", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it again", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	close(link); close(fd); close(prog); close(prog2);
	printf("rmdir: %d\n", rmdir(dir) ? errno : 0);
}

/* ---- links ---- */

static void task_query(const char *name, uint32_t pid, int fd, uint32_t room)
{
	char buf[128];
	union bpf_attr attr = ATTR(.task_fd_query = { .pid = pid, .fd = (uint32_t)fd, .buf = PTR(buf), .buf_len = room });

	memset(buf, 0xa5, sizeof(buf));
	mask(FIELD(task_fd_query.prog_id));
	row(name, BPF_TASK_FD_QUERY, &attr, sizeof(attr.task_fd_query));
	dump("name", buf, sizeof(buf));
}

static uint32_t tracepoint_id(const char *path)
{
	FILE *f = fopen(path, "r");
	uint32_t id = 0;

	if (f && fscanf(f, "%u", &id) != 1)
		id = 0;
	if (f)
		fclose(f);
	return id;
}

static void perf_link(void)
{
	struct perf_event_attr pe = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(pe), .config = tracepoint_id("/sys/kernel/tracing/events/sched/sched_switch/id"),
				      .sample_period = 1 };
	int prog = LOAD(BPF_PROG_TYPE_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT), event = (int)syscall(__NR_perf_event_open, &pe, -1, 0, -1, 0), link;
	union bpf_attr attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .target_fd = (uint32_t)event, .attach_type = BPF_PERF_EVENT,
						     .perf_event = { 0x123456789abcull } });
	struct bpf_link_info info = { 0 };
	char name[64];

	printf("event: %s\n", event < 0 ? strerror(errno) : "open");
	link = (int)row_fd("link a perf event", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	info_row("its info", link, &info, sizeof(info));
	printf("  type %u kind %u\n", info.type, ((uint32_t *)&info)[4]);
	if (((uint32_t *)&info)[4]) {	/* since 6.6 */
		memset(name, 0xa5, sizeof(name));
		memset(&info, 0, sizeof(info));
		((uint64_t *)&info)[3] = PTR(name);
		((uint32_t *)&info)[8] = sizeof(name);
		info_row("its info with the name", link, &info, sizeof(info));
		dump("name", name, sizeof(name));
		printf("  length %u cookie %llx\n", ((uint32_t *)&info)[8], (unsigned long long)((uint64_t *)&info)[5]);
	}
	task_query("query the event", (uint32_t)getpid(), event, 128);
	task_query("query the event with little room", (uint32_t)getpid(), event, 6);
	task_query("query the event with no room", (uint32_t)getpid(), event, 0);
	close(link); close(event); close(prog);
}

static void multi_links(void)
{
	static const char *const two[] = { "vfs_read", "vfs_write" }, *const none[] = { "vfs_read", "no_such_function" };
	const char *const bad[] = { "vfs_read", (const char *)BAD_PTR };
	char longest[700];
	const char *const too_long[] = { longest };
	uint64_t cookies[] = { 11, 22 }, addrs[2] = { 1, 2 };
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, MOV_IMM(0, 0), EXIT), link;
	struct bpf_link_info info;
	union bpf_attr attr;

	memset(longest, 'f', sizeof(longest));
#define MULTI(what, n, ...) ({ attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .attach_type = BPF_TRACE_KPROBE_MULTI, .kprobe_multi = { .cnt = n, \
	__VA_ARGS__ } }); (int)row_fd("kprobe_multi " what, BPF_LINK_CREATE, &attr, sizeof(attr.link_create)); })
	link = MULTI("by symbols", 2, .syms = PTR(two), .cookies = PTR(cookies));
	if (link >= 0) {
		uint64_t at[4] = { 0 };

		memset(&info, 0, sizeof(info));
		info_row("its info", link, &info, sizeof(info));
		printf("  type %u count %u\n", info.type, ((uint32_t *)&info)[6]);
		memset(&info, 0, sizeof(info));
		((uint64_t *)&info)[2] = PTR(at);
		((uint32_t *)&info)[6] = 4;
		info_row("its info with addresses", link, &info, sizeof(info));
		printf("  %d %d %d\n", at[0] != 0, at[1] != 0, at[2] != 0);
		if (((uint32_t *)&info)[6] == 2) {
			memcpy(addrs, at, sizeof(addrs));
			close(MULTI("by addresses", 2, .addrs = PTR(addrs), .cookies = PTR(cookies)));
		}
	}
	close(link);
	close(MULTI("by symbols, without cookies", 1, .syms = PTR(two)));
	close(MULTI("of returns", 2, .syms = PTR(two), .flags = 1));
	MULTI("of what is not there", 2, .syms = PTR(none));
	MULTI("of a bad string", 2, .syms = PTR(bad));
	MULTI("of a bad array", 2, .syms = BAD_PTR);
	MULTI("of a string too long", 1, .syms = PTR(too_long));
	MULTI("of none", 0, .syms = PTR(two));
	MULTI("of too many", 2000000, .syms = PTR(two));
	MULTI("of symbols and addresses", 2, .syms = PTR(two), .addrs = PTR(addrs));
	MULTI("of neither", 2, .flags = 0);
	MULTI("of bad addresses", 2, .addrs = PTR(cookies));
	MULTI("of addresses at a bad pointer", 2, .addrs = BAD_PTR);
	MULTI("with bad cookies", 2, .syms = PTR(two), .cookies = BAD_PTR);
	MULTI("with bad flags", 2, .syms = PTR(two), .flags = 1u << 30);
	close(prog);
}

static void uprobe_links(void)
{
	struct { uint32_t prog, target, type, flags; uint64_t path, offsets, refs, cookies; uint32_t cnt, uflags, pid, zero; } u;
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, 48, MOV_IMM(0, 0), EXIT);
	uint64_t offsets[] = { 0x1000, 0x2000 }, cookies[] = { 1, 2 };
	union bpf_attr attr;
	size_t i;
	static const struct { const char *name, *path; bool offsets; uint32_t cnt, flags; } rows[] = {
		{ "uprobe_multi of two", "/bin/sh", true, 2, 0 }, { "uprobe_multi of what is not there", "/no/such/file", true, 2, 0 },
		{ "uprobe_multi of a directory", "/", true, 2, 0 }, { "uprobe_multi without offsets", "/bin/sh", false, 2, 0 },
		{ "uprobe_multi of none", "/bin/sh", true, 0, 0 }, { "uprobe_multi with bad flags", "/bin/sh", true, 1, 1u << 30 },
		{ "uprobe_multi of a bad path", NULL, true, 2, 0 },
	};

	for (i = 0; i < COUNT(rows); i++) {
		memset(&u, 0, sizeof(u));
		u.prog = (uint32_t)prog;
		u.type = 48;
		u.path = rows[i].path ? PTR(rows[i].path) : BAD_PTR;
		u.offsets = rows[i].offsets ? PTR(offsets) : 0;
		u.cookies = PTR(cookies);
		u.cnt = rows[i].cnt;
		u.uflags = rows[i].flags;
		memset(&attr, 0, sizeof(attr));
		memcpy(&attr, &u, sizeof(u));
		close((int)row_fd(rows[i].name, BPF_LINK_CREATE, &attr, 64));
	}
	close(prog);
}

void link_section(void)
{
	int prog = LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT), link, xdp = LOAD(BPF_PROG_TYPE_XDP, 0, MOV_IMM(0, 2), EXIT), fd;
	union bpf_attr attr;
	struct bpf_link_info info = { 0 };
	char name[64];
	uint32_t type, id;

#define RAW(what, n, p) ({ attr = ATTR(.raw_tracepoint = { .name = PTR(n), .prog_fd = (uint32_t)(p) }); \
	(int)row_fd(what, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr.raw_tracepoint)); })
	link = RAW("raw tracepoint", "sched_switch", prog);
	RAW("raw tracepoint that is not there", "no_such_tracepoint", prog);
	RAW("raw tracepoint without a program", "sched_switch", 9999);
	RAW("raw tracepoint of a bad pointer", (char *)BAD_PTR, prog);
	RAW("raw tracepoint of NULL", NULL, prog);
	RAW("raw tracepoint of another program", "sched_switch", xdp);
	memset(name, 0xa5, sizeof(name));
	info.raw_tracepoint.tp_name = PTR(name);
	info.raw_tracepoint.tp_name_len = sizeof(name);
	info_row("its info", link, &info, sizeof(info));
	dump("name", name, sizeof(name));
	printf("  type %u length %u\n", info.type, info.raw_tracepoint.tp_name_len);
	id = info.id;
	memset(name, 0xa5, sizeof(name));
	memset(&info, 0, sizeof(info));
	info.raw_tracepoint.tp_name = PTR(name);
	info.raw_tracepoint.tp_name_len = 6;
	info_row("its info with little room", link, &info, sizeof(info));
	dump("name", name, sizeof(name));
	info.raw_tracepoint.tp_name = BAD_PTR;
	info.raw_tracepoint.tp_name_len = 60;
	info_row("its info at a bad pointer", link, &info, sizeof(info));
	task_query("query the link", (uint32_t)getpid(), link, 128);
	task_query("query a program", (uint32_t)getpid(), prog, 128);
	task_query("query what is closed", (uint32_t)getpid(), 9999, 128);
	task_query("query of nobody", 0x3ffffff0, 3, 128);
	attr = ATTR(.link_id = id);
	fd = (int)row_fd("link by id", BPF_LINK_GET_FD_BY_ID, &attr, FIELD(open_flags) + 4);
	close(fd);
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog });
	row("update it", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	attr = ATTR(.iter_create = { .link_fd = (uint32_t)link });
	row("iterate over it", BPF_ITER_CREATE, &attr, sizeof(attr.iter_create));
	close(link);
	perf_link();
	multi_links();
	uprobe_links();
	for (type = 0; type < 64; type++) {
		attr = ATTR(.link_create = { .prog_fd = (uint32_t)xdp, .target_fd = 0x7ffffff0, .attach_type = type });
		snprintf(name, sizeof(name), "link xdp with attach type %u", type);
		close((int)row_fd(name, BPF_LINK_CREATE, &attr, sizeof(attr.link_create)));
	}
	attr = ATTR(.link_create = { .prog_fd = (uint32_t)xdp, .target_ifindex = 1, .attach_type = BPF_XDP, .flags = 2 });
	link = (int)row_fd("link xdp to lo", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	if (link >= 0) {
		memset(&info, 0, sizeof(info));
		info_row("its info", link, &info, sizeof(info));
		printf("  type %u ifindex %u\n", info.type, info.xdp.ifindex);
		close(link);
	}
	attr = ATTR(.link_create = { .prog_fd = 9999, .target_fd = 9999, .attach_type = BPF_PERF_EVENT });
	row("link of a bad program", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	close(prog); close(xdp);
}
