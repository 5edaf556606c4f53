/* SPDX-License-Identifier: Apache-2.0 */
/* All clients of one board: accepted, served in turn, told when the link goes. Owner: the board process's loop; nothing blocks. */
#ifndef BW_HOST_BRIDGE_CLIENTS_H
#define BW_HOST_BRIDGE_CLIENTS_H

#include <poll.h>
#include <stdbool.h>

#include "host-bridge/client.h"
#include "host-bridge/link.h"

#define BW_CLIENTS_MAX		256
#define BW_CLIENTS_POLLFDS	(2 + BW_CLIENTS_MAX)

struct bw_clients {
	struct bw_link *link;
	int listen_fd, text_fd;		/* the sockets of frames and of lines (text.h); not owned; -1: none */
	struct bw_client *list;		/* whoever stands first has its turn first */
	unsigned int count, sessions;	/* connections, and those with a session */
	uint32_t last_session;		/* numbers given in this link's life */
};

extern const struct bw_link_user bw_clients_link_user;		/* with the struct bw_clients as arg */

void bw_clients_init(struct bw_clients *cs, struct bw_link *link, int listen_fd, int text_fd);
void bw_clients_fini(struct bw_clients *cs);

/* The listening sockets and each client, in this order; fds has room for BW_CLIENTS_POLLFDS. Returns how many. */
int bw_clients_pollfds(struct bw_clients *cs, struct pollfd *fds, int64_t now, int *timeout_ms);
/* With the same fds, after poll: accepts and reads. */
void bw_clients_input(struct bw_clients *cs, const struct pollfd *fds);
/* Passes on what clients sent, each in turn, as long as the link takes it; true if it did not take all. */
bool bw_clients_forward(struct bw_clients *cs);
/* Writes to clients what is theirs, frees those that are gone. */
void bw_clients_output(struct bw_clients *cs, int64_t now);
/* Ends every session, telling the board if the link is up. */
void bw_clients_end_all(struct bw_clients *cs, int err);

#endif
