// SPDX-License-Identifier: Apache-2.0
#include "remote/command/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/place.h"

/* The log begins anew when it has grown to this. */
#define LOG_MAX (256 << 10)

bool bw_bridge_runs(const char *dir)
{
	char path[PATH_MAX + 16];
	bw_cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "%s/bridge.lock", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == EACCES;
	return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int open_log(const char *dir, struct bw_bridge *b)
{
	struct stat st = { 0 };
	int fd;

	if (snprintf(b->log, sizeof(b->log), "%s/bridge.log", dir) >= (int)sizeof(b->log))
		return -ENAMETOOLONG;
	fd = open(b->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && st.st_size > LOG_MAX && !ftruncate(fd, 0))
		st.st_size = 0;
	b->log_start = st.st_size;
	return fd;
}

/* In the child's child: becomes the bridge, or tells `report` why not. */
static void become_bridge(const char *program, int log, int report)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), err;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	unsetenv("LD_PRELOAD");		/* of a `bpfwire run` around this one */
	unsetenv("BPFWIRE_SOCKET");
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(log, 1) >= 0 && dup2(log, 2) >= 0 && !chdir("/"))
		execl(program, "bpfwire-bridge", "--exit-when-idle", BW_BRIDGE_IDLE, (char *)NULL);
	err = errno;
	(void)!write(report, &err, sizeof(err));
	_exit(127);
}

/*
 * By way of a child that ends at once: the bridge must not be a child of the tool that this process becomes. The descriptors above 2 that
 * a shell left open stay out of the bridge, which lives longer than the pipeline it was started in.
 */
static void start_detached(const char *program, int log, int report)
{
	pid_t pid;

	setsid();
	if (log != 3)
		log = dup3(log, 3, O_CLOEXEC);
	report = fcntl(report, F_DUPFD_CLOEXEC, 5);
	if (log < 0 || report < 0 || dup3(report, 4, O_CLOEXEC) < 0)
		_exit(127);
	closefrom(5);
	pid = fork();
	if (!pid)
		become_bridge(program, 3, 4);
	if (pid > 0)
		(void)!write(4, &pid, sizeof(pid));
	_exit(pid < 0);
}

int bw_bridge_start(const char *dir, struct bw_bridge *out)
{
	bw_cleanup_fd int log = -1, report_r = -1, report_w = -1;
	char program[PATH_MAX];
	int pipefd[2], err = 0;
	pid_t child;

	memset(out, 0, sizeof(*out));
	err = bw_place_find(BW_PART_BRIDGE, program);
	if (err)
		return err;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err = -errno;
		bw_log(BW_LOG_ERROR, "cannot make %s for the bridge's sockets: %s (set BPFWIRE_DIR or XDG_RUNTIME_DIR to a directory of yours, "
		       "or run a system-wide bridge)", dir, strerror(-err));
		return err;
	}
	log = open_log(dir, out);
	if (log < 0) {
		bw_log(BW_LOG_ERROR, "cannot write the bridge's log %s: %s", out->log, strerror(-log));
		return log;
	}
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -errno;
	report_r = pipefd[0];
	report_w = pipefd[1];
	child = fork();
	if (!child)
		start_detached(program, log, report_w);
	close(bw_steal_fd(&report_w));
	if (child < 0 || bw_read_full(report_r, &out->pid, sizeof(out->pid)) < 0)
		err = EAGAIN;
	else if (bw_read_full(report_r, &err, sizeof(err)) < 0)
		err = 0;		/* the end of the pipe: exec closed it */
	if (child > 0)
		waitpid(child, NULL, 0);
	if (err)
		bw_log(BW_LOG_ERROR, "cannot start %s: %s", program, strerror(err));
	return -err;
}

bool bw_bridge_alive(const struct bw_bridge *b)
{
	char path[64], line[256], *state;

	if (b->pid <= 0 || kill(b->pid, 0) < 0)
		return false;
	/* Where nobody reaps orphans (a container's init may not) it stays as a zombie. */
	snprintf(path, sizeof(path), "/proc/%d/stat", b->pid);
	if (bw_read_line(path, line, sizeof(line)) < 0)
		return true;
	state = strrchr(line, ')');
	return !state || state[1] != ' ' || state[2] != 'Z';
}

void bw_bridge_last_words(const struct bw_bridge *b, char *out, size_t size)
{
	bw_cleanup_fd int fd = open(b->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[4096], *line;
	off_t end, from;
	ssize_t n;

	*out = 0;
	end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	from = end - (off_t)sizeof(text) + 1 > b->log_start ? end - (off_t)sizeof(text) + 1 : b->log_start;
	if (end <= from)
		return;
	n = pread(fd, text, sizeof(text) - 1, from);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0)
		return;
	text[n] = 0;
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strncmp(line, "bpfwire-bridge: ", 16))
		line += 16;
	snprintf(out, size, "%s", line);
}
