// SPDX-License-Identifier: Apache-2.0
#include "daemon/session.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/worker.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/wirecode.h"

#define COMPACT_AT	(256u << 10)
#define READS_AT_ONCE	16

enum state { OPEN, LOST, ENDING, UNDOING };

struct bw_session {
	uint32_t id;
	enum state state;
	pid_t pid;			/* of the worker, or of who undoes; 0: reaped */
	pid_t worker;			/* its pid, for the journal's name */
	int to, from;			/* -1: closed */
	struct bw_buf queue;		/* to the worker, from `sent` on; bounded by the window */
	size_t sent;
	uint64_t credit;		/* given by the client, not yet passed on: so CREDIT frames cannot pile up */
	struct bw_window window;	/* what the client may still send */
	struct bw_stream stream;	/* from the worker */
	int64_t deadline;		/* bw_now_ms() at which an ENDING one is killed */
	bool killed;
	int status;			/* of the CLOSE to the host: why a worker ended by itself */
};

void bw_sessions_init(struct bw_sessions *s, const char *run_dir)
{
	memset(s, 0, sizeof(*s));
	s->run_dir = run_dir;
	s->spawn = bw_spawn_worker;
}

/* ---- birth ---- */

static struct bw_session *find(struct bw_sessions *s, uint32_t id)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++)
		if (s->all[i] && s->all[i]->id == id && s->all[i]->state <= LOST)
			return s->all[i];
	return NULL;
}

static void free_session(struct bw_session *n)
{
	if (n->to >= 0)
		close(n->to);
	if (n->from >= 0)
		close(n->from);
	bw_buf_free(&n->queue);
	bw_stream_fini(&n->stream);
	free(n);
}

static int start(struct bw_sessions *s, struct bw_session *n, const struct bw_open *o, uint32_t msg_max)
{
	struct bw_spawn_options w = {
		.session = n->id, .send_window = o->window, .receive_window = BW_WINDOW, .msg_max = msg_max, .run_dir = s->run_dir,
		.service = o->service,
	};
	int r = bw_stream_init(&n->stream);

	if (r)
		return r;
	bw_window_init(&n->window, BW_WINDOW);
	n->pid = s->spawn(&w, &n->to, &n->from);
	n->worker = n->pid;
	return n->pid < 0 ? (int)n->pid : 0;
}

/* A name from the other side of the cable, made fit for a log line. */
static void printable(char *out, size_t size, struct bw_str s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = isprint((unsigned char)s.p[i]) ? s.p[i] : '?';
	out[n] = 0;
}

int bw_sessions_open(struct bw_sessions *s, const struct bw_frame *f, uint32_t msg_max, pid_t *worker)
{
	struct bw_session *n;
	struct bw_reader r;
	struct bw_open o;
	unsigned int slot = 0;
	char comm[64];
	int e;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	if (bw_get_open(&r, &o) || f->flags)
		return -EPROTO;
	if (!f->session)
		return -EINVAL;
	if (find(s, f->session))
		return -EEXIST;
	while (slot < BW_SESSION_SLOTS && s->all[slot])
		slot++;
	if (slot == BW_SESSION_SLOTS || s->open >= BW_SESSIONS_MAX)
		return -EUSERS;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->id = f->session;
	n->to = n->from = -1;
	e = start(s, n, &o, msg_max);
	if (e) {
		free_session(n);
		return e;
	}
	s->all[slot] = n;
	s->count++;
	s->open++;
	*worker = n->pid;
	printable(comm, sizeof(comm), o.comm);
	bw_log(BW_LOG_INFO, "session %u: opened for %s (host pid %u, uid %u), worker %d", n->id, comm, o.pid, o.uid, (int)n->pid);
	return 0;
}

/* ---- towards the worker ---- */

static void queue_credit(struct bw_session *n)
{
	uint32_t give = n->credit > BW_WINDOW_MAX + 1u ? BW_WINDOW_MAX + 1u : (uint32_t)n->credit;
	uint8_t le[4] = { (uint8_t)give, (uint8_t)(give >> 8), (uint8_t)(give >> 16), (uint8_t)(give >> 24) };
	const struct bw_frame f = { .type = BW_MSG_CREDIT, .session = n->id };

	bw_frame_put_msg(&n->queue, &f, le, sizeof(le));
	n->credit = 0;
}

static void end(struct bw_sessions *s, struct bw_session *n, const char *why);

/* Once its queue is empty the worker of an ENDING session reads the end of file, and exits. */
static void write_worker(struct bw_session *n)
{
	while (n->to >= 0) {
		ssize_t w;

		if (n->sent == n->queue.len) {
			bw_buf_reset(&n->queue);
			n->sent = 0;
			if (n->credit)
				queue_credit(n);
			if (!n->queue.len)
				break;
		}
		w = write(n->to, n->queue.data + n->sent, n->queue.len - n->sent);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			return;
		if (w < 0) {
			close(n->to);		/* it is dead: that is seen when it is reaped */
			n->to = -1;
			return;
		}
		n->sent += (size_t)w;
	}
	if (n->queue.cap > COMPACT_AT) {
		bw_buf_free(&n->queue);
		n->sent = 0;
	}
	if (n->state == ENDING && n->to >= 0) {
		close(n->to);
		n->to = -1;
	}
}

