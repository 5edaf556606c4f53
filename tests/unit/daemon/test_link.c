// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/daemon/client.h"

static struct client c;

static long switches(pid_t pid)
{
	char path[64], *text = NULL, *at;
	long n = -1;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!bw_read_file(path, 65536, &text, &len) && (at = strstr(text, "\nvoluntary_ctxt_switches:")))
		n = atol(strchr(at, ':') + 1);
	free(text);
	return n;
}

static int count_fds(pid_t pid)
{
	char path[64];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	for (d = opendir(path); d && readdir(d); )
		n++;
	if (d)
		closedir(d);
	return n;
}

TEST("the board says who it is, after bytes of a link that ended")
{
	struct bw_hello h;

	daemon_start_with(&c, NULL);
	send_bytes(&c, "half a frame BPFWIRE BPFWIRE", 28);
	CHECK_EQ(greet(&c, BW_VERSION_MAJOR, &h), 0);
	CHECK(bw_str_eq(h.serial, "test"));
	CHECK(bw_str_eq(h.sysname, "Linux"));
	CHECK(h.release.len > 0 && h.boot_id.len > 0 && h.cpus_possible.len > 0 && h.cpus_online.len > 0);
	CHECK_EQ(h.page_size, sysconf(_SC_PAGESIZE));
	CHECK_EQ(h.big_endian, 0);
	CHECK_EQ(h.window, BW_WINDOW);
	CHECK(h.clock_monotonic > 0 && h.clock_realtime > h.clock_monotonic);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a host of another protocol version is told so, and gets no session")
{
	struct bw_hello h;

	daemon_start_with(&c, NULL);
	CHECK_EQ(greet(&c, BW_VERSION_MAJOR + 1, &h), -EPROTO);
	CHECK(h.reason.len && memmem(h.reason.p, h.reason.len, "same release", 12));
	send_frame(&c, BW_MSG_OPEN, 0, 1, 1, "\1\0\0\0\1\0\0\0\0\0\0\0\0\0\x10\0", 16);
	SETTLE(&c, 100);
	CHECK_EQ(c.type, 0);
	CHECK_EQ(children(c.daemon), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a PING is answered, a PAD is nothing")
{
	struct bw_buf b = { 0 };

	daemon_start(&c);
	send_frame(&c, BW_MSG_PAD, 0, 0, 0, "xyz", 3);
	CHECK_EQ(call(&c, 0, BW_MSG_PING, &b), 0);
	CHECK_EQ(c.type, BW_MSG_PING);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("what is not frames ends a link without RESET, and all its sessions")
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	send_bytes(&c, "\1\0\0\0 this is no frame at all", 28);
	CHECK(WAIT_UNTIL(children(c.daemon) == 0));
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("an idle daemon is not woken up at all")
{
	long before;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	session_close(&c, 1);
	CHECK(WAIT_UNTIL(children(c.daemon) == 0));
	usleep(100000);
	before = switches(c.daemon);
	usleep(1500000);
	CHECK_EQ(switches(c.daemon), before);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a silent host is asked, and an answer keeps its session")
{
	struct bw_frame f;
	int asked = 0;
	int64_t until;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	until = bw_now_ms() + BW_DEAD_AFTER_MS + 1000;
	while (bw_now_ms() < until && next_frame(&c, &f, BW_PING_AFTER_MS + 1000)) {
		CHECK_EQ(f.type, BW_MSG_PING);
		asked++;
		send_frame(&c, BW_MSG_PING, BW_F_REPLY, 0, f.request, NULL, 0);
	}
	CHECK(asked >= 3);
	CHECK_EQ(children(c.daemon), 1);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a host that stays silent loses its sessions")
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(children(c.daemon), 1);
	usleep((BW_PING_AFTER_MS + 500) * 1000);
	CHECK_EQ(children(c.daemon), 1);
	CHECK(WAIT_UNTIL(children(c.daemon) == 0));
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("sessions have their own handles, and their own workers")
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(session_open(&c, 2), 0);
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 1);
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 2);
	CHECK_EQ(file_open(&c, 2, BW_O_RDONLY, "/proc/uptime"), 1);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_HANDLE_CLOSE, 1), 0);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_HANDLE_CLOSE, 1), -EBADF);
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 1);
	CHECK_EQ(children(c.daemon), 2);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a session number in use is refused, and free again after CLOSE")
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 5), 0);
	CHECK_EQ(session_open(&c, 5), -EEXIST);
	session_close(&c, 5);
	CHECK_EQ(session_open(&c, 5), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("frames to a session that is none are answered with CLOSE")
{
	daemon_start(&c);
	send_frame(&c, BW_MSG_CLOCKS, 0, 77, 1, NULL, 0);
	CHECK(WAIT_FOR(&c, c.closed == 77));
	CHECK_EQ(c.closed_status, -ENOENT);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("one session too many is refused, and the others go on")
{
	daemon_start(&c);
	for (uint32_t i = 1; i <= BW_SESSIONS_MAX; i++)
		CHECK_EQ(session_open(&c, i), 0);
	CHECK_EQ(session_open(&c, 1000), -EUSERS);
	CHECK_EQ(file_call(&c, 3, BW_MSG_FILE_ACCESS, 0, 0, "/proc"), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("sessions come and go without leaving a descriptor or a child behind")
{
	int before;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	session_close(&c, 1);
	CHECK(WAIT_UNTIL(children(c.daemon) == 0));
	before = count_fds(c.daemon);
	for (uint32_t i = 2; i < 60; i++) {
		CHECK_EQ(session_open(&c, i), 0);
		CHECK_EQ(file_open(&c, i, BW_O_RDONLY, "/proc/uptime"), 1);
		session_close(&c, i);
	}
	CHECK(WAIT_UNTIL(children(c.daemon) == 0));
	CHECK_EQ(count_fds(c.daemon), before);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a worker that is killed ends its session alone")
{
	pid_t pids[4];
	struct bw_buf none = { 0 };

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	CHECK_EQ(session_open(&c, 2), 0);
	kill(pids[0], SIGKILL);
	CHECK(WAIT_FOR(&c, c.closed == 1));
	CHECK_EQ(c.closed_status, -EIO);
	CHECK_EQ(call(&c, 2, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a worker that hangs is killed in bounded time, and nobody waits for it")
{
	pid_t pids[4];
	struct bw_buf none = { 0 };
	int64_t start;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	CHECK_EQ(session_open(&c, 2), 0);
	kill(pids[0], SIGSTOP);
	session_close(&c, 1);
	start = bw_now_ms();
	CHECK_EQ(call(&c, 2, BW_MSG_CLOCKS, &none), 0);
	CHECK(bw_now_ms() - start < 1000);
	CHECK(WAIT_UNTIL(children(c.daemon) == 1));
	CHECK(bw_now_ms() - start < BW_END_MS + 2000);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a client that overruns its window loses its session, and disturbs nobody")
{
	static uint8_t bulk[60000];
	pid_t pids[4];
	struct bw_buf none = { 0 };

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	CHECK_EQ(session_open(&c, 2), 0);
	kill(pids[0], SIGSTOP);
	for (size_t sent = 0; sent < BW_WINDOW + sizeof(bulk); sent += sizeof(bulk))
		send_frame(&c, BW_MSG_BPF, BW_F_MORE, 1, 1, bulk, sizeof(bulk));
	CHECK(WAIT_FOR(&c, c.closed == 1));
	CHECK_EQ(c.closed_status, -EPROTO);
	CHECK_EQ(call(&c, 2, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

static long resident_kb(pid_t pid)
{
	char path[64], *text = NULL, *at;
	long kb = 0;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!bw_read_file(path, 65536, &text, &len) && (at = strstr(text, "VmRSS:")))
		kb = atol(at + 6);
	free(text);
	return kb;
}

TEST("CREDIT frames do not pile up before a worker that is stuck")
{
	struct bw_buf none = { 0 };
	pid_t pids[4];
	long before;

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	kill(pids[0], SIGSTOP);
	before = resident_kb(c.daemon);
	for (int i = 0; i < 400000; i++)
		give_credit(&c, 1, 0);
	CHECK(resident_kb(c.daemon) - before < 400000 * 24 / 1024 / 2);
	kill(pids[0], SIGCONT);
	CHECK_EQ(call(&c, 1, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a client that takes no data stalls nobody but itself")
{
	struct bw_buf none = { 0 };

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(session_open(&c, 2), 0);
	c.no_credit = true;
	/* About 5 MB of reply against a window of 1 MiB. */
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_ACCESS, 0, 0, "/proc"), 0);
	{
		struct bw_file m = { .path = { "/proc/kallsyms", 14 } };
		struct bw_buf b = { 0 };

		bw_put_file(&b, &m);
		send_frame(&c, BW_MSG_FILE_GET, 0, 1, 500, b.data, b.len);
		bw_buf_free(&b);
	}
	SETTLE(&c, 300);
	CHECK_EQ(call(&c, 2, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(c.type, BW_MSG_CLOCKS);
	give_credit(&c, 1, BW_WINDOW - 1000);
	c.no_credit = false;
	CHECK_EQ(wait_reply(&c, 1, 500), 0);
	CHECK(c.reply.len > 1000000);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a malformed request ends its session, with a reason")
{
	struct bw_buf none = { 0 };

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(session_open(&c, 2), 0);
	send_frame(&c, BW_MSG_FILE_STAT, 0, 1, 9, "\1\2\3", 3);
	CHECK(WAIT_FOR(&c, c.closed == 1));
	CHECK_EQ(c.closed_status, -EPROTO);
	CHECK_EQ(call(&c, 2, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("a type that the daemon does not know is answered, not punished")
{
	struct bw_buf none = { 0 };

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(call(&c, 1, 4711, &none), -EOPNOTSUPP);
	CHECK_EQ(call(&c, 1, BW_MSG_CLOCKS, &none), 0);
	CHECK_EQ(daemon_stop(&c), 0);
}

TEST("SIGTERM ends the daemon and its workers in time")
{
	int wstatus, r;
	pid_t pids[4];

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	kill(c.daemon, SIGTERM);
	CHECK(WAIT_UNTIL((r = waitpid(c.daemon, &wstatus, WNOHANG)) != 0));
	CHECK(WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0);
	CHECK_EQ(kill(pids[0], 0), -1);
	daemon_stop(&c);
}

TEST("a worker does not outlive a daemon that is killed")
{
	pid_t pids[4];

	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(child_pids(c.daemon, pids, 4), 1);
	kill(c.daemon, SIGKILL);
	CHECK(WAIT_UNTIL(kill(pids[0], 0) == -1));
	daemon_stop(&c);
}

int main(void)
{
	rmdir(run_dir);
	return check_done();
}
