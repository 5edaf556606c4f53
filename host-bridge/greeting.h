/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection hears first: the board's HELLO, or one with a negative status and a sentence that says why the board cannot be used.
 */
#ifndef BW_HOST_BRIDGE_GREETING_H
#define BW_HOST_BRIDGE_GREETING_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/buf.h"

/* This bridge's own HELLO as a frame, for a board; with a name and a status also for a client. */
void bw_greeting_put(struct bw_buf *b, const char *name, int status, const char *reason);
/*
 * Take one connection from a listening socket and refuse it so, err being a negative errno; text: it is that of the text protocol, and the reason alone
 * goes out, as a line. Does not block. -EAGAIN: there is none.
 */
int bw_greeting_refuse_next(int listen_fd, bool text, const char *name, int err, const char *reason);

#endif
