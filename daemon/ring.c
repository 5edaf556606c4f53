// SPDX-License-Identifier: Apache-2.0
#include "daemon/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "daemon/handle.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define DATA_HEADER	12u	/* of RING_DATA: handle, flags, len */
#define FRAME_ROOM	(BW_PAYLOAD_MAX - DATA_HEADER)
#define FRAMES_A_TURN	32	/* then others have their turn: about 2 MB */
#define EVENTS_AT_ONCE	64
#define FASTEST		64u	/* bytes a microsecond that no board's records exceed: a quarter of the ring may fill while the worker rests */

/* ---- the two kinds of ring ---- */

static uint64_t head_of(const struct bw_ring *r)
{
	if (r->kind == BW_RING_PERF)
		return __atomic_load_n(&((struct perf_event_mmap_page *)r->meta)->data_head, __ATOMIC_ACQUIRE);
	return __atomic_load_n((unsigned long *)r->producer, __ATOMIC_ACQUIRE);
}

/*
 * The kernel wakes the reader of a BPF ring buffer only for a record that starts where the reader has come to. So the position must be seen before we
 * look at the head again, or the record that is committed between the two is never signalled.
 */
static void give_room(const struct bw_ring *r)
{
	if (r->kind == BW_RING_PERF)
		__atomic_store_n(&((struct perf_event_mmap_page *)r->meta)->data_tail, r->tail, __ATOMIC_RELEASE);
	else
		__atomic_store_n((unsigned long *)r->meta, (unsigned long)r->tail, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Positions are unsigned long in the BPF ring buffer, u64 in perf's, so on a 32-bit board one of them wraps. */
static uint64_t filled(const struct bw_ring *r, uint64_t head)
{
	return r->kind == BW_RING_PERF ? head - r->tail : (unsigned long)(head - r->tail);
}

/* Length of the record at pos, of which avail bytes are there; 0: not committed yet; -1: not a record. */
static int64_t record_len(const struct bw_ring *r, uint64_t pos, uint64_t avail)
{
	const uint8_t *p = r->data + (pos & (r->size - 1));	/* aligned to 8, so the header never wraps */
	uint64_t len;

	if (r->kind == BW_RING_PERF) {
		len = ((const struct perf_event_header *)(const void *)p)->size;
		return len < sizeof(struct perf_event_header) || len > avail ? -1 : (int64_t)len;
	}
	len = __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_ACQUIRE);
	if (len & BPF_RINGBUF_BUSY_BIT)
		return 0;
	len &= ~(uint64_t)BPF_RINGBUF_DISCARD_BIT;
	len = (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
	return len > avail ? -1 : (int64_t)len;
}

/* ---- sending ---- */

static int parts_of(const struct bw_ring *r, uint64_t pos, size_t len, struct iovec v[2])
{
	uint64_t off = pos & (r->size - 1);
	size_t first = r->size - off < len ? (size_t)(r->size - off) : len;

	v[0] = (struct iovec){ (void *)(uintptr_t)(r->data + off), first };
	v[1] = (struct iovec){ (void *)(uintptr_t)r->data, len - first };
	return first < len ? 2 : 1;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

/* One message with the len bytes at the tail: one frame, but for a single record that is longer than a frame. */
static int send_records(struct bw_rings *s, struct bw_ring *r, uint64_t len)
{
	uint8_t header[DATA_HEADER];
	uint64_t pos = r->tail, end = r->tail + len;
	int nhead = 1;

	put_le32(header, r->handle);
	put_le32(header + 4, r->wake ? BW_RING_WAKE : 0);
	put_le32(header + 8, (uint32_t)len);
	do {
		uint64_t room = FRAME_ROOM + (nhead ? 0 : DATA_HEADER);
		size_t n = end - pos < room ? (size_t)(end - pos) : (size_t)room;
		struct bw_frame f = { .type = BW_MSG_RING_DATA, .flags = pos + n < end ? BW_F_MORE : 0 };
		struct iovec v[3] = { { header, nhead ? sizeof(header) : 0 } };

		if (bw_channel_send(s->ch, &f, v, 1 + parts_of(r, pos, n, v + 1)))
			return s->ch->error;
		pos += n;
		nhead = 0;
	} while (pos < end);
	r->credit -= (uint32_t)len;
	r->unsignalled = !r->wake;
	return 0;
}

/* How many bytes of whole records to send now; 0: there are none, or (r->stalled) there is no credit for the first of them. */
static uint64_t gather(struct bw_rings *s, struct bw_ring *r, bool quiet)
{
	uint64_t avail = filled(r, quiet ? r->quiet_head : head_of(r)), n = 0, room = FRAME_ROOM;
	int64_t session = s->ch->credit - (int64_t)(BW_FRAME_HEADER + DATA_HEADER);

	if (session < (int64_t)room)
		room = session > 0 ? (uint64_t)session : 0;
	while (n < avail) {
		int64_t len = record_len(r, r->tail + n, avail - n);

		if (len < 0) {
			bw_log(BW_LOG_ERROR, "session %u: ring of handle %u: the kernel's records make no sense at %llu; no longer read",
			       s->ch->session, r->handle, (unsigned long long)(r->tail + n));
			r->broken = true;
		}
		if (len <= 0)
			break;
		if ((uint64_t)len > FRAME_ROOM) {
			/* Goes alone, over several frames, which wait for the session's credit while they are sent. */
			r->stalled = !n && (uint64_t)len > r->credit;
			return n || r->stalled ? n : (uint64_t)len;
		}
		if (n + (uint64_t)len > room || n + (uint64_t)len > r->credit) {
			r->stalled = !n;
			break;
		}
		n += (uint64_t)len;
	}
	return n;
}

static int answer_flush(struct bw_rings *s, struct bw_ring *r)
{
	struct bw_frame f = { .type = BW_MSG_RING_FLUSH, .flags = BW_F_REPLY, .request = r->flush };

	r->flush = 0;
	return bw_channel_send(s->ch, &f, NULL, 0);
}

/* A record that the tool's ring could never hold: where the kernel's ring had to be larger than what was asked for. */
static bool skip_oversized(struct bw_rings *s, struct bw_ring *r)
{
	int64_t len = record_len(r, r->tail, filled(r, head_of(r)));

	if (len <= (int64_t)r->limit)
		return false;
	bw_log(BW_LOG_WARN, "session %u: ring of handle %u: a record of %lld bytes dropped, the tool's ring holds only %u",
	       s->ch->session, r->handle, (long long)len, r->limit);
	r->tail += (uint64_t)len;
	give_room(r);
	return true;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static void note_pushed(struct bw_rings *s, const struct bw_ring *r)
{
	uint64_t rest = r->size / 4 / FASTEST;

	if (!s->rest_us || rest < s->rest_us)
		s->rest_us = rest < 1 ? 1 : rest < BW_RING_REST_US ? (uint32_t)rest : BW_RING_REST_US;
}

/* After a look at all rings: the second time within a short while that there was something to send it is a stream. */
static void plan_rest(struct bw_rings *s)
{
	int64_t now = now_us();

	if (s->rests && now - s->pushed_us < 2 * BW_RING_REST_US)
		s->rest_until = now + s->rest_us;
	s->pushed_us = now;
	s->rest_us = 0;
}

/* quiet: no more than was found without a signal at the last tick. */
static int push(struct bw_rings *s, struct bw_ring *r, bool quiet)
{
	uint64_t before = r->tail;

	r->stalled = r->more = false;
	for (int i = 0; !r->broken; i++) {
		uint64_t n;

		if (i == FRAMES_A_TURN) {
			r->more = s->more = true;
			return 0;
		}
		n = gather(s, r, quiet);
		if (!n && r->stalled && skip_oversized(s, r)) {
			r->stalled = false;
			continue;
		}
		if (!n)
			break;
		if (send_records(s, r, n))
			return s->ch->error;
		r->tail += n;
		give_room(r);
	}
	if (r->tail != before)
		note_pushed(s, r);
	if (r->stalled)
		return 0;
	if (r->wake && r->unsignalled && send_records(s, r, 0))
		return s->ch->error;
	r->wake = false;
	return r->flush ? answer_flush(s, r) : 0;
}

/* ---- life ---- */

void bw_rings_init(struct bw_rings *s, struct bw_channel *ch, uint32_t page_size)
{
	struct timespec tick;

	memset(s, 0, sizeof(*s));
	s->ch = ch;
	s->epoll = -1;
	s->rests = !clock_getres(CLOCK_MONOTONIC, &tick) && !tick.tv_sec && tick.tv_nsec <= 1000;	/* else a rest would be a jiffy or two */
	s->page_size = page_size;
}

static void unmap(struct bw_ring *r)
{
	if (r->meta)
		munmap(r->meta, r->meta_len);
	if (r->producer)
		munmap(r->producer, r->producer_len);
	free(r);
}

void bw_rings_fini(struct bw_rings *s)
{
	struct bw_ring *r;

	while ((r = s->list)) {
		s->list = r->next;
		unmap(r);
	}
	if (s->epoll >= 0)
		close(s->epoll);
	s->epoll = -1;
}

static int map_at(int fd, size_t len, int prot, off_t off, void **out)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

/* The kernel's ring has at least one page of the board's size, so it may be larger than the tool's. */
static int map_perf(struct bw_ring *r, uint32_t page)
{
	int e;

	r->size = r->limit > page ? r->limit : page;
	r->meta_len = (size_t)(page + r->size);
	e = map_at(r->fd, r->meta_len, PROT_READ | PROT_WRITE, 0, &r->meta);
	if (!e)
		r->data = (uint8_t *)r->meta + page;
	return e;
}

static int map_bpf(struct bw_ring *r, uint32_t page, uint32_t max_entries)
{
	int e;

	if (!max_entries || max_entries & (max_entries - 1))
		return -EINVAL;
	r->size = max_entries;
	r->meta_len = page;
	e = map_at(r->fd, r->meta_len, PROT_READ | PROT_WRITE, 0, &r->meta);
	if (e)
		return e;
	r->producer_len = (size_t)page + max_entries;
	e = map_at(r->fd, r->producer_len, PROT_READ, (off_t)page, &r->producer);
	if (e)
		return e;
	r->data = (uint8_t *)r->producer + page;
	r->tail = __atomic_load_n((unsigned long *)r->meta, __ATOMIC_ACQUIRE);
	return 0;
}

static int open_epoll(struct bw_rings *s)
{
	struct epoll_event in = { .events = EPOLLIN, .data.ptr = NULL };

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	return s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->ch->in, &in) ? -errno : 0;
}

static int watch(struct bw_rings *s, struct bw_ring *r)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = r };
	int e = s->epoll < 0 ? open_epoll(s) : 0;

	if (e == -ENOSYS) {
		r->timed = true;
		return 0;
	}
	return e ? e : epoll_ctl(s->epoll, EPOLL_CTL_ADD, r->fd, &ev) ? -errno : 0;
}

int bw_ring_map(struct bw_rings *s, uint32_t handle, struct bw_handle *h, uint32_t kind, uint32_t size, uint32_t max_entries)
{
	struct bw_ring *r, **at;
	int e;

	if (h->ring)
		return -EBUSY;
	if (!size || size & (size - 1))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->handle = handle;
	r->kind = kind;
	r->fd = h->fd;
	r->limit = r->credit = size;
	r->timed = kind == BW_RING_BPF || !h->wakes_each;
	e = kind == BW_RING_PERF ? map_perf(r, s->page_size) : map_bpf(r, s->page_size, max_entries);
	if (!e)
		e = watch(s, r);
	if (e) {
		unmap(r);
		return e;
	}
	if (r->timed && !s->timed++)
		s->next_tick = bw_now_ms() + BW_RING_TICK_MS;
	/* Served in the order they were mapped, which is that of the CPUs: what happened on several is then sent as a reader on the board would take it. */
	for (at = &s->list; *at; at = &(*at)->next)
		;
	*at = r;
	h->ring = r;
	return 0;
}

void bw_ring_unmap(struct bw_rings *s, struct bw_handle *h)
{
	struct bw_ring *r = h->ring, **at;

	if (!r)
		return;
	for (at = &s->list; *at != r; at = &(*at)->next)
		;
	*at = r->next;
	if (r->timed)
		s->timed--;
	if (s->epoll >= 0)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, r->fd, NULL);
	if (r->flush)
		answer_flush(s, r);
	h->ring = NULL;
	unmap(r);
}

