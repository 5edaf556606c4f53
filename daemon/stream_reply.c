// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/op.h"
#include "protocol/wirecode.h"

struct bw_stream_reply *bw_stream_reply_new(struct bw_worker *w, const struct bw_request *q)
{
	struct bw_stream_reply *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->ch = &w->ch;
	s->f = (struct bw_frame){ .type = q->type, .flags = BW_F_REPLY, .request = q->id };
	s->total = 0;
	s->max = w->msg_max;
	s->used = 0;
	return s;
}

static int send_one(struct bw_stream_reply *s, uint16_t more)
{
	struct iovec v = { s->buf, s->used };

	s->f.flags = BW_F_REPLY | more;
	s->used = 0;
	return s->f.request ? bw_channel_send(s->ch, &s->f, &v, 1) : 0;
}

int bw_stream_reply_put(struct bw_stream_reply *s, const void *p, size_t len)
{
	const uint8_t *from = p;

	if (len > s->max - s->total)
		return -EFBIG;
	s->total += len;
	while (len) {
		size_t n = sizeof(s->buf) - s->used;
		int r;

		/* A full frame goes only when more follows: the last one is for bw_stream_reply_end. */
		if (!n) {
			r = send_one(s, BW_F_MORE);
			if (r)
				return r;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(s->buf + s->used, from, n);
		s->used += (uint32_t)n;
		from += n;
		len -= n;
	}
	return 0;
}

int bw_stream_reply_end(struct bw_stream_reply *s, int status)
{
	s->f.status = bw_errno_to_wire(status);
	send_one(s, 0);
	free(s);
	return BW_OP_REPLIED;
}
