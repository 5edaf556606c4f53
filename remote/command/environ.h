/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that `bpfwire run` gives a tool; remote/remote.h says what the library reads of it. */
#ifndef BW_COMMAND_ENVIRON_H
#define BW_COMMAND_ENVIRON_H

#include <stdbool.h>

#include "remote/command/board.h"
#include "remote/command/program.h"

struct bw_run {
	const char *serial;
	int verbose;
	bool stats;
	bool allow_kill;
};

/* Appends to a colon-separated list in the environment. 0 or -ENOMEM. */
int bw_path_list_add(const char *variable, const char *path);
/*
 * Sets all of it in this process's own environment: BPFWIRE_*, LD_PRELOAD, PATH, ARCH, BCC_KERNEL_SOURCE. May take as long as it takes to
 * fetch kernel headers. 0, or a negative errno after saying why; headers that cannot be had are a warning.
 */
int bw_environ_set(const struct bw_run *r, struct bw_board *b, const struct bw_program *p, char *const *args);

/*
 * run.c: becomes the program, with that environment and behind the guard. about: the arguments that tell whether it compiles; argv: what it gets. Returns only
 * where it could not, the exit status, after saying why.
 */
int bw_run_exec(const struct bw_run *r, struct bw_board *b, const struct bw_program *p, char *const *about, char **argv);

#endif
