// SPDX-License-Identifier: Apache-2.0
#include "daemon/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/facts.h"
#include "daemon/journal.h"
#include "daemon/signals.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/version.h"
#include "protocol/wirecode.h"

#define RECVS_AT_ONCE	64		/* so that a fast host leaves time for what goes the other way */
#define FRAMES_AT_ONCE	256
#define CONTROL_MAX	(64u << 10)	/* answers of the link's own that wait; a host that asks on without reading gets no more */

enum state {
	DOWN,		/* what comes is thrown away, until a RESET */
	GREETING,	/* waiting for preamble and HELLO */
	UP,
	REFUSED,	/* the host is told why; nothing else is done */
};

struct link {
	struct bw_pipe *pipe;
	const struct bw_link_options *o;
	struct bw_facts *facts;
	struct bw_sessions sessions;
	struct bw_stream in;
	enum state state;
	uint32_t msg_max;		/* of the host */
	struct bw_buf control;		/* frames of the link's own, to be sent before those of sessions */
	struct bw_buf rest;		/* of a frame that the pipe took only a part of */
	size_t rest_at;
	bool writable;			/* the pipe took all that there was */
	bool more;			/* sessions have more frames to send now */
	bool done;			/* a pipe without RESET has ended */
	int failed;
	int64_t heard;			/* bw_now_ms() when anything came last */
	bool asked;			/* PING sent since */
	uint32_t ping;			/* its request id */
	uint32_t told;			/* sessions as last told to on_sessions */
};

/* ---- sending ---- */

static void drop_output(struct link *l)
{
	bw_buf_reset(&l->control);
	bw_buf_reset(&l->rest);
	l->rest_at = 0;
}

static bool send_rest(struct link *l)
{
	while (l->rest_at < l->rest.len) {
		ssize_t n = l->pipe->ops->send(l->pipe, l->rest.data + l->rest_at, l->rest.len - l->rest_at);

		if (n <= 0)
			return false;		/* full; or the link is down, of which dispatch tells */
		l->rest_at += (size_t)n;
	}
	bw_buf_reset(&l->rest);
	l->rest_at = 0;
	return true;
}

/* Send bytes, keep what the pipe does not take now. */
static bool send_bytes(struct link *l, const uint8_t *bytes, size_t len)
{
	ssize_t n = l->pipe->ops->send(l->pipe, bytes, len);

	if (n < 0)
		n = 0;
	if ((size_t)n == len)
		return true;
	bw_put_bytes(&l->rest, bytes + n, len - (size_t)n);
	return false;
}

static void send_all(struct link *l)
{
	const uint8_t *bytes;
	size_t len;

	l->writable = send_rest(l);
	while (l->writable && l->control.len) {
		struct bw_buf sent = l->control;

		l->control = l->rest;		/* empty */
		l->rest = sent;
		l->writable = send_rest(l);
	}
	l->more = true;
	for (int i = 0; i < FRAMES_AT_ONCE && l->more; i++) {
		len = l->writable && l->state == UP ? bw_sessions_next(&l->sessions, &bytes) : 0;
		l->more = len > 0;
		if (len)
			l->writable = send_bytes(l, bytes, len);
	}
	/* Never in the middle of a frame: the pipe may put a PAD there. */
	if (l->writable)
		l->pipe->ops->flush(l->pipe);
}

/* ---- the link's own messages ---- */

static void put_control(struct link *l, const struct bw_frame *f, const void *payload, size_t len)
{
	if (l->control.len < CONTROL_MAX)
		bw_frame_put_msg(&l->control, f, payload, len);
}

static void send_hello(struct link *l, int status, const char *reason)
{
	struct bw_frame f = { .type = BW_MSG_HELLO, .status = bw_errno_to_wire(status) };
	struct bw_buf b = { 0 };
	struct bw_hello h;

	bw_facts_hello(l->facts, &h);
	h.reason = (struct bw_str){ reason, (uint32_t)strlen(reason) };
	bw_put_hello(&b, &h);
	bw_put_preamble(&l->control, l->in.nonce);
	put_control(l, &f, b.data, b.len);
	bw_buf_free(&b);
}

