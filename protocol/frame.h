/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: headers, the splitting of a byte stream into frames, the joining of frames into messages, and the windows of
 * credit. Nothing here does I/O.
 */
#ifndef BW_PROTOCOL_FRAME_H
#define BW_PROTOCOL_FRAME_H

#include "protocol/buf.h"
#include "protocol/wire.h"

struct bw_frame {
	uint32_t length;	/* of the frame on the wire */
	uint16_t type, flags;
	uint32_t session, request;
	int32_t status;		/* as on the wire: a wire errno, see wirecode.h */
	const uint8_t *payload;	/* length - BW_FRAME_HEADER bytes, in the buffer that was parsed */
};

static inline uint32_t bw_frame_payload_len(const struct bw_frame *f) { return f->length - BW_FRAME_HEADER; }

/* 1: *f is the frame at p, which is whole. 0: more bytes are needed. -EPROTO: this can not become a frame. */
int bw_frame_parse(const uint8_t *p, size_t len, struct bw_frame *f);
/* Write the header of f (f->length and the rest as they are; payload is not looked at). */
void bw_frame_put_header(uint8_t out[BW_FRAME_HEADER], const struct bw_frame *f);
/* Rewrite the session in a frame that is already bytes. */
void bw_frame_set_session(uint8_t *frame, uint32_t session);
/* Append a message of len payload bytes to b, as one frame or several. h gives type, flags (without MORE), session, request, status. */
void bw_frame_put_msg(struct bw_buf *b, const struct bw_frame *h, const void *payload, size_t len);
/* Append a PAD frame that makes (b->len + already) % packet != 0, if it is 0 now. */
void bw_frame_put_pad(struct bw_buf *b, size_t already, size_t packet);

/*
 * The receiving end of one direction of a pipe: fed with bytes as they come, it scans for the preamble, then hands out frames.
 *
 *	while ((n = recv(bw_stream_room(s, &room), room)) > 0) {
 *		bw_stream_fed(s, n);
 *		while ((r = bw_stream_next(s, &f)) > 0)
 *			handle(f);		f.payload is valid until the next bw_stream_room
 *	}
 */
struct bw_stream {
	uint8_t *data;		/* BW_STREAM_SIZE bytes */
	size_t start, end;
	bool any_nonce;		/* take the nonce that comes (a pipe that has no RESET) */
	bool synced;		/* the preamble was found */
	uint8_t nonce[BW_NONCE_SIZE];
	uint64_t dropped;	/* bytes before the preamble */
};
#define BW_STREAM_SIZE	(2u * BW_FRAME_MAX)

int bw_stream_init(struct bw_stream *s);			/* -ENOMEM; synced from the start until bw_stream_expect */
void bw_stream_fini(struct bw_stream *s);
/* Forget everything, scan for a preamble with this nonce; NULL: with any, which is then in s->nonce. */
void bw_stream_expect(struct bw_stream *s, const uint8_t nonce[BW_NONCE_SIZE]);
uint8_t *bw_stream_room(struct bw_stream *s, size_t *room);	/* *room is never 0 after bw_stream_next returned 0 */
void bw_stream_fed(struct bw_stream *s, size_t len);
int bw_stream_next(struct bw_stream *s, struct bw_frame *f);	/* 1 a frame, 0 none yet, -EPROTO the stream is broken */
void bw_put_preamble(struct bw_buf *b, const uint8_t nonce[BW_NONCE_SIZE]);

/*
 * Joins the frames of one message of one session. Not a queue: since the frames of a message follow each other it holds one message.
 */
struct bw_joiner {
	struct bw_buf b;
	struct bw_frame first;
	bool busy;
	size_t max;
};

void bw_joiner_init(struct bw_joiner *j, size_t max);
void bw_joiner_fini(struct bw_joiner *j);
/*
 * 1: a message is whole: *payload and *len are it, in f's buffer or the joiner's, until the next call; f's header is the message's.
 * 0: there is more to come. -EPROTO: a frame of another message came between. -EMSGSIZE: over max. -ENOMEM.
 */
int bw_joiner_add(struct bw_joiner *j, const struct bw_frame *f, const uint8_t **payload, size_t *len);

/* True for the frames that windows count. */
bool bw_frame_counts(uint16_t type);

/*
 * The receiving half of a window: counts what came in and what was consumed since the last CREDIT, and says when to send one (at half of
 * the window, so that a stream never stalls and a request and its reply need none).
 */
struct bw_window {
	uint32_t size;		/* as announced */
	int64_t avail;		/* what the peer may still send */
	uint32_t owed;		/* consumed and not yet given back */
};

void bw_window_init(struct bw_window *w, uint32_t size);
int bw_window_receive(struct bw_window *w, uint32_t len);	/* -EPROTO: the peer sent more than it may */
uint32_t bw_window_consume(struct bw_window *w, uint32_t len);	/* bytes to give back now by CREDIT, 0: not yet */
/* A CREDIT frame came, for the side that sends; -EPROTO: malformed, or it gives back more than was sent. */
int bw_window_credited(struct bw_window *w, const struct bw_frame *credit);

#endif
