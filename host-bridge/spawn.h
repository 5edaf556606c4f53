/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board behind a command: `bpfwired --stdio` on this machine or behind ssh, adb, a serial line. The command runs by `sh -c` in a process
 * group of its own, with the frames on its stdin and stdout and our stderr.
 */
#ifndef BW_HOST_BRIDGE_SPAWN_H
#define BW_HOST_BRIDGE_SPAWN_H

#include <sys/types.h>

#include "protocol/pipe.h"

/* name: the board's, for messages; kept. The pipe's close does not end the command: bw_spawn_end does. */
int bw_spawn(const char *command, const char *name, struct bw_pipe **pipe, pid_t *pid);
/* After the pipe's close: gives it 2 s to end by itself, then kills the group. How it ended goes to err as one line, unless that was well. */
void bw_spawn_end(pid_t pid, const char *name, char *err, size_t errlen);

#endif
