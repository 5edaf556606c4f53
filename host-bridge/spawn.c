// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-bridge/spawn.h"
#include "protocol/io.h"

#define END_MS	2000

static void spawn_child(const char *command, int in, int out) __attribute__((noreturn));
static void spawn_child(const char *command, int in, int out)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0)
		execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

int bw_spawn(const char *command, const char *name, struct bw_pipe **pipe, pid_t *pid)
{
	bw_cleanup_fd int in_r = -1, in_w = -1, out_r = -1, out_w = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in_r = fds[0];
	in_w = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	out_r = fds[0];
	out_w = fds[1];
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (!*pid)
		spawn_child(command, in_r, out_w);
	r = bw_pipe_command_open(out_r, in_w, name, pipe);
	if (r < 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
		return r;
	}
	bw_steal_fd(&out_r);
	bw_steal_fd(&in_w);
	return 0;
}

void bw_spawn_end(pid_t pid, const char *name, char *err, size_t errlen)
{
	int64_t until = bw_now_ms() + END_MS;
	int status = 0;
	pid_t r;

	while (!(r = waitpid(pid, &status, WNOHANG)) && bw_now_ms() < until)
		usleep(10000);
	kill(-pid, SIGKILL);	/* also what it may have left behind */
	if (!r)
		waitpid(pid, &status, 0);
	if (r && WIFEXITED(status) && WEXITSTATUS(status))
		snprintf(err, errlen, "board %s: the command ended with exit status %d", name, WEXITSTATUS(status));
	else if (r && WIFSIGNALED(status))
		snprintf(err, errlen, "board %s: the command was ended by signal %d", name, WTERMSIG(status));
}
