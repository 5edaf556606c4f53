// SPDX-License-Identifier: Apache-2.0
/* docs/bpfwire.1 against `bpfwire help` and the code. Run from the top of the tree. */
#include "remote/command/command.h"
#include "tests/unit/command/fake.h"

/* The page without the font escapes and backslashes of roff; "" if it is not there. */
static char *page(void)
{
	static char text[65536];
	bw_cleanup_free char *raw = NULL;
	size_t len, i, n = 0;

	if (!text[0] && !bw_read_file("docs/bpfwire.1", sizeof(text) - 1, &raw, &len))
		for (i = 0; i < len; i++)
			if (raw[i] != '\\')
				text[n++] = raw[i];
	return text;
}

static int is_option_char(char c)
{
	return (c >= 'a' && c <= 'z') || c == '-';
}

/* Next word of s that starts with "--" and a letter, into out; NULL: none. */
static const char *next_option(const char *s, char *out, size_t size)
{
	size_t n = 0;

	while ((s = strstr(s, "--")) && !(s[2] >= 'a' && s[2] <= 'z'))
		s += 2;
	if (!s)
		return NULL;
	while (is_option_char(s[n]) && n < size - 1)
		n++;
	memcpy(out, s, n);
	out[n] = 0;
	return s + n;
}

TEST("every option of bpfwire help is in the man page's OPTIONS")
{
	const char *options, *s = got_out;
	char option[64];
	int n = 0;

	fake_begin_empty();
	run_command("help", NULL);
	CHECK_EQ(got_status, 0);
	options = strstr(page(), "\n.SH OPTIONS\n");
	CHECK(options);
	while (options && (s = next_option(s, option, sizeof(option)))) {
		n++;
		if (!strstr(options, option))
			printf("# %s\n", option);
		CHECK(strstr(options, option));
	}
	CHECK(n >= 7);
	fake_end();
}

TEST("every option of the man page's OPTIONS is in bpfwire help")
{
	const char *s = strstr(page(), "\n.SH OPTIONS\n"), *end = s ? strstr(s, "\n.SH ENVIRONMENT\n") : NULL;
	char option[64];

	fake_begin_empty();
	run_command("--help", NULL);
	CHECK(s && end);
	while (s && (s = next_option(s, option, sizeof(option))) && s < end) {
		if (!strstr(got_out, option))
			printf("# %s\n", option);
		CHECK(strstr(got_out, option));
	}
	fake_end();
}

TEST("every command of bpfwire help is in the man page's SYNOPSIS")
{
	const char *end = strstr(page(), "\n.SH DESCRIPTION\n"), *s = got_out, *at;
	char line[64];

	fake_begin_empty();
	run_command("help", NULL);
	while ((s = strstr(s, "\n  bpfwire "))) {
		snprintf(line, sizeof(line), "\n.B bpfwire %.*s\n", (int)strcspn(s + 11, " \n"), s + 11);
		at = strstr(page(), line);
		CHECK(at && at < end);
		s++;
	}
	fake_end();
}

TEST("the man page has each of our exit statuses")
{
	static const int statuses[] = { BW_EXIT_OK, BW_EXIT_FAILED, BW_EXIT_USAGE, BW_EXIT_LOST, BW_EXIT_NOT_RUNNABLE, BW_EXIT_NOT_FOUND };
	const char *s = strstr(page(), "\n.SH EXIT STATUS\n");
	char line[32];
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		snprintf(line, sizeof(line), "\n.B %d\n", statuses[i]);
		CHECK(s && strstr(s, line));
	}
}

TEST("the man page has every variable that the command reads or sets")
{
	static const char *const variables[] = { "BPFWIRE_SERIAL", "BPFWIRE_DIR", "BPFWIRE_CACHE", "BPFWIRE_BRIDGE", "BPFWIRE_LIBRARY", "BPFWIRE_LIBEXEC",
		"BPFWIRE_SOCKET", "BPFWIRE_MAIN", "BPFWIRE_VERBOSE", "BPFWIRE_BOARD_PATHS", "BPFWIRE_LOCAL_PATHS", "LD_PRELOAD", "PATH", "ARCH",
		"BCC_KERNEL_SOURCE", "BPFWIRE_ENV", "BPFWIRE_ENV_SERIAL", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME" };
	const char *s = strstr(page(), "\n.SH ENVIRONMENT\n");
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		CHECK(s && strstr(s, variables[i]));
}

TEST("the version is the same by both names")
{
	char first[256];

	fake_begin_empty();
	run_command("version", NULL);
	CHECK_EQ(got_status, 0);
	snprintf(first, sizeof(first), "%.200s", got_out);
	CHECK(!strncmp(first, "bpfwire 0.", 10));
	run_command("--version", NULL);
	CHECK(!strcmp(first, got_out));
	fake_end();
}

int main(void)
{
	return check_done();
}
