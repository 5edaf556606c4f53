// SPDX-License-Identifier: Apache-2.0
/*
 * Loads that only ask whether a type of program may call a helper: `call N; exit`, with every N in turn. `bpftool feature probe` makes more than five
 * thousand. Once some have come in a row the next are sent before they are asked for, and each is answered by its own load on the board: what the kernel
 * says to such a program hangs on nothing but the program. Those that nobody asked for in the end are closed at the next other bpf(2).
 *
 * The lock is only tried: who cannot have it asks the board.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/io.h"
#include "remote/bpf.h"
#include "remote/conn.h"

#define IN_FLIGHT	8u
#define ROW		3u		/* loads in a row before the first is sent ahead */
#define FRESH_MS	100

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	pid_t pid;			/* a child has none of it */
	struct bw_buf like;		/* the message of these loads, with helper 0 */
	int32_t helper;			/* of the last load */
	unsigned int row;
	struct ahead {
		struct bw_waiter waiter;
		int32_t helper;
		int64_t sent;
	} ahead[IN_FLIGHT];
	unsigned int first, n;
} s;
static atomic_uint held;		/* s.n, without the lock */

/* Where such a load names its helper; NULL: it is another one. */
static int32_t *helper_of(const struct bw_bpf_request *q)
{
	struct bpf_insn *insns;
	unsigned int i;

	for (i = 0; i < q->nargs; i++)
		if (q->args[i].where == offsetof(union bpf_attr, insns) && q->args[i].len == 2 * sizeof(*insns) && q->args[i].dir == BW_BUF_IN) {
			insns = (struct bpf_insn *)q->args[i].data;
			return insns[0].code == (BPF_JMP | BPF_CALL) && !insns[0].dst_reg && !insns[0].src_reg && !insns[0].off &&
			       insns[1].code == (BPF_JMP | BPF_EXIT) ? &insns[0].imm : NULL;
		}
	return NULL;
}

static void put_with(struct bw_buf *b, const struct bw_bpf_request *q, int32_t *at, int32_t helper)
{
	int32_t own = *at;

	*at = helper;
	bw_bpf_request_put(b, q);
	*at = own;
}

/* The oldest of those in flight, as a reply to be freed. */
static void take(struct bw_reply *reply)
{
	struct bw_waiter *w = &s.ahead[s.first].waiter;

	bw_waiter_wait(w);
	reply->status = w->status;
	reply->owned = w->data.data;
	reply->data = w->data.data ? w->data.data : (const uint8_t *)"";
	reply->len = w->data.len;
	s.first = (s.first + 1) % IN_FLIGHT;
	atomic_store(&held, --s.n);
}

static void close_program(const struct bw_reply *reply)
{
	struct bw_reader rd = bw_reply_reader(reply);
	struct bw_bpf_reply p;
	struct bw_buf b = { 0 };

	if (reply->status || bw_get_bpf_reply(&rd, &p) || !p.handle)
		return;
	bw_put_u32(&b, p.handle);
	bw_post(BW_MSG_HANDLE_CLOSE, &b);
	bw_buf_free(&b);
}

static void drop(void)
{
	struct bw_reply reply;

	while (s.n && s.pid == bw_getpid()) {
		take(&reply);
		close_program(&reply);
		bw_reply_free(&reply);
	}
	s.first = s.n = 0;
	atomic_store(&held, 0);
}

static void send_following(const struct bw_bpf_request *q, int32_t *at)
{
	while (s.n < IN_FLIGHT) {
		struct ahead *a = &s.ahead[(s.first + s.n) % IN_FLIGHT];
		struct bw_buf b = { 0 };

		a->helper = s.n ? s.ahead[(s.first + s.n - 1) % IN_FLIGHT].helper + 1 : s.helper;
		a->sent = bw_now_ms();
		put_with(&b, q, at, a->helper);
		if (b.err || bw_request(&a->waiter, BW_MSG_BPF, b.data, b.len)) {
			bw_buf_free(&b);
			return;
		}
		bw_buf_free(&b);
		atomic_store(&held, ++s.n);
	}
}

/* How many in a row, with this one. */
static unsigned int count(const struct bw_bpf_request *q, int32_t *at)
{
	struct bw_buf like = { 0 };
	bool same;

	put_with(&like, q, at, 0);
	same = s.pid == bw_getpid() && !like.err && like.len == s.like.len && !memcmp(like.data, s.like.data, like.len);
	s.row = same && *at == s.helper + 1 ? s.row + 1 : 1;
	s.helper = *at;
	if (same) {
		bw_buf_free(&like);
	} else {
		drop();
		s.pid = bw_getpid();
		bw_buf_free(&s.like);
		s.like = like;
	}
	return s.row;
}

static bool answer(const struct bw_bpf_request *q, int32_t *at, struct bw_reply *reply)
{
	const struct ahead *a;

	if (count(q, at) < ROW) {
		drop();
		return false;
	}
	a = &s.ahead[s.first];
	if (s.n && (a->helper != *at || bw_now_ms() - a->sent > FRESH_MS))
		drop();
	send_following(q, at);
	if (!s.n)
		return false;
	take(reply);
	return true;
}

bool bw_probe_answer(const struct bw_bpf_request *q, struct bw_reply *reply)
{
	int32_t *at = q->row->cmd == BPF_PROG_LOAD ? helper_of(q) : NULL;
	bool known;

	if ((!at && !atomic_load(&held)) || pthread_mutex_trylock(&lock))
		return false;
	memset(reply, 0, sizeof(*reply));
	if (!at)
		drop();
	known = at && answer(q, at, reply);
	pthread_mutex_unlock(&lock);
	return known;
}
