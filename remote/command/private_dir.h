/* SPDX-License-Identifier: Apache-2.0 */
/* A directory whose contents nobody else can choose: what is run from it must be this user's own. */
#ifndef BW_COMMAND_PRIVATE_DIR_H
#define BW_COMMAND_PRIVATE_DIR_H

#include <limits.h>

/*
 * Makes `path`, and what is missing above it, for this user alone. real becomes its path without symbolic links; a descriptor of it, which is the caller's,
 * or a negative errno after saying why. It is refused (-EPERM) if it, or any directory above it, belongs to or can be changed by a user who is neither this
 * one nor root.
 */
int bw_private_dir_open(const char *path, char real[PATH_MAX]);

#endif
