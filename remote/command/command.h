/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `bpfwire` command: what its files share. One process, one thread. Functions return 0 or a negative errno; where one says that it
 * "says why" it has written the one line for the user already, and main turns the number into an exit status.
 */
#ifndef BW_COMMAND_COMMAND_H
#define BW_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of our own (docs/bpfwire.1); any other is the tool's. */
enum bw_exit {
	BW_EXIT_OK		= 0,
	BW_EXIT_FAILED		= 1,
	BW_EXIT_USAGE		= 2,	/* wrong options, no board or no single board, a board that cannot be used */
	BW_EXIT_LOST		= 75,	/* EX_TEMPFAIL, by the library: the board was lost while the tool ran */
	BW_EXIT_NOT_RUNNABLE	= 126,	/* as a shell does */
	BW_EXIT_NOT_FOUND	= 127,
};

/* A subcommand: one row in main.c. argv[0] is its name; run returns the exit status. */
struct bw_subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;		/* what follows the name */
	const char *summary;
	const char *options;		/* lines for `help`, or NULL */
};

/* Writes "bpfwire: MESSAGE (try 'bpfwire help')" and returns BW_EXIT_USAGE. */
int bw_usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The line for getopt's '?' and ':'; argv as getopt left it. */
int bw_option_error(int opt, char **argv);

int bw_cmd_devices(int argc, char **argv);
int bw_cmd_run(int argc, char **argv);
int bw_cmd_check(int argc, char **argv);
int bw_cmd_headers(int argc, char **argv);
int bw_cmd_env(int argc, char **argv);
int bw_cmd_load(int argc, char **argv);	/* and unload */
int bw_cmd_bpfd(int argc, char **argv);
int bw_cmd_ps(int argc, char **argv);
int bw_cmd_ls(int argc, char **argv);
int bw_cmd_cat(int argc, char **argv);
int bw_cmd_dmesg(int argc, char **argv);

#endif
