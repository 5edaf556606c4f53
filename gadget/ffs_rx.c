// SPDX-License-Identifier: Apache-2.0
#include "gadget/ffs_rx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/log.h"

#define SIZE_MIN	1024u
/* Reads that fail at once, one after the other, must not become a busy loop. */
#define FAILURES_MAX	64

int bw_rx_init(struct bw_rx *rx, struct bw_aio *aio, int fd, unsigned int depth, size_t size)
{
	*rx = (struct bw_rx){ .aio = aio, .fd = fd, .size = size };
	rx->ios = calloc(depth, sizeof(*rx->ios));
	if (!rx->ios)
		return -ENOMEM;
	for (; rx->depth < depth; rx->depth++) {
		rx->ios[rx->depth] = bw_io_new(size);
		if (!rx->ios[rx->depth])
			return -ENOMEM;
	}
	return 0;
}

void bw_rx_fini(struct bw_rx *rx)
{
	for (unsigned int i = 0; i < rx->depth; i++)
		if (rx->ios[i]->state != BW_IO_BUSY)
			bw_io_free(rx->ios[i]);
	free(rx->ios);
	rx->ios = NULL;
	rx->depth = 0;
}

/* The endpoint was disabled, or is not enabled yet: ENABLE comes later, or has come meanwhile. */
static bool is_down(int64_t res) { return res == -ESHUTDOWN || res == -ECONNRESET || res == -EAGAIN || res == -ENODEV; }

static void fail(struct bw_rx *rx, int64_t res)
{
	if (is_down(res)) {
		rx->off = true;
	} else if (res == -ENOMEM && rx->size > SIZE_MIN) {
		/* The kernel wants one contiguous piece for each transfer, which a fragmented heap has not. */
		rx->size = rx->size / 2 / SIZE_MIN * SIZE_MIN;
		rx->size = rx->size < SIZE_MIN ? SIZE_MIN : rx->size;
		bw_log(BW_LOG_WARN, "usb: no memory for reads: %zu bytes each from now on", rx->size);
	} else if (res == -EPIPE && rx->failures++ < FAILURES_MAX) {
		/* The host cleared a halt: reads that were posted end, and nothing is lost. */
	} else if (!rx->error) {
		rx->error = (int)res;
	}
}

/* The read that is due next: the lowest in order of those that are not idle. */
static struct bw_io *first(struct bw_rx *rx)
{
	struct bw_io *found = NULL;

	for (unsigned int i = 0; i < rx->depth; i++) {
		struct bw_io *io = rx->ios[i];

		if (io->state != BW_IO_IDLE && (!found || io->seq < found->seq))
			found = io;
	}
	return found;
}

/* The due read, if it holds data. Failed ones on the way are put aside. */
static struct bw_io *first_data(struct bw_rx *rx)
{
	struct bw_io *io;

	while ((io = first(rx)) && io->state == BW_IO_DONE && io->res <= 0) {
		if (io->res < 0)
			fail(rx, io->res);
		io->state = BW_IO_IDLE;
	}
	if (!io || io->state != BW_IO_DONE)
		return NULL;
	rx->failures = 0;
	return io;
}

void bw_rx_post(struct bw_rx *rx)
{
	for (unsigned int i = 0; i < rx->depth && !rx->off && !rx->error; i++) {
		struct bw_io *io = rx->ios[i];

		if (io->state != BW_IO_IDLE)
			continue;
		io->used = 0;
		bw_aio_submit(rx->aio, io, rx->fd, false, rx->size);
		if (io->state == BW_IO_DONE)
			first_data(rx);		/* was refused: learn why now */
	}
}

bool bw_rx_ready(struct bw_rx *rx)
{
	if (first_data(rx))
		return true;
	bw_rx_post(rx);
	return rx->error != 0;
}

ssize_t bw_rx_recv(struct bw_rx *rx, void *buf, size_t len)
{
	size_t done = 0;
	struct bw_io *io;

	while (done < len && (io = first_data(rx))) {
		size_t part = (size_t)io->res - io->used;

		if (!io->used)
			rx->transfers++;
		part = part < len - done ? part : len - done;
		memcpy((uint8_t *)buf + done, io->data + io->used, part);
		io->used += part;
		done += part;
		if (io->used == (size_t)io->res)
			io->state = BW_IO_IDLE;
	}
	bw_rx_post(rx);
	rx->bytes += done;
	if (done)
		return (ssize_t)done;
	return rx->error ? rx->error : -EAGAIN;
}

void bw_rx_drop(struct bw_rx *rx)
{
	struct bw_io *io;

	while ((io = first_data(rx)))
		io->state = BW_IO_IDLE;
	rx->error = 0;
	rx->failures = 0;
	bw_rx_post(rx);
}

bool bw_rx_busy(const struct bw_rx *rx)
{
	for (unsigned int i = 0; i < rx->depth; i++)
		if (rx->ios[i]->state == BW_IO_BUSY)
			return true;
	return false;
}

int bw_rx_abandon(struct bw_rx *rx)
{
	for (unsigned int i = 0; i < rx->depth; i++) {
		struct bw_io *fresh;

		if (rx->ios[i]->state != BW_IO_BUSY)
			continue;
		fresh = bw_aio_abandon(rx->aio, rx->ios[i]);
		if (!fresh)
			return -EIO;
		rx->ios[i] = fresh;
	}
	return 0;
}

void bw_rx_clear(struct bw_rx *rx)
{
	for (unsigned int i = 0; i < rx->depth; i++)
		rx->ios[i]->state = BW_IO_IDLE;
	rx->off = false;
	rx->error = 0;
	rx->failures = 0;
}
