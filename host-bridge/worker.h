/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of one board, as the bridge starts it: itself, with arguments that are not for users. A crash or a hang in libusb or in a
 * host controller's driver stays there.
 */
#ifndef BW_HOST_BRIDGE_WORKER_H
#define BW_HOST_BRIDGE_WORKER_H

#include <sys/types.h>

#include "host-bridge/finder.h"

#define BW_WORKER_ARG	"--board-process"

struct bw_worker_options {
	const char *name;
	const struct bw_found *found;	/* or NULL and a command */
	const char *command;
	int listen_fd, text_fd, report_fd;
};

/* Returns the pid or a negative errno. The descriptors stay the caller's. The process ends with its parent. */
pid_t bw_worker_start(const struct bw_worker_options *o);
/* main() of such a process; argv[1] is BW_WORKER_ARG. Returns the exit status. */
int bw_worker_main(int argc, char **argv);

#endif
