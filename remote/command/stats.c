// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/bpfattr.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/wirecode.h"
#include "remote/command/stats.h"

/* ---- the table ---- */

static const char *row_name(unsigned int row)
{
	const struct bw_bpf_cmd *c = row >= BW_STATS_BPF ? bw_bpf_cmd(row - BW_STATS_BPF) : NULL;

	return row < BW_STATS_BPF ? bw_msg_name((uint16_t)row) : c ? c->name : "?";
}

static int by_wait(const void *a, const void *b)
{
	const struct bw_stats_row *x = *(struct bw_stats_row *const *)a, *y = *(struct bw_stats_row *const *)b;

	if (x->wait_ns != y->wait_ns)
		return x->wait_ns < y->wait_ns ? 1 : -1;
	return x < y ? -1 : x > y;
}

void bw_stats_print(FILE *to, const struct bw_stats *s)
{
	const struct bw_stats_row *rows[BW_STATS_ROWS], *r;
	uint64_t sent = 0, trips = 0, ns = 0, out = 0, in = 0;
	unsigned int i, n = 0;

	for (r = s->rows; r < s->rows + BW_STATS_ROWS; r++) {
		if (!r->sent && !r->in)
			continue;
		rows[n++] = r;
		sent += r->sent;
		trips += r->trips;
		ns += r->wait_ns;
		out += r->out;
		in += r->in;
	}
	qsort(rows, n, sizeof(*rows), by_wait);
	fprintf(to, "%-28s %9s %11s %11s %11s %11s\n", "asked of the board", "messages", "round trips", "bytes out", "bytes in", "waited ms");
	for (i = 0; i < n; i++) {
		unsigned int row = (unsigned int)(rows[i] - s->rows);

		fprintf(to, "%s%-*s %9llu %11llu %11llu %11llu %11.1f\n", row < BW_STATS_BPF ? "" : "bpf ", row < BW_STATS_BPF ? 28 : 24, row_name(row),
			(unsigned long long)rows[i]->sent, (unsigned long long)rows[i]->trips, (unsigned long long)rows[i]->out,
			(unsigned long long)rows[i]->in, (double)rows[i]->wait_ns / 1e6);
	}
	fprintf(to, "%-28s %9llu %11llu %11llu %11llu %11.1f\n", "all", (unsigned long long)sent, (unsigned long long)trips, (unsigned long long)out,
		(unsigned long long)in, (double)ns / 1e6);
}

/* ---- the file ---- */

static int make_file(char *path, size_t size, struct bw_stats **out)
{
	const char *tmp = getenv("TMPDIR");
	int fd, err;

	if ((size_t)snprintf(path, size, "%s/bpfwire-stats-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp") >= size)
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = ftruncate(fd, sizeof(**out)) ? -errno : 0;
	if (!err) {
		*out = mmap(NULL, sizeof(**out), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		err = *out == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (err) {
		unlink(path);
		return err;
	}
	(*out)->magic = BW_STATS_MAGIC;
	return 0;
}

/* ---- the parent ---- */

/* What the terminal sent, the tool has got too. */
static void pass_on(pid_t child, const siginfo_t *si)
{
	if (si->si_code != SI_KERNEL)
		kill(child, si->si_signo);
}

static int wait_for(pid_t child, const sigset_t *watched)
{
	int status;
	pid_t r;

	while ((r = waitpid(child, &status, WNOHANG)) == 0) {
		siginfo_t si;

		if (sigwaitinfo(watched, &si) > 0 && si.si_signo != SIGCHLD)
			pass_on(child, &si);
	}
	return r == child ? status : 0;
}

static void end_as(int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	fflush(NULL);
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);	/* one is enough */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + WTERMSIG(status));
}

int bw_stats_follow(void)
{
	sigset_t watched, old;
	struct bw_stats *s = NULL;
	char path[4096];
	int err, status;
	pid_t child;

	err = make_file(path, sizeof(path), &s);
	if (err)
		return err;
	sigemptyset(&watched);
	for (const int *sig = (const int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, 0 }; *sig; sig++)
		sigaddset(&watched, *sig);
	sigprocmask(SIG_BLOCK, &watched, &old);
	child = fork();
	if (child < 0) {
		err = -errno;
		sigprocmask(SIG_SETMASK, &old, NULL);
		unlink(path);
		return err;
	}
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return setenv("BPFWIRE_STATS", path, 1) ? -errno : 0;
	}
	status = wait_for(child, &watched);
	unlink(path);
	bw_stats_print(stderr, s);
	end_as(status);
	return 0;
}
