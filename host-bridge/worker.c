// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host-bridge/board.h"
#include "host-bridge/pipe_usb.h"
#include "host-bridge/report.h"
#include "host-bridge/spawn.h"
#include "host-bridge/worker.h"
#include "protocol/io.h"
#include "protocol/log.h"

/* ---- in the bridge ---- */

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

pid_t bw_worker_start(const struct bw_worker_options *o)
{
	char listen_fd[16], text_fd[16], report_fd[16], level[16], interface[16];
	const char *argv[16];
	pid_t parent = getpid(), pid;
	sigset_t none;
	int n = 0;

	snprintf(listen_fd, sizeof(listen_fd), "%d", o->listen_fd);
	snprintf(text_fd, sizeof(text_fd), "%d", o->text_fd);
	snprintf(report_fd, sizeof(report_fd), "%d", o->report_fd);
	snprintf(level, sizeof(level), "%d", (int)bw_log_level());
	argv[n++] = "bpfwire-bridge";
	argv[n++] = BW_WORKER_ARG;
	argv[n++] = o->name;
	argv[n++] = listen_fd;
	argv[n++] = text_fd;
	argv[n++] = report_fd;
	argv[n++] = level;
	if (o->command) {
		argv[n++] = "command";
		argv[n++] = o->command;
	} else {
		snprintf(interface, sizeof(interface), "%d", o->found->interface);
		argv[n++] = "usb";
		argv[n++] = o->found->node;
		argv[n++] = interface;
	}
	argv[n] = NULL;

	/* libusb has a thread in this process: between fork and exec only what is safe in a signal handler. */
	pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	keep_open(o->listen_fd);
	keep_open(o->text_fd);
	keep_open(o->report_fd);
	execv("/proc/self/exe", (char *const *)argv);
	_exit(127);
}

/* ---- in the board's process ---- */

/*
 * What a burst took goes back when it is over. Left alone, glibc raises its threshold to the biggest buffer that was ever freed, and holds on to
 * twice as much for ever.
 */
static void give_memory_back(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

struct worker {
	const char *name;
	int listen_fd, text_fd, report_fd;
	struct bw_pipe *pipe;
	pid_t command;		/* 0: none */
};

/* SIGTERM and SIGINT become readable. A terminal's ^C reaches us as well as the bridge: both mean the end. */
static int stop_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int worker_open(struct worker *w, char **argv, char *err, size_t errlen)
{
	int r;

	if (!strcmp(argv[0], "command")) {
		r = bw_spawn(argv[1], w->name, &w->pipe, &w->command);
		if (r < 0)
			snprintf(err, errlen, "board %s: start '%.100s': %s", w->name, argv[1], strerror(-r));
	} else {
		r = bw_pipe_usb_open(w->name, argv[1], argv[2] ? atoi(argv[2]) : -1, &w->pipe, err, errlen);
	}
	return r;
}

static int worker_run(struct worker *w, int stop_fd, char *err, size_t errlen)
{
	struct bw_board_options o = {
		.name = w->name, .pipe = w->pipe, .listen_fd = w->listen_fd, .text_fd = w->text_fd, .report_fd = w->report_fd, .stop_fd = stop_fd,
	};
	int r = bw_board_run(&o, err, errlen);

	w->pipe->ops->close(w->pipe);
	if (w->command)
		bw_spawn_end(w->command, w->name, err, errlen);
	return r;
}

int bw_worker_main(int argc, char **argv)
{
	struct worker w = { 0 };
	char err[BW_REPORT_LINE] = "";
	int r, stop_fd = stop_signals();

	/* NAME LISTEN-FD TEXT-FD REPORT-FD LEVEL usb NODE INTERFACE | command COMMAND */
	if (argc < 9 || stop_fd < 0)
		return 2;
	give_memory_back();
	w.name = argv[2];
	w.listen_fd = atoi(argv[3]);
	w.text_fd = atoi(argv[4]);
	w.report_fd = atoi(argv[5]);
	bw_log_init("bpfwire-bridge", (enum bw_log_level)atoi(argv[6]));
	fcntl(w.listen_fd, F_SETFD, FD_CLOEXEC);
	fcntl(w.text_fd, F_SETFD, FD_CLOEXEC);
	fcntl(w.report_fd, F_SETFD, FD_CLOEXEC);
	r = worker_open(&w, argv + 7, err, sizeof(err));
	if (r >= 0)
		r = worker_run(&w, stop_fd, err, sizeof(err));
	if (r < 0)
		bw_report_failed(w.report_fd, r, err);
	return r < 0;
}
