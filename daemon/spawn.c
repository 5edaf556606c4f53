// SPDX-License-Identifier: Apache-2.0
#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/signals.h"
#include "daemon/text_session.h"
#include "daemon/worker.h"
#include "protocol/io.h"

#define PIPE_SIZE	(256 << 10)
#define FILES_MAX	262144
#define IN_FD		3	/* of a worker */
#define OUT_FD		4

static void set_limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };

	if (setrlimit(what, &l) && !getrlimit(what, &l)) {
		l.rlim_cur = l.rlim_max;
		setrlimit(what, &l);
	}
}

static void close_from(int first)
{
	struct rlimit l;

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, (unsigned int)first, ~0u, 0u))
		return;
#endif
	/* Before 5.9. */
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur > FILES_MAX)
		l.rlim_cur = FILES_MAX;
	for (int fd = first; fd < (int)l.rlim_cur; fd++)
		close(fd);
}

/*
 * What a child must not share with the main process: its descriptors (a gadget stays bound while somebody holds FunctionFS open), its
 * signals, and its life. stderr stays: it is the log.
 */
static void become_child(pid_t parent, int in, int out)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(BW_EXIT_FAILED);		/* it died before we asked to be told */
	bw_signals_reset();
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	/* Both away from the places they go to, so that neither overwrites the other. */
	in = in < 0 ? -1 : fcntl(in, F_DUPFD, 64);
	out = out < 0 ? -1 : fcntl(out, F_DUPFD, 64);
	if (in >= 0)
		dup2(in, IN_FD);
	if (out >= 0)
		dup2(out, OUT_FD);
	close_from(in < 0 ? IN_FD : OUT_FD + 1);
}

void bw_worker_limits(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	set_limit(RLIMIT_NOFILE, FILES_MAX);
	set_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);	/* maps of kernels before 5.11 are charged to it */
	set_limit(RLIMIT_CORE, 0);
	if (fd >= 0) {
		/* A session that eats the board's memory is what should go, not the daemon. */
		if (write(fd, "500", 3) < 0) {
			/* Then it is as any other process. */
		}
		close(fd);
	}
}

static void run_worker(const struct bw_spawn_options *o)
{
	struct bw_worker_options w = {
		.in = IN_FD, .out = OUT_FD, .session = o->session, .send_window = o->send_window,
		.receive_window = o->receive_window, .msg_max = o->msg_max,
	};
	char journal[PATH_MAX], name[16];

	bw_worker_limits();
	snprintf(name, sizeof(name), "bpfwired/%u", o->session % 100000);
	prctl(PR_SET_NAME, name);
	if (!bw_journal_name(journal, sizeof(journal), o->run_dir, getpid(), o->session))
		_exit(BW_EXIT_FAILED);
	w.journal = journal;
	bw_set_nonblock(IN_FD, true);
	/* Without exit handlers: they belong to the main process. */
	_exit(o->service == BW_SERVICE_TEXT ? bw_text_session(&w) : bw_worker_run(&w));
}

pid_t bw_spawn_worker(const struct bw_spawn_options *o, int *to, int *from)
{
	int in[2], out[2], e;
	pid_t parent = getpid(), pid;

	if (pipe2(in, O_CLOEXEC))
		return -errno;
	if (pipe2(out, O_CLOEXEC)) {
		e = errno;
		goto close_in;
	}
	pid = fork();
	if (pid < 0) {
		e = errno;
		goto close_out;
	}
	if (!pid) {
		become_child(parent, in[0], out[1]);
		run_worker(o);
	}
	close(in[0]);
	close(out[1]);
	/* Larger pipes mean fewer changes between the two processes; the default will do as well. */
	fcntl(in[1], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(out[0], F_SETPIPE_SZ, PIPE_SIZE);
	bw_set_nonblock(in[1], true);
	bw_set_nonblock(out[0], true);
	*to = in[1];
	*from = out[0];
	return pid;

close_out:
	close(out[0]);
	close(out[1]);
close_in:
	close(in[0]);
	close(in[1]);
	return -e;
}

pid_t bw_spawn_undo(const char *journal)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		become_child(parent, -1, -1);
		bw_journal_undo(journal);
		_exit(0);
	}
	return pid;
}
