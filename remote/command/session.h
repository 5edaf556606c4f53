/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the command's own with a board. (What a tool asks goes through the library's connection, not through this.) */
#ifndef BW_COMMAND_SESSION_H
#define BW_COMMAND_SESSION_H

#include "protocol/frame.h"
#include "remote/command/board.h"

struct bw_session {
	int fd;				/* -1: none */
	uint32_t last;			/* request id */
	struct bw_stream stream;
	struct bw_window in;
};

/* As long as the board may be silent within an answer. */
#define BW_SESSION_SILENCE_MS	10000

/* Connects and opens a session. 0; or a negative errno, and then there is nothing to close. */
int bw_session_open(struct bw_session *s, struct bw_board *b);
int bw_session_open_service(struct bw_session *s, struct bw_board *b, uint32_t service);	/* enum bw_service */
void bw_session_close(struct bw_session *s);
/*
 * Asks (a payload that fits one frame) and appends the payload of the answer, at most max bytes, to *reply, which stays the caller's in any case. The
 * status of the answer: 0 or a negative errno of the board's; -EMSGSIZE: longer than max; -ETIMEDOUT, -ECONNRESET, -EPROTO: of the link, and
 * then the session is of no more use.
 */
int bw_session_ask(struct bw_session *s, uint16_t type, const void *payload, size_t len, size_t max, struct bw_buf *reply);
/*
 * The same in two halves, for several questions at once (the board's link costs a round trip each otherwise). bw_session_post asks; *id tells the
 * answer, id NULL: none is wanted. bw_session_next gives the next frame of any answer, valid until the next call; its status is not looked at.
 * 0, or a negative errno of the link as above. Questions without an answer yet are to stay below BW_WINDOW_MIN / 2 in all, since the board's window
 * is not counted here.
 */
int bw_session_post(struct bw_session *s, uint16_t type, const void *payload, size_t len, uint32_t *id);
int bw_session_next(struct bw_session *s, struct bw_frame *f);
/*
 * For what is not questions and answers. Waits for bytes once (when s->fd is readable: not at all): 0, or the link's error. Takes a whole frame out of what
 * came, whatever it is, and gives its bytes back to the board's window: 1, 0: there is none, or the link's error.
 */
int bw_session_receive(struct bw_session *s);
int bw_session_take(struct bw_session *s, struct bw_frame *f);
/* Says what is wrong with the link, in one line ("what" is what was to be done), and returns the exit status. */
int bw_session_complain(const struct bw_board *b, const char *what, int err);
/* The whole contents of a file of the board. As bw_session_ask. */
int bw_session_get_file(struct bw_session *s, const char *path, size_t max, struct bw_buf *contents);

#endif
