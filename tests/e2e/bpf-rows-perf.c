// SPDX-License-Identifier: Apache-2.0
/* perf_event_open(2) and what can be done with its descriptor: every type, the rules for sizes, reads in every format, groups, cgroups, every ioctl. */
#include <sys/ioctl.h>
#include <time.h>

#include "bpf-rows.h"

#define ATTR_ROOM	8192			/* above a page: what no kernel takes */
#define ANY		-1
#define SLEEP_FUNC	"do_nanosleep"
#define PROGRAM		"/bin/sh"		/* there on every machine; which it is does not matter */

union room {
	struct perf_event_attr a;
	uint8_t bytes[ATTR_ROOM];
};

static const struct perf_event_attr clock_event = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .size = PERF_ATTR_SIZE_VER5 };

static long call(union room *u, int pid, int cpu, int group, unsigned long flags)
{
	return syscall(__NR_perf_event_open, &u->a, pid, cpu, group, flags);
}

/* Prints what came of it, and the size where the kernel wrote its own. */
static int any_open(const char *name, const struct perf_event_attr *a, size_t size, int pid, int cpu, int group, unsigned long flags)
{
	static union room u;
	uint32_t before;
	long fd;

	memset(&u, 0, sizeof(u));
	memcpy(&u.a, a, sizeof(*a));
	u.a.size = (uint32_t)size;
	before = u.a.size;
	errno = 0;
	fd = call(&u, pid, cpu, group, flags);
	if (fd < 0)
		printf("%s: -1 errno %d", name, errno);
	else
		printf("%s: a descriptor", name);
	if (u.a.size != before)
		printf(" size=%u", u.a.size);
	u.a.size = before;
	printf("%s\n", memcmp(&u.a, a, 4) || memcmp(&u.bytes[8], (const char *)a + 8, sizeof(*a) - 8) ? ", attr changed" : "");
	return (int)fd;
}

static int open_row(const char *name, struct perf_event_attr a, int pid, int cpu, int group, unsigned long flags)
{
	return any_open(name, &a, a.size ? a.size : PERF_ATTR_SIZE_VER5, pid, cpu, group, flags);
}

#define EVENT(...)		((struct perf_event_attr){ __VA_ARGS__ })
#define ROW(name, ...)		do { int fd_ = open_row(name, EVENT(__VA_ARGS__), ANY, 0, -1, 0); if (fd_ >= 0) close(fd_); } while (0)

static long number(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = -1;

	if (!f || fscanf(f, "%ld", &n) != 1)
		printf("(cannot read %s)\n", path);
	if (f)
		fclose(f);
	return n;
}

static uint64_t tracepoint(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	return (uint64_t)number(path);
}

static void done(const char *name, int r)
{
	printf("%s: %d errno %d\n", name, r, r < 0 ? errno : 0);
}
#define IOCTL(name, ...) done(name, ioctl(__VA_ARGS__))

/* ---- types ---- */

static void types(void)
{
	char name[80];
	uint32_t i;

	for (i = 0; i < 14; i++) {
		snprintf(name, sizeof(name), "software %u", i);
		ROW(name, .type = PERF_TYPE_SOFTWARE, .config = i);
		snprintf(name, sizeof(name), "hardware %u", i);
		ROW(name, .type = PERF_TYPE_HARDWARE, .config = i);
		snprintf(name, sizeof(name), "hardware %u, sampling", i);
		ROW(name, .type = PERF_TYPE_HARDWARE, .config = i, .sample_period = 100000);
	}
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "cache %u", i);
		ROW(name, .type = PERF_TYPE_HW_CACHE, .config = i | 0 << 8 | 1 << 16);
	}
	ROW("raw", .type = PERF_TYPE_RAW, .config = 0x11);
	ROW("raw of nonsense", .type = PERF_TYPE_RAW, .config = ~0ull);
	ROW("software of nonsense", .type = PERF_TYPE_SOFTWARE, .config = ~0ull);
	ROW("no such type", .type = 4242);
	ROW("type -1", .type = ~0u);
	ROW("tracepoint", .type = PERF_TYPE_TRACEPOINT, .config = tracepoint("sched/sched_switch"), .sample_period = 1);
	ROW("tracepoint of a system call", .type = PERF_TYPE_TRACEPOINT, .config = tracepoint("raw_syscalls/sys_enter"));
	ROW("no such tracepoint", .type = PERF_TYPE_TRACEPOINT, .config = 999999);
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "breakpoint, kind %u", i);
		close(open_row(name, EVENT(.type = PERF_TYPE_BREAKPOINT, .bp_type = i, .bp_addr = 0x10000, .bp_len = i == 4 ? sizeof(long) : 4), 1, -1, -1, 0));
	}
	close(open_row("breakpoint of 3 bytes", EVENT(.type = PERF_TYPE_BREAKPOINT, .bp_type = 2, .bp_addr = 0x10000, .bp_len = 9), 1, -1, -1, 0));
	close(open_row("breakpoint, kind 99", EVENT(.type = PERF_TYPE_BREAKPOINT, .bp_type = 99, .bp_addr = 0x10000, .bp_len = 4), 1, -1, -1, 0));
}