static void send_ping(struct link *l)
{
	struct bw_frame f = { .type = BW_MSG_PING, .request = ++l->ping ? l->ping : ++l->ping };

	put_control(l, &f, NULL, 0);
	l->asked = true;
}

static void refuse(struct link *l, const char *reason)
{
	bw_log(BW_LOG_WARN, "link refused: %s", reason);
	send_hello(l, -EPROTO, reason);
	l->state = REFUSED;
}

static void on_hello(struct link *l, const struct bw_frame *f)
{
	struct bw_hello h = { 0 };
	struct bw_reader r;
	char reason[256];
	int e;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	e = bw_get_hello(&r, &h);
	/* A version of the future may say more than we can read; its version comes first, and is what counts. */
	if (r.p != f->payload && h.major != BW_VERSION_MAJOR) {
		snprintf(reason, sizeof(reason), "the board's bpfwired " BW_VERSION " speaks protocol %u, the host %u; install the same release on both",
			 BW_VERSION_MAJOR, h.major);
		refuse(l, reason);
	} else if (e || f->flags) {
		refuse(l, "the host's HELLO is malformed");
	} else if (h.big_endian) {
		refuse(l, "the host is big-endian, which bpfwire does not support");
	} else {
		l->msg_max = h.msg_max;
		l->state = UP;
		send_hello(l, 0, "");
		bw_log(BW_LOG_INFO, "link up: %.*s", (int)h.role_version.len, h.role_version.p ? h.role_version.p : "");
	}
}

static void on_ping(struct link *l, const struct bw_frame *f)
{
	const struct bw_frame reply = { .type = BW_MSG_PING, .flags = BW_F_REPLY, .request = f->request };

	if (f->request && !(f->flags & BW_F_REPLY))
		put_control(l, &reply, NULL, 0);
}

static void on_open(struct link *l, const struct bw_frame *f)
{
	struct bw_frame reply = { .type = BW_MSG_OPEN, .flags = BW_F_REPLY, .session = f->session, .request = f->request };
	struct bw_opened opened = { 0 };
	struct bw_buf payload = { 0 };
	pid_t worker = 0;
	int r = bw_sessions_open(&l->sessions, f, l->msg_max, &worker);

	if (r)
		bw_log(BW_LOG_WARN, "session %u: not opened: %s", f->session, r == -EUSERS ? "too many sessions" : strerror(-r));
	reply.status = bw_errno_to_wire(r);
	opened.pid = (uint32_t)worker;
	if (!r)
		bw_put_opened(&payload, &opened);
	put_control(l, &reply, payload.data, payload.len);
	bw_buf_free(&payload);
}

static void on_session_frame(struct link *l, const struct bw_frame *f)
{
	struct bw_frame gone = { .type = BW_MSG_CLOSE, .session = f->session };
	int r = bw_sessions_frame(&l->sessions, f);

	/* -ENOENT: frames that crossed our CLOSE, or a host that slept through its sessions' end. It is told (again). */
	if (!r || (r == -ENOENT && f->type == BW_MSG_CLOSE))
		return;
	gone.status = bw_errno_to_wire(r);
	put_control(l, &gone, NULL, 0);
}

static void on_frame(struct link *l, const struct bw_frame *f)
{
	if (l->state == GREETING) {
		if (f->type == BW_MSG_HELLO && !f->session)
			on_hello(l, f);
		else
			refuse(l, "the host's first message is not HELLO");
		return;
	}
	if (l->state != UP)
		return;
	if (f->session && f->type == BW_MSG_OPEN)
		on_open(l, f);
	else if (f->session)
		on_session_frame(l, f);
	else if (f->type == BW_MSG_PING)
		on_ping(l, f);
	/* PAD is nothing; anything else of session 0 may be of a newer minor version. */
}

