// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers of processes. Below `bpfwire run` a pid that a program got from /proc, from an event or from its user is the board's; only the processes of
 * that run itself are this machine's. What names one of the others never reaches a process here.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "remote/conn.h"
#include "remote/files.h"

/* ---- whose it is ---- */

/* Parent of a process of this machine, 0 if it has none or does not exist. */
static pid_t parent_of(pid_t pid)
{
	char path[32], buf[512], *p;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = BW_REAL(open)(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = BW_REAL(read)(fd, buf, sizeof(buf) - 1);
		BW_REAL(close)(fd);
	}
	if (n <= 0)
		return 0;
	buf[n] = 0;
	p = strrchr(buf, ')');		/* comm may hold anything */
	return p && strlen(p) > 4 ? (pid_t)strtol(p + 4, NULL, 10) : 0;
}

static bool is_below(pid_t pid, pid_t top)
{
	int depth;

	for (depth = 0; pid > 1 && depth < 64; depth++) {
		pid = parent_of(pid);
		if (pid == top)
			return true;
	}
	return false;
}

bool bw_is_child(pid_t pid)
{
	return pid > 0 && is_below(pid, bw_getpid());
}

bool bw_refuse_child(pid_t pid)
{
	static atomic_bool said;

	if (!bw_is_child(pid))
		return false;
	if (!atomic_exchange(&said, true))
		bw_say("the tool asks to trace process %d, which it started itself and so here, not on the board: refused; start the command on the board "
		       "and give the tool its pid (-p)", (int)pid);
	return true;
}

/* One of this run's processes, or groups. */
static bool is_local(pid_t pid)
{
	const char *main_pid = getenv("BPFWIRE_MAIN");
	pid_t top = main_pid ? (pid_t)atoi(main_pid) : 0;

	return pid <= 0 || pid == bw_getpid() || pid == getppid() || bw_is_child(pid) || (top > 1 && (pid == top || is_below(pid, top)));
}

/* ---- its own ---- */

pid_t bw_getpid(void)
{
	return (pid_t)bw_sys(SYS_getpid);
}

/* The number by which the board knows this process, 0 none: its session's worker does what it does there. */
static pid_t own_on_board(void)
{
	return bw_is_owner() ? (pid_t)bw_board()->pid : 0;
}

bool bw_is_own_pid(pid_t pid)
{
	return pid == bw_getpid() || (pid > 0 && pid == own_on_board());
}

/*
 * BCC's Python tools (trace, capable) compile their own pid into a filter, and libbcc into the names of its probes. This machine's number there
 * would hide the process of the board that happens to have it. Only they are told: a shell handles process groups by its pid.
 */
BW_EXPORT pid_t getpid(void)
{
	pid_t there = own_on_board();

	return there && bw_in_python_bcc() ? there : bw_getpid();
}

/* ---- signals ---- */

static bool kill_allowed(void)
{
	const char *allow = getenv("BPFWIRE_ALLOW_KILL");

	return allow && *allow;
}

static int kill_on_board(pid_t pid, int sig)
{
	struct bw_kill m = { .pid = (uint32_t)pid, .signal = (uint32_t)sig };
	struct bw_buf b = { 0 };
	int r;

	bw_put_kill(&b, &m);
	r = b.err ? b.err : bw_call(BW_MSG_KILL, &b, NULL);
	bw_buf_free(&b);
	return r;
}

static bool is_there(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return !bw_file_stat(path, true, &st);
}

BW_EXPORT int kill(pid_t pid, int sig)
{
	if (!bw_active())
		return BW_REAL(kill)(pid, sig);
	if (bw_is_own_pid(pid))
		pid = bw_getpid();
	bw_disconnect_kill(pid, sig);
	if (is_local(pid))
		return BW_REAL(kill)(pid, sig);
	if (kill_allowed())
		return BW_RET(kill_on_board(pid, sig));
	if (sig == 0)
		return bw_ret(is_there(pid) ? 0 : -ESRCH);
	bw_say("kill %d: not sent: that is a process of the board; 'bpfwire run --allow-kill' lets a tool signal those", (int)pid);
	return bw_ret(-EPERM);
}

/* A descriptor of a process of the board is not to be had: as on kernels before 5.3, after which programs look by kill(pid, 0). */
BW_EXPORT int pidfd_open(pid_t pid, unsigned int flags)
{
	return bw_ret(!bw_active() || is_local(pid) ? bw_sys(SYS_pidfd_open, (long)pid, (long)flags) : -ENOSYS);
}
