/* SPDX-License-Identifier: Apache-2.0 */
/* bpfwired load and bpfwired unload: programs without a host. */
#ifndef BW_DAEMON_LOAD_H
#define BW_DAEMON_LOAD_H

#include <stdbool.h>

/* What bpfwired as the first process loads before it serves. */
#define BW_LOAD_DIR	"/etc/bpfwire/load.d"

/* Whether the command line is of one of the two. */
bool bw_load_wanted(int argc, char **argv);
/* argv[0] is the word. The exit status of the program. */
int bw_load_main(int argc, char **argv);

#endif
