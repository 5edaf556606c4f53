// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "protocol/wirecode.h"
#include "remote/command/look.h"

/* Enough that the link never rests; see bw_session_post for their sum, to which paths of a kilobyte belong. */
#define UNDER_WAY_MAX	64
#define UNDER_WAY_BYTES	(BW_WINDOW_MIN / 2)

struct under_way {
	struct bw_question *q;		/* NULL: free */
	uint32_t id;
	size_t len;
};

struct asking {
	struct bw_session *s;
	struct under_way v[UNDER_WAY_MAX];
	size_t n, bytes;
};

int bw_look_path(const char *given, char out[BW_PATH_MAX])
{
	size_t slash = *given && *given != '/', len = strlen(given);

	if (slash + len > BW_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, "/", slash);
	memcpy(out + slash, given, len);
	return (int)(slash + len);
}

static int post(struct asking *a, struct bw_question *q)
{
	char path[BW_PATH_MAX];
	struct bw_file m = { .flags = q->flags, .path.p = path };
	int err, len = bw_look_path(q->path, path);
	struct bw_buf payload = { 0 };
	struct under_way *u = a->v;

	if (len < 0) {
		q->status = len;
		return 0;
	}
	m.path.len = (uint32_t)len;
	while (u->q)
		u++;
	bw_put_file(&payload, &m);
	err = payload.err ? payload.err : bw_session_post(a->s, q->type, payload.data, payload.len, &u->id);
	if (!err) {
		u->q = q;
		u->len = BW_FRAME_HEADER + payload.len;
		a->n++;
		a->bytes += u->len;
	}
	bw_buf_free(&payload);
	return err;
}

static struct under_way *find(struct asking *a, const struct bw_frame *f)
{
	size_t i;

	for (i = 0; i < UNDER_WAY_MAX; i++)
		if (a->v[i].q && a->v[i].id == f->request && a->v[i].q->type == f->type)
			return &a->v[i];
	return NULL;
}

/* One frame of some answer. */
static int take(struct asking *a)
{
	struct bw_question *q;
	struct under_way *u;
	struct bw_frame f;
	size_t len, room;
	int err = bw_session_next(a->s, &f);

	if (err)
		return err;
	u = find(a, &f);
	if (!u)
		return 0;
	q = u->q;
	len = bw_frame_payload_len(&f);
	room = (q->max ? q->max : BW_PAYLOAD_MAX) - q->reply.len;
	if (len > room)
		q->status = -EMSGSIZE;
	bw_put_bytes(&q->reply, f.payload, len < room ? len : room);
	if (q->reply.err)
		return q->reply.err;
	if (f.flags & BW_F_MORE)
		return 0;
	if (!q->status || f.status)
		q->status = bw_errno_from_wire(f.status);
	a->n--;
	a->bytes -= u->len;
	u->q = NULL;
	return 0;
}

int bw_questions_ask(struct bw_session *s, struct bw_question *q, size_t n)
{
	struct asking a = { .s = s };
	size_t next = 0;
	int err = 0;

	while (!err && (next < n || a.n)) {
		if (next < n && a.n < UNDER_WAY_MAX && (!a.n || a.bytes < UNDER_WAY_BYTES - BW_FRAME_HEADER - BW_PATH_MAX - 16))
			err = post(&a, &q[next++]);
		else
			err = take(&a);
	}
	return err;
}

void bw_questions_free(struct bw_question *q, size_t n)
{
	while (n--)
		bw_buf_free(&q[n].reply);
}
