// SPDX-License-Identifier: Apache-2.0
#include "daemon/text_session.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/text.h"
#include "protocol/log.h"

struct session {
	struct bw_text_io io;
	struct bw_queued *frame;	/* being read, from `used` on; or NULL */
	size_t used;
};

static struct session *of(struct bw_text_io *io)
{
	return (struct session *)(void *)((char *)io - offsetof(struct session, io));
}

static int refuse(const struct bw_channel *ch, uint16_t type)
{
	bw_log(BW_LOG_WARN, "session %u: ended: a frame of type %u in a text session", ch->session, type);
	return -EPROTO;
}

/* The next frame of the stream into s->frame. 0; -EAGAIN: none is there. */
static int next_frame(struct session *s, struct bw_channel *ch)
{
	bw_channel_fill(ch);
	s->used = 0;
	s->frame = ch->error ? NULL : bw_channel_pop(ch);
	if (!s->frame)
		return ch->error ? ch->error : ch->eof ? -EPIPE : -EAGAIN;
	if (s->frame->f.type != BW_MSG_DATA)
		return refuse(ch, s->frame->f.type);
	return 0;
}

static ssize_t session_read(struct bw_text_io *io, void *buf, size_t size)
{
	struct session *s = of(io);
	int r = s->frame ? 0 : next_frame(s, io->ch);
	size_t n;

	if (r)
		return r;
	n = bw_frame_payload_len(&s->frame->f) - s->used;
	if (n > size)
		n = size;
	memcpy(buf, s->frame->f.payload + s->used, n);
	s->used += n;
	if (s->used == bw_frame_payload_len(&s->frame->f)) {
		free(s->frame);
		s->frame = NULL;
	}
	return (ssize_t)n;
}

static bool session_queued(struct bw_text_io *io)
{
	return of(io)->frame || io->ch->head || io->ch->eof || io->ch->error;
}

static int session_write(struct bw_text_io *io, const void *p, size_t len)
{
	const struct bw_frame f = { .type = BW_MSG_DATA };
	const uint8_t *from = p;

	while (len) {
		struct iovec part = { (void *)(uintptr_t)from, len < BW_PAYLOAD_MAX ? len : BW_PAYLOAD_MAX };
		int r = bw_channel_send(io->ch, &f, &part, 1);

		if (r)
			return r;
		from += part.iov_len;
		len -= part.iov_len;
	}
	return 0;
}

int bw_text_session(const struct bw_worker_options *o)
{
	struct session s = {
		.io = { .fd = o->in, .stop_fd = -1, .read = session_read, .queued = session_queued, .write = session_write },
	};
	int r = bw_text_run(&s.io, o);

	free(s.frame);
	return r == -EPROTO ? BW_EXIT_PROTO : r == -ENOMEM ? BW_EXIT_MEMORY : BW_EXIT_OK;
}
