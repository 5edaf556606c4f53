/* SPDX-License-Identifier: Apache-2.0 */
/* What a front end is told of the machine it runs on, and what it cannot do there, against a fake board. */
#include <linux/capability.h>
#include <mntent.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "tests/unit/remote/fake_files.h"

TEST("a program that is no front end is told about this machine")
{
	struct utsname u;

	CHECK(!uname(&u) && strcmp(u.nodename, "fakeboard"));
	CHECK(!bw_is_front_end());
}

TEST("a front end is told about the board")
{
	struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	struct timespec ts, here;
	struct utsname u;
	struct mntent *m;
	cpu_set_t set;
	FILE *f;

	bw_front_end_now();
	CHECK(!uname(&u) && !strcmp(u.machine, "aarch64") && !strcmp(u.release, "6.1.0-fake") && !strcmp(u.nodename, "fakeboard"));
	CHECK(getuid() == 0 && geteuid() == 0);
	CHECK(sysconf(_SC_NPROCESSORS_CONF) == 4 && sysconf(_SC_NPROCESSORS_ONLN) == 3 && get_nprocs() == 3 && get_nprocs_conf() == 4);
	CHECK(!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 3 && !CPU_ISSET(1, &set) && CPU_ISSET(3, &set));
	CHECK(!setrlimit(RLIMIT_MEMLOCK, &infinite) && !prlimit(0, RLIMIT_MEMLOCK, &infinite, NULL));
	CHECK(!bw_board_clock_gettime(CLOCK_MONOTONIC, &ts) && ts.tv_sec >= 5000 && ts.tv_sec < 5100);
	CHECK(!bw_board_clock_gettime(CLOCK_REALTIME, &ts) && !clock_gettime(CLOCK_REALTIME, &here) && here.tv_sec - ts.tv_sec < 10);
	f = setmntent("/proc/mounts", "r");
	m = f ? getmntent(f) : NULL;
	CHECK(m && !strcmp(m->mnt_dir, "/sys/fs/bpf"));
	if (f)
		endmntent(f);
}

/* The line that failed, or 0. In a child, which gives up what it has on this machine. */
static int look_at_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { 0 } }, here[2];

	if (!bw_sys(SYS_getuid) && setresuid(65534, 65534, 65534))
		return __LINE__;
	if (bw_sys(SYS_capget, &h, here) || here[0].effective)
		return __LINE__;
	if (capget(&h, d) || d[0].effective != ~0u || d[0].permitted != ~0u || d[1].effective != 0x1ff || d[0].inheritable != here[0].inheritable)
		return __LINE__;
	if (capset(&h, d))
		return __LINE__;
	d[1].effective = 0;
	if (!capset(&h, d) || errno != EPERM)
		return __LINE__;
	if (syscall(SYS_capget, &h, d) || d[1].effective != 0x1ff)
		return __LINE__;
	d[0].effective = 0;
	return syscall(SYS_capset, &h, d) != -1 || errno != EPERM ? __LINE__ : 0;
}

TEST("a front end has root's capabilities, whoever runs it, and cannot give up what is not here")
{
	pid_t child = fork();
	int status = -1;

	if (!child)
		_exit(look_at_capabilities() % 256);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST("a signal of a front end never hits a process of this machine that is not its own")
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	CHECK(kill(1, SIGTERM) == -1 && errno == EPERM);
	CHECK(!kill(77, 0));
	CHECK(kill(78, 0) == -1 && errno == ESRCH);
	CHECK(syscall(SYS_kill, 1, SIGTERM) == -1 && errno == EPERM);
	CHECK(!kill(child, 0));
	CHECK(!kill(child, SIGKILL));
}

TEST("with --allow-kill it goes to the board, with the board's answer")
{
	setenv("BPFWIRE_ALLOW_KILL", "1", 1);
	CHECK(!kill(1, SIGTERM));
	CHECK(kill(2, SIGTERM) == -1 && errno == ESRCH);
	unsetenv("BPFWIRE_ALLOW_KILL");
}

TEST("a descriptor of a process is had for this tool's own alone")
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	CHECK(fd >= 0 && !close(fd));
	CHECK(syscall(SYS_pidfd_open, 1, 0) == -1 && errno == ENOSYS);
}

TEST("a front end gets no socket of this machine's netlink nor of its packets, and any other")
{
	int fd;

	CHECK(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0 && !close(fd));
}

int main(void) { return files_done(); }
