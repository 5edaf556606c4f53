/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of bpfwired; docs/bpfwired.8 is its manual. */
#ifndef BW_DAEMON_OPTIONS_H
#define BW_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "gadget/gadget.h"
#include "protocol/log.h"

struct bw_options {
	bool no_auth, stdio, text, check;
	struct bw_gadget_options gadget;	/* strings point into argv; join is not filled in */
	const char *join;			/* --gadget: the existing gadget to be added to */
	const char *run_dir;
	enum bw_log_level level;
};

/* -1: go on. Else the exit status: 0 after --help and --version (on stdout), 2 after one line on stderr that says what is wrong. */
int bw_options_parse(int argc, char **argv, struct bw_options *o);

#endif
