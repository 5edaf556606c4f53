/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are. What belongs to bpfwire is found from the place of this executable, in this order: the variable that overrides it, the build
 * tree (beside the executable), the installation that the executable is in, the PREFIX it was built for.
 */
#ifndef BW_COMMAND_PLACE_H
#define BW_COMMAND_PLACE_H

#include <limits.h>
#include <stddef.h>

enum bw_part {
	BW_PART_BRIDGE	= 0,	/* bpfwire-bridge; $BPFWIRE_BRIDGE */
	BW_PART_LIBRARY	= 1,	/* libbpfwire-remote.so; $BPFWIRE_LIBRARY */
	BW_PART_LIBEXEC	= 2,	/* the directory with headers and bin/; $BPFWIRE_LIBEXEC */
};

/* 0 and an absolute path; -ENOENT after saying what is missing. */
int bw_place_find(enum bw_part part, char out[PATH_MAX]);

/* This executable. 0, or a negative errno where the kernel does not say. */
int bw_place_self(char out[PATH_MAX]);
/* The cache, by its variables (docs/bpfwire.1), whether it is there or not. 0, or a negative errno after saying why. */
int bw_place_cache(char *out, size_t size);

/* The directories of the bridges' sockets: $BPFWIRE_DIR alone if it is set, else the user's, then the system's. A bridge is started in the first. */
struct bw_dirs {
	const char *v[2];
	size_t n;
	char own[PATH_MAX];
};
/* 0, or -ENAMETOOLONG after saying so. */
int bw_dirs_init(struct bw_dirs *d);

#endif
