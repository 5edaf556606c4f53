/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection hears first: the board's HELLO, or one with a negative status and a sentence that says why the board cannot be used.
 */
#ifndef BW_HOST_BRIDGE_GREETING_H
#define BW_HOST_BRIDGE_GREETING_H

#include <stddef.h>

#include "protocol/buf.h"

/* This bridge's own HELLO as a frame, for a board; with a name and a status also for a client. */
void bw_greeting_put(struct bw_buf *b, const char *name, int status, const char *reason);
/* The same to a connection that is then of no more use; does not block. err: a negative errno. */
void bw_greeting_refuse(int fd, const char *name, int err, const char *reason);
/* Take one connection from a listening socket and refuse it so. -EAGAIN: there is none. */
int bw_greeting_refuse_next(int listen_fd, const char *name, int err, const char *reason);

#endif
