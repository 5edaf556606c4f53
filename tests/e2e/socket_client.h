/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a bridge's socket, one thread, for the tests and the benchmark that speak to it in frames. */
#ifndef BW_TESTS_SOCKET_CLIENT_H
#define BW_TESTS_SOCKET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"

struct client {
	int fd;
	struct bw_stream in;
	struct bw_window up, down;
	struct bw_buf out;		/* what is put and not written yet, from `sent` on */
	size_t sent;
	uint64_t wrote, got;
	uint32_t request;		/* id of the last one put */
	struct bw_buf reply;		/* the caller's, for tests/bpf_calls.h */
};

/* Connected, greeted, a session opened and its worker has answered; once, or again until it works. */
int client_open(struct client *c, const char *socket, const char *comm, int64_t until);
int client_open_soon(struct client *c, const char *socket, const char *comm, int64_t until);
void client_close(struct client *c);

/* 1: a frame, valid until the next call; 0: none within the time (bw_now_ms()); negative: the connection is at its end. */
int client_frame(struct client *c, struct bw_frame *f, int64_t until);
/* The windows' books of a frame that came; what is to be given back is put. */
void client_account(struct client *c, const struct bw_frame *f);

void client_put(struct client *c, uint16_t type, const struct bw_buf *payload);
bool client_give(struct client *c);	/* writes what can be written now; true if anything was */
int client_flush(struct client *c);	/* writes all, waits for it */

#endif