/* Keeps the queue within the window plus what is already written of it. */
static void compact(struct bw_session *n)
{
	if (n->sent < COMPACT_AT)
		return;
	memmove(n->queue.data, n->queue.data + n->sent, n->queue.len - n->sent);
	n->queue.len -= n->sent;
	n->sent = 0;
}

static int overrun(struct bw_sessions *s, struct bw_session *n)
{
	bw_log(BW_LOG_WARN, "session %u: the client sent more than its window of %u bytes", n->id, n->window.size);
	end(s, n, "ended: protocol error");
	return -EPROTO;
}

static int add_credit(struct bw_sessions *s, struct bw_session *n, const struct bw_frame *f)
{
	struct bw_reader r;
	uint32_t bytes;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	bytes = bw_get_u32(&r);
	if (bw_get_end(&r)) {
		end(s, n, "ended: malformed CREDIT");
		return -EPROTO;
	}
	n->credit += bytes;
	return 0;
}

int bw_sessions_frame(struct bw_sessions *s, const struct bw_frame *f)
{
	struct bw_session *n = find(s, f->session);
	int r = 0;

	if (!n)
		return -ENOENT;
	if (f->type == BW_MSG_CLOSE) {
		end(s, n, f->status ? "closed by the host on an error" : "closed");
		return 0;
	}
	if (f->type < BW_MSG_OPEN)	/* the link's own types have no meaning in a session */
		return 0;
	if (bw_frame_counts(f->type) && bw_window_receive(&n->window, f->length))
		return overrun(s, n);
	if (n->to < 0)
		return 0;		/* its worker is gone, the CLOSE is on its way */
	if (f->type == BW_MSG_CREDIT) {
		r = add_credit(s, n, f);
	} else {
		compact(n);
		bw_put_bytes(&n->queue, f->payload - BW_FRAME_HEADER, f->length);
		if (n->queue.err) {
			end(s, n, "ended: out of memory");
			return -ENOMEM;
		}
	}
	if (!r)
		write_worker(n);
	return r;
}

/* ---- from the worker ---- */

/* The window opens again by the CREDIT frames that the worker sends. */
static void watch_credit(struct bw_session *n, const struct bw_frame *f)
{
	struct bw_reader r;

	if (f->type != BW_MSG_CREDIT)
		return;
	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	n->window.avail += bw_get_u32(&r);
}

static void read_worker(struct bw_session *n)
{
	for (int i = 0; i < READS_AT_ONCE && n->from >= 0; i++) {
		size_t room;
		uint8_t *to = bw_stream_room(&n->stream, &room);
		ssize_t r = room ? read(n->from, to, room) : -1;

		if (r < 0 && room && errno == EINTR)
			continue;
		if (r < 0 && (!room || errno == EAGAIN))
			return;
		if (r <= 0) {
			close(n->from);
			n->from = -1;
			return;
		}
		/* Nobody is left to hear what an ENDING one says; reading on lets its worker finish. */
		if (n->state == ENDING) {
			n->stream.start = n->stream.end = 0;
			continue;
		}
		bw_stream_fed(&n->stream, (size_t)r);
		return;
	}
}

static bool has_frame(const struct bw_session *n)
{
	struct bw_frame f;

	return bw_frame_parse(n->stream.data + n->stream.start, n->stream.end - n->stream.start, &f) != 0;
}

/* The worker is reaped and all that it sent is passed on. */
static bool close_due(const struct bw_session *n)
{
	return n->state == LOST && !n->pid && n->from < 0 && !has_frame(n);
}

static void undo(struct bw_sessions *s, struct bw_session *n);

static size_t make_close(struct bw_sessions *s, struct bw_session *n, const uint8_t **bytes)
{
	static uint8_t frame[BW_FRAME_HEADER];
	const struct bw_frame f = {
		.length = BW_FRAME_HEADER, .type = BW_MSG_CLOSE, .session = n->id, .status = bw_errno_to_wire(n->status),
	};

	bw_frame_put_header(frame, &f);
	*bytes = frame;
	s->open--;
	undo(s, n);
	return sizeof(frame);
}

static size_t next_of(struct bw_sessions *s, struct bw_session *n, const uint8_t **bytes)
{
	struct bw_frame f;
	int r;

	if (n->state > LOST)
		return 0;
	if (n->from >= 0 && !has_frame(n))
		read_worker(n);
	r = bw_stream_next(&n->stream, &f);
	if (r < 0) {
		bw_log(BW_LOG_ERROR, "session %u: its worker sent no frame; ended", n->id);
		end(s, n, "ended");
		return 0;
	}
	if (r > 0) {
		watch_credit(n, &f);
		*bytes = f.payload - BW_FRAME_HEADER;
		return f.length;
	}
	return close_due(n) ? make_close(s, n, bytes) : 0;
}

