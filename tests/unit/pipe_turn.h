/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the loop that owns a pipe. */
#ifndef BW_TESTS_PIPE_TURN_H
#define BW_TESTS_PIPE_TURN_H

#include <poll.h>

#include "protocol/pipe.h"

/* It waits a second at most. */
static inline unsigned int turn(struct bw_pipe *p)
{
	struct pollfd fds[BW_PIPE_POLLFDS];
	int timeout = 1000, n = p->ops->pollfds(p, fds, BW_PIPE_POLLFDS, &timeout);

	poll(fds, (nfds_t)n, timeout);
	return p->ops->dispatch(p, fds, n);
}

#endif
