// SPDX-License-Identifier: Apache-2.0
/* bpfwire headers add, list, remove: the sets of kernel headers in the cache. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/headers.h"

struct add {
	const char *serial, *release, *source, *build;
	bool force;
};

enum { OPT_SOURCE = 256, OPT_BUILD, OPT_RELEASE, OPT_FORCE };

/* -1: go on; else the exit status. */
static int parse_add(int argc, char **argv, struct add *a)
{
	static const struct option options[] = {
		{ "serial", required_argument, NULL, 's' }, { "source", required_argument, NULL, OPT_SOURCE }, { "build", required_argument, NULL, OPT_BUILD },
		{ "release", required_argument, NULL, OPT_RELEASE }, { "force", no_argument, NULL, OPT_FORCE }, { 0 },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:s:", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			a->serial = optarg;
			break;
		case OPT_SOURCE:
			a->source = optarg;
			break;
		case OPT_BUILD:
			a->build = optarg;
			break;
		case OPT_RELEASE:
			a->release = optarg;
			break;
		case OPT_FORCE:
			a->force = true;
			break;
		default:
			return bw_option_error(opt, argv);
		}
	}
	if (optind < argc)
		return bw_usage_error("headers add takes no argument '%s'", argv[optind]);
	if (!a->source)
		return bw_usage_error("headers add: which kernel? --source DIR");
	if (a->serial && a->release)
		return bw_usage_error("headers add: either a board (-s) or a release (--release)");
	return -1;
}

/* What the helper has not explained itself. */
static int finish(const char *what, int err)
{
	if (err && err != -ENOENT)
		bw_log(BW_LOG_ERROR, "headers %s: libexec/bpfwire/headers failed: %s", what, strerror(-err));
	return err ? BW_EXIT_FAILED : BW_EXIT_OK;
}

int bw_headers_add(int argc, char **argv)
{
	struct add a = { 0 };
	struct bw_board b;
	int err = parse_add(argc, argv, &a);

	if (err >= 0)
		return err;
	if (!a.release && bw_board_choose(a.serial, &b))
		return BW_EXIT_USAGE;
	err = bw_headers_helper((const char *[]) { "--add", a.release ? a.release : b.release, a.release ? "-" : bw_arch_name(b.arch),
				a.source, a.build ? a.build : "", a.force ? "yes" : "no", NULL }, NULL);
	return finish("add", err);
}

int bw_headers_list(int argc, char **argv)
{
	if (argc > 1)
		return bw_usage_error("headers list takes no argument '%s'", argv[1]);
	return finish("list", bw_headers_helper((const char *[]) { "--list", NULL }, NULL));
}

int bw_headers_remove(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '-')
		return bw_usage_error("headers remove: which release? ('bpfwire headers list' says what is stored)");
	return finish("remove", bw_headers_helper((const char *[]) { "--remove", argv[1], NULL }, NULL));
}
