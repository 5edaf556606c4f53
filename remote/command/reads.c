// SPDX-License-Identifier: Apache-2.0
/*
 * A file that ends comes as the answer to one question, which waits for nothing on the way. One that does not, or that is longer than a message may be, is read.
 * Reads of /proc give a page at most, and of /dev/kmsg one record: asked for one by one, each would cost a round trip. So several are under way. The
 * worker on the board does them in the order they came, being one thread, and an answer out of that order is an error.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "protocol/wirecode.h"
#include "remote/command/look.h"

#define BYTES_UNDER_WAY	(512u << 10)	/* of answers: half the window */
#define UNDER_WAY_MAX	32u
/* The daemon's reads do not block, so one that has nothing yet is asked again. */
#define ASK_FIRST_MS	10
#define ASK_LAST_MS	100

struct state {
	struct bw_reads *r;
	uint32_t handle;
	uint64_t offset;		/* of the next read, or BW_OFFSET_CURRENT */
	uint32_t first, last;		/* request ids under way; none: first > last */
	unsigned int depth;		/* how many there may be */
	bool ended, empty;		/* empty: the last whole answer was "nothing yet" */
	bool before;			/* a FIFO that nobody has written to: its end of file is "nothing yet" */
	size_t got;			/* of the answer that comes in */
	int wait_ms;
};

static int ask(struct state *t)
{
	struct bw_handle_read m = { .handle = t->handle, .offset = t->offset, .len = t->r->chunk };
	struct bw_buf payload = { 0 };
	uint32_t id = 0;
	int err;

	bw_put_handle_read(&payload, &m);
	err = payload.err ? payload.err : bw_session_post(t->r->session, BW_MSG_HANDLE_READ, payload.data, payload.len, &id);
	bw_buf_free(&payload);
	if (t->first > t->last)
		t->first = id;
	t->last = id;
	return err;
}

/* The end of one read's answer. */
static void answered(struct state *t, int status)
{
	t->before = t->before && !t->got;
	t->empty = status == -EAGAIN || (!status && t->before);
	if (t->empty) {
		t->ended = !t->r->follow;
	} else if ((status || !t->got) && !(status == -EPIPE && t->r->records)) {
		t->r->status = status;
		t->ended = true;
	}
	if (t->got)
		t->wait_ms = 0;
	t->got = 0;
}

static int take(struct state *t)
{
	struct bw_frame f;
	size_t len;
	int err = bw_session_next(t->r->session, &f);

	if (err)
		return err;
	if (f.type != BW_MSG_HANDLE_READ)
		return 0;
	if (f.request != t->first)
		return -EPROTO;
	len = bw_frame_payload_len(&f);
	t->got += len;
	t->offset += t->offset == BW_OFFSET_CURRENT ? 0 : len;
	if (len && !t->ended)
		err = t->r->take(t->r->arg, f.payload, len, !(f.flags & BW_F_MORE));
	if (f.flags & BW_F_MORE)
		return err;
	t->first++;
	if (!t->ended)
		answered(t, bw_errno_from_wire(f.status));
	return err;
}

/* A pause, which ends at once when whoever read our stdout has left. */
static int rest(struct state *t)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	t->wait_ms += t->wait_ms < ASK_LAST_MS ? ASK_FIRST_MS : 0;
	return poll(&p, 1, t->wait_ms) > 0 && p.revents & POLLERR ? -EPIPE : 0;
}

static int read_all(struct state *t)
{
	int err = 0;

	while (!err && !(t->ended && t->first > t->last)) {
		unsigned int max = t->empty ? 1 : t->depth;

		if (t->empty && t->first > t->last)
			err = rest(t);
		while (!err && !t->ended && t->last + 1 - t->first < max)
			err = ask(t);
		if (!err)
			err = take(t);
	}
	return err;
}

static int open_it(struct state *t)
{
	struct bw_question q = { .type = BW_MSG_FILE_OPEN, .flags = BW_O_RDONLY | BW_O_NONBLOCK, .path = t->r->path };
	struct bw_handle_reply h;
	struct bw_reader in;
	int err = bw_questions_ask(t->r->session, &q, 1);

	t->r->status = q.status;
	if (!err && !q.status) {
		bw_reader_init(&in, q.reply.data, q.reply.len);
		err = bw_get_handle_reply(&in, &h);
		t->handle = err ? 0 : h.handle;
	}
	bw_questions_free(&q, 1);
	return err;
}