int bw_ring_flush(struct bw_rings *s, struct bw_ring *r, uint32_t request)
{
	if (r->flush)
		return -EBUSY;
	r->flush = request;	/* 0, which expects no answer, is a push all the same */
	return push(s, r, false);
}

/* ---- the worker's loop ---- */

void bw_rings_credit(struct bw_rings *s, uint32_t handle, uint32_t bytes)
{
	s->credit = true;
	for (struct bw_ring *r = s->list; r && handle; r = r->next)
		if (r->handle == handle)
			r->credit = bytes < r->limit - r->credit ? r->credit + bytes : r->limit;
}

int bw_rings_timeout(const struct bw_rings *s)
{
	int64_t left;

	const struct bw_ring *r = s->list;

	if (s->more || s->credit)
		return 0;
	while (r && (!r->timed || r->stalled || r->broken))
		r = r->next;
	if (!r)
		return -1;
	left = s->next_tick - bw_now_ms();
	return left < 0 ? 0 : left > BW_RING_TICK_MS ? BW_RING_TICK_MS : (int)left;
}

/* True: input cut it short. */
static bool rest(struct bw_rings *s)
{
	struct pollfd p = { .fd = s->ch->in, .events = POLLIN };
	int64_t left = s->rest_until - now_us();
	struct timespec t = { .tv_nsec = left * 1000 };

	if (left > 0)
		return ppoll(&p, 1, &t, NULL) > 0;
	s->rest_until = 0;
	return false;
}

