/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link to one board over its pipe: opened by RESET, preamble and HELLO, kept alive by PING, opened anew when it breaks. It knows frames of
 * session 0 and hands on all others. Owner: the board process's loop; nothing blocks.
 */
#ifndef BW_HOST_BRIDGE_LINK_H
#define BW_HOST_BRIDGE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "host-bridge/queue.h"
#include "protocol/buf.h"
#include "protocol/frame.h"
#include "protocol/pipe.h"

/* How long one attempt to open a link may take. A spawned command (ssh, say) has its own start-up and sometimes a human in it. */
#define BW_LINK_OPEN_MS		3000
#define BW_LINK_OPEN_SPAWN_MS	30000
#define BW_LINK_TRIES		6
/* What may be queued towards the board before clients have to wait. */
#define BW_LINK_QUEUE		(256u << 10)

enum bw_link_state {
	BW_LINK_WAITING,	/* until the next attempt */
	BW_LINK_OPENING,	/* RESET and HELLO sent, the board's HELLO awaited */
	BW_LINK_UP,
	BW_LINK_REFUSED,	/* the board answers, but cannot be used: status and reason say why */
};

struct bw_link_user {
	/* A frame of a session (never 0); -EPROTO: the board must not have sent it. Must not close the link. */
	int (*frame)(void *arg, const struct bw_frame *f);
	/* All sessions are gone on the board; err: a negative errno. */
	void (*down)(void *arg, int err);
};

struct bw_link {
	struct bw_pipe *pipe;			/* not owned */
	const char *name;			/* of the board, for messages */
	const struct bw_link_user *user;
	void *arg;
	enum bw_link_state state;
	int status;				/* what clients are greeted with while it is not up: negative errno */
	char reason[300];
	struct bw_buf hello;			/* up: the board's HELLO, payload only, as it came */
	uint32_t window;			/* up: the board's receive window for a session */
	struct bw_stream in;
	struct bw_queue out;
	bool more;				/* recv was left before it had no more */
	bool flush;				/* bytes were given to the pipe since the last flush */
	int tries;				/* attempts since it was last up */
	int64_t deadline;			/* WAITING: of the next attempt; OPENING: of this one */
	int64_t heard_at;			/* bytes came, or somebody began to listen */
	int64_t pinged_at;			/* 0: no PING is under way */
	uint32_t ping_id;
};

int bw_link_init(struct bw_link *l, struct bw_pipe *pipe, const char *name, const struct bw_link_user *user, void *arg);
void bw_link_fini(struct bw_link *l);

/* Of all calls below a negative result means that the pipe is of no more use; l->reason says why. */

/* After dispatch, with its BW_PIPE_* bits: receives and handles what came. */
int bw_link_input(struct bw_link *l, unsigned int events, int64_t now);
/* Gives the pipe what is queued. */
int bw_link_output(struct bw_link *l, int64_t now);
/* Timers; busy: there are sessions. Lowers *timeout_ms to when it must be called again. */
int bw_link_tick(struct bw_link *l, bool busy, int64_t now, int *timeout_ms);

/* True if a frame of any length may be queued now. */
bool bw_link_room(const struct bw_link *l);
int bw_link_send(struct bw_link *l, const struct bw_frame *f);		/* -ENOMEM, or -ENOTCONN when it is not up */

#endif
