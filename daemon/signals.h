/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of the main process as something to poll: one self-pipe for the whole process. */
#ifndef BW_DAEMON_SIGNALS_H
#define BW_DAEMON_SIGNALS_H

#include <stdbool.h>

/* Catch SIGTERM, SIGINT, SIGHUP (stop) and SIGCHLD; ignore SIGPIPE. Returns the descriptor to poll for reading, or -errno. Again: the same, and a stop stays one. */
int bw_signals_init(void);
/* Empty the pipe. True once one of those that stop has come. */
bool bw_signals_take(void);
/* In a child: back to the defaults. */
void bw_signals_reset(void);

#endif
