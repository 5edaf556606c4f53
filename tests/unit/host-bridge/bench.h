/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board process in a thread, between a fake board (this side of a socketpair, behind a pipe that has RESET as USB has) and clients of its real
 * listening socket.
 */
#ifndef BW_TESTS_HOST_BRIDGE_BENCH_H
#define BW_TESTS_HOST_BRIDGE_BENCH_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/buf.h"
#include "protocol/frame.h"

#define BENCH_MS	3000	/* no wait in a test is longer, unless it says so */

struct bench {
	char dir[64], path[96], text_path[104];
	pthread_t thread;
	int board_fd;		/* the board's end of the pipe */
	int resets_fd;		/* a nonce for each RESET */
	int stop_fd;
	int result;		/* of bw_board_run */
	char reason[300];
	struct bw_stream in;	/* what the board receives */
	uint32_t window;	/* in its HELLO */
};

/* has_reset: as on USB; else as on stdio. */
void bench_start(struct bench *b, bool has_reset);
void bench_stop(struct bench *b);		/* ends the process, joins the thread */
void bench_join(struct bench *b);		/* it ended by itself */

/* The board's side. */
bool bench_reset(struct bench *b, int ms);	/* a RESET comes: whatever was queued for the board is dropped */
bool bench_hello(struct bench *b);		/* takes preamble and HELLO, answers with the board's */
bool bench_hello_as(struct bench *b, uint16_t major, int status, const char *reason);
bool bench_up(struct bench *b);			/* reset (where there is one) and hello, and a client is greeted well */
bool bench_next(struct bench *b, struct bw_frame *f, int ms);
void bench_send(struct bench *b, uint16_t type, uint16_t flags, uint32_t session, uint32_t request, int status, const void *p, size_t len);
void bench_write(struct bench *b, const void *p, size_t len);

/* A client's. */
struct client {
	int fd;
	struct bw_stream in;
};

void client_connect(struct bench *b, struct client *c);
void client_close(struct client *c);
bool client_next(struct client *c, struct bw_frame *f, int ms);		/* false: nothing came, or the end */
bool client_ended(struct client *c, int ms);				/* the end comes, whatever comes before */
void client_send(struct client *c, uint16_t type, uint32_t session, uint32_t request, const void *p, size_t len);
void client_send_open(struct client *c, uint32_t window);
/* Connects, is greeted with status 0, opens: the board saw it and answered. The session's number, 0: something went wrong. */
uint32_t client_session(struct bench *b, struct client *c, uint32_t window);

#endif