static void probes(void)
{
	uint32_t kprobe = (uint32_t)number("/sys/bus/event_source/devices/kprobe/type"), uprobe = (uint32_t)number("/sys/bus/event_source/devices/uprobe/type");
	char name[5000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	if (kprobe != ~0u) {
		ROW("kprobe", .type = kprobe, .kprobe_func = PTR(SLEEP_FUNC));
		ROW("kretprobe", .type = kprobe, .config = 1, .kprobe_func = PTR(SLEEP_FUNC));
		ROW("kprobe at an offset", .type = kprobe, .kprobe_func = PTR(SLEEP_FUNC), .probe_offset = 4);
		ROW("kprobe inside an instruction", .type = kprobe, .kprobe_func = PTR(SLEEP_FUNC), .probe_offset = 2);
		ROW("kretprobe at an offset", .type = kprobe, .config = 1, .kprobe_func = PTR(SLEEP_FUNC), .probe_offset = 64);
		ROW("kprobe of no such function", .type = kprobe, .kprobe_func = PTR("no_such_function"));
		ROW("kprobe of an empty name", .type = kprobe, .kprobe_func = PTR(""));
		ROW("kprobe of a long name", .type = kprobe, .kprobe_func = PTR(name));
		ROW("kprobe of a bad pointer", .type = kprobe, .kprobe_func = BAD_PTR);
		ROW("kprobe of address 0", .type = kprobe);
		ROW("kprobe of a bad address", .type = kprobe, .kprobe_addr = 0x1234);
		ROW("kprobe with a bad config", .type = kprobe, .config = 2, .kprobe_func = PTR(SLEEP_FUNC));
		close(open_row("kprobe of a process", EVENT(.type = kprobe, .kprobe_func = PTR(SLEEP_FUNC)), 1, -1, -1, 0));
	}
	ROW("uprobe", .type = uprobe, .uprobe_path = PTR(PROGRAM), .probe_offset = 0x1000);
	ROW("uretprobe", .type = uprobe, .config = 1, .uprobe_path = PTR(PROGRAM), .probe_offset = 0x1000);
	ROW("uprobe at 0", .type = uprobe, .uprobe_path = PTR(PROGRAM));
	ROW("uprobe behind the end", .type = uprobe, .uprobe_path = PTR(PROGRAM), .probe_offset = 1ull << 40);
	ROW("uprobe of no such file", .type = uprobe, .uprobe_path = PTR("/no/such/file"));
	ROW("uprobe of a directory", .type = uprobe, .uprobe_path = PTR("/bin"));
	ROW("uprobe of an empty path", .type = uprobe, .uprobe_path = PTR(""));
	ROW("uprobe of a long path", .type = uprobe, .uprobe_path = PTR(name));
	ROW("uprobe of a bad pointer", .type = uprobe, .uprobe_path = BAD_PTR);
	ROW("uprobe of no path", .type = uprobe);
	ROW("uprobe with a counter", .type = uprobe, .config = 8ull << 32, .uprobe_path = PTR(PROGRAM), .probe_offset = 0x1000);
	ROW("uprobe with a bad config", .type = uprobe, .config = 2, .uprobe_path = PTR(PROGRAM), .probe_offset = 0x1000);
	close(open_row("uprobe of a process", EVENT(.type = uprobe, .uprobe_path = PTR(PROGRAM), .probe_offset = 0x1000), 1, -1, -1, 0));
}

/* ---- what is wrong with it ---- */

static void sizes(void)
{
	static const uint32_t all[] = { 0, 1, 8, 63, 64, 65, 68, 72, 80, 96, 104, 112, 120, 128, 132, 136, 144, 256, 1024, 1032, 4096, 4097, 8192, 1u << 31 };
	static union room u;
	char name[80];
	size_t i;
	long fd;

	for (i = 0; i < COUNT(all); i++) {
		snprintf(name, sizeof(name), "size %u", all[i]);
		close(any_open(name, &clock_event, all[i], ANY, 0, -1, 0));
	}
	for (i = 0; i < COUNT(all); i++) {
		if (all[i] < 128 || all[i] > ATTR_ROOM)
			continue;
		memset(&u, 0, sizeof(u));
		memcpy(&u.a, &clock_event, sizeof(u.a));
		u.a.size = all[i];
		u.bytes[all[i] - 1] = 1;
		fd = call(&u, ANY, 0, -1, 0);
		printf("size %u with a byte set: %ld errno %d size=%u\n", all[i], fd < 0 ? fd : 0, fd < 0 ? errno : 0, u.a.size);
		if (fd >= 0)
			close((int)fd);
	}
	fd = syscall(__NR_perf_event_open, (void *)BAD_PTR, ANY, 0, -1, 0);
	printf("a bad attr: %ld errno %d\n", fd, errno);
	/* At the end of what can be read: the attr is no longer than its size says. */
	u.bytes[0] = 0;
	uint8_t *end = (uint8_t *)mmap(NULL, 8192 * 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 65536;

	mprotect(end, 65536, PROT_NONE);
	memcpy(end - 64, &clock_event, 64);
	((struct perf_event_attr *)(void *)(end - 64))->size = 0;
	fd = syscall(__NR_perf_event_open, end - 64, ANY, 0, -1, 0);
	printf("64 bytes and size 0: %s\n", fd < 0 ? strerror(errno) : "a descriptor");
	close((int)fd);
	((struct perf_event_attr *)(void *)(end - 64))->size = 72;
	fd = syscall(__NR_perf_event_open, end - 64, ANY, 0, -1, 0);
	printf("64 bytes and size 72: %s\n", fd < 0 ? strerror(errno) : "a descriptor");
	munmap(end - 65536, 8192 * 16);
}

static void wrong(void)
{
	union { struct perf_event_attr a; uint64_t words[16]; } u;
	int bit, map = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0), group;
	char name[80];

	for (bit = 0; bit < 64; bit++) {	/* the flags, inherit and so on */
		memcpy(&u.a, &clock_event, sizeof(u.a));
		u.words[5] = 1ull << bit;
		snprintf(name, sizeof(name), "flag %d", bit);
		close(open_row(name, u.a, ANY, 0, -1, 0));
	}
	for (bit = 0; bit < 64; bit++) {
		memcpy(&u.a, &clock_event, sizeof(u.a));
		u.a.sample_type = 1ull << bit;
		u.a.sample_period = 1000;
		snprintf(name, sizeof(name), "sample type %d", bit);
		close(open_row(name, u.a, ANY, 0, -1, 0));
	}
	for (bit = 0; bit < 64; bit++) {
		memcpy(&u.a, &clock_event, sizeof(u.a));
		u.a.read_format = 1ull << bit;
		snprintf(name, sizeof(name), "read format %d", bit);
		close(open_row(name, u.a, ANY, 0, -1, 0));
		snprintf(name, sizeof(name), "open with flag %d", bit);
		if (1ull << bit != PERF_FLAG_PID_CGROUP)
			close(open_row(name, clock_event, ANY, 0, -1, 1ul << bit));
	}
	close(open_row("no process and no CPU", clock_event, ANY, ANY, -1, 0));
	close(open_row("process -2", clock_event, -2, 0, -1, 0));
	close(open_row("no such process", clock_event, 4000000, -1, -1, 0));
	close(open_row("process 1", clock_event, 1, -1, -1, 0));
	close(open_row("process 1 on CPU 0", clock_event, 1, 0, -1, 0));
	close(open_row("CPU -2", clock_event, ANY, -2, -1, 0));
	close(open_row("CPU 4095", clock_event, ANY, 4095, -1, 0));
	close(open_row("CPU 1000000", clock_event, ANY, 1000000, -1, 0));
	close(open_row("a group that is closed", clock_event, ANY, 0, 9999, 0));
	close(open_row("a group that is a map", clock_event, ANY, 0, map, 0));
	group = open("/dev/null", O_RDONLY);
	close(open_row("a group that is a file", clock_event, ANY, 0, group, 0));
	close(group);
	ROW("a frequency", .type = PERF_TYPE_SOFTWARE, .freq = 1, .sample_freq = 99);
	ROW("too high a frequency", .type = PERF_TYPE_SOFTWARE, .freq = 1, .sample_freq = 1ull << 40);
	ROW("too long a period", .type = PERF_TYPE_SOFTWARE, .sample_period = 1ull << 63);
	ROW("a register that is none", .type = PERF_TYPE_SOFTWARE, .sample_type = PERF_SAMPLE_REGS_USER, .sample_regs_user = ~0ull, .size = 128);
	ROW("a clock that is none", .type = PERF_TYPE_SOFTWARE, .use_clockid = 1, .clockid = 77, .size = 128);
	ROW("monotonic time", .type = PERF_TYPE_SOFTWARE, .use_clockid = 1, .clockid = CLOCK_MONOTONIC, .size = 128);
	ROW("branches", .type = PERF_TYPE_SOFTWARE, .sample_type = PERF_SAMPLE_BRANCH_STACK, .branch_sample_type = ~0ull, .size = 128);
	ROW("too much stack", .type = PERF_TYPE_SOFTWARE, .sample_type = PERF_SAMPLE_STACK_USER, .sample_stack_user = 7, .size = 128);
	close(map);
}

/* ---- reads ---- */

/* Counts are not the same twice: which of them are 0 is, and whether ids are those that PERF_EVENT_IOC_ID tells. */
static void read_row(const char *name, int fd, uint64_t format, size_t room)
{
	uint64_t v[32], id = 0;
	size_t i, words;
	ssize_t n;

	memset(v, 0xa5, sizeof(v));
	ioctl(fd, PERF_EVENT_IOC_ID, &id);
	errno = 0;
	n = read(fd, v, room);
	printf("%s: %zd errno %d:", name, n, n < 0 ? errno : 0);
	words = n > 0 ? (size_t)n / 8 : 0;
	for (i = 0; i < words; i++)
		if (format & PERF_FORMAT_GROUP && !i)
			printf(" nr=%llu", (unsigned long long)v[i]);
		else
			printf(" %s", v[i] == id && id ? "id" : v[i] ? "some" : "0");
	printf("%s\n", v[words] == 0xa5a5a5a5a5a5a5a5ull ? "" : " and beyond");
}

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
}

