// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/facts.h"
#include "daemon/options.h"
#include "protocol/io.h"
#include "tests/unit/check.h"

static struct bw_options o;
static char err[1024], out[8192];

static size_t slurp(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* Parses, with what goes to stdout and stderr caught. */
static int parse(const char *line)
{
	char *argv[32] = { (char *)"bpfwired" }, *save = NULL;
	char name[2][32] = { "/tmp/bw-options-XXXXXX", "/tmp/bw-options-XXXXXX" };
	int argc = 1, fd[2], saved[2], r;
	static char kept[512];

	snprintf(kept, sizeof(kept), "%s", line);
	for (char *w = strtok_r(kept, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		fd[i] = mkstemp(name[i]);
		unlink(name[i]);
		saved[i] = dup(i + 1);
		dup2(fd[i], i + 1);
	}
	r = bw_options_parse(argc, argv, &o);
	fflush(stdout);
	slurp(fd[0], out, sizeof(out));
	slurp(fd[1], err, sizeof(err));
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
		close(fd[i]);
	}
	return r;
}

static bool one_line(const char *text)
{
	const char *nl = strchr(text, '\n');

	return nl && !nl[1];
}

TEST("USB without authentication is refused in one line that says why and what to do")
{
	CHECK_EQ(parse(""), 2);
	CHECK(one_line(err) && strstr(err, "cannot authenticate") && strstr(err, "--no-auth"));
	CHECK_EQ(parse("--no-auth"), -1);
	CHECK(o.no_auth && !o.stdio);
	CHECK_EQ(parse("--stdio"), -1);
	CHECK(o.stdio && !o.text);
	CHECK_EQ(parse("--text"), -1);
	CHECK(o.text && !o.stdio);
}

TEST("options reach the gadget")
{
	CHECK_EQ(parse("--no-auth --udc dummy_udc.0 --vid 1234 --pid 0xabcd --manufacturer M --product P --serial S --run-dir /tmp/x -v"), -1);
	CHECK(o.gadget.vid == 0x1234 && o.gadget.pid == 0xabcd && !strcmp(o.gadget.udc, "dummy_udc.0"));
	CHECK(!strcmp(o.gadget.manufacturer, "M") && !strcmp(o.gadget.product, "P") && !strcmp(o.gadget.serial, "S"));
	CHECK(!strcmp(o.run_dir, "/tmp/x") && o.level == BW_LOG_DEBUG);
	CHECK_EQ(parse("--no-auth --gadget console --udc u"), -1);
	CHECK(!strcmp(o.join, "console") && !o.gadget.functionfs);
	CHECK_EQ(parse("--no-auth --functionfs /dev/ffs"), -1);
	CHECK(!strcmp(o.gadget.functionfs, "/dev/ffs") && !o.join);
}

TEST("a wrong option is one line on stderr and status 2")
{
	static const char *const wrong[] = { "--bogus", "-x", "--vid", "--stdio --vid zz", "--stdio --pid 10000", "--stdio --vid 0", "--stdio x",
					     "--stdio --run-dir relative", "--udc", "--no-auth --gadget a --functionfs /b", "--no-auth --gadget a --vid 1",
					     "--no-auth --functionfs /b --udc x", "--gadget a", "--stdio --text" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(parse(wrong[i]), 2);
		CHECK(one_line(err) && !strncmp(err, "bpfwired: ", 10) && !*out);
	}
}

TEST("--version and --help go to stdout")
{
	CHECK_EQ(parse("--version"), 0);
	CHECK(!strncmp(out, "bpfwired ", 9) && !*err);
	CHECK_EQ(parse("--help"), 0);
	CHECK(!strncmp(out, "usage: bpfwired", 15) && !*err);
}

TEST("the manual has every option of --help, and the other way round")
{
	char *man = NULL, name[64], want[80];
	size_t len;

	if (bw_read_file("docs/bpfwired.8", 65536, &man, &len)) {
		printf("# skipped: not started from the top of the tree\n");
		return;
	}
	CHECK_EQ(parse("--help"), 0);
	for (const char *p = strstr(out, "\n\n"); (p = strstr(p, "--")); ) {
		snprintf(name, sizeof(name), "%.*s", (int)strspn(p + 2, "abcdefghijklmnopqrstuvwxyz-"), p + 2);
		p += 2 + strlen(name);
		snprintf(want, sizeof(want), "Fl -%s", name);
		if (!strstr(man, want))
			printf("# --%s is not in docs/bpfwired.8\n", name);
		CHECK(strstr(man, want) != NULL);
	}
	for (const char *p = man; (p = strstr(p, "Fl -")); ) {
		snprintf(name, sizeof(name), "--%.*s", (int)strspn(p + 4, "abcdefghijklmnopqrstuvwxyz-"), p + 4);
		p += 4;
		CHECK(strstr(out, name) != NULL);
	}
	free(man);
}

TEST("CPU lists are counted")
{
	CHECK_EQ(bw_cpu_list_count("0"), 1);
	CHECK_EQ(bw_cpu_list_count("0-7"), 8);
	CHECK_EQ(bw_cpu_list_count("0-1,4,6-7\n"), 5);
	CHECK_EQ(bw_cpu_list_count(""), 0);
	CHECK_EQ(bw_cpu_list_count("7-1"), 0);
	CHECK_EQ(bw_cpu_list_count("0-99999999"), 0);
}

TEST("kernel releases become versions")
{
	CHECK_EQ(bw_release_version("6.1.0-56-arm64"), 6 << 16 | 1 << 8);
	CHECK_EQ(bw_release_version("4.19.325"), 4 << 16 | 19 << 8 | 255);
	CHECK_EQ(bw_release_version("5.10"), 5 << 16 | 10 << 8);
}

TEST("a build id is found among notes, and nothing beyond them is read")
{
	uint8_t notes[] = { 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 'X', 'Y', 'Z', 0, 9, 9, 0, 0,
			    4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xab, 0x01, 0xff, 0 };
	char id[32];

	CHECK(bw_notes_build_id(notes, sizeof(notes), id, sizeof(id)));
	CHECK(!strcmp(id, "ab01ff"));
	for (size_t n = 0; n < sizeof(notes); n++) {
		uint8_t *exact = malloc(n ? n : 1);

		memcpy(exact, notes, n);
		CHECK(!bw_notes_build_id(exact, n, id, sizeof(id)));
		free(exact);
	}
	notes[4] = notes[5] = notes[6] = notes[7] = 0xff;
	CHECK(!bw_notes_build_id(notes, sizeof(notes), id, sizeof(id)));
}

int main(void)
{
	return check_done();
}
