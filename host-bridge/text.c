// SPDX-License-Identifier: Apache-2.0
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host-bridge/text.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"

#define PIECE	(32u << 10)

/* ---- from the client ---- */

void bw_text_read(struct bw_client *c)
{
	uint8_t buf[PIECE];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		c->ended = true;
	else if (!n)
		c->said_all = true;
	else if (bw_queue_put(&c->said, buf, (size_t)n) < 0)
		bw_client_fault(c, -ENOMEM, "cannot be served: no memory");
	c->pending = true;
}

static int text_open(struct bw_client *c, uint32_t *last_session)
{
	struct bw_open m = { .comm = { .p = "bpfd", .len = 4 }, .window = BW_WINDOW, .service = BW_SERVICE_TEXT };

	return bw_client_start(c, &m, 1, last_session);
}

/* The next piece, an empty one at the end. Bytes that went, 0: nothing now, or a negative errno. */
static int text_piece(struct bw_client *c)
{
	size_t n = bw_queue_len(&c->said);
	struct bw_frame f = { .type = BW_MSG_DATA, .session = c->session };
	int r;

	if (n > PIECE)
		n = PIECE;
	f.length = BW_FRAME_HEADER + (uint32_t)n;
	f.payload = n ? bw_queue_front(&c->said) : NULL;
	if ((!n && (!c->said_all || c->told_end)) || bw_window_receive(&c->up, f.length) < 0)
		return 0;
	r = bw_link_send(c->link, &f);
	if (r < 0)
		return r;
	c->told_end = !n;
	bw_queue_drop(&c->said, n);
	return (int)f.length;
}

bool bw_text_forward(struct bw_client *c, size_t burst, uint32_t *last_session)
{
	size_t done = 0;
	int r = 0;

	if (c->state == BW_CLIENT_GREETED && bw_link_room(c->link)) {
		r = text_open(c, last_session);
		done = 1;
	}
	while (r >= 0 && c->state == BW_CLIENT_OPEN && done < burst && bw_link_room(c->link)) {
		r = text_piece(c);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	if (r < 0)
		bw_client_fault(c, r, "cannot be served: %s", strerror(-r));
	c->pending = bw_queue_len(&c->said) || c->said_all;
	if (c->ended)
		bw_client_end(c, 0, true);
	return done;
}

/* ---- to the client ---- */

static void give_back(struct bw_client *c, size_t len)
{
	uint32_t bytes = htole32(bw_window_consume(&c->down, (uint32_t)len));
	const struct bw_frame f = {
		.length = BW_FRAME_HEADER + sizeof(bytes), .type = BW_MSG_CREDIT, .session = c->session, .payload = (const uint8_t *)&bytes,
	};

	if (bytes && bw_link_send(c->link, &f) == -ENOMEM)
		bw_client_fault(c, -ENOMEM, "cannot be served: no memory");
}

static void text_refused(struct bw_client *c, int err)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "board %s: %s\n", c->link->name,
			 err == -EPROTO ? "bpfwired there does not speak the text protocol: update it" : strerror(-err));

	bw_queue_put(&c->out, line, (size_t)n);
	bw_client_end(c, err, false);
}

void bw_text_deliver(struct bw_client *c, const struct bw_frame *f)
{
	if (f->type == BW_MSG_OPEN && f->flags & BW_F_REPLY && f->status < 0) {
		text_refused(c, bw_errno_from_wire(f->status));
		return;
	}
	if (f->type == BW_MSG_DATA && bw_queue_put(&c->out, f->payload, bw_frame_payload_len(f)) < 0) {
		bw_client_fault(c, -ENOMEM, "cannot be served: no memory");
		return;
	}
	if (bw_frame_counts(f->type))
		give_back(c, f->type == BW_MSG_DATA ? BW_FRAME_HEADER : f->length);
}

void bw_text_written(struct bw_client *c, size_t len)
{
	if (c->state == BW_CLIENT_OPEN)
		give_back(c, len);
}
