/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of sockets: DIR/SERIAL and DIR/SERIAL.bpfd per board, DIR/bridge.lock held by the one bridge that serves it. All by descriptor and without
 * following links, since the directory may lie where others can write.
 */
#ifndef BW_HOST_BRIDGE_DIRECTORY_H
#define BW_HOST_BRIDGE_DIRECTORY_H

#include <stddef.h>
#include <sys/types.h>

#include "host-bridge/name.h"

struct bw_directory {
	char path[96];
	int fd, lock_fd;
	gid_t group;		/* (gid_t)-1: the user's own */
};

/* The path that options and environment say: dir, else $BPFWIRE_DIR, else $XDG_RUNTIME_DIR/bpfwire, else /run/bpfwire. */
int bw_directory_path(const char *dir, char *out, size_t size);
/*
 * Makes or checks the directory, takes the lock, removes sockets that an earlier bridge left. On failure, err is one line for the user.
 * -EBUSY: another bridge serves it.
 */
int bw_directory_open(struct bw_directory *d, const char *path, const char *group, char *err, size_t errlen);
void bw_directory_close(struct bw_directory *d);

/* A listening, non-blocking socket DIR/NAME with the right owner and mode; negative errno on failure, and a line in the log. */
int bw_directory_listen(struct bw_directory *d, const char *name);
void bw_directory_remove(struct bw_directory *d, const char *name);	/* if it is a socket */

#endif