static int close_it(struct bw_session *s, uint32_t handle)
{
	struct bw_buf payload = { 0 };
	int err;

	bw_put_u32(&payload, handle);
	err = payload.err ? payload.err : bw_session_post(s, BW_MSG_HANDLE_CLOSE, payload.data, payload.len, NULL);
	bw_buf_free(&payload);
	return err;
}

/* ---- in one go ---- */

/* The answer's frames; *got: bytes of the file. */
static int take_whole(struct bw_reads *r, uint32_t id, uint64_t *got)
{
	size_t head = BW_STAT_SIZE, skip;
	struct bw_frame f;
	int err;

	*got = 0;
	do {
		err = bw_session_next(r->session, &f);
		if (err)
			return err;
		if (f.type != BW_MSG_FILE_GET || f.request != id)
			continue;
		skip = bw_frame_payload_len(&f) < head ? bw_frame_payload_len(&f) : head;
		head -= skip;
		*got += bw_frame_payload_len(&f) - skip;
		if (bw_frame_payload_len(&f) > skip)
			err = r->take(r->arg, f.payload + skip, bw_frame_payload_len(&f) - skip, false);
	} while (!err && (f.request != id || f.flags & BW_F_MORE));
	r->status = err ? 0 : bw_errno_from_wire(f.status);
	return err;
}

static int get_whole(struct bw_reads *r, uint64_t *got)
{
	char path[BW_PATH_MAX];
	int err, len = bw_look_path(r->path, path);	/* not too long: there is such a file */
	struct bw_file m = { .path = { .p = path, .len = len > 0 ? (uint32_t)len : 0 } };
	struct bw_buf payload = { 0 };
	uint32_t id;

	bw_put_file(&payload, &m);
	err = payload.err ? payload.err : bw_session_post(r->session, BW_MSG_FILE_GET, payload.data, payload.len, &id);
	bw_buf_free(&payload);
	return err ? err : take_whole(r, id, got);
}

/* enum bw_file_type; asked first, since to open a FIFO or a device may already do something. */
static int get_type(struct bw_reads *r, uint8_t *type)
{
	struct bw_question q = { .type = BW_MSG_FILE_STAT, .path = r->path };
	struct bw_stat st = { 0 };
	struct bw_reader in;
	int err = bw_questions_ask(r->session, &q, 1);

	r->status = q.status;
	bw_reader_init(&in, q.reply.data, q.reply.len);
	if (!err && !q.status)
		err = bw_get_stat(&in, &st);
	*type = st.type;
	bw_questions_free(&q, 1);
	return err;
}

/* In one go what can be had so. 1: it is read from `offset` on, and is not at its end. */
static int start(struct bw_reads *r, uint64_t *offset, uint8_t *type)
{
	uint64_t got = 0;
	int err = get_type(r, type);

	*offset = BW_OFFSET_CURRENT;
	if (err || r->status)
		return err;
	if (!r->whole || *type != BW_FT_REG)
		return 1;
	err = get_whole(r, &got);
	/* /proc does not say how long a file is: it goes on where the answer was cut. */
	if (!err && r->status == -EFBIG && got)
		*offset = got;
	return err ? err : r->status == -EFBIG || r->status == -EAGAIN;
}

int bw_reads_run(struct bw_reads *r)
{
	struct state t = { .r = r, .depth = BYTES_UNDER_WAY / r->chunk, .first = 1 };
	uint8_t type;
	int err = start(r, &t.offset, &type);

	if (err <= 0)
		return err;
	err = open_it(&t);
	if (err || r->status)
		return err;
	t.before = type == BW_FT_FIFO;
	if (t.depth > UNDER_WAY_MAX)
		t.depth = UNDER_WAY_MAX;
	if (t.offset != BW_OFFSET_CURRENT)
		t.depth = 1;		/* a read may be short, and so the next one's place is not known before */
	err = read_all(&t);
	return err ? err : close_it(r->session, t.handle);
}
