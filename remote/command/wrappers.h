/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that `bpfwire env` puts into PATH: for each BPF tool of this machine a script of the same name that starts the real one by `bpfwire run`. Below
 * `bpfwire run` they start the real one directly.
 */
#ifndef BW_COMMAND_WRAPPERS_H
#define BW_COMMAND_WRAPPERS_H

#include <limits.h>
#include <stdbool.h>

/* What is a BPF tool by its name, or by the directory it is in. */
bool bw_wrappers_is_tool(const char *dir, const char *name);
/*
 * Brings the directory up to date with what is in PATH, /usr/sbin and /sbin, and says where it is. The number of wrappers in it, or a negative errno after
 * saying why.
 */
int bw_wrappers_refresh(char dir[PATH_MAX]);

#endif
