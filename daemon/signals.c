// SPDX-License-Identifier: Apache-2.0
#include "daemon/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
static int pipe_fds[2] = { -1, -1 };
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	int saved = errno;

	if (sig != SIGCHLD)
		stop = 1;
	if (write(pipe_fds[1], "", 1) < 0) {
		/* Full: it is readable all the same. */
	}
	errno = saved;
}

int bw_signals_init(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe_fds[0] < 0 && pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	return pipe_fds[0];
}

bool bw_signals_take(void)
{
	char buf[64];

	while (read(pipe_fds[0], buf, sizeof(buf)) > 0)
		;
	return stop;
}

void bw_signals_reset(void)
{
	sigset_t none;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);	/* the main process gone: EPIPE tells */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	pipe_fds[0] = pipe_fds[1] = -1;
	stop = 0;
}
