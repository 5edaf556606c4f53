// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-bridge/board.h"
#include "host-bridge/clients.h"
#include "host-bridge/link.h"
#include "host-bridge/report.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define STOP_MS	500	/* for the last CLOSE frames to reach the board */

struct board {
	const struct bw_board_options *o;
	struct bw_link link;
	struct bw_clients clients;
	unsigned int reported;		/* clients that the bridge knows of */
	bool again;			/* work was left for the next turn */
	bool stopping;
	int64_t stop_by;
	struct pollfd fds[BW_PIPE_POLLFDS + 2 + BW_CLIENTS_POLLFDS];
};

static int board_timeout(struct board *b, int64_t now)
{
	if (b->again)
		return 0;
	if (b->stopping)
		return b->stop_by > now ? (int)(b->stop_by - now) : 0;
	return -1;
}

static int board_handle(struct board *b, unsigned int events, const struct pollfd *client_fds)
{
	int64_t now = bw_now_ms();
	int r = bw_link_input(&b->link, events, now);
	bool waiting;

	/* Who connects from now on is told by the bridge, which will know more of the reason (a command's exit status, say). */
	if (r < 0)
		return r;
	bw_clients_input(&b->clients, client_fds);
	waiting = bw_clients_forward(&b->clients);
	bw_clients_output(&b->clients, now);	/* may have the link tell the board of a client's end */
	r = bw_link_output(&b->link, now);
	b->again = waiting && bw_link_room(&b->link);
	if (b->clients.count != b->reported)
		bw_report_clients(b->o->report_fd, b->reported = b->clients.count);
	return r;
}

static void board_stop(struct board *b)
{
	if (b->stopping)
		return;
	b->stopping = true;
	b->stop_by = bw_now_ms() + STOP_MS;
	b->again = true;
	bw_clients_end_all(&b->clients, -ESHUTDOWN);
}

/* One turn. 1: go on, 0: stopped, negative: the pipe is of no more use. */
static int board_turn(struct board *b)
{
	const struct bw_pipe_ops *ops = b->o->pipe->ops;
	int64_t now = bw_now_ms();
	int timeout = board_timeout(b, now), npipe, n, r;

	r = bw_link_tick(&b->link, b->clients.sessions, now, &timeout);
	if (r < 0)
		return r;
	if (b->stopping && (now >= b->stop_by || !bw_queue_len(&b->link.out)))
		return 0;
	npipe = n = ops->pollfds(b->o->pipe, b->fds, BW_PIPE_POLLFDS, &timeout);
	b->fds[n++] = (struct pollfd) { .fd = b->stopping ? -1 : b->o->stop_fd, .events = POLLIN };
	b->fds[n++] = (struct pollfd) { .fd = b->stopping ? -1 : b->o->report_fd };
	n += bw_clients_pollfds(&b->clients, b->fds + n, now, &timeout);
	if (poll(b->fds, (nfds_t)n, timeout) < 0)
		return errno == EINTR ? 1 : -errno;
	r = board_handle(b, ops->dispatch(b->o->pipe, b->fds, npipe), b->fds + npipe + 2);
	if (b->fds[npipe].revents || b->fds[npipe + 1].revents)
		board_stop(b);
	return r < 0 ? r : 1;
}

int bw_board_run(const struct bw_board_options *o, char *err, size_t errlen)
{
	struct board *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->o = o;
	r = bw_link_init(&b->link, o->pipe, o->name, &bw_clients_link_user, &b->clients);
	bw_clients_init(&b->clients, &b->link, o->listen_fd, o->text_fd);
	if (r >= 0)
		r = 1;
	while (r > 0)
		r = board_turn(b);
	if (r < 0)
		snprintf(err, errlen, "%s", b->link.reason);
	bw_clients_end_all(&b->clients, r < 0 ? r : -ESHUTDOWN);
	bw_clients_output(&b->clients, bw_now_ms());
	bw_clients_fini(&b->clients);
	bw_link_fini(&b->link);
	free(b);
	return r;
}
