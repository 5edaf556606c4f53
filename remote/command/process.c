// SPDX-License-Identifier: Apache-2.0
#include "remote/command/process.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "remote/command/escape.h"

#define HZ	100

/* The line as a string; "PID (COMM) STATE ...", where COMM may hold anything, also ") ". */
static int parse_head(struct bw_process *p, char *line, char **rest)
{
	char *open = strchr(line, '('), *close = strrchr(line, ')');
	int end = 0;

	if (!open || !close || close < open || sscanf(line, "%" SCNu32 " %n(", &p->pid, &end) != 1 || line + end != open)
		return -EPROTO;
	*close = 0;
	snprintf(p->comm, sizeof(p->comm), "%s", open + 1);
	*rest = close + 1;
	return 0;
}

int bw_process_parse(struct bw_process *p, const char *stat, size_t len)
{
	uint64_t utime, stime;
	char line[1024], *rest;
	int err;

	memset(p, 0, sizeof(*p));
	snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), stat);
	err = parse_head(p, line, &rest);
	if (err)
		return err;
	/* The third field to the 24th. */
	if (sscanf(rest, " %c %" SCNu32 " %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %*d %*d %*u %*u %" SCNd64,
		   &p->state, &p->ppid, &utime, &stime, &p->rss) != 5)
		return -EPROTO;
	p->ticks = utime + stime;
	return 0;
}

/* Arguments with blanks between; what a process wrote there may end without a NUL. */
static void print_command(FILE *out, const struct bw_process *p)
{
	const char *s = p->cmdline, *end = s + p->cmdline_len, *nul;

	while (end > s && !end[-1])
		end--;
	if (s == end) {
		putc('[', out);
		bw_escape(out, p->comm, strlen(p->comm), "");
		fputs(p->state == 'Z' ? "] <defunct>" : "]", out);
		return;
	}
	for (; s < end; s = nul + 1) {
		nul = memchr(s, 0, (size_t)(end - s));
		if (!nul)
			nul = end;
		if (s != p->cmdline)
			putc(' ', out);
		bw_escape(out, s, (size_t)(nul - s), "");
	}
}

/* As ps(1): [DD-]HH:MM:SS. */
static void time_text(uint64_t ticks, char *out, size_t size)
{
	uint64_t s = ticks / HZ, days = s / 86400;
	int n = days ? snprintf(out, size, "%" PRIu64 "-", days) : 0;

	snprintf(out + n, size - (size_t)n, "%02u:%02u:%02u", (unsigned int)(s / 3600 % 24), (unsigned int)(s / 60 % 60), (unsigned int)(s % 60));
}

void bw_process_print_head(FILE *out)
{
	fprintf(out, "%7s %7s %7s S %9s %11s COMMAND\n", "PID", "PPID", "UID", "RSS", "TIME");
}

void bw_process_print(FILE *out, const struct bw_process *p, uint32_t page_size)
{
	char when[64], state = p->state > ' ' && p->state < 0x7f ? p->state : '?';

	time_text(p->ticks, when, sizeof(when));
	fprintf(out, "%7u %7u %7u %c %9" PRIu64 " %11s ", p->pid, p->ppid, p->uid, state,
		p->rss > 0 ? (uint64_t)p->rss * (page_size / 1024) : 0, when);
	print_command(out, p);
	putc('\n', out);
}
