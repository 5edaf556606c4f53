// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/clients.h"
#include "host-bridge/greeting.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define BURST	BW_FRAME_MAX	/* bytes a client may pass on before it is the next one's turn */
#define ACCEPTS	16		/* connections taken before others get their turn */

void bw_clients_init(struct bw_clients *cs, struct bw_link *link, int listen_fd, int text_fd)
{
	*cs = (struct bw_clients) { .link = link, .listen_fd = listen_fd, .text_fd = text_fd };
}

void bw_clients_fini(struct bw_clients *cs)
{
	struct bw_client *c;

	while ((c = cs->list)) {
		cs->list = c->next;
		bw_client_free(c);
	}
	cs->count = cs->sessions = 0;
}

/* ---- what the link says ---- */

static int clients_frame(void *arg, const struct bw_frame *f)
{
	struct bw_clients *cs = arg;
	struct bw_client *c;

	if (f->session > cs->last_session)
		return -EPROTO;
	for (c = cs->list; c; c = c->next) {
		if (c->state == BW_CLIENT_OPEN && c->session == f->session) {
			bw_client_deliver(c, f);
			break;
		}
	}
	return 0;	/* one that has ended: the board will hear of it */
}

static void clients_down(void *arg, int err)
{
	struct bw_clients *cs = arg;

	bw_clients_end_all(cs, err);
	cs->last_session = 0;
}

const struct bw_link_user bw_clients_link_user = { .frame = clients_frame, .down = clients_down };

void bw_clients_end_all(struct bw_clients *cs, int err)
{
	struct bw_client *c;

	for (c = cs->list; c; c = c->next)
		bw_client_end(c, err, cs->link->state == BW_LINK_UP);
}

/* ---- the loop ---- */

int bw_clients_pollfds(struct bw_clients *cs, struct pollfd *fds, int64_t now, int *timeout_ms)
{
	/* Whoever speaks lines cannot be told to try again in a moment: it waits till the link is up, or is known not to come up. */
	bool opening = cs->link->state != BW_LINK_UP && cs->link->status == -EAGAIN;
	struct bw_client *c;
	int n = 0;

	fds[n++] = (struct pollfd) { .fd = cs->listen_fd, .events = POLLIN };
	fds[n++] = (struct pollfd) { .fd = opening ? -1 : cs->text_fd, .events = POLLIN };
	for (c = cs->list; c; c = c->next) {
		short events = (c->state < BW_CLIENT_LEAVING && !c->pending && !c->ended && !c->said_all ? POLLIN : 0) |
			       (bw_queue_len(&c->out) ? POLLOUT : 0);

		/* poll always tells of a hang-up: a client that we have no use for now must not keep us awake. */
		fds[n++] = (struct pollfd) { .fd = events ? c->fd : -1, .events = events };
		if (c->state == BW_CLIENT_LEAVING && c->leave_by < INT64_MAX) {
			int64_t left = c->leave_by > now ? c->leave_by - now : 0;

			if (*timeout_ms < 0 || left < *timeout_ms)
				*timeout_ms = (int)left;
		}
	}
	return n;
}

static void clients_accept(struct bw_clients *cs, int listen_fd)
{
	bool text = listen_fd == cs->text_fd;
	struct bw_client *c, **end;
	char reason[128];
	int i, fd;

	for (i = 0; i < ACCEPTS; i++) {
		if (cs->link->state != BW_LINK_UP) {
			if (bw_greeting_refuse_next(listen_fd, text, cs->link->name, cs->link->status, cs->link->reason) < 0)
				return;
			continue;
		}
		if (cs->count >= BW_CLIENTS_MAX) {
			snprintf(reason, sizeof(reason), "board %s has %u clients already: end one of them", cs->link->name, cs->count);
			if (bw_greeting_refuse_next(listen_fd, text, cs->link->name, -EUSERS, reason) < 0)
				return;
			continue;
		}
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		c = bw_client_new(fd, cs->link, text);
		if (!c) {
			bw_log(BW_LOG_ERROR, "board %s: a client was turned away: no memory", cs->link->name);
			return;
		}
		for (end = &cs->list; *end; end = &(*end)->next)
			;
		*end = c;
		cs->count++;
	}
}

void bw_clients_input(struct bw_clients *cs, const struct pollfd *fds)
{
	const struct pollfd *p = fds + 2;
	struct bw_client *c;

	for (c = cs->list; c; c = c->next, p++)
		if (p->fd >= 0 && p->events & POLLIN && p->revents & (POLLIN | POLLHUP | POLLERR) && c->state < BW_CLIENT_LEAVING)
			bw_client_read(c);
	for (int i = 0; i < 2; i++)	/* at the end: it makes the list longer than fds */
		if (fds[i].revents)
			clients_accept(cs, fds[i].fd);
}

/* Whoever had its turn goes to the end of the list. */
static void rotate(struct bw_clients *cs)
{
	struct bw_client *c = cs->list, **end;

	if (!c || !c->next)
		return;
	cs->list = c->next;
	c->next = NULL;
	for (end = &cs->list; *end; end = &(*end)->next)
		;
	*end = c;
}

bool bw_clients_forward(struct bw_clients *cs)
{
	unsigned int idle = 0;

	while (idle < cs->count && bw_link_room(cs->link)) {
		idle = bw_client_forward(cs->list, BURST, &cs->last_session) ? 0 : idle + 1;
		rotate(cs);
	}
	return idle < cs->count;
}

void bw_clients_output(struct bw_clients *cs, int64_t now)
{
	struct bw_client **at = &cs->list, *c;

	cs->sessions = 0;
	while ((c = *at)) {
		bw_client_write(c, now);
		if (c->state == BW_CLIENT_GONE) {
			*at = c->next;
			bw_client_free(c);
			cs->count--;
			continue;
		}
		cs->sessions += c->state == BW_CLIENT_OPEN;
		at = &c->next;
	}
}
