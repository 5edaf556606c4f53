// SPDX-License-Identifier: Apache-2.0
/* `bpfwire devices` and the greeting, with fake boards behind real sockets. */
#include "tests/unit/command/fake.h"

TEST("one board is one line: serial number, tab, device")
{
	fake_begin(&(struct fake_board) { .serial = "BOARD0001" }, 1);
	run_command("devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, "BOARD0001\tdevice\n"));
	CHECK(!*got_err);
	fake_end();
}

TEST("boards are listed by serial number, each with its state")
{
	struct fake_board f[] = {
		{ .serial = "zebra" }, { .serial = "alpha", .status = -EPROTO, .reason = "board alpha speaks protocol 2, this bridge 1" },
		{ .serial = "mike", .status = -ENODEV, .reason = "the cable is out" }, { .serial = "golf", .status = -EACCES, .reason = "no access to /dev/bus/usb/001/002" },
	};

	fake_begin(f, 4);
	run_command("devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, "alpha\tincompatible\ngolf\tno permissions\nmike\toffline\nzebra\tdevice\n"));
	run_command("devices", "-l", NULL);
	CHECK(strstr(got_out, "incompatible: board alpha speaks protocol 2, this bridge 1\n"));
	CHECK(strstr(got_out, "no permissions: no access to /dev/bus/usb/001/002\n"));
	CHECK(strstr(got_out, " device arch:arm64 release:6.1.0-56-arm64 cpus:0-3 page:4096 "));
	CHECK_EQ(count_lines(got_out), 4);
	fake_end();
}

TEST("a stale socket is not a board")
{
	struct fake_board f[] = { { .serial = "OLD", .manner = FAKE_STALE }, { .serial = "NEW" } };

	fake_begin(f, 2);
	run_command("devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, "NEW\tdevice\n"));
	fake_end();
}

TEST("other files beside the sockets are not boards")
{
	struct fake_board f[] = { { .serial = "A" }, { .serial = "A.bpfd" }, { .serial = ".hidden" } };

	fake_begin(f, 3);
	fake_file("bridge.log", "x\n", 0600);
	run_command("devices", NULL);
	CHECK(!strcmp(got_out, "A\tdevice\n"));
	fake_end();
}

TEST("a bridge of another protocol version is called incompatible")
{
	fake_begin(&(struct fake_board) { .serial = "A", .major = BW_VERSION_MAJOR + 1 }, 1);
	run_command("devices", "--long", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(strstr(got_out, "incompatible: it speaks protocol 2, this bpfwire 1"));
	fake_end();
}

TEST("a socket that hangs, closes or talks nonsense is offline, within seconds")
{
	struct fake_board f[] = { { .serial = "A", .manner = FAKE_SILENT }, { .serial = "B", .manner = FAKE_CLOSES }, { .serial = "C", .manner = FAKE_GARBAGE } };
	int64_t before = bw_now_ms();

	fake_begin(f, 3);
	run_command("devices", "-l", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(strstr(got_out, "offline: the bridge does not answer\n"));
	CHECK(strstr(got_out, "offline: the bridge closed the connection without a greeting\n"));
	CHECK(strstr(got_out, "offline: what answers at its socket is not a bpfwire bridge\n"));
	CHECK(bw_now_ms() - before < 6000);
	fake_end();
}

TEST("a board that is being opened is waited for")
{
	fake_begin(&(struct fake_board) { .serial = "A", .manner = FAKE_OPENS_LATER, .reason = "being opened" }, 1);
	run_command("devices", NULL);
	CHECK(!strcmp(got_out, "A\tdevice\n"));
	fake_end();
}

TEST("a board that stays being opened is listed so, after seconds")
{
	int64_t before = bw_now_ms();

	fake_begin(&(struct fake_board) { .serial = "A", .status = -EAGAIN, .reason = "being opened" }, 1);
	run_command("devices", NULL);
	CHECK(!strcmp(got_out, "A\topening\n"));
	CHECK(bw_now_ms() - before < 6000);
	fake_end();
}

TEST("no byte of a board's text reaches the terminal but printable ones")
{
	fake_begin(&(struct fake_board) { .serial = "A", .release = "6.1\033[2J\x9b\n\x7f" }, 1);
	run_command("devices", "-l", NULL);
	CHECK(strstr(got_out, "release:6.1?[2J??? "));
	CHECK_EQ(count_lines(got_out), 1);
	fake_end();
}

TEST("no board with a bridge at work: nothing on stdout, exit 0, one line that says what to do")
{
	fake_begin(NULL, 0);
	run_command("devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!*got_out);
	CHECK(one_line_with("no board: plug one in and start bpfwired on it"));
	fake_end();
}

TEST("no bridge and none to start: exit 1 and the name of what is missing")
{
	fake_begin_empty();
	run_command("BPFWIRE_BRIDGE=/nonexistent/bpfwire-bridge", "devices", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("BPFWIRE_BRIDGE=/nonexistent/bpfwire-bridge: No such file"));
	fake_end();
}

TEST("a bridge that fails at once is not waited for, and its last words are passed on")
{
	int64_t before = bw_now_ms();
	char variable[256];

	fake_begin_empty();
	snprintf(variable, sizeof(variable), "BPFWIRE_BRIDGE=%s",
		 fake_file("bridge", "#!/bin/sh\necho first >&2\necho bpfwire-bridge: no USB here >&2\nexit 1\n", 0700));
	run_command(variable, "devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(one_line_with("no board: the bridge says: no USB here"));
	CHECK(bw_now_ms() - before < 2500);
	fake_end();
}

TEST("without a directory of sockets one is made for the user alone")
{
	char variable[256], sub[160];
	struct stat st;

	if (!access("/run/bpfwire", F_OK))	/* then the system's bridge may be the answer */
		return;
	fake_begin_empty();
	snprintf(variable, sizeof(variable), "XDG_RUNTIME_DIR=%s", fake_dir);
	snprintf(sub, sizeof(sub), "%s/bpfwire", fake_dir);
	run_command(variable, "BPFWIRE_DIR=", "devices", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!stat(sub, &st) && (st.st_mode & 07777) == 0700);
	fake_end();
}

TEST("options and arguments that devices does not have are one line and exit 2")
{
	fake_begin(NULL, 0);
	run_command("devices", "--wide", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("devices: there is no option '--wide' (try 'bpfwire help')"));
	run_command("devices", "-x", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("devices: there is no option '-x'"));
	run_command("devices", "all", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("devices takes no argument 'all'"));
	fake_end();
}

int main(void)
{
	return check_done();
}
