// SPDX-License-Identifier: Apache-2.0
#include "gadget/ffs_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/log.h"

#define SIZE_MIN 1024u

int bw_tx_init(struct bw_tx *tx, struct bw_aio *aio, int fd, unsigned int depth, size_t size)
{
	*tx = (struct bw_tx){ .aio = aio, .fd = fd, .size = size, .packet = 64 };
	tx->ios = calloc(depth, sizeof(*tx->ios));
	if (!tx->ios)
		return -ENOMEM;
	for (; tx->depth < depth; tx->depth++) {
		tx->ios[tx->depth] = bw_io_new(size);
		if (!tx->ios[tx->depth])
			return -ENOMEM;
	}
	return 0;
}

void bw_tx_fini(struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth; i++)
		if (tx->ios[i]->state != BW_IO_BUSY)
			bw_io_free(tx->ios[i]);
	free(tx->ios);
	tx->ios = NULL;
	tx->depth = 0;
}

static void fail(struct bw_tx *tx, int64_t res)
{
	if (res == -ENOMEM && tx->size > SIZE_MIN) {
		tx->size = tx->size / 2 < SIZE_MIN ? SIZE_MIN : tx->size / 2;
		bw_log(BW_LOG_WARN, "usb: no memory for writes: %zu bytes each from now on", tx->size);
	}
	/* Whatever it was, there is a hole in the stream now: only a RESET mends that. */
	if (!tx->error)
		tx->error = (int)res;
}

static void collect(struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth; i++) {
		struct bw_io *io = tx->ios[i];

		if (io->state != BW_IO_DONE)
			continue;
		if (io->res < 0)
			fail(tx, io->res);
		else if ((size_t)io->res != io->used)
			fail(tx, -EIO);
		io->state = BW_IO_IDLE;
		io->used = 0;
	}
}

static struct bw_io *take_idle(struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth && !tx->filling; i++) {
		if (tx->ios[i]->state == BW_IO_IDLE) {
			tx->filling = tx->ios[i];
			tx->filling->used = 0;
		}
	}
	return tx->filling;
}

static void submit(struct bw_tx *tx)
{
	struct bw_io *io = tx->filling;

	tx->filling = NULL;
	tx->open_end = io->used % tx->packet == 0;
	tx->bytes += io->used;
	tx->transfers++;
	bw_aio_submit(tx->aio, io, tx->fd, true, io->used);
	if (io->state == BW_IO_DONE)
		collect(tx);		/* was refused: nothing may follow it */
}

ssize_t bw_tx_send(struct bw_tx *tx, const void *buf, size_t len)
{
	size_t done = 0;

	/* What follows the end of this frame tells the host that it ended. */
	tx->flush = false;
	while (done < len && !tx->error && take_idle(tx)) {
		struct bw_io *io = tx->filling;
		size_t part = tx->size - io->used;

		part = part < len - done ? part : len - done;
		memcpy(io->data + io->used, (const uint8_t *)buf + done, part);
		io->used += part;
		done += part;
		if (io->used == tx->size)
			submit(tx);
	}
	if (tx->error)
		return tx->error;
	tx->full = done < len;
	return done || !len ? (ssize_t)done : -EAGAIN;
}

/* A PAD frame at the end of what is filled in, where it is needed. The room is there: packet sizes divide the transfer's, and are over a header. */
static int pad(struct bw_tx *tx)
{
	struct bw_io *io = tx->filling;
	struct bw_buf b = { 0 };
	int ret;

	bw_frame_put_pad(&b, io->used, tx->packet);
	ret = b.err;
	if (!ret && b.len > io->size - io->used)
		ret = -EOVERFLOW;
	if (!ret && b.len) {
		memcpy(io->data + io->used, b.data, b.len);
		io->used += b.len;
	}
	bw_buf_free(&b);
	return ret;
}

int bw_tx_flush(struct bw_tx *tx)
{
	int ret;

	if (tx->error)
		return tx->error;
	tx->flush = false;
	if (!tx->filling && !tx->open_end)
		return 0;
	if (!take_idle(tx)) {
		tx->flush = true;
		return 0;
	}
	ret = pad(tx);
	if (ret)
		return ret;
	submit(tx);
	return tx->error;
}

bool bw_tx_progress(struct bw_tx *tx)
{
	collect(tx);
	if (tx->flush)
		bw_tx_flush(tx);
	if (!tx->full || (!tx->error && !take_idle(tx)))
		return false;
	tx->full = false;
	return true;
}

bool bw_tx_busy(const struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth; i++)
		if (tx->ios[i]->state == BW_IO_BUSY)
			return true;
	return false;
}

/* The newest first: else the controller would start the next one each time. */
void bw_tx_cancel(struct bw_tx *tx)
{
	struct bw_io *newest;

	do {
		newest = NULL;
		for (unsigned int i = 0; i < tx->depth; i++) {
			struct bw_io *io = tx->ios[i];

			if (io->state == BW_IO_BUSY && !io->cancelled && (!newest || io->seq > newest->seq))
				newest = io;
		}
		if (newest)
			bw_aio_cancel(tx->aio, newest);
	} while (newest);
}

int bw_tx_abandon(struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth; i++) {
		struct bw_io *fresh;

		if (tx->ios[i]->state != BW_IO_BUSY)
			continue;
		fresh = bw_aio_abandon(tx->aio, tx->ios[i]);
		if (!fresh)
			return -EIO;
		tx->ios[i] = fresh;
	}
	return 0;
}

void bw_tx_clear(struct bw_tx *tx)
{
	for (unsigned int i = 0; i < tx->depth; i++)
		tx->ios[i]->state = BW_IO_IDLE;
	tx->filling = NULL;
	tx->open_end = tx->flush = tx->full = false;
	tx->error = 0;
}
