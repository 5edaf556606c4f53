/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge itself: looks for boards, keeps one keeper for each, sees processes end. It does no USB I/O and waits for no board.
 */
#ifndef BW_HOST_BRIDGE_BRIDGE_H
#define BW_HOST_BRIDGE_BRIDGE_H

#include "host-bridge/directory.h"

#define BW_BOARDS_MAX	64

struct bw_bridge_options {
	struct bw_directory *dir;
	const char *node;		/* only the device with this node; NULL: all boards */
	const char *sysfs;		/* where the finder looks */
	const char *command;		/* no USB at all, but a board behind this command ... */
	const char *serial;		/* ... of this name */
	int idle_s;			/* end after so long without any client; 0: never */
};

/* Until SIGTERM, SIGINT or idle: 0. Negative errno: it could not run. */
int bw_bridge_run(const struct bw_bridge_options *o);

#endif
