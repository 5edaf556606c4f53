// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "host-bridge/name.h"
#include "tests/unit/check.h"

static const char *named(const char *serial)
{
	static char out[BW_BOARD_NAME_SIZE];

	bw_name_from_serial(out, serial, "usb-1-2");
	return out;
}

TEST("a good serial number is the name as it is")
{
	CHECK(!strcmp(named("BOARD0001"), "BOARD0001"));
	CHECK(!strcmp(named("a.b_c-D9"), "a.b_c-D9"));
}

TEST("no serial number leaves the directory, hides, or is empty")
{
	CHECK(!strcmp(named("../../etc/passwd"), "_._.._etc_passwd"));
	CHECK(!strcmp(named(".hidden"), "_hidden"));
	CHECK(!strcmp(named(".."), "_."));
	CHECK(!strcmp(named(""), "usb-1-2"));
	CHECK(!strcmp(named(NULL), "usb-1-2"));
	CHECK(!strcmp(named("a b\x1b[0m\xff"), "a_b__0m_"));
}

TEST("no serial number takes a name that the directory needs itself")
{
	CHECK(!strcmp(named("bridge.lock"), "bridge_lock"));
	CHECK(!strcmp(named("bridge.log"), "bridge_log"));
	CHECK(!strcmp(named("one.bpfd"), "one_bpfd"));
	CHECK(!strcmp(named(".bpfd"), "_bpfd"));
}

TEST("a name is never longer than its limit, with a number too")
{
	char serial[200], name[BW_BOARD_NAME_SIZE];

	memset(serial, 'x', sizeof(serial) - 1);
	serial[sizeof(serial) - 1] = 0;
	bw_name_from_serial(name, serial, "");
	CHECK_EQ(strlen(name), BW_BOARD_NAME_MAX);
	bw_name_number(name, 12);
	CHECK_EQ(strlen(name), BW_BOARD_NAME_MAX);
	CHECK(!strcmp(name + BW_BOARD_NAME_MAX - 4, "x-12"));
	bw_name_from_serial(name, "one", "");
	bw_name_number(name, 2);
	CHECK(!strcmp(name, "one-2"));
}

TEST("text from a board cannot steer a terminal, and is cut to fit")
{
	char out[8];

	CHECK(!strcmp(bw_printable(out, sizeof(out), "a\x1b\n\x80z", 5), "a???z"));
	CHECK(!strcmp(bw_printable(out, sizeof(out), "123456789", 9), "1234567"));
	CHECK(!strcmp(bw_printable(out, sizeof(out), "", 0), ""));
}

int main(void) { return check_done(); }
