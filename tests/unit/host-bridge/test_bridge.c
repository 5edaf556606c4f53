// SPDX-License-Identifier: Apache-2.0
/*
 * The whole program: the bridge, the processes of its boards and the commands behind them are all this very file, started anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-bridge/bridge.h"
#include "host-bridge/worker.h"
#include "protocol/io.h"
#include "protocol/msg.h"
#include "protocol/pipe.h"
#include "protocol/wirecode.h"
#include "tests/unit/check.h"
#include "tests/unit/host-bridge/bench.c"

#define LONG_MS	8000

/* A board on stdin and stdout that opens sessions and answers CLOCKS with its pid. */
static void be_board(void)
{
	struct bench b = { .board_fd = 0, .window = BW_WINDOW };
	struct bw_buf out = { 0 };
	uint32_t pid = (uint32_t)getpid();
	struct bw_frame f;

	if (bw_write_full(1, BW_CABLE_FRAMES "\n", strlen(BW_CABLE_FRAMES) + 1))
		_exit(8);
	bw_stream_init(&b.in);
	bw_stream_expect(&b.in, NULL);
	b.board_fd = 0;
	if (!bench_next(&b, &f, LONG_MS))
		_exit(9);
	dup2(1, 3);		/* bench writes to board_fd, which is stdin here */
	b.board_fd = 3;
	bw_put_preamble(&out, b.in.nonce);
	bench_write(&b, out.data, out.len);
	bw_buf_reset(&out);
	bw_put_hello(&out, &(struct bw_hello) { .major = BW_VERSION_MAJOR, .window = BW_WINDOW, .msg_max = BW_MSG_MAX, .role_version = { .p = "" },
		     .serial = { .p = "" }, .sysname = { .p = "" }, .nodename = { .p = "" }, .release = { .p = "" }, .version = { .p = "" },
		     .machine = { .p = "" }, .cpus_possible = { .p = "" }, .cpus_online = { .p = "" }, .build_id = { .p = "" },
		     .boot_id = { .p = "" }, .reason = { .p = "" } });
	bench_send(&b, BW_MSG_HELLO, 0, 0, 0, 0, out.data, out.len);
	for (;;) {
		b.board_fd = 0;
		if (!bench_next(&b, &f, 20000))
			_exit(0);
		b.board_fd = 3;
		if (f.type == BW_MSG_OPEN)
			bench_send(&b, BW_MSG_OPEN, BW_F_REPLY, f.session, f.request, 0, NULL, 0);
		else if (f.type == BW_MSG_CLOCKS)
			bench_send(&b, BW_MSG_CLOCKS, BW_F_REPLY, f.session, f.request, 0, &pid, 4);
		else if (f.type == BW_MSG_PING && !(f.flags & BW_F_REPLY))
			bench_send(&b, BW_MSG_PING, BW_F_REPLY, 0, f.request, 0, NULL, 0);
	}
}

/* Before any test of this file runs. */
__attribute__((constructor(101))) static void other_roles(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], BW_WORKER_ARG))
		_exit(bw_worker_main(argc, argv));
	if (argc > 1 && !strcmp(argv[1], "board"))
		be_board();
}

static char dir[64], sysfs[80];
static pid_t bridge;

/* Who is still ending may put a file there while it goes. */
static void remove_dir(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s' || { sleep 1; rm -rf '%s'; }", dir, dir);
	if (system(command))
		abort();
}

static void run_bridge(const char *command, int idle_s)
{
	struct bw_directory d;
	char err[300], path[80];

	snprintf(path, sizeof(path), "%s/b", dir);
	bw_log_init("test", getenv("BENCH_LOG") ? BW_LOG_DEBUG : BW_LOG_ERROR);
	if (!getenv("BENCH_LOG") && !freopen("/dev/null", "w", stderr))
		_exit(8);
	if (bw_directory_open(&d, path, NULL, err, sizeof(err)))
		_exit(9);
	_exit(-bw_bridge_run(&(struct bw_bridge_options) { .dir = &d, .sysfs = sysfs, .node = command ? NULL : "/dev/bus/usb/250/250",
			     .command = command, .serial = "X", .idle_s = idle_s }));
}

