/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the command's own with a board: one question at a time. (What a tool asks goes through the library's connection, not through this.) */
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
void bw_session_close(struct bw_session *s);
/*
 * Asks (a payload that fits one frame) and appends the payload of the answer, at most max bytes, to *reply, which stays the caller's in any case. The
 * status of the answer: 0 or a negative errno of the board's; -EMSGSIZE: longer than max; -ETIMEDOUT, -ECONNRESET, -EPROTO: of the link, and
 * then the session is of no more use.
 */
int bw_session_ask(struct bw_session *s, uint16_t type, const void *payload, size_t len, size_t max, struct bw_buf *reply);
/* The whole contents of a file of the board. As bw_session_ask. */
int bw_session_get_file(struct bw_session *s, const char *path, size_t max, struct bw_buf *contents);

#endif
