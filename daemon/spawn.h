/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes of the daemon: workers, and the short-lived ones that undo a journal. Called by the main process, which is single-threaded. */
#ifndef BW_DAEMON_SPAWN_H
#define BW_DAEMON_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct bw_spawn_options {
	uint32_t session;
	uint32_t send_window, receive_window, msg_max;
	uint32_t service;		/* enum bw_service */
	const char *run_dir;
};

/* *to and *from are the main process's ends, O_NONBLOCK and CLOEXEC. The child's pid, or -errno. */
pid_t bw_spawn_worker(const struct bw_spawn_options *o, int *to, int *from);
/* What a process that holds a session may use of the board, as a worker does of itself. */
void bw_worker_limits(void);
/* A child that undoes the journal file and exits. Its pid, or -errno. */
pid_t bw_spawn_undo(const char *journal);

#endif
