// SPDX-License-Identifier: Apache-2.0
/* bpfwire run */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/environ.h"
#include "remote/command/fence.h"
#include "remote/command/guard.h"
#include "remote/command/program.h"
#include "remote/command/stats.h"

enum { OPT_BOARD = 256, OPT_LOCAL, OPT_STATS, OPT_ALLOW_KILL };

/* 0, -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct bw_run *r)
{
	static const struct option options[] = {
		{ "serial", required_argument, NULL, 's' }, { "verbose", no_argument, NULL, 'v' },
		{ "board", required_argument, NULL, OPT_BOARD }, { "local", required_argument, NULL, OPT_LOCAL },
		{ "allow-kill", no_argument, NULL, OPT_ALLOW_KILL }, { "stats", no_argument, NULL, OPT_STATS }, { 0 },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:s:v", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			r->serial = optarg;
			break;
		case 'v':
			r->verbose++;
			break;
		case OPT_ALLOW_KILL:
			r->allow_kill = true;
			break;
		case OPT_STATS:
			r->stats = true;
			break;
		case OPT_BOARD:
		case OPT_LOCAL:
			if (*optarg != '/' || strchr(optarg, ':'))
				return bw_usage_error("run: '%s' is not an absolute path without colons", optarg);
			if (bw_path_list_add(opt == OPT_BOARD ? "BPFWIRE_BOARD_PATHS" : "BPFWIRE_LOCAL_PATHS", optarg))
				return BW_EXIT_FAILED;
			break;
		default:
			return bw_option_error(opt, argv);
		}
	}
	if (optind == argc)
		return bw_usage_error("run: which command?");
	return -1;
}

static int find_program(const char *name, struct bw_program *p)
{
	char with[256], other[PATH_MAX];
	int err = bw_program_find(name, p);

	if (!err)
		return 0;
	if (err == -EACCES) {
		bw_log(BW_LOG_ERROR, "%s: not executable", p->path[0] ? p->path : name);
		return BW_EXIT_NOT_RUNNABLE;
	}
	if (strchr(name, '/')) {
		bw_log(BW_LOG_ERROR, "%s: no such file", name);
		return BW_EXIT_NOT_FOUND;
	}
	/* Debian's names of the BCC tools. */
	snprintf(with, sizeof(with), "%s-bpfcc", name);
	if (bw_program_path(with, other))
		bw_log(BW_LOG_ERROR, "%s: command not found (looked in PATH, /usr/sbin, /sbin)", name);
	else
		bw_log(BW_LOG_ERROR, "%s: command not found (looked in PATH, /usr/sbin, /sbin); do you mean %s?", name, with);
	return BW_EXIT_NOT_FOUND;
}

static void warn_of(const struct bw_program *p)
{
	const char *why = NULL;

	if (p->is_static)
		why = "is statically linked";
	else if (p->has_caps)
		why = "has file capabilities";
	else if (p->is_foreign)
		why = "is for another architecture than this machine's";
	if (why)
		bw_log(BW_LOG_WARN, "%s %s: bpfwire cannot enter it, so it does not see the board (nor this machine's BPF: that is refused to it)",
		       p->loaded, why);
	else if (p->is_setid)
		bw_log(BW_LOG_WARN, "%s is setuid or setgid: below bpfwire run it runs as you, without more rights, and sees the board", p->loaded);
}

static void guard(int verbose)
{
	int err = bw_guard_install();

	if (err)
		bw_log(BW_LOG_WARN, "no guard against BPF on this machine's own kernel: seccomp: %s", strerror(-err));
	err = bw_fence_install();
	if (err && (verbose || err != -EOPNOTSUPP))
		bw_log(BW_LOG_WARN, "no fence around this machine's own tracefs: Landlock: %s (a static program that is run as root could write there)",
		       strerror(-err));
}

int bw_run_exec(const struct bw_run *r, struct bw_board *b, const struct bw_program *p, char *const *about, char **argv)
{
	if (bw_environ_set(r, b, p, about))
		return BW_EXIT_USAGE;
	warn_of(p);
	guard(r->verbose);
	execv(p->path, argv);
	if (errno == ENOENT)	/* it was there a moment ago */
		bw_log(BW_LOG_ERROR, "%s: its interpreter or dynamic linker is not on this machine (%s)", p->path, p->loaded);
	else
		bw_log(BW_LOG_ERROR, "%s: %s", p->path, strerror(errno));
	return BW_EXIT_NOT_RUNNABLE;
}

int bw_cmd_run(int argc, char **argv)
{
	struct bw_run r = { 0 };
	struct bw_program p;
	struct bw_board b;
	int err;

	err = parse(argc, argv, &r);
	if (err >= 0)
		return err;
	argv += optind;
	err = find_program(argv[0], &p);
	if (err)
		return err;
	if (bw_board_choose(r.serial, &b))
		return BW_EXIT_USAGE;
	err = r.stats ? bw_stats_follow() : 0;
	if (err) {
		bw_log(BW_LOG_ERROR, "run --stats: no file to count in: %s; is $TMPDIR writable?", strerror(-err));
		return BW_EXIT_FAILED;
	}
	return bw_run_exec(&r, &b, &p, argv + 1, argv);
}
