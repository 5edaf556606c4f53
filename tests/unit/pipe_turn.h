/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that owns a pipe: one turn of it, and megabytes by it. */
#ifndef BW_TESTS_PIPE_TURN_H
#define BW_TESTS_PIPE_TURN_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "protocol/pipe.h"

/* It waits a second at most. */
static inline unsigned int turn(struct bw_pipe *p)
{
	struct pollfd fds[BW_PIPE_POLLFDS];
	int timeout = 1000, n = p->ops->pollfds(p, fds, BW_PIPE_POLLFDS, &timeout);

	poll(fds, (nfds_t)n, timeout);
	return p->ops->dispatch(p, fds, n);
}

/*
 * `total` bytes of every value from a to b, each turn of which must find something to read. False: they did not all come, or others. most: how many were under way
 * at the most, or NULL.
 */
static inline bool carry(struct bw_pipe *a, struct bw_pipe *b, uint64_t total, uint64_t *most)
{
	uint8_t out[5000], in[3000];
	uint64_t sent = 0, got = 0, under_way = 0;
	ssize_t n;

	for (int i = 0; got < total && i < 100000; i++) {
		while (sent < total) {
			for (size_t k = 0; k < sizeof(out); k++)
				out[k] = (uint8_t)((sent + k) * 13 >> 3);
			n = a->ops->send(a, out, sizeof(out) < total - sent ? sizeof(out) : (size_t)(total - sent));
			if (n < 0)
				break;
			sent += (uint64_t)n;
		}
		a->ops->flush(a);
		if (!(turn(b) & BW_PIPE_READABLE))
			return false;
		while ((n = b->ops->recv(b, in, sizeof(in))) > 0) {
			for (ssize_t k = 0; k < n; k++)
				if (in[k] != (uint8_t)((got + (uint64_t)k) * 13 >> 3))
					return false;
			got += (uint64_t)n;
		}
		if (n != -EAGAIN)
			return false;
		if (sent - got > under_way)
			under_way = sent - got;
	}
	if (most)
		*most = under_way;
	return got == total;
}

#endif
