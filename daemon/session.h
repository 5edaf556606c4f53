/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as the main process sees them: a number, a worker, two pipes, and the frames on their way. It looks only at headers, and never
 * waits. A session whose client overruns its window is ended; nothing else notices.
 *
 *	OPEN ──close by the host, link down──▶ ENDING ──worker exits──▶ UNDOING (only with a journal) ──▶ gone
 *	  └───worker exits by itself──▶ LOST: what it had sent is passed on, then CLOSE ────────▲
 *
 * ENDING is bounded: after BW_END_MS the worker is killed. A session number can be opened anew as soon as its session is not OPEN any more.
 */
#ifndef BW_DAEMON_SESSION_H
#define BW_DAEMON_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/spawn.h"
#include "protocol/frame.h"

#define BW_SESSIONS_MAX	64			/* open at a time */
#define BW_SESSION_SLOTS (2 * BW_SESSIONS_MAX)	/* with those that are ending: a host that comes back at once finds room */
#define BW_END_MS	2000
#define BW_SESSION_POLLFDS (2 * BW_SESSION_SLOTS)

struct bw_session;

struct bw_sessions {
	struct bw_session *all[BW_SESSION_SLOTS];
	unsigned int count;		/* slots in use, of sessions that are ending too */
	unsigned int open;		/* those that are OPEN or LOST: what the host has */
	unsigned int turn;		/* whose frame goes next */
	const char *run_dir;
	pid_t (*spawn)(const struct bw_spawn_options *o, int *to, int *from);	/* bw_spawn_worker, but in tests */
};

void bw_sessions_init(struct bw_sessions *s, const char *run_dir);

/*
 * f is an OPEN frame. 0: there is a session now. -EINVAL, -EEXIST, -EUSERS (BW_SESSIONS_MAX are open), -EPROTO (malformed), or fork's.
 * *worker is the pid of its process then.
 */
int bw_sessions_open(struct bw_sessions *s, const struct bw_frame *f, uint32_t msg_max, pid_t *worker);
/* Any other frame of a session. 0; -ENOENT: there is no such session; -EPROTO: it overran its window and is being ended now. */
int bw_sessions_frame(struct bw_sessions *s, const struct bw_frame *f);
/* tell is called with the number of each session that the host has. */
void bw_sessions_each(struct bw_sessions *s, void (*tell)(void *arg, uint32_t session), void *arg);
/* The link is gone: all sessions end. */
void bw_sessions_end_all(struct bw_sessions *s);
/* Do not wait for those that are ending. */
void bw_sessions_kill_all(struct bw_sessions *s);

/* What to poll for: all that is in the pipes, if the link can take frames; else only room in them. Lowers *timeout_ms (-1: none). */
int bw_sessions_pollfds(struct bw_sessions *s, struct pollfd *fds, bool link_writable, int *timeout_ms);
/* A child has ended (SIGCHLD). */
void bw_sessions_reap(struct bw_sessions *s);
/* Move bytes, kill what is late, free what is done with. */
void bw_sessions_service(struct bw_sessions *s);
/*
 * The next frame to the host, fair between sessions: *bytes is valid until the next call of anything here. A worker that ended gives a CLOSE
 * as its last. 0: none.
 */
size_t bw_sessions_next(struct bw_sessions *s, const uint8_t **bytes);

#endif
