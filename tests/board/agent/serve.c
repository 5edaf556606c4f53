// SPDX-License-Identifier: Apache-2.0
/* In the VM: commands, and connections to the sockets of the directory. */
#include "agent.h"

#include <dirent.h>
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in a process of its own, so that neither direction can hold up the other. */
static void exec_pump_stdin(int sock, int in)
{
	char *buf = buffer(), tag;
	uint32_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (frame_recv(sock, &tag, buf, &len)) {
		if (in >= 0 && (!len || bw_write_full(in, buf, len))) {
			close(in);
			in = -1;
		}
	}
	_exit(0);
}

static pid_t exec_start(const char *cmd, int in, int out, int errfd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	signal(SIGPIPE, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(errfd, 2);
	execl("/bin/sh", "sh", "-c", cmd, NULL);
	_exit(127);
}

static bool exec_forward(int sock, char tag, int *fd, char *buf, size_t max)
{
	ssize_t n = read_some(*fd, buf, max < BUF_SIZE ? max : BUF_SIZE);

	if (n > 0)
		return frame_send(sock, tag, buf, n);
	close(*fd);
	*fd = -1;
	return true;
}

/* What is in the pipe now; a process left in the background may hold it open for ever. */
static bool exec_drain(int sock, char tag, int *fd, char *buf)
{
	int n = 0;

	if (*fd < 0 || ioctl(*fd, FIONREAD, &n) || n <= 0)
		return true;
	return exec_forward(sock, tag, fd, buf, n);
}

/* True when the command has ended, false when the other side has. */
static bool exec_watch(int sock, int out, int errfd, int pidfd)
{
	char *buf = buffer();

	for (;;) {
		struct pollfd p[] = {
			{ .fd = out, .events = POLLIN }, { .fd = errfd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN }, { .fd = sock, .events = POLLRDHUP },
		};

		if (poll(p, 4, -1) < 0)
			continue;
		if (p[3].revents)
			return false;
		if (p[0].revents && !exec_forward(sock, 'o', &out, buf, BUF_SIZE))
			return false;
		if (p[1].revents && !exec_forward(sock, 'e', &errfd, buf, BUF_SIZE))
			return false;
		if (p[2].revents)
			return exec_drain(sock, 'o', &out, buf) && exec_drain(sock, 'e', &errfd, buf);
	}
}

static void serve_exec(int sock)
{
	char *cmd = calloc(1, BUF_SIZE + 1), tag;
	int in[2], out[2], errfd[2], wstatus, pidfd;
	pid_t pid, pump;
	uint32_t status, len;
	bool ended;

	if (!cmd || !frame_recv(sock, &tag, cmd, &len) || tag != 'c')
		return;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(errfd, O_CLOEXEC))
		return;
	pid = exec_start(cmd, in[0], out[1], errfd[1]);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	close(in[0]);
	close(out[1]);
	close(errfd[1]);
	pump = fork();
	if (!pump)
		exec_pump_stdin(sock, in[1]);
	close(in[1]);
	ended = frame_send(sock, 'h', NULL, 0) && exec_watch(sock, out[0], errfd[0], pidfd);
	if (!ended)
		kill(-pid, SIGKILL);
	waitpid(pid, &wstatus, 0);
	if (!ended)
		return;
	status = htole32(WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus));
	frame_send(sock, 'x', &status, sizeof(status));
	shutdown(sock, SHUT_WR);
	waitpid(pump, NULL, 0);			/* it reads on to the end: closing with unread input is an error there */
}

/* Returns our end of a connection to a process that runs a command. */
static int serve_command(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (!fork()) {
		dup2(pair[1], 3);
		fcntl(3, F_SETFD, FD_CLOEXEC);
		close_range(4, ~0U, 0);
		signal(SIGCHLD, SIG_DFL);
		serve_exec(3);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

static const char *serve_dir;

static void serve_open(struct mux *m, const struct message *msg, const char *data)
{
	char name[NAME_SIZE] = "";
	int fd = -1;

	if (msg->type != MSG_OPEN || msg->len >= sizeof(name))
		errx(1, "a message that should not come here");
	memcpy(name, data, msg->len);
	if (m->count < STREAMS_MAX && !name[0])
		fd = serve_command();
	else if (m->count < STREAMS_MAX && name_ok(name))
		fd = unix_connect(serve_dir, name);
	if (fd >= 0) {
		stream_new(m, msg->id, fd);
		return;
	}
	warn("cannot open %s", name[0] ? name : "a command");
	mux_send(m, MSG_GONE, msg->id, NULL, 0);
}

static void serve_list(struct mux *m, char *last)
{
	char list[LIST_SIZE] = "\n";
	size_t len = 0;
	DIR *dir = opendir(serve_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_type == DT_SOCK && name_ok(e->d_name) && len + NAME_SIZE + 2 < sizeof(list))
			len += sprintf(list + len, "%s\n", e->d_name);
	}
	if (dir)
		closedir(dir);
	if (!strcmp(list, last))
		return;
	strcpy(last, list);
	mux_send(m, MSG_LIST, 0, list, strlen(list));
}

/* Until the other side of the port is there (again). */
static void serve_wait(struct mux *m)
{
	struct pollfd p = { .fd = m->port };

	while (poll(&p, 1, 0) != 0)
		usleep(100 * 1000);
}

/*
 * The directory is watched by inotify rather than by polling: a board at rest must show no file opens of ours to those
 * who trace it. An empty one is looked at again, as its removal is not reported while somebody works in it.
 */
static void serve_port(struct mux *m)
{
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF;
	char last[LIST_SIZE] = "", events[4096];
	int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	const struct itimerspec often = { .it_interval.tv_nsec = 500000000, .it_value.tv_nsec = 500000000 }, never = { 0 };
	struct pollfd extra[2] = { { .fd = in, .events = POLLIN }, { .fd = timer, .events = POLLIN, .revents = POLLIN } };

	do {
		if (!extra[0].revents && !extra[1].revents)
			continue;
		while (read_some(in, events, sizeof(events)) > 0 || read_some(timer, events, 8) > 0)
			;
		inotify_add_watch(in, serve_dir, mask);		/* again: the directory may be another one now */
		serve_list(m, last);
		timerfd_settime(timer, 0, last[0] == '\n' ? &often : &never, NULL);
	} while (mux_step(m, extra, 2, NULL));
	close(in);
	close(timer);
}

int cmd_serve(char **arg)
{
	static struct mux m = { .receive = serve_open };

	signal(SIGCHLD, SIG_IGN);		/* as init: orphans vanish by themselves */
	serve_dir = arg[1];
	m.port = open(arg[0], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (m.port < 0)
		err(1, "%s", arg[0]);
	for (;;) {
		serve_wait(&m);
		serve_port(&m);
		for (int i = 0; i < m.count; i++)
			m.streams[i]->dead = true;
		mux_sweep(&m);
		m.in_len = m.out_len = m.out_off = 0;
	}
}
