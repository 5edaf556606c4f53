/* SPDX-License-Identifier: Apache-2.0 */
/* A board that goes away: each test is a tool in a child process, whose connection ends in the middle. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "remote/conn.h"
#include "remote/remote.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

static uint32_t handles;

/* FILE_STATFS is the end of the board. */
static int fake(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_reply h = { BW_OBJ_PERF, 0 };

	(void)r;
	switch (type) {
	case BW_MSG_PERF_OPEN:
		h.handle = ++handles;
		bw_put_handle_reply(out, &h);
		return 0;
	case BW_MSG_RING_MAP:
		bw_put_u32(out, 4096);
		return 0;
	case BW_MSG_FILE_STATFS:
		shutdown(fake_fd, SHUT_RDWR);
		_exit(0);
	default:
		return 0;
	}
}

static int ring;

static void open_ring(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT };
	void *p;

	ring = (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, 0ul);
	p = mmap(NULL, (size_t)getpagesize() * 2, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	if (ring < 0 || p == MAP_FAILED)
		_exit(99);
}

static void end_board(void)
{
	struct bw_file f = { .path = { "/", 1 } };
	struct bw_buf b = { 0 };

	bw_put_file(&b, &f);
	bw_call(BW_MSG_FILE_STATFS, &b, NULL);
	bw_buf_free(&b);
}

static char output[4096];

/* The tool's stdout and stderr are pipes; *output is both. Returns what waitpid says. */
static int run(void (*tool)(void))
{
	int p[2], status = -1;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	if (pipe(p))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setsid();
		alarm(20);
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		fake_bridge(fake);
		tool();
		exit(0);
	}
	close(p[1]);
	while (n < sizeof(output) - 1 && (r = read(p[0], output + n, sizeof(output) - 1 - n)) > 0)
		n += (size_t)r;
	output[n] = 0;
	close(p[0]);
	waitpid(pid, &status, 0);
	return status;
}

static int count(const char *what)
{
	const char *p = output;
	int n = 0;

	while ((p = strstr(p, what))) {
		p += strlen(what);
		n++;
	}
	return n;
}

/* ---- tools ---- */

static volatile sig_atomic_t interrupted;
static void on_sigint(int sig) { (void)sig; interrupted = 1; }

static void handle_sigint(void)
{
	struct sigaction sa = { .sa_handler = on_sigint };

	sigaction(SIGINT, &sa, NULL);
}

static void with_summary(void)
{
	struct pollfd p;

	handle_sigint();
	open_ring();
	printf("begun, in a buffer\n");
	end_board();
	p = (struct pollfd){ ring, POLLIN, 0 };
	while (!interrupted)
		poll(&p, 1, -1);
	printf("summary\n");
}

TEST("a tool that handles SIGINT ends with its summary and status 75")
{
	int status = run(with_summary);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
	CHECK_EQ(count("summary\n"), 1);
	CHECK_EQ(count("begun, in a buffer\n"), 1);
	CHECK_EQ(count("bpfwire: board FAKE0001 disconnected ("), 1);
}

static void without_handler(void)
{
	struct pollfd p;

	open_ring();
	printf("begun, in a buffer\n");
	end_board();
	p = (struct pollfd){ ring, POLLIN, 0 };
	for (;;)
		poll(&p, 1, -1);
}

TEST("a tool that does not handle SIGINT ends at its next wait, with its output and status 75")
{
	int status = run(without_handler);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
	CHECK_EQ(count("begun, in a buffer\n"), 1);
}

static void deaf(void)
{
	open_ring();
	printf("begun, in a buffer\n");
	end_board();
	for (;;)
		pause();
}

TEST("a tool that does neither is ended after seconds, with its output and status 75")
{
	struct timeval a, b;
	int status;

	gettimeofday(&a, NULL);
	status = run(deaf);
	gettimeofday(&b, NULL);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
	CHECK_EQ(count("begun, in a buffer\n"), 1);
	CHECK(b.tv_sec - a.tv_sec >= 2 && b.tv_sec - a.tv_sec <= 8);
}

/* As Python does after a KeyboardInterrupt that nobody caught. */
static void like_python(void)
{
	handle_sigint();
	open_ring();
	end_board();
	while (!interrupted)
		usleep(10000);
	printf("traceback\n");
	fflush(stdout);
	signal(SIGINT, SIG_DFL);
	kill(getpid(), SIGINT);
	for (;;)
		pause();
}

TEST("a tool that kills itself by SIGINT afterwards still exits with 75")
{
	int status = run(like_python);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
	CHECK_EQ(count("traceback\n"), 1);
}

static void calls_fail(void)
{
	union bpf_attr a = { .map_fd = 3 };

	if (bw_conn_ready())
		exit(98);
	end_board();
	usleep(100000);
	if (syscall(SYS_bpf, BPF_MAP_FREEZE, &a, sizeof(a)) != -1 || errno != ENODEV)
		exit(97);
	exit(5);
}

TEST("a tool whose bpf(2) fails since the board went before it had anything there goes on, and its status is 75")
{
	int status = run(calls_fail);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
	CHECK_EQ(count("disconnected"), 1);
}

static void only_connected(void)
{
	if (bw_conn_ready())
		exit(98);
	end_board();
	usleep(100000);
	exit(5);
}

TEST("a program that makes no kernel objects is left alone")
{
	int status = run(only_connected);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	CHECK_EQ(count("disconnected"), 1);
}

TEST("no bridge is one line that names the socket, and ENODEV for each call")
{
	union bpf_attr a = { .map_fd = 3 };

	setenv("BPFWIRE_SOCKET", "/nonexistent/bpfwire/BOARD", 1);
	fflush(stdout);
	if (!fork()) {
		int p[2], i;
		ssize_t n;

		if (pipe(p))
			_exit(1);
		dup2(p[1], 2);
		for (i = 0; i < 3; i++)
			if (syscall(SYS_bpf, BPF_MAP_FREEZE, &a, sizeof(a)) != -1 || errno != ENODEV)
				_exit(2);
		n = read(p[0], output, sizeof(output) - 1);
		output[n > 0 ? n : 0] = 0;
		_exit(count("\n") == 1 && count("/nonexistent/bpfwire/BOARD") == 1 && count("bpfwire devices") == 1 ? 0 : 3);
	} else {
		int status = -1;

		wait(&status);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

/* The library reads BPFWIRE_SOCKET once; it must not have done so before the first child's bridge is there. */
int main(void) { return check_done(); }
