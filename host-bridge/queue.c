// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host-bridge/queue.h"

#define KEEP	(256u << 10)	/* memory that an empty queue may hold on to */

/* Room for len more bytes at the end. */
static int queue_room(struct bw_queue *q, size_t len)
{
	size_t used = bw_queue_len(q), cap = q->cap ? q->cap : 4096;
	uint8_t *data;

	if (q->cap - q->end >= len)
		return 0;
	if (q->start >= used && q->cap - used >= len) {		/* moving costs no more than was taken since the last move */
		memcpy(q->data, q->data + q->start, used);
		q->start = 0;
		q->end = used;
		return 0;
	}
	while (cap - used < len)
		cap *= 2;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (used)
		memcpy(data, q->data + q->start, used);
	free(q->data);
	*q = (struct bw_queue) { .data = data, .end = used, .cap = cap };
	return 0;
}

int bw_queue_put(struct bw_queue *q, const void *p, size_t len)
{
	int r = queue_room(q, len);

	if (r < 0 || !len)
		return r;
	memcpy(q->data + q->end, p, len);
	q->end += len;
	return 0;
}

int bw_queue_put_frame(struct bw_queue *q, const struct bw_frame *f)
{
	uint8_t header[BW_FRAME_HEADER];
	int r = queue_room(q, f->length);

	if (r < 0)
		return r;
	bw_frame_put_header(header, f);
	bw_queue_put(q, header, sizeof(header));
	return bw_queue_put(q, f->payload, bw_frame_payload_len(f));
}

void bw_queue_drop(struct bw_queue *q, size_t len)
{
	q->start += len;
	if (q->start < q->end)
		return;
	q->start = q->end = 0;
	if (q->cap > KEEP)
		bw_queue_clear(q);
}

void bw_queue_clear(struct bw_queue *q)
{
	free(q->data);
	*q = (struct bw_queue) { 0 };
}