size_t bw_sessions_next(struct bw_sessions *s, const uint8_t **bytes)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS && s->count; i++) {
		unsigned int slot = (s->turn + i) % BW_SESSION_SLOTS;
		size_t len = s->all[slot] ? next_of(s, s->all[slot], bytes) : 0;

		if (len) {
			s->turn = slot + 1;
			return len;
		}
	}
	return 0;
}

/* ---- end ---- */

static void end(struct bw_sessions *s, struct bw_session *n, const char *why)
{
	if (n->state > LOST)
		return;
	bw_log(BW_LOG_INFO, "session %u: %s", n->id, why);
	s->open--;
	if (!n->pid) {
		undo(s, n);
		return;
	}
	n->state = ENDING;
	n->deadline = bw_now_ms() + BW_END_MS;
	write_worker(n);
}

void bw_sessions_each(struct bw_sessions *s, void (*tell)(void *arg, uint32_t session), void *arg)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++)
		if (s->all[i] && (s->all[i]->state == OPEN || s->all[i]->state == LOST))
			tell(arg, s->all[i]->id);
}

void bw_sessions_end_all(struct bw_sessions *s)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++)
		if (s->all[i])
			end(s, s->all[i], "ended with the link");
}

static void kill_worker(struct bw_session *n)
{
	if (n->pid > 0 && n->state == ENDING && !n->killed) {
		kill(n->pid, SIGKILL);
		n->killed = true;
	}
}

void bw_sessions_kill_all(struct bw_sessions *s)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++)
		if (s->all[i])
			kill_worker(s->all[i]);
}

/* After the worker: what it had journalled is undone by a child, since that may have to wait. */
static void undo(struct bw_sessions *s, struct bw_session *n)
{
	char path[PATH_MAX];

	n->state = UNDOING;
	n->pid = 0;
	if (!bw_journal_name(path, sizeof(path), s->run_dir, n->worker, n->id) || access(path, F_OK))
		return;
	n->pid = bw_spawn_undo(path);
	if (n->pid < 0) {
		bw_log(BW_LOG_ERROR, "session %u: cannot fork to undo %s: %s; the next start of bpfwired undoes it", n->id, path, strerror(-n->pid));
		n->pid = 0;
	}
}

/* Why a worker ended that nobody had told to. */
static int status_of(const struct bw_session *n, int wstatus)
{
	if (WIFSIGNALED(wstatus)) {
		bw_log(BW_LOG_WARN, "session %u: worker %d was killed by signal %d (%s)", n->id, (int)n->worker, WTERMSIG(wstatus),
		       strsignal(WTERMSIG(wstatus)));
		return -EIO;
	}
	switch (WEXITSTATUS(wstatus)) {
	case BW_EXIT_PROTO: return -EPROTO;
	case BW_EXIT_MEMORY: return -ENOMEM;
	case BW_EXIT_OK: return -EPIPE;
	default: return -EIO;
	}
}

static void reaped(struct bw_sessions *s, struct bw_session *n, int wstatus)
{
	n->pid = 0;
	if (n->state == ENDING) {
		if (n->killed)
			bw_log(BW_LOG_INFO, "session %u: worker %d did not end by itself in %d ms and was killed", n->id, (int)n->worker, BW_END_MS);
		undo(s, n);
	} else if (n->state == OPEN) {
		n->status = status_of(n, wstatus);
		n->state = LOST;
	}
}

void bw_sessions_reap(struct bw_sessions *s)
{
	int wstatus;

	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++) {
		struct bw_session *n = s->all[i];

		if (n && n->pid > 0 && waitpid(n->pid, &wstatus, WNOHANG) == n->pid)
			reaped(s, n, wstatus);
	}
}

/* ---- the main process's loop ---- */

int bw_sessions_pollfds(struct bw_sessions *s, struct pollfd *fds, bool link_writable, int *timeout_ms)
{
	int n = 0;

	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++) {
		struct bw_session *e = s->all[i];

		if (!e)
			continue;
		if (e->from >= 0 && (link_writable || e->state == ENDING))
			fds[n++] = (struct pollfd){ .fd = e->from, .events = POLLIN };
		if (e->to >= 0 && e->queue.len > e->sent)
			fds[n++] = (struct pollfd){ .fd = e->to, .events = POLLOUT };
		if (e->state == ENDING && !e->killed) {
			int64_t left = e->deadline - bw_now_ms();

			left = left < 0 ? 0 : left;
			if (*timeout_ms < 0 || left < *timeout_ms)
				*timeout_ms = (int)left;
		}
	}
	return n;
}

void bw_sessions_service(struct bw_sessions *s)
{
	for (unsigned int i = 0; i < BW_SESSION_SLOTS; i++) {
		struct bw_session *n = s->all[i];

		if (!n)
			continue;
		write_worker(n);
		if (n->state == ENDING) {
			read_worker(n);
			if (bw_now_ms() >= n->deadline)
				kill_worker(n);
		}
		if (n->state == UNDOING && !n->pid) {
			free_session(n);
			s->all[i] = NULL;
			s->count--;
		}
	}
}
