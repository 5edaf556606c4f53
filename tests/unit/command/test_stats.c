// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/wire.h"
#include "remote/command/stats.h"
#include "tests/unit/check.h"

/* A process that follows a tool, which does `tool`; its status, and what it printed. */
static int followed(void (*tool)(void), char *out, size_t size)
{
	int fds[2], status;
	ssize_t n, have = 0;
	pid_t pid;

	if (pipe(fds))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(30);
		close(fds[0]);
		dup2(fds[1], 2);
		if (!bw_stats_follow()) {
			close(fds[1]);
			tool();
		}
		_exit(99);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + have, size - 1 - (size_t)have)) > 0)
		have += n;
	out[have] = 0;
	close(fds[0]);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static struct bw_stats *mapped(void)
{
	FILE *f = fopen(getenv("BPFWIRE_STATS"), "r+");
	struct bw_stats *s = f ? mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0) : MAP_FAILED;

	if (s == MAP_FAILED || s->magic != BW_STATS_MAGIC)
		_exit(98);
	return s;
}

static void tool_exits(void)
{
	mapped()->rows[BW_MSG_FILE_GET].sent = 4711;
	_exit(7);
}

static void tool_is_killed(void)
{
	mapped()->rows[BW_STATS_BPF + 1].sent = 4712;
	raise(SIGKILL);
}

static void got_term(int sig)
{
	(void)sig;
	_exit(42);
}

static void tool_gets_term(void)
{
	signal(SIGTERM, got_term);
	kill(getppid(), SIGTERM);
	pause();
}

static void print(char *out, size_t size, const struct bw_stats *s)
{
	FILE *f = tmpfile();
	size_t n;

	bw_stats_print(f, s);
	rewind(f);
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	fclose(f);
}

TEST("a row a kind of request, the longest wait first, then the sum")
{
	static struct bw_stats s;
	char out[4096];

	s.rows[BW_MSG_FILE_GET] = (struct bw_stats_row){ .sent = 2, .trips = 2, .wait_ns = 1500000, .out = 30, .in = 4000 };
	s.rows[BW_STATS_BPF + 1] = (struct bw_stats_row){ .sent = 5, .trips = 4, .wait_ns = 2000000, .out = 100, .in = 200 };
	s.rows[BW_MSG_RING_DATA] = (struct bw_stats_row){ .in = 64 };
	print(out, sizeof(out), &s);
	CHECK(strstr(out, "bpf MAP_LOOKUP_ELEM") && strstr(out, "FILE_GET") && strstr(out, "RING_DATA"));
	CHECK(strstr(out, "bpf MAP_LOOKUP_ELEM") < strstr(out, "FILE_GET"));
	CHECK(strstr(out, "FILE_GET") < strstr(out, "RING_DATA"));
	CHECK(strstr(out, "all                                  7           6         130        4264         3.5\n"));
	CHECK(!strstr(out, "PING"));
}

TEST("the tool's status is the command's, and the numbers are told")
{
	char out[4096];
	int status = followed(tool_exits, out, sizeof(out));

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(strstr(out, "FILE_GET") && strstr(out, "4711"));
}

TEST("so are those of a tool that is killed, and its signal")
{
	char out[4096];
	int status = followed(tool_is_killed, out, sizeof(out));

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(strstr(out, "4712"));
}

TEST("a signal to the command reaches the tool")
{
	char out[4096];
	int status = followed(tool_gets_term, out, sizeof(out));

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

TEST("the file it is counted in is gone afterwards")
{
	char dir[] = "/tmp/bpfwire-test-XXXXXX", out[4096];
	int status;

	CHECK(mkdtemp(dir));
	setenv("TMPDIR", dir, 1);
	status = followed(tool_exits, out, sizeof(out));
	CHECK(WEXITSTATUS(status) == 7);
	CHECK(!rmdir(dir));
}

int main(void)
{
	return check_done();
}