/*
 * One epoll_wait for the input and all rings, and never a poll(2) of the epoll descriptor: that would ask perf whether it is ready, which takes
 * the wake-up back (perf_poll clears it), and the epoll_wait after it would find nothing.
 */
bool bw_rings_wait(struct bw_rings *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->ch->in, .events = POLLIN };
	struct epoll_event ev[EVENTS_AT_ONCE];
	bool input = false;
	int n;

	if (timeout_ms && s->rest_until && rest(s))
		return true;
	if (s->epoll < 0)
		return poll(&p, 1, timeout_ms) > 0;
	n = epoll_wait(s->epoll, ev, EVENTS_AT_ONCE, timeout_ms);
	for (int i = 0; i < n; i++) {
		struct bw_ring *r = ev[i].data.ptr;

		if (r)
			r->wake = true;
		else
			input = true;
	}
	return input;
}

/*
 * What came without a signal, or whose signal is still on its way: draining the ring takes the signal back, so only what was there a tick ago
 * already is known to have none.
 */
static bool is_quiet(const struct bw_ring *r)
{
	uint64_t now = filled(r, head_of(r)), then = filled(r, r->quiet_head);	/* beyond now if it was read since */

	return r->quiet && then && then <= now;
}

static void tick(struct bw_rings *s, struct bw_ring *r)
{
	if (s->epoll < 0) {
		r->wake = filled(r, head_of(r));
		if (r->wake)
			push(s, r, false);
		return;
	}
	if (is_quiet(r))
		push(s, r, true);
	r->quiet_head = head_of(r);
	r->quiet = filled(r, r->quiet_head);
}

void bw_rings_service(struct bw_rings *s)
{
	/* Not while the rings rest: then nobody has asked for signals since. */
	bool credit = s->credit, due = s->timed && !s->rest_until && bw_now_ms() >= s->next_tick;

	s->credit = s->more = false;
	for (struct bw_ring *r = s->list; r && !s->ch->error; r = r->next) {
		if (r->stalled ? credit : r->wake || r->more)
			push(s, r, false);
		else if (!r->stalled && due && r->timed)
			tick(s, r);
	}
	if (due)
		s->next_tick = bw_now_ms() + BW_RING_TICK_MS;
	if (s->rest_us)
		plan_rest(s);
}
