/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that go nowhere: the test completes them, in any order, with any result. */
#ifndef BW_TESTS_FAKE_AIO_H
#define BW_TESTS_FAKE_AIO_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gadget/aio.h"

#define FAKE_MAX 256

static struct bw_io *fake_out[FAKE_MAX];	/* in the order of submission; NULL: completed */
static unsigned int fake_count, fake_cancels;
static int fake_refuse;				/* what submit says */

static int fake_submit(struct bw_aio *a, struct bw_io *io)
{
	(void)a;
	if (fake_refuse)
		return fake_refuse;
	fake_out[fake_count++] = io;
	return 0;
}

static int fake_cancel(struct bw_aio *a, struct bw_io *io)
{
	(void)a;
	(void)io;
	fake_cancels++;
	return -EINPROGRESS;
}

static const struct bw_aio_ops fake_ops = { fake_submit, fake_cancel };

static inline void fake_init(struct bw_aio *a, unsigned int max)
{
	bw_aio_init(a, max);
	a->ops = &fake_ops;
	fake_count = fake_cancels = 0;
	fake_refuse = 0;
}

static inline size_t fake_len(unsigned int i) { return fake_out[i]->cb.u.c.nbytes; }

static inline void fake_complete(struct bw_aio *a, unsigned int i, int64_t res)
{
	struct bw_io *io = fake_out[i];

	fake_out[i] = NULL;
	bw_aio_complete(a, io, res);
}

/* A read that brings data. */
static inline void fake_bring(struct bw_aio *a, unsigned int i, const void *data, size_t len)
{
	memcpy(fake_out[i]->data, data, len);
	fake_complete(a, i, (int64_t)len);
}

static inline void fake_complete_all(struct bw_aio *a, int64_t res)
{
	for (unsigned int i = 0; i < fake_count; i++)
		if (fake_out[i])
			fake_complete(a, i, res);
}

static inline unsigned int fake_pending(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < fake_count; i++)
		n += fake_out[i] != NULL;
	return n;
}

#endif
