/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of one board: its pipe, its link, its clients, in one loop and one thread. It knows nothing of USB.
 */
#ifndef BW_HOST_BRIDGE_BOARD_H
#define BW_HOST_BRIDGE_BOARD_H

#include "protocol/pipe.h"

struct bw_board_options {
	const char *name;
	struct bw_pipe *pipe;	/* the caller's to close */
	int listen_fd;		/* non-blocking; the caller's */
	int text_fd;		/* the same for the text protocol (text.h); -1: none */
	int report_fd;		/* see report.h; when its reader is gone the process ends. -1: none */
	int stop_fd;		/* readable: end all sessions and return; -1: none */
};

/* 0: it was told to stop. A negative errno: the pipe is of no more use; err says why in one line. */
int bw_board_run(const struct bw_board_options *o, char *err, size_t errlen);

#endif
