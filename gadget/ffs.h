/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function: ep0, the two bulk queues, and the life of the link between them.
 *
 *	          ENABLE             reads posted         RESET            writes back
 *	  DOWN ───────────► STARTING ───────────► WAITING ───────► RESETTING ─────────► UP
 *	    ◄──────────────────────────────────────────────────────────── DISABLE, UNBIND
 *	                       ◄─────────────────────────────────────────── ENABLE again
 *
 * FunctionFS folds events: of DISABLE and ENABLE in quick order only ENABLE is left, so ENABLE always starts over. In STARTING the requests of the time
 * before come back (each in its own time, through a work queue of the kernel); in WAITING what the host sends is dropped; in RESETTING the writes that were out
 * come back. Both waits are limited, and what has not come then is abandoned.
 */
#ifndef BW_GADGET_FFS_H
#define BW_GADGET_FFS_H

#include "gadget/ffs_ep0.h"
#include "gadget/ffs_rx.h"
#include "gadget/ffs_tx.h"
#include "protocol/pipe.h"

#define BW_FFS_DRAIN_MS	1000

enum bw_ffs_state {
	BW_FFS_DOWN,
	BW_FFS_STARTING,
	BW_FFS_WAITING,
	BW_FFS_RESETTING,
	BW_FFS_UP,
};

struct bw_ffs {
	enum bw_ffs_state state;
	struct bw_ep0 ep0;
	struct bw_aio aio;
	struct bw_rx rx;
	struct bw_tx tx;
	int out, in;		/* endpoints */
	bool reset_early;	/* RESET came in STARTING */
	int64_t deadline;	/* of STARTING and RESETTING */
	uint8_t nonce[BW_NONCE_SIZE];
	uint32_t sessions;
	unsigned int events;	/* BW_PIPE_*, not yet reported */
	int error;		/* with BW_PIPE_FAILED */
};

/* ep0, with descriptors written, belongs to the function afterwards. The endpoints are opened in dir. */
int bw_ffs_init(struct bw_ffs *f, int ep0, const char *dir, unsigned int depth, size_t size, char *err, size_t errlen);
/* After the gadget was unbound: waits for the requests to come back until the deadline (bw_now_ms), closes everything. */
void bw_ffs_fini(struct bw_ffs *f, int64_t deadline);

int bw_ffs_pollfds(struct bw_ffs *f, struct pollfd *fds, int max, int *timeout_ms);
unsigned int bw_ffs_dispatch(struct bw_ffs *f, const struct pollfd *fds, int n);
ssize_t bw_ffs_recv(struct bw_ffs *f, void *buf, size_t len);
ssize_t bw_ffs_send(struct bw_ffs *f, const void *buf, size_t len);
int bw_ffs_flush(struct bw_ffs *f);
int bw_ffs_reset(struct bw_ffs *f);

#endif
