/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests on endpoints, by Linux AIO. poll(2) does not work on endpoints, so completions ring an eventfd.
 *
 * A request that a controller never gives back (dwc3 is known for it) cannot be waited for: it is abandoned, which means that
 * its owner takes a new one in its place and its memory stays until it comes back, if ever.
 *
 * The functions behind `ops` are replaced by unit tests.
 */
#ifndef BW_GADGET_AIO_H
#define BW_GADGET_AIO_H

#include <libaio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_aio;

enum bw_io_state {
	BW_IO_IDLE,	/* the owner's */
	BW_IO_BUSY,	/* the kernel's: neither data nor the request may be touched */
	BW_IO_DONE,	/* the owner's, res is the result */
};

struct bw_io {
	struct iocb cb;
	uint8_t *data;		/* size bytes */
	size_t size;
	enum bw_io_state state;
	bool abandoned;
	bool cancelled;
	int64_t res;		/* bytes, or a negative errno */
	uint64_t seq;		/* order of submission: completions come in any order */
	size_t used;		/* the owner's: bytes of data filled in or read out */
	struct bw_io *next_abandoned;
};

struct bw_aio_ops {
	int (*submit)(struct bw_aio *a, struct bw_io *io);
	int (*cancel)(struct bw_aio *a, struct bw_io *io);
};

struct bw_aio {
	const struct bw_aio_ops *ops;
	io_context_t ctx;
	int eventfd;
	unsigned int max, busy, lost;	/* lost: abandoned ones that are still out */
	uint64_t next_seq;
	struct bw_io *abandoned;
};

/* max: requests that may be out at once, abandoned ones included. -ENOSYS: kernel without CONFIG_AIO; -EAGAIN: fs.aio-max-nr is used up. */
int bw_aio_init(struct bw_aio *a, unsigned int max);
/* Frees all, unless requests are out: then their memory and the context stay, since io_destroy(2) would wait for them for ever. */
void bw_aio_fini(struct bw_aio *a);

struct bw_io *bw_io_new(size_t size);
void bw_io_free(struct bw_io *io);	/* not a busy one; NULL is fine */

/* Never fails: where the kernel refuses, the request is done at once with that error. */
void bw_aio_submit(struct bw_aio *a, struct bw_io *io, int fd, bool write, size_t len);
/* Asks for the end of a busy request. It comes as a completion (-ECONNRESET, or what had been moved by then). */
void bw_aio_cancel(struct bw_aio *a, struct bw_io *io);
/* A fresh request of the same size in place of a busy one; NULL: no memory, or too many are lost already. */
struct bw_io *bw_aio_abandon(struct bw_aio *a, struct bw_io *io);
/* Collects completions without waiting: their requests become DONE. Returns how many. */
int bw_aio_reap(struct bw_aio *a);
/* What a completion does to the books; for bw_aio_reap and tests. */
void bw_aio_complete(struct bw_aio *a, struct bw_io *io, int64_t res);

#endif