static void reads(void)
{
	struct perf_event_attr a = clock_event;
	int leader, one, two, stray;
	char name[80];

	for (a.read_format = 0; a.read_format < 32; a.read_format++) {
		snprintf(name, sizeof(name), "format %llu", (unsigned long long)a.read_format);
		a.disabled = 0;
		leader = open_row(name, a, ANY, 0, -1, 0);
		if (leader < 0)
			continue;
		a.disabled = 1;
		one = open_row("  a member that is not enabled", a, ANY, 0, leader, 0);
		two = open_row("  a member of other kind", EVENT(.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .read_format = a.read_format), ANY, 0, leader, 0);
		wait_a_little();
		read_row("  read", leader, a.read_format, 256);
		read_row("  read the member", one, a.read_format, 256);
		read_row("  read with room for a word", leader, a.read_format, 8);
		read_row("  read with room for nothing", leader, a.read_format, 0);
		read_row("  read with room for 7 bytes", leader, a.read_format, 7);
		close(two);
		read_row("  read after a member was closed", leader, a.read_format, 256);
		close(leader);
		read_row("  read after the leader was closed", one, a.read_format, 256);
		close(one);
	}
	a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
	a.disabled = 1;
	leader = open_row("leader", a, ANY, 0, -1, 0);
	NEED(leader);
	one = open_row("member", a, ANY, 0, leader, 0);
	stray = open_row("a group whose leader is a member", a, ANY, 0, one, 0);
	close(stray);
	close(open_row("a member on another CPU", a, ANY, 1, leader, 0));
	close(open_row("a member of a process", a, 1, -1, leader, 0));
	close(open_row("a member of a process, there", a, 1, 0, leader, 0));
	close(open_row("a member without group", a, ANY, 0, leader, PERF_FLAG_FD_NO_GROUP));
	close(open_row("output alone", a, ANY, 0, leader, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
	printf("enable the group: %d\n", ioctl(leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP));
	wait_a_little();
	read_row("the group", leader, PERF_FORMAT_GROUP, 256);
	printf("disable the group: %d\n", ioctl(leader, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP));
	printf("reset the group: %d\n", ioctl(leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP));
	read_row("the group after a reset", leader, PERF_FORMAT_GROUP, 256);
	close(one);
	close(leader);
	errno = 0;
	a = clock_event;
	leader = open_row("one to write to", a, ANY, 0, -1, 0);
	done("write", (int)write(leader, "12345678", 8));
	done("read to nowhere", (int)syscall(SYS_read, leader, BAD_PTR, 8));
	close(leader);
}

/* ---- cgroups ---- */

static void cgroups(void)
{
	const char *dir = "/sys/fs/cgroup/bw-rows-perf";
	int fd, event, null = open("/dev/null", O_RDONLY);

	mkdir(dir, 0755);
	fd = open(dir, O_RDONLY);
	event = open_row("a cgroup", clock_event, fd, 0, -1, PERF_FLAG_PID_CGROUP);
	if (event >= 0)
		read_row("  read", event, 0, 256);
	close(event);
	close(open_row("a cgroup on all CPUs", clock_event, fd, -1, -1, PERF_FLAG_PID_CGROUP));
	close(open_row("a cgroup that is -1", clock_event, -1, 0, -1, PERF_FLAG_PID_CGROUP));
	close(open_row("a cgroup that is closed", clock_event, 9999, 0, -1, PERF_FLAG_PID_CGROUP));
	close(open_row("a cgroup that is a file", clock_event, null, 0, -1, PERF_FLAG_PID_CGROUP));
	close(null);
	close(fd);
	rmdir(dir);
}

/* ---- ioctls ---- */


static void query(const char *name, int fd, uint32_t room)
{
	uint32_t v[2 + 80], i, given = 0;	/* struct perf_event_query_bpf: the room, the count, the ids */

	memset(v, 0xa5, sizeof(v));
	v[0] = room;
	IOCTL(name, fd, PERF_EVENT_IOC_QUERY_BPF, v);
	for (i = 2; i < COUNT(v); i++)
		given += v[i] != 0xa5a5a5a5;
	printf("  room %u count %x ids %u\n", v[0], v[1], given);
}

static void programs(void)
{
	int prog = LOAD(BPF_PROG_TYPE_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT), other = LOAD(BPF_PROG_TYPE_TRACEPOINT, 0, MOV_IMM(0, 1), EXIT);
	int kprobe = LOAD(BPF_PROG_TYPE_KPROBE, 0, MOV_IMM(0, 0), EXIT), sampler = LOAD(BPF_PROG_TYPE_PERF_EVENT, 0, MOV_IMM(0, 0), EXIT);
	uint64_t id = tracepoint("sched/sched_process_fork");
	int one = open_row("a tracepoint", EVENT(.type = PERF_TYPE_TRACEPOINT, .config = id, .sample_period = 1), ANY, 0, -1, 0);
	int two = open_row("it again", EVENT(.type = PERF_TYPE_TRACEPOINT, .config = id, .sample_period = 1), ANY, 0, -1, 0);
	int clock = open_row("a clock", EVENT(.type = PERF_TYPE_SOFTWARE, .sample_period = 1000000), ANY, 0, -1, 0);

	query("query before a program", one, 4);
	IOCTL("SET_BPF", one, PERF_EVENT_IOC_SET_BPF, prog);
	IOCTL("SET_BPF again", one, PERF_EVENT_IOC_SET_BPF, prog);
	IOCTL("SET_BPF of another", two, PERF_EVENT_IOC_SET_BPF, other);
	IOCTL("SET_BPF of a wrong type", two, PERF_EVENT_IOC_SET_BPF, kprobe);
	IOCTL("SET_BPF of an event", two, PERF_EVENT_IOC_SET_BPF, one);
	IOCTL("SET_BPF of -1", two, PERF_EVENT_IOC_SET_BPF, -1);
	IOCTL("SET_BPF of what is closed", two, PERF_EVENT_IOC_SET_BPF, 9999);
	IOCTL("SET_BPF of a clock", clock, PERF_EVENT_IOC_SET_BPF, sampler);
	IOCTL("SET_BPF of a clock again", clock, PERF_EVENT_IOC_SET_BPF, sampler);
	query("query", one, 4);
	query("query with room for one", one, 1);
	query("query with room for none", one, 0);
	query("query with room for 64", one, 64);
	query("query with room for 65", one, 65);
	query("query of a clock", clock, 4);
	IOCTL("query to nowhere", one, PERF_EVENT_IOC_QUERY_BPF, BAD_PTR);
	close(one), close(two), close(clock);
	close(prog), close(other), close(kprobe), close(sampler);
}

static void filters(void)
{
	int one = open_row("a tracepoint", EVENT(.type = PERF_TYPE_TRACEPOINT, .config = tracepoint("sched/sched_switch"), .sample_period = 1), ANY, 0, -1, 0);
	int clock = open_row("a clock", clock_event, ANY, 0, -1, 0);
	static char text[9000];

	IOCTL("filter", one, PERF_EVENT_IOC_SET_FILTER, "prev_pid != 0 && prev_comm ~ \"a*\"");
	IOCTL("filter anew", one, PERF_EVENT_IOC_SET_FILTER, "next_pid == 17");
	IOCTL("filter of no such field", one, PERF_EVENT_IOC_SET_FILTER, "no_such_field == 1");
	IOCTL("filter of nonsense", one, PERF_EVENT_IOC_SET_FILTER, "((prev_pid");
	IOCTL("an empty filter", one, PERF_EVENT_IOC_SET_FILTER, "");
	IOCTL("no filter", one, PERF_EVENT_IOC_SET_FILTER, "0");
	IOCTL("filter from nowhere", one, PERF_EVENT_IOC_SET_FILTER, BAD_PTR);
	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "prev_pid == 1", 13);
	IOCTL("a filter too long", one, PERF_EVENT_IOC_SET_FILTER, text);
	text[4094] = 0;
	IOCTL("a long filter", one, PERF_EVENT_IOC_SET_FILTER, text);
	IOCTL("filter of a clock", clock, PERF_EVENT_IOC_SET_FILTER, "prev_pid == 1");
	close(one), close(clock);
}

static void output(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	int ring = open_row("a ring", EVENT(.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT, .sample_type = PERF_SAMPLE_RAW, .sample_period = 1,
					    .wakeup_events = 1), ANY, 0, -1, 0);
	int one = open_row("one", EVENT(.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .sample_period = 1), ANY, 0, -1, 0);
	int far = open_row("one on another CPU", EVENT(.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .sample_period = 1), ANY, 1, -1, 0);
	void *mem;

	NEED(ring);
	IOCTL("PAUSE_OUTPUT without memory", ring, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	IOCTL("SET_OUTPUT to one without memory", one, PERF_EVENT_IOC_SET_OUTPUT, ring);
	mem = mmap(NULL, 3 * (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	printf("mmap of 2 pages of data: %d\n", mem == MAP_FAILED ? errno : 0);
	IOCTL("PAUSE_OUTPUT", ring, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	IOCTL("PAUSE_OUTPUT, go on", ring, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
	IOCTL("SET_OUTPUT", one, PERF_EVENT_IOC_SET_OUTPUT, ring);
	IOCTL("SET_OUTPUT across CPUs", far, PERF_EVENT_IOC_SET_OUTPUT, ring);
	IOCTL("SET_OUTPUT to itself", one, PERF_EVENT_IOC_SET_OUTPUT, one);
	IOCTL("SET_OUTPUT to none", one, PERF_EVENT_IOC_SET_OUTPUT, -1L);
	IOCTL("SET_OUTPUT to what is closed", one, PERF_EVENT_IOC_SET_OUTPUT, 9999);
	IOCTL("SET_OUTPUT to a map", one, PERF_EVENT_IOC_SET_OUTPUT, map);
	IOCTL("SET_OUTPUT of one with memory", ring, PERF_EVENT_IOC_SET_OUTPUT, one);
	close(one), close(far), close(ring), close(map);
}

static void other_ioctls(void)
{
	uint64_t v = 0;
	int one = open_row("a clock that samples", EVENT(.type = PERF_TYPE_SOFTWARE, .sample_period = 1000000, .disabled = 1), ANY, 0, -1, 0);
	int two = open_row("a clock that does not", clock_event, ANY, 0, -1, 0);
	int wide = open_row("one of a process that its children inherit", EVENT(.type = PERF_TYPE_SOFTWARE, .inherit = 1, .sample_period = 1000), 1, -1, -1, 0);

	IOCTL("ENABLE", one, PERF_EVENT_IOC_ENABLE, 0);
	IOCTL("ENABLE again", one, PERF_EVENT_IOC_ENABLE, 0);
	IOCTL("ENABLE with nonsense", one, PERF_EVENT_IOC_ENABLE, 77);
	IOCTL("DISABLE", one, PERF_EVENT_IOC_DISABLE, 0);
	IOCTL("RESET", one, PERF_EVENT_IOC_RESET, 0);
	read_row("read after a reset", one, 0, 8);
	IOCTL("REFRESH", one, PERF_EVENT_IOC_REFRESH, 3);
	IOCTL("REFRESH of what does not sample", two, PERF_EVENT_IOC_REFRESH, 1);
	IOCTL("REFRESH of what is inherited", wide, PERF_EVENT_IOC_REFRESH, 1);
	v = 5000;
	IOCTL("PERIOD", one, PERF_EVENT_IOC_PERIOD, &v);
	IOCTL("PERIOD of what does not sample", two, PERF_EVENT_IOC_PERIOD, &v);
	v = 0;
	IOCTL("PERIOD 0", one, PERF_EVENT_IOC_PERIOD, &v);
	v = 1ull << 63;
	IOCTL("PERIOD too long", one, PERF_EVENT_IOC_PERIOD, &v);
	IOCTL("PERIOD from nowhere", one, PERF_EVENT_IOC_PERIOD, BAD_PTR);
	v = 0;
	IOCTL("ID", one, PERF_EVENT_IOC_ID, &v);
	printf("  %s\n", v ? "some" : "0");
	IOCTL("ID to nowhere", one, PERF_EVENT_IOC_ID, BAD_PTR);
	IOCTL("no such ioctl", one, _IO('$', 99), 0);
	IOCTL("an ioctl of terminals", one, 0x5401, &v);
	close(one), close(two), close(wide);
}

static void modify(const char *name, int fd, struct perf_event_attr a, uint32_t size)
{
	static union room u;

	memset(&u, 0, sizeof(u));
	memcpy(&u.a, &a, sizeof(a));
	u.a.size = size;
	IOCTL(name, fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &u);
	if (u.a.size != size)
		printf("  size=%u\n", u.a.size);
}

static void modifications(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_BREAKPOINT, .bp_type = 2, .bp_addr = 0x10000, .bp_len = 4, .sample_period = 1 };
	int bp = open_row("a breakpoint", a, 1, -1, -1, 0), clock = open_row("a clock", clock_event, ANY, 0, -1, 0);

	NEED(bp);
	a.bp_addr = 0x10008;
	modify("MODIFY_ATTRIBUTES", bp, a, 128);
	modify("MODIFY_ATTRIBUTES with size 0", bp, a, 0);
	modify("MODIFY_ATTRIBUTES with size 5", bp, a, 5);
	modify("MODIFY_ATTRIBUTES with size 5000", bp, a, 5000);
	a.bp_len = 9;
	modify("MODIFY_ATTRIBUTES to a bad length", bp, a, 128);
	modify("MODIFY_ATTRIBUTES to another type", bp, clock_event, 128);
	modify("MODIFY_ATTRIBUTES of a clock", clock, clock_event, 128);
	IOCTL("MODIFY_ATTRIBUTES from nowhere", bp, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, BAD_PTR);
	close(bp), close(clock);
}

void perf_types_section(void) { types(); }
void perf_probes_section(void) { probes(); }
void perf_wrong_section(void) { sizes(); wrong(); }
void perf_reads_section(void) { reads(); cgroups(); }
void perf_ioctls_section(void) { programs(); filters(); output(); other_ioctls(); modifications(); }
