/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "remote/files.h"
#include "tests/unit/check.h"

/* The decision needs no connection, only to be active; and a program that is not the front end, then one that is. */
__attribute__((constructor(101))) static void before_all(void)
{
	setenv("BPFWIRE_SOCKET", "/nonexistent", 1);
	unsetenv("BPFWIRE_MAIN");
}

static const struct {
	const char *path, *board;	/* NULL: local */
} cases[] = {
	/* ordinary files */
	{ "", NULL }, { ".", NULL }, { "..", NULL }, { "/", NULL }, { "//", NULL }, { "/.", NULL }, { "/..", NULL },
	{ "include/linux/sched.h", NULL }, { "proc/kallsyms", NULL }, { "../proc/kallsyms", NULL }, { "./sys/kernel", NULL },
	{ "/usr/include/stdio.h", NULL }, { "/usr/lib/gcc/x86_64-linux-gnu/12/../../../../include/c++", NULL },
	{ "/home/user/proc/kallsyms", NULL }, { "/etc/passwd", NULL }, { "/etc/mtab", NULL }, { "/dev/null", NULL }, { "/tmp/x", NULL },
	{ "/lib/modules/6.1.0/build", NULL }, { "/usr/lib/debug/boot/vmlinux-6.1.0", NULL }, { "/root/x", NULL }, { "/var/run/x", NULL },
	{ "/opt/sys/proc", NULL }, { "/bin/sh", NULL }, { "/boot", NULL }, { "/boot/grub/grub.cfg", NULL }, { "/srv", NULL }, { "/sbin/x", NULL },
	/* /proc */
	{ "/proc", "/proc" }, { "/proc/", "/proc/" }, { "/proc/kallsyms", "/proc/kallsyms" }, { "//proc//kallsyms", "/proc/kallsyms" },
	{ "/./proc/./kallsyms", "/proc/kallsyms" }, { "/proc/modules", "/proc/modules" }, { "/proc/version_signature", "/proc/version_signature" },
	{ "/proc/loadavg", "/proc/loadavg" }, { "/proc/meminfo", "/proc/meminfo" }, { "/proc/cpuinfo", "/proc/cpuinfo" },
	{ "/proc/sys/kernel/pid_max", "/proc/sys/kernel/pid_max" }, { "/proc/net/dev", "/proc/net/dev" }, { "/proc/config.gz", "/proc/config.gz" },
	{ "/proc/1", "/proc/1" }, { "/proc/1/comm", "/proc/1/comm" }, { "/proc/1/root/usr/lib/libc.so.6", "/proc/1/root/usr/lib/libc.so.6" },
	{ "/proc/1/fd/3", "/proc/1/fd/3" }, { "/proc/99999999999/comm", "/proc/99999999999/comm" },
	{ "/proc/self", NULL }, { "/proc/self/", NULL }, { "/proc/self/maps", NULL }, { "/proc/self/fd/3", NULL }, { "/proc/self/exe", NULL },
	{ "/proc/self/fdinfo/3", NULL }, { "/proc/thread-self/comm", NULL }, { "/proc/selfish", "/proc/selfish" },
	{ "/proc/self/../kallsyms", "/proc/self/../kallsyms" }, { "/proc/../etc/passwd", NULL }, { "/proc/../proc/stat", "/proc/../proc/stat" },
	{ "/proc/../../../etc/shadow", NULL }, { "/procx", NULL }, { "/proc2/x", NULL }, { "/proc.old", NULL },
	{ "/proc/mounts", NULL }, { "/proc/filesystems", NULL }, { "/proc/mountstats", "/proc/mountstats" },
	{ "/usr/../proc/kallsyms", "/proc/kallsyms" }, { "/usr/lib/../../sys/kernel/btf/vmlinux", "/sys/kernel/btf/vmlinux" },
	{ "/../proc/stat", "/proc/stat" }, { "/x/./../proc//stat", "/proc/stat" },
	/* /sys */
	{ "/sys", "/sys" }, { "/sys/", "/sys/" }, { "/sys/.", "/sys/" }, { "/sys/kernel/debug/tracing", "/sys/kernel/debug/tracing" },
	{ "/sys/kernel/debug/tracing/", "/sys/kernel/debug/tracing/" },
	{ "/sys/kernel/tracing/events/sched/sched_switch/id", "/sys/kernel/tracing/events/sched/sched_switch/id" },
	{ "/sys/kernel/btf/vmlinux", "/sys/kernel/btf/vmlinux" }, { "/sys/fs/bpf/x", "/sys/fs/bpf/x" }, { "/sys/fs/cgroup", "/sys/fs/cgroup" },
	{ "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/possible" }, { "/sys/fs/selinux", NULL }, { "/sys/fs/selinux/enforce", NULL },
	{ "/sys/fs/selinuxfs", "/sys/fs/selinuxfs" }, { "/sys/fs/selinux/../bpf", "/sys/fs/selinux/../bpf" }, { "/sys/../usr/lib", NULL },
	{ "/sys/class/net/eth0/../lo/mtu", "/sys/class/net/eth0/../lo/mtu" }, { "/sysroot/x", NULL }, { "/sys2", NULL }, { "/system", NULL },
	/* others */
	{ "/boot/config-6.1.0-53-arm64", "/boot/config-6.1.0-53-arm64" }, { "/boot/vmlinux-6.1.0", "/boot/vmlinux-6.1.0" },
	{ "/boot/System.map-6.1.0", "/boot/System.map-6.1.0" }, { "/boot/../boot/config-6.1", "/boot/config-6.1" }, { "/boot/vmlinuz-6.1.0", NULL },
	{ "/etc/ld.so.cache", NULL }, { "/tmp/perf-12.map", NULL },
};

