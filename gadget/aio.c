// SPDX-License-Identifier: Apache-2.0
#include "gadget/aio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32

/*
 * io_submit(2) on an endpoint that is not enabled waits until it is. Our endpoints are open O_NONBLOCK, which makes it -EAGAIN in the completion,
 * also when the endpoint goes away between ENABLE and here. What remains within one thread: io_submit and io_cancel run the controller's
 * driver under its lock (old dwc3 waits there for the end of the transfer), and io_submit allocates the buffer of the
 * transfer, which may have to reclaim memory. No second thread would make those shorter.
 */
static int kernel_submit(struct bw_aio *a, struct bw_io *io)
{
	struct iocb *cb = &io->cb;
	int ret;

	do {
		ret = io_submit(a->ctx, 1, &cb);
	} while (ret == -EINTR);
	return ret < 0 ? ret : 0;
}

static int kernel_cancel(struct bw_aio *a, struct bw_io *io)
{
	struct io_event ev;

	/* -EINPROGRESS is success: the event comes in the queue. -EINVAL: it is done already. */
	return io_cancel(a->ctx, &io->cb, &ev);
}

static const struct bw_aio_ops kernel_ops = { kernel_submit, kernel_cancel };

int bw_aio_init(struct bw_aio *a, unsigned int max)
{
	int ret;

	memset(a, 0, sizeof(*a));
	a->ops = &kernel_ops;
	a->max = max;
	a->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->eventfd < 0)
		return -errno;
	ret = io_setup((int)max, &a->ctx);
	if (ret < 0) {
		close(a->eventfd);
		a->eventfd = -1;
		return ret;
	}
	return 0;
}

void bw_aio_fini(struct bw_aio *a)
{
	if (!a->busy && a->ctx)
		io_destroy(a->ctx);
	if (a->eventfd >= 0)
		close(a->eventfd);
	a->ctx = NULL;
	a->eventfd = -1;
}

struct bw_io *bw_io_new(size_t size)
{
	struct bw_io *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->size = size;
	io->data = malloc(size);
	if (io->data)
		return io;
	free(io);
	return NULL;
}

void bw_io_free(struct bw_io *io)
{
	if (!io)
		return;
	free(io->data);
	free(io);
}

void bw_aio_submit(struct bw_aio *a, struct bw_io *io, int fd, bool write, size_t len)
{
	int ret;

	if (write)
		io_prep_pwrite(&io->cb, fd, io->data, len, 0);
	else
		io_prep_pread(&io->cb, fd, io->data, len, 0);
	io_set_eventfd(&io->cb, a->eventfd);
	io->cb.data = io;
	io->state = BW_IO_BUSY;
	io->cancelled = false;
	io->seq = a->next_seq++;
	a->busy++;
	ret = a->ops->submit(a, io);
	if (ret)
		bw_aio_complete(a, io, ret);
}

void bw_aio_cancel(struct bw_aio *a, struct bw_io *io)
{
	if (io->state != BW_IO_BUSY || io->cancelled)
		return;
	io->cancelled = true;
	a->ops->cancel(a, io);
}

struct bw_io *bw_aio_abandon(struct bw_aio *a, struct bw_io *io)
{
	/* The rest of max is for requests that work. */
	struct bw_io *fresh = a->lost < a->max / 2 ? bw_io_new(io->size) : NULL;

	if (!fresh)
		return NULL;
	io->abandoned = true;
	io->next_abandoned = a->abandoned;
	a->abandoned = io;
	a->lost++;
	return fresh;
}

static void forget(struct bw_aio *a, struct bw_io *io)
{
	struct bw_io **p = &a->abandoned;

	while (*p != io)
		p = &(*p)->next_abandoned;
	*p = io->next_abandoned;
	a->lost--;
	bw_io_free(io);
}

void bw_aio_complete(struct bw_aio *a, struct bw_io *io, int64_t res)
{
	a->busy--;
	if (io->abandoned) {
		forget(a, io);
		return;
	}
	io->state = BW_IO_DONE;
	io->res = res;
}

int bw_aio_reap(struct bw_aio *a)
{
	struct io_event events[BATCH];
	int n, total = 0;

	do {
		n = io_getevents(a->ctx, 0, BATCH, events, &(struct timespec){ 0 });
		for (int i = 0; i < n; i++)
			bw_aio_complete(a, events[i].data, (int64_t)(long)events[i].res);
		total += n > 0 ? n : 0;
	} while (n == BATCH);
	return total;
}
