/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the board's socket: greeted with the board's HELLO, it becomes a session by OPEN, and its frames pass both ways with
 * the session's number written in and out. It may only send what the board's window allows, and is only sent what its own
 * allows: so what waits here for a client that does not read is bounded, and nobody else waits for it.
 *
 * Owner: the board process's loop; nothing blocks. A client is freed by bw_clients alone (clients.h), after `gone`.
 */
#ifndef BW_HOST_BRIDGE_CLIENT_H
#define BW_HOST_BRIDGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "host-bridge/link.h"
#include "host-bridge/queue.h"
#include "protocol/frame.h"
#include "protocol/msg.h"

/* What frames that windows do not count (CREDIT, a late CLOSE) may add to a client's queue. */
#define BW_CLIENT_SLACK		(64u << 10)
/* How long a client has to take its last words. */
#define BW_CLIENT_LEAVE_MS	5000

enum bw_client_state {
	BW_CLIENT_GREETED,	/* OPEN is awaited */
	BW_CLIENT_OPEN,
	BW_CLIENT_LEAVING,	/* only what is queued for it goes out, then it is gone */
	BW_CLIENT_GONE,		/* to be freed */
};

struct bw_client {
	struct bw_client *next;
	struct bw_link *link;
	enum bw_client_state state;
	int fd;
	uint32_t pid, uid;		/* as the kernel says */
	char who[64];			/* "client 1234 (opensnoop)" */
	uint32_t session;		/* OPEN */
	struct bw_window up, down;	/* what it may still send, what the board may still send it */
	struct bw_stream in;
	bool pending;			/* `in` may hold whole frames that wait for room in the link */
	bool ended;			/* it closed its end */
	bool text;			/* it speaks BPFd's lines (text.h), and what it said waits in `said`, not in `in` */
	bool said_all, told_end;	/* text: it shut down its side; and the board knows */
	struct bw_queue said;
	struct bw_queue out;
	int64_t leave_by;		/* LEAVING; INT64_MAX: whenever it has read all */
};

/* Takes fd in every case. NULL: no memory. Queues the greeting; text: there is none, the board will greet. */
struct bw_client *bw_client_new(int fd, struct bw_link *link, bool text);
void bw_client_free(struct bw_client *c);

void bw_client_read(struct bw_client *c);
void bw_client_write(struct bw_client *c, int64_t now);
/* Passes frames on to the link, at most about `burst` bytes; true: something was done and there may be more. session: the number for an OPEN. */
bool bw_client_forward(struct bw_client *c, size_t burst, uint32_t *last_session);
/* A frame of its session came from the board. */
void bw_client_deliver(struct bw_client *c, const struct bw_frame *f);
/*
 * The session is over: the client is told by CLOSE with err (0 or a negative errno), and leaves; tell_board: the board is told too.
 */
void bw_client_end(struct bw_client *c, int err, bool tell_board);
/* The client or the board broke the protocol, or it cannot be served: this session pays for it and no other. Logged. */
void bw_client_fault(struct bw_client *c, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Its session begins: OPEN goes to the board, with who it is as the kernel says. m->window is at least BW_WINDOW_MIN. 0 or a negative errno. */
int bw_client_start(struct bw_client *c, struct bw_open *m, uint32_t request, uint32_t *last_session);

#endif