static const struct {
	const char *path;
	bool board;
} front[] = {
	{ "/proc/mounts", true }, { "/proc/filesystems", true }, { "/etc/ld.so.cache", true }, { "/etc/ld.so.cache/", false },
	{ "/etc/ld.so.cache.d", false }, { "/etc/ld.so.conf", false }, { "/tmp/perf-12.map", true }, { "/tmp/perf-.map", false },
	{ "/tmp/perf-12.map.old", false }, { "/tmp/perf-x.map", false }, { "/tmp/perf-12", false }, { "/proc/self/mounts", false },
};

static void check_case(const char *path, const char *board)
{
	char out[BW_PATH_MAX + 1] = "", what[512];
	enum bw_where w = bw_path_where(AT_FDCWD, path, out);

	if ((w == BW_ON_BOARD) == (board != NULL) && (!board || !strcmp(out, board)))
		return;
	snprintf(what, sizeof(what), "%.200s is %s %.200s, not %.60s", path, w == BW_ON_BOARD ? "the board's" : "local", out, board ? board : "local");
	check_fail(__FILE__, __LINE__, what);
}

TEST("every path of the table has the owner that docs/paths.md promises")
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(cases[i].path, cases[i].board);
}

TEST("a process's own number in /proc is local, and no other number is")
{
	char path[64], out[BW_PATH_MAX + 1];

	snprintf(path, sizeof(path), "/proc/%d/maps", getpid());
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_LOCAL);
	snprintf(path, sizeof(path), "/proc/%d", getpid());
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_LOCAL);
	snprintf(path, sizeof(path), "/proc/%d0/maps", getpid());
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_ON_BOARD);
	snprintf(path, sizeof(path), "/proc/%dx", getpid());
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_ON_BOARD);
}

TEST("additions of the user extend and override the table")
{
	bw_path_additions("/opt/target:/etc/ld.so.cache:relative:", "/sys/class/leds/:/proc/cpuinfo");
	check_case("/opt/target", "/opt/target");
	check_case("/opt/target/bin/app", "/opt/target/bin/app");
	check_case("/opt/../opt/target/x", "/opt/target/x");
	check_case("/opt/targets", NULL);
	check_case("/etc/ld.so.cache", "/etc/ld.so.cache");
	check_case("/sys/class/leds/led0", NULL);
	check_case("/sys/class/led", "/sys/class/led");
	check_case("/proc/cpuinfo", NULL);
	bw_path_additions(NULL, NULL);
	check_case("/opt/target/bin/app", NULL);
}

TEST("a path that is too long is left to libc")
{
	static char path[BW_PATH_MAX * 2], out[BW_PATH_MAX + 1];

	memset(path, 'a', sizeof(path) - 1);
	memcpy(path, "/proc/", 6);
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_LOCAL);
	path[BW_PATH_MAX + 1] = 0;
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_LOCAL);
	path[BW_PATH_MAX - 1] = 0;
	CHECK(bw_path_where(AT_FDCWD, path, out) == BW_ON_BOARD);
	CHECK_EQ(strlen(out), BW_PATH_MAX - 1);
}

TEST("in the root directory a relative path is looked up as a whole one, elsewhere it is local")
{
	char here[BW_PATH_MAX + 1], out[BW_PATH_MAX + 1];

	CHECK(getcwd(here, sizeof(here)) && !chdir("/"));
	check_case("proc/loadavg", "/proc/loadavg");
	check_case("./sys/kernel/../kernel", "/sys/kernel/../kernel");
	check_case("usr/include", NULL);
	check_case("", NULL);
	CHECK(!chdir(here));
	check_case("proc/loadavg", NULL);
	CHECK(chdir("/sys/kernel") == -1 && errno == ENODEV);		/* no board here to ask */
	CHECK(bw_path_where(AT_FDCWD, "kernel", out) == BW_LOCAL);
}