/* ---- receiving ---- */

static void link_down(struct link *l)
{
	bw_sessions_end_all(&l->sessions);
	drop_output(l);
	l->state = DOWN;
	if (!l->pipe->ops->has_reset)
		l->done = true;
}

static void take_frames(struct link *l)
{
	struct bw_frame f;
	int r;

	while ((r = bw_stream_next(&l->in, &f)) > 0)
		on_frame(l, &f);
	if (r < 0) {
		bw_log(BW_LOG_ERROR, "link broken: what comes from the host are not frames; %s",
		       l->pipe->ops->has_reset ? "waiting for it to reset the link" : "giving up");
		link_down(l);
	}
}

static void receive(struct link *l)
{
	for (int i = 0; i < RECVS_AT_ONCE && !l->done; i++) {
		size_t room;
		uint8_t *to = bw_stream_room(&l->in, &room);
		ssize_t n = l->pipe->ops->recv(l->pipe, to, room);

		if (n <= 0) {
			/* -ENOTCONN is told by dispatch; other errors are the pipe's way to say that it needs a RESET. */
			if (n < 0 && n != -EAGAIN && n != -ENOTCONN && l->state != DOWN) {
				bw_log(BW_LOG_ERROR, "link broken: receiving: %s", strerror((int)-n));
				link_down(l);
			}
			return;
		}
		if (l->state == DOWN)
			continue;	/* thrown away */
		l->heard = bw_now_ms();
		l->asked = false;
		bw_stream_fed(&l->in, (size_t)n);
		take_frames(l);
	}
}

static void on_reset(struct link *l)
{
	bw_log(BW_LOG_INFO, "link reset by the host");
	bw_sessions_end_all(&l->sessions);
	drop_output(l);
	bw_stream_expect(&l->in, l->pipe->nonce);
	l->state = GREETING;
	l->heard = bw_now_ms();
	l->asked = false;
}

static void on_pipe(struct link *l, unsigned int events)
{
	if (events & BW_PIPE_RESET)
		on_reset(l);
	if (events & BW_PIPE_READABLE)
		receive(l);
	if (events & BW_PIPE_DOWN) {
		if (l->state != DOWN)
			bw_log(BW_LOG_INFO, "link down");
		link_down(l);
	}
	if (events & BW_PIPE_FAILED) {
		link_down(l);
		l->failed = l->pipe->error ? l->pipe->error : -EIO;
	}
}

/* ---- time ---- */

static void lower(int *timeout_ms, int64_t value)
{
	if (value < 0)
		value = 0;
	if (*timeout_ms < 0 || value < *timeout_ms)
		*timeout_ms = (int)value;
}

/* Only while there are sessions: a board that nobody uses is not woken up. */
static void keepalive(struct link *l, int *timeout_ms)
{
	int64_t silence = bw_now_ms() - l->heard;

	if (!l->sessions.open || l->state != UP)
		return;
	if (silence >= BW_DEAD_AFTER_MS) {
		bw_log(BW_LOG_WARN, "host silent for %d ms: its sessions end", BW_DEAD_AFTER_MS);
		/* The link stays: a host that can reset it will, and one that only slept goes on. Another pipe is of no more use. */
		if (l->pipe->ops->has_reset)
			bw_sessions_end_all(&l->sessions);
		else
			link_down(l);
		return;
	}
	if (silence >= BW_PING_AFTER_MS && !l->asked)
		send_ping(l);
	lower(timeout_ms, (l->asked ? BW_DEAD_AFTER_MS : BW_PING_AFTER_MS) - silence);
}

static void tell_sessions(struct link *l)
{
	if (l->o->on_sessions && l->told != l->sessions.open)
		l->o->on_sessions(l->o->arg, l->sessions.open);
	l->told = l->sessions.open;
}

/* ---- the loop ---- */

