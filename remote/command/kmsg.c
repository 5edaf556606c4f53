// SPDX-License-Identifier: Apache-2.0
#include "remote/command/kmsg.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "remote/command/escape.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" };
static const char *const facilities[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp" };

int bw_kmsg_parse(struct bw_kmsg *k, const char *record, size_t len)
{
	const char *semicolon = memchr(record, ';', len), *newline;
	unsigned int prio;
	char head[128];

	if (!semicolon || (size_t)(semicolon - record) >= sizeof(head))
		return -EPROTO;
	memcpy(head, record, (size_t)(semicolon - record));
	head[semicolon - record] = 0;
	if (sscanf(head, "%u,%*u,%" SCNu64, &prio, &k->usec) != 2)
		return -EPROTO;
	k->level = prio & 7;
	k->facility = prio >> 3;
	k->text = semicolon + 1;
	len -= (size_t)(k->text - record);
	/* What follows, in lines that begin with a blank, is a dictionary for programs. */
	newline = memchr(k->text, '\n', len);
	k->len = newline ? (size_t)(newline - k->text) : len;
	return 0;
}

unsigned int bw_kmsg_levels(const char *list)
{
	unsigned int i, bits = 0;

	for (;; list++) {
		size_t n = strcspn(list, ",");

		for (i = 0; i < COUNT(levels); i++)
			if (strlen(levels[i]) == n && !strncmp(list, levels[i], n))
				break;
		if (i == COUNT(levels))
			return 0;
		bits |= 1u << i;
		list += n;
		if (!*list)
			return bits;
	}
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The kernel's "\xNN" undone, in place. */
static size_t unescape(char *s, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (len - i >= 4 && s[i] == '\\' && s[i + 1] == 'x' && hex(s[i + 2]) >= 0 && hex(s[i + 3]) >= 0) {
			s[n++] = (char)(hex(s[i + 2]) << 4 | hex(s[i + 3]));
			i += 3;
		} else {
			s[n++] = s[i];
		}
	}
	return n;
}

static int print_head(FILE *out, const struct bw_kmsg *k, bool decode)
{
	int n = 0;

	if (decode && k->facility < COUNT(facilities))
		n = fprintf(out, "%-6s:%-6s: ", facilities[k->facility], levels[k->level]);
	else if (decode)
		n = fprintf(out, "%-6u:%-6s: ", k->facility, levels[k->level]);
	return n + fprintf(out, "[%5" PRIu64 ".%06" PRIu64 "] ", k->usec / 1000000, k->usec % 1000000);
}

void bw_kmsg_print(FILE *out, const struct bw_kmsg *k, bool decode)
{
	int indent = print_head(out, k, decode);
	const char *s, *end, *newline;
	char text[8192];		/* a record is 2 KiB at most, before it was escaped */

	end = text + (k->len < sizeof(text) ? k->len : sizeof(text));
	memcpy(text, k->text, (size_t)(end - text));
	end = text + unescape(text, (size_t)(end - text));
	for (s = text;; s = newline + 1) {
		newline = memchr(s, '\n', (size_t)(end - s));
		bw_escape(out, s, (size_t)((newline ? newline : end) - s), "\t");
		putc('\n', out);
		if (!newline)
			return;
		fprintf(out, "%*s", indent, "");
	}
}