TEST("a program or library that libbcc opens is the board's, headers and debug files are not")
{
	static const char *const boards[] = { "/bin/bash", "/lib/aarch64-linux-gnu/libc.so.6", "/usr/lib/debugger/x", "/tmp/a.out", "/lib/modulesx/a", "/device" };
	static const char *const locals[] = { "/lib/modules/6.1.0/build/x", "/usr/src/linux-headers-6.1/x", "/usr/lib/debug/.build-id/ab/cd.debug", "/dev/null", "/tmp/kheaders-6.1/include",
					      "/proc/self/fd/3", "a.out", "", "/home/dev/a.out" };
	char out[BW_PATH_MAX + 1];
	size_t i;

	bw_path_additions(NULL, "/home/dev");
	for (i = 0; i < sizeof(boards) / sizeof(boards[0]); i++)
		CHECK(bw_path_of_object(boards[i], out) == BW_ON_BOARD && !strcmp(out, boards[i]));
	for (i = 0; i < sizeof(locals) / sizeof(locals[0]); i++)
		CHECK(bw_path_of_object(locals[i], out) == BW_LOCAL);
	CHECK(bw_path_of_object(NULL, out) == BW_LOCAL);
	CHECK(bw_path_of_object("/usr/./lib/../bin/x", out) == BW_ON_BOARD && !strcmp(out, "/usr/bin/x"));
	CHECK(!bw_opens_objects((const void *)(uintptr_t)bw_path_of_object));
	bw_path_additions(NULL, NULL);
}

TEST("a NULL path is left to libc")
{
	char out[BW_PATH_MAX + 1];

	CHECK(bw_path_where(AT_FDCWD, NULL, out) == BW_LOCAL);
}

TEST("the names of a process's own descriptors are known in every spelling")
{
	char path[64];
	int fd = -1;

	CHECK(bw_path_is_self_fd("/proc/self/fd/7", &fd) && fd == 7);
	CHECK(bw_path_is_self_fd("/proc/thread-self/fd/8", &fd) && fd == 8);
	CHECK(bw_path_is_self_fd("/dev/fd/9", &fd) && fd == 9);
	snprintf(path, sizeof(path), "/proc/%d/fd/10", getpid());
	CHECK(bw_path_is_self_fd(path, &fd) && fd == 10);
	CHECK(!bw_path_is_self_fd("/proc/1/fd/7", &fd));
	CHECK(!bw_path_is_self_fd("/proc/self/fd/", &fd));
	CHECK(!bw_path_is_self_fd("/proc/self/fd/7/x", &fd));
	CHECK(!bw_path_is_self_fd("/proc/self/fd/-1", &fd));
	CHECK(!bw_path_is_self_fd("/proc/self/fd/99999999999999999999", &fd));
	CHECK(!bw_path_is_self_fd("/proc/self/fdinfo/7", &fd));
	CHECK(!bw_path_is_self_fd("proc/self/fd/7", &fd));
	CHECK(!bw_path_is_self_fd(NULL, &fd));
	CHECK(bw_path_is_self_fdinfo("/proc/self/fdinfo/11", &fd) && fd == 11);
	CHECK(!bw_path_is_self_fdinfo("/proc/self/fd/11", &fd));
}

TEST("a stat is remembered for what it was asked, and forgotten when something changes")
{
	struct stat st = { .st_mode = S_IFDIR | 0755, .st_ino = 42 }, got = { 0 };
	int err = 1;

	CHECK(!bw_stat_recall("/sys/a", true, &got, &err));
	bw_stat_remember("/sys/a", BW_STAT_NOFOLLOW, &st, 0);
	CHECK(!bw_stat_recall("/sys/a", true, &got, &err));
	CHECK(bw_stat_recall("/sys/a", false, &got, &err) && err == 0 && got.st_ino == 42);
	bw_stat_remember("/sys/b", BW_STAT_BOTH, NULL, -ENOENT);
	CHECK(bw_stat_recall("/sys/b", true, NULL, &err) && err == -ENOENT);
	CHECK(!bw_stat_recall("/sys/ab", true, NULL, &err));
	bw_stat_forget();
	CHECK(!bw_stat_recall("/sys/a", false, &got, &err));
	CHECK(!bw_stat_recall("/sys/b", true, &got, &err));
}

TEST("the table of docs/paths.md is the table of path.c")
{
	static const char *const whose[] = { "local", "board", "front end" };
	char line[512], out[BW_PATH_MAX + 1], path[256], match[64], owner[64];
	FILE *f = fopen("docs/paths.md", "r");
	int rows = 0;

	CHECK(f != NULL);
	while (f && fgets(line, sizeof(line), f)) {
		enum bw_where w;

		if (sscanf(line, "| `%255[^`]` | %63[^|] | %63[^|] |", path, match, owner) != 3)
			continue;
		rows++;
		while (owner[0] && owner[strlen(owner) - 1] == ' ')
			owner[strlen(owner) - 1] = 0;
		strcat(path, strstr(match, "perf-PID") ? "1.map" : strstr(match, "start so") ? "x" : "");
		w = bw_path_where(AT_FDCWD, path, out);
		CHECK((w == BW_ON_BOARD) == !strcmp(owner, whose[1]));
	}
	CHECK_EQ(rows, 12);
	if (f)
		fclose(f);
}

/* From here on this program is a front end. */
TEST("for a front end the paths that every program reads at its start are the board's too")
{
	size_t i;

	bw_front_end_now();
	for (i = 0; i < sizeof(front) / sizeof(front[0]); i++)
		check_case(front[i].path, front[i].board ? front[i].path : NULL);
}

int main(void)
{
	return check_done();
}
