// SPDX-License-Identifier: Apache-2.0
#include "daemon/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/load.h"
#include "daemon/supervise.h"
#include "gadget/gadget.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define WRONG_USAGE	2
#define LOAD_MS		60000	/* a verifier that takes longer does not keep the host away */

bool bw_init_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--stdio") || !strcmp(argv[i], "--check"))
			return false;
	return getpid() == 1;
}

int bw_init_args(int argc, char **argv)
{
	int n = 1;

	while (n < argc && argv[n][0] != '-')
		n++;
	memmove(argv + 1, argv + n, sizeof(*argv) * (size_t)(argc - n + 1));
	return argc - n + 1;
}

/* What is said goes to the console; a kernel whose archive has no /dev/console started us without any. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/kmsg", O_RDWR);
	if (fd < 0)
		return;
	for (int i = 0; i <= 2; i++)
		if (fcntl(i, F_GETFD) < 0)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static pid_t start(int argc, char **argv, int (*serve)(int argc, char **argv))
{
	pid_t pid = fork();
	sigset_t none;

	if (pid)
		return pid;
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	exit(serve(argc, argv));
}

/* Everybody who has ended. True, and how, if the serving one has. */
static bool reap(pid_t serving, int *status)
{
	bool ended = false;
	pid_t pid;
	int s;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		if (pid == serving) {
			*status = s;
			ended = true;
		}
	}
	return ended;
}

static int next_signal(const sigset_t *set, int64_t until)
{
	int64_t left = until - bw_now_ms();
	struct timespec t = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

	if (until < 0)
		return sigwaitinfo(set, NULL);
	return left <= 0 ? -1 : sigtimedwait(set, NULL, &t);
}

__attribute__((noreturn)) static void leave(pid_t serving, const sigset_t *set, int how)
{
	int64_t end = bw_now_ms() + BW_STOP_MS;
	int status;

	if (serving > 0) {
		kill(serving, SIGTERM);
		while (!reap(serving, &status) && bw_now_ms() < end)
			next_signal(set, bw_now_ms() + 200);
	}
	kill(-1, SIGTERM);
	nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
	sync();
	reboot(how);
	bw_log(BW_LOG_ERROR, "the kernel does not restart the board: %s; switch it off", strerror(errno));
	for (;;)
		pause();
}

static int what_to_do(int sig)
{
	switch (sig) {
	case SIGINT:
	case SIGTERM: return RB_AUTOBOOT;
	case SIGUSR1: return RB_HALT_SYSTEM;
	case SIGUSR2: return RB_POWER_OFF;
	default: return 0;
	}
}

/* Before anybody is served, so that it is there from the start. */
static void load(const sigset_t *set)
{
	static char word[] = "load", attach[] = "--attach", dir[] = BW_LOAD_DIR;
	char *argv[] = { word, attach, dir, NULL };
	int64_t end = bw_now_ms() + LOAD_MS;
	int status, sig;
	pid_t pid;

	if (access(dir, F_OK))
		return;
	pid = start(3, argv, bw_load_main);
	while (pid > 0 && !reap(pid, &status)) {
		if (bw_now_ms() >= end) {
			bw_log(BW_LOG_WARN, "%s: not loaded yet; serving begins", dir);
			return;
		}
		sig = next_signal(set, bw_now_ms() + 200);
		if (sig > 0 && what_to_do(sig))
			leave(pid, set, what_to_do(sig));
	}
}

static void tell_end(int status, int pause_ms)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == WRONG_USAGE)
		bw_log(BW_LOG_ERROR, "nothing is served: put the options right, behind -- on the kernel's command line (rdinit=/bpfwired -- --no-auth)");
	else if (WIFSIGNALED(status))
		bw_log(BW_LOG_ERROR, "the serving process was killed by signal %d: starts again in %d ms", WTERMSIG(status), pause_ms);
	else
		bw_log(BW_LOG_ERROR, "the serving process ended with status %d: starts again in %d ms", WEXITSTATUS(status), pause_ms);
}

static void prepare(void)
{
	char err[BW_GADGET_ERR];

	umask(022);
	bw_log_init("bpfwired", BW_LOG_INFO);
	if (bw_mounts_prepare(true, err, sizeof(err)))
		bw_log(BW_LOG_ERROR, "%s", err);
	open_console();
	mkdir("/run", 0755);
	mkdir("/tmp", 01777);
	setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 0);
	reboot(RB_DISABLE_CAD);		/* ctrl-alt-del becomes SIGINT */
}

void bw_init(int argc, char **argv, int (*serve)(int argc, char **argv))
{
	static const int taken[] = { SIGCHLD, SIGINT, SIGTERM, SIGUSR1, SIGUSR2 };
	unsigned int failures = 0;
	int64_t born = 0, again = 0;
	pid_t serving = -1;
	sigset_t set;
	int sig, status, how;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prepare();
	argc = bw_init_args(argc, argv);
	load(&set);
	for (;;) {
		if (serving < 0 && again >= 0 && bw_now_ms() >= again) {
			born = bw_now_ms();
			serving = start(argc, argv, serve);
			again = serving < 0 ? born + BW_PAUSE_MIN_MS : again;
		}
		sig = next_signal(&set, serving < 0 ? again : -1);
		how = sig > 0 ? what_to_do(sig) : 0;
		if (how)
			leave(serving, &set, how);
		if (!reap(serving, &status))
			continue;
		failures = bw_now_ms() - born >= BW_STEADY_MS ? 0 : failures + 1;
		again = bw_now_ms() + bw_supervise_pause(failures ? failures - 1 : 0);
		tell_end(status, (int)(again - bw_now_ms()));
		/* Wrong options stay wrong. */
		again = WIFEXITED(status) && WEXITSTATUS(status) == WRONG_USAGE ? -1 : again;
		serving = -1;
	}
}
