/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps one board served: its socket, and the process that serves it (see worker.h), started again with growing pauses as long as the
 * board is there. While no process runs, clients are greeted from here with the reason. Owner: the bridge's loop; nothing blocks.
 */
#ifndef BW_HOST_BRIDGE_KEEPER_H
#define BW_HOST_BRIDGE_KEEPER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host-bridge/directory.h"
#include "host-bridge/finder.h"
#include "host-bridge/report.h"

#define BW_KEEPER_POLLFDS	3

struct bw_keeper {
	struct bw_keeper *next;
	struct bw_directory *dir;		/* not owned */
	char name[BW_BOARD_NAME_SIZE];
	struct bw_found found;			/* the USB interface, or an empty node */
	const char *command;			/* else this; not owned */
	char text_name[BW_BOARD_NAME_SIZE + 5];	/* NAME.bpfd */
	int listen_fd, text_fd, report_fd;
	pid_t pid;				/* 0: none runs */
	bool leaving;				/* the board is gone: freed when its process has ended */
	bool seen;				/* by the scan under way */
	unsigned int clients;
	int64_t started_at, start_at;		/* of the process; when to start the next one */
	int64_t kill_at;			/* leaving: when patience ends; 0: over */
	unsigned int failures;			/* in a row */
	bool told;				/* the process said why it ends */
	int status;				/* greeting while none runs: negative errno */
	char reason[BW_REPORT_LINE], logged[BW_REPORT_LINE];
	char line[BW_REPORT_LINE];		/* a report that is not whole yet */
	size_t line_len;
};

/* found or command; name is free in the directory. NULL: no memory or no socket (logged). */
struct bw_keeper *bw_keeper_new(struct bw_directory *dir, const char *name, const struct bw_found *found, const char *command);
void bw_keeper_free(struct bw_keeper *k);		/* the process must have ended */

int bw_keeper_pollfds(struct bw_keeper *k, struct pollfd fds[BW_KEEPER_POLLFDS]);
void bw_keeper_input(struct bw_keeper *k, const struct pollfd fds[BW_KEEPER_POLLFDS]);
/* Timers: starts the process when it is time. */
void bw_keeper_tick(struct bw_keeper *k, int64_t now, int *timeout_ms);
void bw_keeper_ended(struct bw_keeper *k, int wait_status, int64_t now);	/* waitpid returned its pid */
/* The board is gone: the socket is removed now, the process asked to end. */
void bw_keeper_leave(struct bw_keeper *k, int64_t now);

#endif
