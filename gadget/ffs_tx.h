/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Board to host: bytes are gathered into transfers of `size`, which go out when full or at a flush. A transfer that ends on a packet boundary does not tell
 * the host that it ended, so a flush that would leave one last appends a PAD frame (FunctionFS adds no zero-length packet).
 */
#ifndef BW_GADGET_FFS_TX_H
#define BW_GADGET_FFS_TX_H

#include <sys/types.h>

#include "gadget/aio.h"

struct bw_tx {
	struct bw_aio *aio;
	int fd;
	unsigned int depth;
	size_t size;
	size_t packet;		/* wMaxPacketSize */
	struct bw_io **ios;
	struct bw_io *filling;	/* idle, holds `used` bytes that are not submitted; or NULL */
	bool open_end;		/* what was submitted last ended on a packet boundary */
	bool flush;		/* a flush waits for an idle request */
	bool full;		/* the last send took nothing */
	int error;		/* until bw_tx_clear */
	uint64_t bytes, transfers;
};

int bw_tx_init(struct bw_tx *tx, struct bw_aio *aio, int fd, unsigned int depth, size_t size);
void bw_tx_fini(struct bw_tx *tx);
/* Bytes taken; -EAGAIN: all transfers are out; another errno: the endpoint failed. */
ssize_t bw_tx_send(struct bw_tx *tx, const void *buf, size_t len);
int bw_tx_flush(struct bw_tx *tx);
/* After completions: goes on with a flush. True if a send that was refused is worth another try. */
bool bw_tx_progress(struct bw_tx *tx);
bool bw_tx_busy(const struct bw_tx *tx);
void bw_tx_cancel(struct bw_tx *tx);
int bw_tx_abandon(struct bw_tx *tx);
/* Forget everything; nothing may be busy. */
void bw_tx_clear(struct bw_tx *tx);

#endif
