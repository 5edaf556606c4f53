// SPDX-License-Identifier: Apache-2.0
/*
 * The receiving thread: replies go to who waits for them, ring data into the rings. It never waits for anything but the socket.
 */
#include "remote/remote.h"
#include "remote/conn.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "protocol/wirecode.h"
#include "remote/stats.h"

#define STACK_SIZE	(256u << 10)	/* thread-local storage of the tool's libraries comes out of it too */
#define CREDIT_RETRY_MS	20

static pthread_mutex_t waiters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bw_waiter *waiters;
static uint32_t last_id;
static struct bw_joiner joiner;			/* of ring data */
static __thread bool in_receiver;

bool bw_in_receiver(void)
{
	return in_receiver;
}

/* ---- who waits ---- */

void bw_receive_init(void)
{
	pthread_mutex_init(&waiters_lock, NULL);
	waiters = NULL;
	bw_joiner_fini(&joiner);
	bw_joiner_init(&joiner, BW_MSG_MAX);
}

/* Gives it its id. */
static int add_waiter(struct bw_waiter *w)
{
	int r = 0;

	memset(w, 0, sizeof(*w));
	pthread_mutex_lock(&waiters_lock);
	if (atomic_load(&bw_conn.state) != BW_CONN_UP) {
		r = -ENODEV;
	} else {
		w->id = ++last_id ? last_id : ++last_id;
		w->next = waiters;
		waiters = w;
	}
	pthread_mutex_unlock(&waiters_lock);
	return r;
}