/* command NULL: USB, by a tree that stands for sysfs. */
static void begin(const char *command, int idle_s)
{
	char self[200], full[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	strcpy(dir, "/tmp/bw-bridge-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(sysfs, sizeof(sysfs), "%s/sysfs", dir);
	mkdir(sysfs, 0700);
	if (command && !strcmp(command, "board"))
		snprintf(full, sizeof(full), "exec '%s' board", self);
	else
		snprintf(full, sizeof(full), "%s", command ? command : "");
	fflush(stdout);
	bridge = fork();
	if (!bridge)
		run_bridge(command ? full : NULL, idle_s);
}

static bool exited(pid_t pid, int *status, int ms)
{
	int64_t until = bw_now_ms() + ms;

	while (bw_now_ms() < until) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(10000);
	}
	return false;
}

static void end(void)
{
	char command[128];
	int status = -1;

	kill(bridge, SIGTERM);
	CHECK(exited(bridge, &status, LONG_MS));
	CHECK_EQ(status, 0);
	snprintf(command, sizeof(command), "%s/b/X", dir);
	CHECK(access(command, F_OK) < 0);		/* it removes its sockets */
	remove_dir();
}

/* Asks the board NAME; its pid, or the negative status that greets, -1: nobody there. */
static int ask(const char *name, struct client *c, char *reason, size_t size)
{
	struct bench b;
	struct bw_hello hello;
	struct bw_reader r;
	struct bw_frame f;
	uint32_t pid;

	snprintf(b.path, sizeof(b.path), "%s/b/%s", dir, name);
	if (access(b.path, F_OK) < 0)
		return -1;
	client_connect(&b, c);
	if (!client_next(c, &f, BENCH_MS))
		return client_close(c), -1;
	if (f.status) {
		bw_reader_init(&r, f.payload, bw_frame_payload_len(&f));
		if (reason && !bw_get_hello(&r, &hello))
			snprintf(reason, size, "%.*s", (int)hello.reason.len, hello.reason.p);
		return f.status;
	}
	client_send_open(c, BW_WINDOW);
	client_send(c, BW_MSG_CLOCKS, 0, 2, NULL, 0);
	if (!client_next(c, &f, BENCH_MS) || !client_next(c, &f, BENCH_MS) || f.type != BW_MSG_CLOCKS)
		return client_close(c), -1;
	memcpy(&pid, f.payload, 4);
	return (int)pid;
}

static int ask_until(const char *name, struct client *c, char *reason, size_t size, bool (*good)(int r))
{
	int64_t until = bw_now_ms() + LONG_MS;
	int r;

	for (;;) {
		r = ask(name, c, reason, size);
		if (good(r) || bw_now_ms() >= until)
			return r;
		if (r != -1)
			client_close(c);
		usleep(20000);
	}
}

static bool is_up(int r) { return r > 0; }
static bool is_failed(int r) { return r < -1 && r != bw_errno_to_wire(-EAGAIN); }
static bool is_there(int r) { return r != -1; }
static bool is_away(int r) { return r == -1; }

TEST("a board's process that dies takes its clients along, and is there again in a moment")
{
	struct client c, d;
	int pid, again;

	begin("board", 0);
	pid = ask_until("X", &c, NULL, 0, is_up);
	CHECK(pid > 0);
	kill(pid, SIGKILL);
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	again = ask_until("X", &d, NULL, 0, is_up);
	CHECK(again > 0 && again != pid);
	end();
	CHECK(client_ended(&d, BENCH_MS));
	client_close(&d);
	CHECK(kill(again, 0) < 0);		/* nothing is left running */
}

TEST("what a failing command ended with is what clients are told")
{
	char reason[300] = "";
	struct client c;

	begin("exit 3", 0);
	CHECK(is_failed(ask_until("X", &c, reason, sizeof(reason), is_failed)));
	CHECK(strstr(reason, "exit status 3"));
	client_close(&c);
	end();
}

TEST("so is one who connects in the moment in which it ends")
{
	char reason[300] = "";
	struct client c;

	/* The board's process sees the connection and the command's end at once: it was stopped while both came. */
	begin("kill -STOP $PPID; (sleep 0.5; kill -CONT $PPID) </dev/null >/dev/null 2>&1 & exit 3", 0);
	CHECK(is_failed(ask_until("X", &c, reason, sizeof(reason), is_failed)));
	CHECK(strstr(reason, "exit status 3"));
	client_close(&c);
	end();
}

TEST("a bridge that is killed takes the processes of its boards along")
{
	struct client c;
	int pid, status;

	begin("board", 0);
	pid = ask_until("X", &c, NULL, 0, is_up);
	CHECK(pid > 0);
	kill(bridge, SIGKILL);
	CHECK(exited(bridge, &status, BENCH_MS));
	CHECK(client_ended(&c, BENCH_MS));
	client_close(&c);
	for (int i = 0; i < 300 && !kill(pid, 0); i++)
		usleep(10000);
	CHECK(kill(pid, 0) < 0);
	remove_dir();
}

TEST("an idle bridge ends when it was asked to, and not while it has a client")
{
	struct client c;
	int status;

	begin("board", 1);
	CHECK(ask_until("X", &c, NULL, 0, is_up) > 0);
	CHECK(!exited(bridge, &status, 1800));
	client_close(&c);
	CHECK(exited(bridge, &status, BENCH_MS));
	CHECK_EQ(status, 0);
	remove_dir();
}

static void plug(const char *interface, const char *serial)
{
	static const char *const names[] = { "bInterfaceNumber", "bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol", "interface" };
	static const char *const values[] = { "00", "ff", "62", "01", "bpfwire" };
	char command[400];

	for (int i = 0; i < 5; i++) {
		snprintf(command, sizeof(command), "mkdir -p '%s/%s' && echo %s >'%s/%s/%s'", sysfs, interface, values[i], sysfs, interface, names[i]);
		if (system(command))
			abort();
	}
	snprintf(command, sizeof(command), "cd '%s' && mkdir -p '%.*s' && cd '%.*s' && echo 250 >busnum && echo 250 >devnum && echo %s >serial", sysfs,
		 (int)strcspn(interface, ":"), interface, (int)strcspn(interface, ":"), interface, serial);
	if (system(command))
		abort();
}

/* Two interfaces of one node stand for two boards: no test machine can be relied on to have any. */
TEST("a board that cannot be opened is listed with the reason; a second one of its serial has a name of its own; unplugged, both go")
{
	struct client c;
	char command[200];

	begin(NULL, 0);
	plug("9-1:1.0", "X");
	CHECK(is_there(ask_until("X", &c, NULL, 0, is_there)));
	client_close(&c);
	plug("9-1:1.1", "X");
	snprintf(command, sizeof(command), "echo 01 >'%s/9-1:1.1/bInterfaceNumber'", sysfs);
	CHECK(!system(command));
	CHECK(is_there(ask_until("X-2", &c, NULL, 0, is_there)));
	client_close(&c);
	snprintf(command, sizeof(command), "rm -rf '%s/9-1:1.0' '%s/9-1:1.1'", sysfs, sysfs);
	CHECK(!system(command));
	CHECK_EQ(ask_until("X", &c, NULL, 0, is_away), -1);
	CHECK_EQ(ask_until("X-2", &c, NULL, 0, is_away), -1);
	end();
}

int main(void) { return check_done(); }
