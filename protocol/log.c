// SPDX-License-Identifier: Apache-2.0
#include "protocol/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1024

static const char *log_program = "bpfwire";
static enum bw_log_level log_max = BW_LOG_INFO;

void bw_log_init(const char *program, enum bw_log_level max)
{
	log_program = program;
	log_max = max;
}

enum bw_log_level bw_log_level(void)
{
	return log_max;
}

/* A board's or a tool's text may be inside: control characters must not reach a terminal, nor make a second line. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = *s == '\n' || *s == '\t' ? ' ' : '?';
}

void bw_log(enum bw_log_level level, const char *fmt, ...)
{
	int saved = errno, head, body;
	char line[LINE_SIZE];
	size_t len;
	va_list ap;

	if (level > log_max)
		return;
	head = snprintf(line, sizeof(line) - 1, "%.64s: ", log_program);
	if (head < 0)
		return;
	va_start(ap, fmt);
	errno = saved;			/* for %m */
	body = vsnprintf(line + head, sizeof(line) - 1 - (size_t)head, fmt, ap);
	va_end(ap);
	if (body >= 0) {
		make_printable(line);
		len = strlen(line);
		if (len > sizeof(line) - 2)
			len = sizeof(line) - 2;
		line[len++] = '\n';
		/* Nobody can be told that stderr is gone. */
		if (write(STDERR_FILENO, line, len) < 0)
			errno = saved;
	}
	errno = saved;
}
