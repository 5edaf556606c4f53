// SPDX-License-Identifier: Apache-2.0
/* What is said of a wrong command line. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/log.h"
#include "remote/command/command.h"

int bw_usage_error(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bw_log(BW_LOG_ERROR, "%s (try 'bpfwire help')", text);
	return BW_EXIT_USAGE;
}

int bw_option_error(int opt, char **argv)
{
	const char *given = argv[optind - 1];

	if (opt == ':')
		return bw_usage_error("%s: option '%s' needs a value", argv[0], given);
	if (optopt && optopt < 256 && strncmp(given, "--", 2))
		return bw_usage_error("%s: there is no option '-%c'", argv[0], optopt);
	return bw_usage_error("%s: there is no option '%s'", argv[0], given);
}
