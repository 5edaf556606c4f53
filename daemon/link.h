/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's end of the link, and the main process's loop: preamble and HELLO, keepalive, and frames between the pipe and the sessions.
 *
 * A pipe that has a RESET of its own (USB) starts a link with each RESET, as often as it likes; the stream must then begin with that nonce. Any other
 * pipe is one link: the first preamble that comes starts it, and when it ends bw_link_serve returns.
 *
 * With no session open it sleeps until something comes, without any timeout. With sessions open, a host that is silent for BW_PING_AFTER_MS
 * is asked; after BW_DEAD_AFTER_MS its sessions end.
 */
#ifndef BW_DAEMON_LINK_H
#define BW_DAEMON_LINK_H

#include "daemon/session.h"
#include "protocol/pipe.h"

struct bw_link_options {
	const char *serial;
	const char *run_dir;		/* for journals, see journal.h */
	/* May be NULL: called with the number of open sessions whenever it may have changed. */
	void (*on_sessions)(void *arg, uint32_t sessions);
	void *arg;
	/* NULL: bw_spawn_worker. */
	pid_t (*spawn)(const struct bw_spawn_options *o, int *to, int *from);
};

/*
 * Serve until a signal says stop, or the link of a pipe without RESET ends: 0; or until the pipe has failed: its errno. All sessions have ended then, and their
 * journals are undone (or left to the next start, after BW_END_MS twice). The pipe stays the caller's.
 * Catches signals (signals.h) and so must be alone in its process.
 */
int bw_link_serve(struct bw_pipe *pipe, const struct bw_link_options *o);

#endif
