// SPDX-License-Identifier: Apache-2.0
/* bpfwire check, against fake boards. */
#include "remote/command/command.h"
#include "tests/unit/command/fake.h"

#define S(text) { (text), sizeof(text) - 1 }

static const struct bw_check found[] = {
	{ .verdict = BW_CHECK_OK, .item = S("bpf"), .text = S("bpf(2)") },
	{ .verdict = BW_CHECK_WARN, .item = S("btf"), .text = S("\033none"), .kconfig = S("CONFIG_DEBUG_INFO_BTF=y"), .snippet = S("btf.config") },
	{ .verdict = BW_CHECK_FAIL, .item = S("kprobes"), .text = S("none"), .kconfig = S("CONFIG_KPROBES=y"), .snippet = S("tracing.config") },
};

TEST("what the board found is printed an item a line, and a failure is exit 1")
{
	struct fake_board b = { .serial = "A", .manner = FAKE_SERVES, .checks = found, .nchecks = 3 };

	fake_begin(&b, 1);
	run_command("check", NULL);
	CHECK_EQ(got_status, BW_EXIT_FAILED);
	CHECK(!strcmp(got_out, "ok   bpf: bpf(2)\n"
			       "warn btf: ?none; build the kernel with CONFIG_DEBUG_INFO_BTF=y (Kconfig-snippets/btf.config)\n"
			       "FAIL kprobes: none; build the kernel with CONFIG_KPROBES=y (Kconfig-snippets/tracing.config)\n"
			       "A: 1 ok, 1 warning, 1 failed: the main job cannot run\n"));
	CHECK(!*got_err);
	fake_end();
}

TEST("warnings are exit 0")
{
	struct fake_board b = { .serial = "A", .manner = FAKE_SERVES, .checks = found, .nchecks = 2 };

	fake_begin(&b, 1);
	run_command("check", "-s", "A", NULL);
	CHECK_EQ(got_status, BW_EXIT_OK);
	CHECK(strstr(got_out, "\nA: 1 ok, 1 warning, 0 failed: "));
	fake_end();
}

TEST("a daemon that knows no check is told so, in one line with the next step")
{
	struct fake_board b = { .serial = "A", .manner = FAKE_SERVES };

	fake_begin(&b, 1);
	run_command("check", NULL);
	CHECK_EQ(got_status, BW_EXIT_USAGE);
	CHECK(!*got_out && strstr(got_err, "bpfwire: board A: bpfwired 0.1.0 is too old") && strstr(got_err, "bpfwired --check"));
	fake_end();
}

TEST("a board that goes away meanwhile is exit 75")
{
	struct fake_board b = { .serial = "A", .manner = FAKE_GREETS };

	fake_begin(&b, 1);
	run_command("check", NULL);
	CHECK_EQ(got_status, BW_EXIT_LOST);
	CHECK(!*got_out && !strcmp(got_err, "bpfwire: board A disconnected\n"));
	fake_end();
}

TEST("wrong arguments and no board are exit 2")
{
	fake_begin_empty();
	run_command("check", "what", NULL);
	CHECK_EQ(got_status, BW_EXIT_USAGE);
	run_command("check", "--frobnicate", NULL);
	CHECK_EQ(got_status, BW_EXIT_USAGE);
	fake_end();
}

int main(void)
{
	return check_done();
}