static void unlink_waiter(struct bw_waiter *w)
{
	struct bw_waiter **at = &waiters;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

static void remove_waiter(struct bw_waiter *w)
{
	pthread_mutex_lock(&waiters_lock);
	unlink_waiter(w);
	pthread_mutex_unlock(&waiters_lock);
}

int bw_request(struct bw_waiter *w, uint16_t type, const void *payload, size_t len)
{
	int r = add_waiter(w);

	if (r)
		return r;
	w->row = bw_stats_row_of(type, payload, len);
	r = bw_send(type, w->id, payload, len);
	if (r)
		remove_waiter(w);
	return r;
}

/* Of several that were in flight together the first one waited for is a round trip, and the others are done by then, or nearly. */
static bool ends_trip(const struct bw_waiter *w)
{
	static uint32_t sent_by_then;	/* waiters_lock */
	bool trip;

	pthread_mutex_lock(&waiters_lock);
	trip = (int32_t)(w->id - sent_by_then) > 0;
	if (trip)
		sent_by_then = last_id;
	pthread_mutex_unlock(&waiters_lock);
	return trip;
}

void bw_waiter_wait(struct bw_waiter *w)
{
	int64_t begun = bw_stats_wait_begin();

	while (!atomic_load(&w->done))
		bw_sys(SYS_futex, &w->done, (long)FUTEX_WAIT_PRIVATE, 0L, NULL);
	bw_stats_wait_end(w->row, begun, w->data.len, begun && ends_trip(w));
}

/* w may be gone as soon as done is set; a wake-up at an address that is something else by then does no harm. */
static void finish(struct bw_waiter *w, int status)
{
	unlink_waiter(w);
	w->status = w->data.err ? w->data.err : status;
	atomic_store(&w->done, 1);
	bw_sys(SYS_futex, &w->done, (long)FUTEX_WAKE_PRIVATE, 1L);
}

static void fail_waiters(void)
{
	pthread_mutex_lock(&waiters_lock);
	while (waiters)
		finish(waiters, -ENODEV);
	pthread_mutex_unlock(&waiters_lock);
}

static void on_reply(const struct bw_frame *f)
{
	struct bw_waiter *w;

	bw_rings_signal();
	pthread_mutex_lock(&waiters_lock);
	for (w = waiters; w && w->id != f->request; w = w->next)
		;
	if (w) {
		if (bw_frame_payload_len(f) <= BW_REPLY_MAX - w->data.len)
			bw_put_bytes(&w->data, f->payload, bw_frame_payload_len(f));
		else
			w->data.err = -EMSGSIZE;
		if (!(f->flags & BW_F_MORE))
			finish(w, bw_errno_from_wire(f->status));
	}
	pthread_mutex_unlock(&waiters_lock);
}

/* ---- frames ---- */

static int on_ring_data(const struct bw_frame *f)
{
	struct bw_ring_data d;
	struct bw_reader rd;
	const uint8_t *payload;
	size_t len;
	int r = bw_joiner_add(&joiner, f, &payload, &len);

	bw_stats_received(BW_MSG_RING_DATA, bw_frame_payload_len(f));
	if (r <= 0)
		return r;
	bw_reader_init(&rd, payload, len);
	r = bw_get_ring_data(&rd, &d);
	if (!r)
		bw_ring_data(&d);
	return r;
}

static int on_frame(const struct bw_frame *f, int *closed)
{
	struct bw_reader rd;
	int r = 0;

	if (bw_frame_counts(f->type) && bw_window_receive(&bw_conn.in, f->length))
		return -EPROTO;
	if (f->flags & BW_F_REPLY) {
		on_reply(f);
	} else if (f->type == BW_MSG_RING_DATA) {
		r = on_ring_data(f);
	} else if (f->type == BW_MSG_CREDIT) {
		bw_reader_init(&rd, f->payload, bw_frame_payload_len(f));
		bw_send_credited(bw_get_u32(&rd));
		r = rd.err;
	} else if (f->type == BW_MSG_CLOSE) {
		*closed = f->status ? bw_errno_from_wire(f->status) : -ESHUTDOWN;
	}
	return r;
}

int bw_receive_frames(int *closed)
{
	uint32_t due = 0;
	struct bw_frame f;
	int r;

	while ((r = bw_stream_next(&bw_conn.stream, &f)) > 0) {
		r = on_frame(&f, closed);
		if (r)
			return r;
		if (bw_frame_counts(f.type))
			due += bw_window_consume(&bw_conn.in, f.length);
	}
	bw_rings_signal();
	bw_send_credit(due);
	return r;
}

/* Waits for bytes, at most until rings or credit need a look. 0, or why the connection ended. */
static int receive(void)
{
	struct pollfd p = { .events = POLLIN };
	int ms = bw_rings_tick();
	struct timespec ts;
	uint8_t *room;
	size_t len;
	long n;

	if (!bw_send_credit(0) && (ms < 0 || ms > CREDIT_RETRY_MS))
		ms = CREDIT_RETRY_MS;
	p.fd = atomic_load(&bw_conn.fd);
	if (ms >= 0) {
		ts = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
		n = bw_sys(SYS_ppoll, &p, 1L, &ts, NULL, 0L);
		if (n == 0)
			return 0;
	}
	room = bw_stream_room(&bw_conn.stream, &len);
	n = bw_sys(SYS_recvfrom, (long)p.fd, room, len, 0L, NULL, NULL);
	if (n > 0)
		bw_stream_fed(&bw_conn.stream, (size_t)n);
	return n > 0 || n == -EINTR ? 0 : n == 0 ? -EPIPE : (int)n;
}

static const char *reason(int closed, int err)
{
	if (closed == -ESHUTDOWN)
		return "the board ended the session";
	if (closed == -ENODEV || closed == -ENOTCONN || closed == -EIO)	/* EIO: its transfers fail a moment before the bus says that it went */
		return "unplugged, or its daemon ended";
	if (closed == -ETIMEDOUT)
		return "it does not answer any more";
	if (closed)
		return strerror(-closed);
	if (err == -EPROTO || err == -EMSGSIZE)
		return "what it sends makes no sense; are bridge and daemon of this version?";
	if (err == -EPIPE || err == -ECONNRESET)
		return "bpfwire-bridge ended; see 'bpfwire devices'";
	return strerror(-err);
}

static void *receiver(void *arg)
{
	int r, closed = 0;

	(void)arg;
	in_receiver = true;
	prctl(PR_SET_NAME, "bpfwire");
	/* The greeting may have brought more than itself. */
	do
		r = bw_receive_frames(&closed);
	while (!r && !closed && !(r = receive()));
	atomic_store(&bw_conn.state, BW_CONN_LOST);
	bw_send_stop();
	fail_waiters();
	bw_disconnected(reason(closed, r));
	return NULL;
}

int bw_receive_start(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t t;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&t, &attr, receiver, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}
