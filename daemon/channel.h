/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's end of its session: frames in and out over the two pipes to the main process, within the windows of credit.
 *
 * Frames that come are copied into a queue, so that a handler that waits for credit (and so must read on) keeps its own request intact.
 * CREDIT and RING_CREDIT are taken at once, in any state. The queue is bounded by the window that the client was told.
 *
 * Errors are sticky in `error`: -EPIPE the main process is gone or has given the session up, -EPROTO the client broke the rules, -ENOMEM.
 * After one every call returns it at once, so a handler may just go on to its end.
 */
#ifndef BW_DAEMON_CHANNEL_H
#define BW_DAEMON_CHANNEL_H

#include <stdbool.h>
#include <sys/uio.h>

#include "protocol/frame.h"

struct bw_queued {
	struct bw_queued *next;
	struct bw_frame f;		/* payload points into bytes */
	uint8_t bytes[];
};

struct bw_channel {
	int in, out;			/* in is O_NONBLOCK, out blocks (the main process always reads it); not owned */
	uint32_t session;
	int64_t credit;			/* what may still be sent */
	bool eof;			/* no more will come; what is queued is still to be done */
	int error;
	struct bw_stream stream;
	struct bw_window window;	/* of what comes in */
	struct bw_queued *head, **tail;
	void (*ring_credit)(void *arg, uint32_t handle, uint32_t bytes);	/* may be NULL; must not send */
	void *arg;
};

int bw_channel_init(struct bw_channel *c, int in, int out, uint32_t session, uint32_t send_window, uint32_t receive_window);
void bw_channel_fini(struct bw_channel *c);

/* Read what is there without blocking. Returns error. */
int bw_channel_fill(struct bw_channel *c);
/* The next frame, to be freed with free(), or NULL. Gives its bytes back to the client's window. */
struct bw_queued *bw_channel_pop(struct bw_channel *c);

/*
 * Send one frame: f's type, flags, request, status; length and session are filled in. Waits for credit (by reading), then for the pipe.
 * The parts together are at most BW_PAYLOAD_MAX.
 */
int bw_channel_send(struct bw_channel *c, const struct bw_frame *f, const struct iovec *parts, int nparts);
/* A whole message, as many frames as it takes. */
int bw_channel_send_msg(struct bw_channel *c, const struct bw_frame *f, const void *payload, size_t len);

#endif