/* One turn: send, sleep, receive. True once a signal has said stop. */
static bool turn(struct link *l, int signals, int max_ms)
{
	struct pollfd fds[1 + BW_PIPE_POLLFDS + BW_SESSION_POLLFDS];
	int timeout = max_ms, n = 1, npipe;
	bool stop = false;

	keepalive(l, &timeout);
	send_all(l);
	if (l->more)
		timeout = 0;
	tell_sessions(l);
	fds[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
	npipe = l->done ? 0 : l->pipe->ops->pollfds(l->pipe, fds + n, BW_PIPE_POLLFDS, &timeout);
	n += npipe;
	n += bw_sessions_pollfds(&l->sessions, fds + n, l->writable && l->state == UP, &timeout);
	if (poll(fds, (nfds_t)n, timeout) < 0) {
		for (int i = 0; i < n; i++)
			fds[i].revents = 0;
	}
	if (fds[0].revents) {
		stop = bw_signals_take();
		bw_sessions_reap(&l->sessions);
	}
	if (!l->done)
		on_pipe(l, l->pipe->ops->dispatch(l->pipe, fds + 1, npipe));
	bw_sessions_service(&l->sessions);
	return stop;
}

static void put_goodbye(void *arg, uint32_t session)
{
	const struct bw_frame f = { .type = BW_MSG_CLOSE, .session = session, .status = bw_errno_to_wire(-ENODEV) };

	put_control(arg, &f, NULL, 0);
}

/* Its sessions may take seconds to end, the host's users should not wait for that: they are told now, as far as the pipe takes it. */
static void say_goodbye(struct link *l)
{
	if (l->state != UP)
		return;
	bw_sessions_each(&l->sessions, put_goodbye, l);
	send_all(l);
}

/* End what is left, with a limit on the whole. */
static void finish(struct link *l, int signals)
{
	int64_t until = bw_now_ms() + 2 * BW_END_MS;

	say_goodbye(l);
	link_down(l);
	l->done = true;
	bw_sessions_service(&l->sessions);
	while (l->sessions.count && bw_now_ms() < until)
		turn(l, signals, 100);
	if (l->sessions.count)
		bw_log(BW_LOG_WARN, "%u workers do not end; what they journalled is undone at the next start", l->sessions.count);
	bw_sessions_kill_all(&l->sessions);
}

static int start(struct link *l, struct bw_pipe *pipe, const struct bw_link_options *o)
{
	int r = bw_journal_recover(o->run_dir);

	if (r)
		bw_log(BW_LOG_WARN, "%s: cannot be made: %s; sessions cannot write kprobe_events (give --run-dir a writable place)", o->run_dir,
		       strerror(-r));
	l->pipe = pipe;
	l->o = o;
	bw_sessions_init(&l->sessions, o->run_dir);
	if (o->spawn)
		l->sessions.spawn = o->spawn;
	l->facts = bw_facts_new(o->serial);
	if (!l->facts)
		return -ENOMEM;
	r = bw_stream_init(&l->in);
	if (!r)
		bw_stream_expect(&l->in, pipe->ops->has_reset ? pipe->nonce : NULL);
	/* Until the first RESET there is no nonce to expect: nothing that comes is taken. */
	l->state = pipe->ops->has_reset ? DOWN : GREETING;
	return r;
}

int bw_link_serve(struct bw_pipe *pipe, const struct bw_link_options *o)
{
	struct link l = { 0 };
	int signals = bw_signals_init();
	int r = signals < 0 ? signals : start(&l, pipe, o);

	if (!r) {
		while (!l.done && !l.failed && !turn(&l, signals, -1))
			;
		r = l.failed;
		finish(&l, signals);
		tell_sessions(&l);
	}
	bw_buf_free(&l.control);
	bw_buf_free(&l.rest);
	bw_stream_fini(&l.in);
	bw_facts_free(l.facts);
	return r;
}
