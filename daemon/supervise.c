// SPDX-License-Identifier: Apache-2.0
#include "daemon/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/signals.h"
#include "protocol/io.h"
#include "protocol/log.h"

/* Not bpfwired, so that what is sent to all of that name (killall -9) leaves one who mends. */
#define NAME "bpfw-supervisor"

struct run {
	const struct bw_supervised *s;
	int signals;
	pid_t pid;
	int ready;		/* pipe from the child, or -1 */
	bool is_ready, killed;
	int status;		/* as of waitpid, when it has ended */
	int64_t limit;		/* when it is killed; -1: never */
	bool stop;
};

int bw_supervise_pause(unsigned int failures)
{
	return failures > 16 || BW_PAUSE_MIN_MS << failures > BW_PAUSE_MAX_MS ? BW_PAUSE_MAX_MS : BW_PAUSE_MIN_MS << failures;
}

__attribute__((noreturn)) static void child(const struct run *r, pid_t parent, const int ready[2])
{
	/* Without its supervisor it ends in an orderly way, and mends by that. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "bpfwired");
	bw_signals_reset();
	close(ready[0]);
	exit(r->s->serve(r->s->arg, ready[1]));
}

static int spawn(struct run *r)
{
	pid_t parent = getpid();
	int ready[2];

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	r->pid = fork();
	if (!r->pid)
		child(r, parent, ready);
	close(ready[1]);
	r->ready = ready[0];
	r->is_ready = r->killed = false;
	if (r->pid < 0) {
		close(ready[0]);
		return -errno;
	}
	return 0;
}

static int until(int64_t limit)
{
	int64_t left = limit < 0 ? -1 : limit - bw_now_ms();

	return left < -1 || (limit >= 0 && left < 0) ? 0 : (int)left;
}

static void on_stop(struct run *r)
{
	if (r->stop)
		return;
	r->stop = true;
	r->limit = bw_now_ms() + BW_STOP_MS;
	if (r->pid > 0)
		kill(r->pid, SIGTERM);
}

static void on_ready(struct run *r)
{
	char c;

	r->is_ready = read(r->ready, &c, 1) == 1;
	if (r->is_ready && !r->stop)
		r->limit = -1;
	close(r->ready);
	r->ready = -1;
}

/* Until the child has ended. */
static void watch(struct run *r)
{
	while (waitpid(r->pid, &r->status, WNOHANG) != r->pid) {
		struct pollfd fds[2] = { { .fd = r->signals, .events = POLLIN }, { .fd = r->ready, .events = POLLIN } };

		if (poll(fds, 2, until(r->limit)) < 0)
			continue;
		if (fds[0].revents && bw_signals_take())
			on_stop(r);
		if (fds[1].revents)
			on_ready(r);
		if (r->limit >= 0 && bw_now_ms() >= r->limit) {
			kill(r->pid, SIGKILL);
			r->killed = true;
			r->limit = -1;
		}
	}
	r->pid = -1;
	if (r->ready >= 0)
		on_ready(r);
}

/* Sleeps; a signal that stops ends it. */
static void pause_for(struct run *r, int ms)
{
	int64_t end = bw_now_ms() + ms;
	struct pollfd fd = { .fd = r->signals, .events = POLLIN };

	while (!r->stop && bw_now_ms() < end)
		if (poll(&fd, 1, until(end)) > 0 && bw_signals_take())
			r->stop = true;
}

static void tell(const struct run *r, const char *next)
{
	if (r->killed)
		bw_log(BW_LOG_ERROR, "the serving process did not get ready in %d ms: %s", BW_AGAIN_MS, next);
	else if (WIFSIGNALED(r->status))
		bw_log(BW_LOG_ERROR, "the serving process was killed by signal %d: %s", WTERMSIG(r->status), next);
	else
		bw_log(BW_LOG_ERROR, "the serving process ended with status %d: %s", WEXITSTATUS(r->status), next);
}

static int exit_status(const struct run *r)
{
	if (WIFEXITED(r->status))
		return WEXITSTATUS(r->status);
	/* Told to stop before it could catch it. */
	return r->stop && WTERMSIG(r->status) == SIGTERM ? 0 : 1;
}

/* One life of the child. True: start it again. */
static bool live(struct run *r, bool first, unsigned int *failures)
{
	int64_t born = bw_now_ms();
	char next[128];

	r->limit = first ? -1 : born + BW_AGAIN_MS;
	if (spawn(r)) {
		bw_log(BW_LOG_ERROR, "fork: %s", strerror(errno));
		r->status = 1 << 8;
	} else {
		watch(r);
	}
	if (r->stop || (first && !r->is_ready) || (r->is_ready && WIFEXITED(r->status) && !WEXITSTATUS(r->status)))
		return false;
	if (r->is_ready && bw_now_ms() - born >= (first ? 0 : BW_STEADY_MS)) {
		*failures = 0;
		tell(r, "it is started again");
		return true;
	}
	snprintf(next, sizeof(next), "the gadget goes on without bpfwire, next try in %d ms", bw_supervise_pause(*failures));
	tell(r, next);
	r->s->mend(r->s->arg);
	pause_for(r, bw_supervise_pause((*failures)++));
	return !r->stop;
}

int bw_supervise(const struct bw_supervised *s)
{
	struct run r = { .s = s, .signals = bw_signals_init(), .pid = -1, .ready = -1 };
	unsigned int failures = 0;

	if (r.signals < 0) {
		bw_log(BW_LOG_ERROR, "signals: %s", strerror(-r.signals));
		return 1;
	}
	prctl(PR_SET_NAME, NAME);
	if (live(&r, true, &failures))
		while (live(&r, false, &failures))
			;
	s->mend(s->arg);
	return exit_status(&r);
}
