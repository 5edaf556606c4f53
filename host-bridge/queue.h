/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way out: put at the end, taken from the front. It sets no bound itself: whoever puts keeps to one. One owner. */
#ifndef BW_HOST_BRIDGE_QUEUE_H
#define BW_HOST_BRIDGE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/frame.h"

struct bw_queue {
	uint8_t *data;
	size_t start, end, cap;
};

static inline size_t bw_queue_len(const struct bw_queue *q) { return q->end - q->start; }
static inline const uint8_t *bw_queue_front(const struct bw_queue *q) { return q->data + q->start; }

int bw_queue_put(struct bw_queue *q, const void *p, size_t len);	/* all of it or -ENOMEM */
/* A frame with this header; its payload is f->payload, its length f->length. */
int bw_queue_put_frame(struct bw_queue *q, const struct bw_frame *f);
void bw_queue_drop(struct bw_queue *q, size_t len);			/* the first len bytes; a big empty queue gives its memory back */
void bw_queue_clear(struct bw_queue *q);				/* empty and without memory */

#endif
