// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-bridge/report.h"

/* Shorter than PIPE_BUF, so whole or not at all. */
static void report(int fd, const char *line, int len)
{
	if (fd >= 0 && len > 0)
		(void)!write(fd, line, (size_t)len);
}

void bw_report_clients(int fd, unsigned int clients)
{
	char line[32];

	report(fd, line, snprintf(line, sizeof(line), "clients %u\n", clients));
}

void bw_report_failed(int fd, int err, const char *reason)
{
	char line[BW_REPORT_LINE];

	report(fd, line, snprintf(line, sizeof(line), "failed %d %.400s\n", err, reason));
}
