/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host to board: reads that are kept posted on the OUT endpoint, and their data in the order in which it was sent. A read that holds data is
 * posted again when the data has been taken: that is the back pressure.
 *
 * Who posts reads: bw_rx_post does, and it is called when the endpoint came up (ENABLE), at a RESET, and after each recv or drop. A
 * read that ended because the endpoint went away (-ESHUTDOWN, -EAGAIN) stays down until the next ENABLE.
 */
#ifndef BW_GADGET_FFS_RX_H
#define BW_GADGET_FFS_RX_H

#include <sys/types.h>

#include "gadget/aio.h"

struct bw_rx {
	struct bw_aio *aio;
	int fd;
	unsigned int depth;
	size_t size;		/* of one read: a multiple of every packet size, since the kernel drops what exceeds it */
	struct bw_io **ios;
	int error;		/* data was lost: recv gives this until bw_rx_clear */
	unsigned int failures;	/* in a row */
	bool off;		/* the endpoint went away: no posting until bw_rx_clear */
	uint64_t bytes, transfers;
};

int bw_rx_init(struct bw_rx *rx, struct bw_aio *aio, int fd, unsigned int depth, size_t size);
void bw_rx_fini(struct bw_rx *rx);
void bw_rx_post(struct bw_rx *rx);
/* True if recv would give something else than -EAGAIN. */
bool bw_rx_ready(struct bw_rx *rx);
/* Bytes; -EAGAIN; another errno: data was lost, or the endpoint fails. */
ssize_t bw_rx_recv(struct bw_rx *rx, void *buf, size_t len);
/* Forget all that has come so far and the error. */
void bw_rx_drop(struct bw_rx *rx);
bool bw_rx_busy(const struct bw_rx *rx);
/* All busy reads are replaced, none stays busy. -EIO: cannot. */
int bw_rx_abandon(struct bw_rx *rx);
/* The endpoint is up again: drop, and let bw_rx_post work. No read may be busy. */
void bw_rx_clear(struct bw_rx *rx);

#endif
