// SPDX-License-Identifier: Apache-2.0
/* Lines of the text protocol: as the announcement, the article and the client of 2018 write them, and as nobody should. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/text_line.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

static struct bw_text_line l;
static char *copy;

static int parse(const char *line)
{
	free(copy);
	copy = (char *)exact_copy(line, strlen(line));
	return bw_text_parse(copy, strlen(line), &l);
}

static bool is(unsigned int i, const char *text)
{
	return bw_str_eq(l.v[i].text, text);
}

static bool numbers(unsigned int from, unsigned int n, const int64_t *want)
{
	for (unsigned int i = 0; i < n; i++)
		if (l.v[from + i].num != (uint64_t)want[i])
			return false;
	return true;
}

#define NUMBERS(from, ...) CHECK(numbers(from, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ }))

TEST("the announcement's lines have no name, the article's has one")
{
	CHECK_EQ(parse("; Program opensnoop"), 0);
	CHECK_EQ(l.verb, BW_TEXT_NONE);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 8 40 10240 0"), 0);
	CHECK(l.verb == BW_TEXT_CREATE_MAP && !l.named);
	NUMBERS(0, 1, 8, 40, 10240, 0);
	CHECK_EQ(parse("BPF_CREATE_MAP 4 4 4 2 0"), 0);
	NUMBERS(0, 4, 4, 4, 2, 0);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 count 8 40 10240 0"), 0);
	CHECK(l.verb == BW_TEXT_CREATE_MAP && l.named && is(1, "count"));
	NUMBERS(2, 8, 40, 10240, 0);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 __none__ 8 40 10240 0"), 0);
	CHECK(l.named && is(1, "__none__"));
}

TEST("a program comes with a name and without")
{
	CHECK_EQ(parse("BPF_PROG_LOAD 2 do_entry 16 GPL 264721 twAAAAAAAACVAAAAAAAAAA=="), 0);
	CHECK(l.named && is(1, "do_entry") && is(3, "GPL"));
	CHECK_EQ(l.v[2].num, 16);
	CHECK_EQ(l.v[5].num, 16);
	CHECK_EQ(parse("BPF_PROG_LOAD 2 16 GPL 264721 twAAAAAAAACVAAAAAAAAAA=="), 0);
	CHECK(!l.named && is(2, "GPL"));
	CHECK_EQ(l.v[4].num, 16);
	CHECK_EQ(parse("BPF_PROG_LOAD 2 16 GPL 264721 twAAAAAAAACVAAAAAAAAAA== 0"), 0);
	CHECK(!l.named);
}

TEST("surplus arguments, a CR and blanks at the end do not count")
{
	CHECK_EQ(parse("GET_KALLSYMS 0"), 0);
	CHECK_EQ(l.verb, BW_TEXT_KALLSYMS);
	CHECK_EQ(parse("COMM_FOR_PID 1 0 0\r"), 0);
	CHECK_EQ(l.v[0].num, 1);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 8 40 10240 0 \t\r"), 0);
	CHECK(!l.named);
}

TEST("a line of blanks is nothing to do")
{
	static const char *const empty[] = { "", " ", "    ", "\t", "\r", " \t \r", ";", ";BPF_CREATE_MAP", "; exit" };

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		CHECK_EQ(parse(empty[i]), 0);
		CHECK_EQ(l.verb, BW_TEXT_NONE);
	}
}

TEST("numbers are decimal or hexadecimal, of their width, and nothing else")
{
	CHECK_EQ(parse("GET_KSYM_NAME 18446744073709551615"), 0);
	CHECK_EQ(l.v[0].num, UINT64_MAX);
	CHECK_EQ(parse("GET_KSYM_NAME 0xffffffc010081000"), 0);
	CHECK_EQ(l.v[0].num, 0xffffffc010081000);
	CHECK_EQ(parse("BPF_ATTACH_UPROBE 5 0 p_x /bin/sh 4096 -1"), 0);
	CHECK_EQ((int64_t)l.v[5].num, -1);
	CHECK_EQ(parse("GET_KSYM_NAME 18446744073709551616"), -EINVAL);
	CHECK_EQ(parse("GET_KSYM_NAME 0x10000000000000000"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID 2147483648"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID -2147483648"), 0);
	CHECK_EQ(parse("COMM_FOR_PID -2147483649"), -EINVAL);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 8 40 4294967295 0"), 0);
	CHECK_EQ(parse("BPF_CREATE_MAP 1 8 40 4294967296 0"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID -"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID 0x"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID -0x1"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID +1"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID 1a"), -EINVAL);
	CHECK_EQ(parse("COMM_FOR_PID  1"), -EINVAL);
}

TEST("every command without an argument that it needs is refused, and so is one that is none")
{
	static const char *const bad[] = {
		"GET_KPROBES_BLACKLIST", "GET_AVAIL_FILTER_FUNCS", "GET_TRACE_EVENTS_CATEGORIES", "GET_TRACE_EVENTS /sys/kernel/tracing", "COMM_FOR_PID",
		"BPF_CREATE_MAP 1 8 40 10240", "BPF_CREATE_MAP 1 count 8 40 x 0", "BPF_PROG_LOAD 2 16 GPL 264721", "BPF_PROG_LOAD 2 x 16 GPL 264721 !!!!",
		"BPF_ATTACH_KPROBE 5 0 p_x", "BPF_DETACH_KPROBE", "BPF_ATTACH_UPROBE 5 0 p_x /bin/sh 0", "BPF_DETACH_UPROBE",
		"BPF_ATTACH_TRACEPOINT 5 sched", "BPF_DETACH_TRACEPOINT sched", "BPF_ATTACH_PERF_EVENT 5 1 0 1 0 -1 0", "BPF_CLOSE_PERF_EVENT_FD",
		"BPF_OPEN_PERF_BUFFER -1 0", "PERF_READER_POLL 0", "BPF_UPDATE_ELEM 3 AAAA 3 AAAA 3", "BPF_LOOKUP_ELEM 3 AAAA 3", "BPF_GET_FIRST_KEY 3 4 4",
		"BPF_GET_NEXT_KEY 3 AAAA", "BPF_DELETE_ELEM 3 AAA 2", "BPF_CLEAR_MAP 3", "GET_KSYM_NAME", "GET_KSYM_ADDR", "GET_USYM_NAME 1 2",
		"GET_USYM_ADDR 1 main", "SET_OPTION lost", "BPF_OBJ_PIN 3", "BPF_OBJ_GET", "CLOSE_FD", "GET_USYM_NAMES 1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(parse(bad[i]), -EINVAL);
		CHECK_EQ(l.verb, BW_TEXT_NONE);
	}
	CHECK_EQ(parse("bpf_create_map 1 8 40 10240 0"), -ENOENT);
	CHECK_EQ(parse("GET_KALLSYM"), -ENOENT);
	CHECK_EQ(parse(" GET_KALLSYMS"), -ENOENT);
	CHECK_EQ(parse("\377\376"), -ENOENT);
}

TEST("a name or path with a byte that no answer could hold is refused")
{
	CHECK_EQ(parse("GET_TRACE_EVENTS /sys/kernel/tracing a\tb"), -EINVAL);
	CHECK_EQ(bw_text_parse("GET_KSYM_ADDR a\0b", 17, &l), -EINVAL);
	CHECK_EQ(bw_text_parse("GET_KSYM_ADDR a\nb", 17, &l), -EINVAL);
}

TEST("a list is read to its end and stops at what is no number")
{
	uint64_t n;

	CHECK_EQ(parse("PERF_READER_POLL -1 2 7 8"), 0);
	CHECK_EQ((int64_t)l.v[0].num, -1);
	CHECK_EQ(l.v[1].num, 2);
	CHECK(!bw_text_next(&l.v[2].text, &n) && n == 7);
	CHECK(!bw_text_next(&l.v[2].text, &n) && n == 8);
	CHECK_EQ(bw_text_next(&l.v[2].text, &n), -ENODATA);
	CHECK_EQ(parse("PERF_READER_POLL 0 0"), 0);
	CHECK_EQ(bw_text_next(&l.v[2].text, &n), -ENODATA);
	CHECK_EQ(parse("PERF_READER_POLL 0 2 7 x"), 0);
	CHECK(!bw_text_next(&l.v[2].text, &n) && n == 7);
	CHECK_EQ(bw_text_next(&l.v[2].text, &n), -EINVAL);
}

TEST("arguments that may be left out may be")
{
	CHECK_EQ(parse("BPF_ATTACH_KPROBE 5 1 r_x do_sys_open"), 0);
	NUMBERS(4, 0, 0);
	CHECK_EQ(parse("BPF_ATTACH_KPROBE 5 1 r_x do_sys_open 8 64"), 0);
	NUMBERS(4, 8, 64);
	CHECK_EQ(parse("BPF_ATTACH_KPROBE 5 1 r_x do_sys_open x"), -EINVAL);
}

int main(void)
{
	free(copy);
	copy = NULL;
	return check_done();
}
