// SPDX-License-Identifier: Apache-2.0
/* bpfwire load and bpfwire unload: the board's own loader (loader/), run here as any tool. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/options.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/environ.h"
#include "remote/command/place.h"
#include "remote/command/program.h"

static int find_loader(struct bw_program *p)
{
	char libexec[PATH_MAX], path[PATH_MAX + 8];

	if (bw_place_find(BW_PART_LIBEXEC, libexec))
		return -1;
	snprintf(path, sizeof(path), "%s/load", libexec);
	if (!bw_program_find(path, p))
		return 0;
	bw_log(BW_LOG_ERROR, "%s cannot be run; build or install bpfwire anew", path);
	return -1;
}

/* Where programs and libraries lie. libbpf looks for the functions that uprobes name in the file itself, and this machine's has them elsewhere. */
static const char *const trees[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/opt", "/system", "/vendor", "/apex" };

static int keep_local(const char *file)
{
	bw_cleanup_free char *real = file ? realpath(file, NULL) : NULL;

	if (file && *file == '/' && !strchr(file, ':') && bw_path_list_add("BPFWIRE_LOCAL_PATHS", file))
		return -ENOMEM;
	return real && !strchr(real, ':') ? bw_path_list_add("BPFWIRE_LOCAL_PATHS", real) : 0;
}

static int set_paths(const struct bw_load_options *o)
{
	int r = o->unload ? 0 : keep_local(o->what[0]);

	if (!r)
		r = keep_local(o->btf);
	for (size_t i = 0; !r && i < sizeof(trees) / sizeof(*trees); i++)
		r = bw_path_list_add("BPFWIRE_BOARD_PATHS", trees[i]);
	if (r)
		bw_log(BW_LOG_ERROR, "load: %s", strerror(-r));
	return r;
}

int bw_cmd_load(int argc, char **argv)
{
	char *const nothing[] = { NULL };	/* is compiled by it, whatever the object is called */
	struct bw_load_options o;
	struct bw_run r = { 0 };
	struct bw_program p;
	struct bw_board b;
	char err[256];

	if (bw_load_options_parse(argc, argv, true, &o, err, sizeof(err)))
		return bw_usage_error("%s", err);
	if (find_loader(&p) || bw_board_choose(o.serial, &b))
		return BW_EXIT_USAGE;
	if (set_paths(&o))
		return BW_EXIT_FAILED;
	r.serial = b.serial;
	return bw_run_exec(&r, &b, &p, nothing, argv);
}
