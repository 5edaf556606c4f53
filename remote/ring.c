// SPDX-License-Identifier: Apache-2.0
/*
 * Rings in local memory, laid out as the kernel's (KERNEL-SURFACE 5), written by the receiving thread. The tool's mappings and ours are of one
 * memfd: ours stays valid when the tool unmaps.
 *
 *	perf event		page 0: struct perf_event_mmap_page; then the data
 *	BPF ring buffer		page 0: consumer position; page 1: producer position; then the data, which the tool sees twice in a row
 *
 * Credit. The board may send as much as is free. What the tool consumed is given back at its waits once it is worth a message, and by the
 * receiving thread soon after (GIVE_MS), less and less often while the tool does not read. With nothing unread or ungiven there is no timer.
 */
#include "remote/remote.h"
#include "remote/conn.h"
#include "remote/ring.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/io.h"

#define GIVE_MS		50
#define GIVE_MS_MAX	1000
#define RETRY_MS	10

/* Every field and both lists: rings_lock. Nothing is sent under it that could wait. */
static pthread_mutex_t rings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bw_ring *rings;
atomic_int bw_ring_count;
static bool to_signal;			/* the receiving thread's: some ring has `signal` */

static _Atomic uint64_t *head(const struct bw_ring *r)
{
	return (_Atomic uint64_t *)(r->mem + (r->kind == BW_RING_PERF ? offsetof(struct perf_event_mmap_page, data_head) : r->page));
}

static _Atomic uint64_t *tail(const struct bw_ring *r)
{
	return (_Atomic uint64_t *)(r->mem + (r->kind == BW_RING_PERF ? offsetof(struct perf_event_mmap_page, data_tail) : 0));
}

static char *data(const struct bw_ring *r)
{
	return r->mem + (r->kind == BW_RING_PERF ? r->page : 2 * r->page);
}

static uint64_t unread(const struct bw_ring *r)
{
	return atomic_load(head(r)) - atomic_load_explicit(tail(r), memory_order_acquire);
}

/* Both positions are in memory that the tool may write, so they may be anything. */
static uint64_t room(const struct bw_ring *r)
{
	uint64_t used = r->head - atomic_load_explicit(tail(r), memory_order_acquire);

	return used <= r->size ? r->size - used : 0;
}

static void signal_ring(struct bw_ring *r)
{
	uint64_t one = 1;

	r->signalled = true;
	bw_sys(SYS_write, (long)r->evfd, &one, sizeof(one));
}

static void take_signal(struct bw_ring *r)
{
	uint64_t count;

	r->signalled = false;
	bw_sys(SYS_read, (long)r->evfd, &count, sizeof(count));
}

/* The kernel tells of a BPF ring buffer by what is in it: who has read it all, before or after it was woken, is not told of it any more. */
static bool is_told(const struct bw_ring *r)
{
	return r->kind != BW_RING_BPF || unread(r) || bw_lost();
}

/* ---- records in ---- */

static void append(struct bw_ring *r, const uint8_t *p, size_t len)
{
	uint64_t pos = r->head & (r->size - 1);
	size_t first = len < r->size - pos ? len : r->size - pos;

	memcpy(data(r) + pos, p, first);
	memcpy(data(r), p + first, len - first);
	r->head += len;
}

static bool is_output(uint32_t type)
{
	return type == PERF_RECORD_SAMPLE || type == PERF_RECORD_LOST;
}

/* libbpf takes the length of a raw sample, and that a loss has a count, from the kernel without looking. */
static size_t perf_record_len(const struct bw_ring *r, const uint8_t *p, size_t left)
{
	struct perf_event_header h;
	uint32_t raw;

	if (left < sizeof(h))
		return 0;
	memcpy(&h, p, sizeof(h));
	if (h.size < sizeof(h) || h.size % 8 || h.size > left)
		return 0;
	if (h.type == PERF_RECORD_LOST && h.size < sizeof(h) + 2 * sizeof(uint64_t))
		return 0;
	if (r->shows != BW_RING_RAW || h.type != PERF_RECORD_SAMPLE)
		return h.size;
	if (h.size < sizeof(h) + sizeof(raw))
		return 0;
	memcpy(&raw, p + sizeof(h), sizeof(raw));
	return raw > h.size - sizeof(h) - sizeof(raw) ? 0 : h.size;
}

static size_t bpf_record_len(const uint8_t *p, size_t left)
{
	uint32_t word;
	size_t len;

	if (left < BPF_RINGBUF_HDR_SZ)
		return 0;
	memcpy(&word, p, sizeof(word));
	len = ((size_t)(word & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
	return word & BPF_RINGBUF_BUSY_BIT || len > left ? 0 : len;
}

/* Of the record at p, of which left bytes are there; 0: it is none. */
static size_t record_len(const struct bw_ring *r, const uint8_t *p, size_t left)
{
	return r->kind == BW_RING_PERF ? perf_record_len(r, p, left) : bpf_record_len(p, left);
}

/* A tool goes from header to header, and trusts each, as it may with a kernel. So whole records are published, or nothing. */
static bool are_records(const struct bw_ring *r, const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (; len && (n = record_len(r, p, len)); p += n)
		len -= n;
	return !len;
}

/* A ring of BPF output shows samples and losses alone, all its readers know; the rest is as good as consumed. */
static void append_records(struct bw_ring *r, const uint8_t *p, size_t len)
{
	struct perf_event_header h;

	if (r->shows == BW_RING_ALL) {
		append(r, p, len);
		return;
	}
	for (; len; p += h.size, len -= h.size) {
		memcpy(&h, p, sizeof(h));
		if (is_output(h.type))
			append(r, p, h.size);
		else
			r->dropped += h.size;
	}
}

static void want_tick(struct bw_ring *r, unsigned int ms)
{
	r->tick_ms = ms;
	r->tick_at = bw_now_ms() + ms;
}

static struct bw_ring *by_handle(uint32_t handle)
{
	struct bw_ring *r = rings;

	while (r && r->handle != handle)
		r = r->next;
	return r;
}

static void publish(struct bw_ring *r, const struct bw_ring_data *d)
{
	if (r->received == r->returned)
		want_tick(r, GIVE_MS);
	r->received += d->len;
	append_records(r, d->data, d->len);
	atomic_store_explicit(head(r), r->head, memory_order_release);
	if (d->flags & BW_RING_WAKE)
		r->signal = to_signal = true;
}

static void refuse(struct bw_ring *r, const char *what)
{
	if (!r->refused)
		bw_say("ring of handle %u: the board sent %s; events are missing (is its bpfwired of this version?)", r->handle, what);
	r->refused = true;
}

void bw_ring_data(const struct bw_ring_data *d)
{
	struct bw_ring *r;

	pthread_mutex_lock(&rings_lock);
	r = by_handle(d->handle);
	if (r && d->len > room(r))
		refuse(r, "more than there was room for");
	else if (r && !are_records(r, d->data, d->len))
		refuse(r, "what are no records");
	else if (r)
		publish(r, d);
	pthread_mutex_unlock(&rings_lock);
}

void bw_rings_signal(void)
{
	struct bw_ring *r;

	if (!to_signal)
		return;
	to_signal = false;
	pthread_mutex_lock(&rings_lock);
	for (r = rings; r; r = r->next) {
		if (r->signal && is_told(r))
			signal_ring(r);
		r->ready |= r->signal;
		r->signal = false;
	}
	pthread_mutex_unlock(&rings_lock);
}

/* ---- credit back ---- */

/* Bytes to give back; nothing is marked. A tail that no reader can have written counts as not moved. */
static uint32_t owed(const struct bw_ring *r)
{
	uint64_t moved = atomic_load_explicit(tail(r), memory_order_acquire) - r->given;

	return (uint32_t)((moved <= r->head - r->given ? moved : 0) + r->dropped);
}

static void mark_given(struct bw_ring *r, uint32_t bytes)
{
	r->given += bytes - r->dropped;
	r->dropped = 0;
	r->returned += bytes;
}

static void post_credit(uint32_t handle, uint32_t bytes)
{
	struct bw_ring_credit c = { handle, bytes };
	struct bw_buf b = { 0 };

	bw_put_ring_credit(&b, &c);
	bw_post(BW_MSG_RING_CREDIT, &b);
	bw_buf_free(&b);
}

/* A small ring, or one that a record may nearly fill, gets every byte back at once. */
static bool worth_a_message(const struct bw_ring *r, uint32_t bytes)
{
	return bytes && (r->size < 128 << 10 || bytes >= r->size / 4);
}

/*
 * A BPF ring buffer is readable as long as there is data, for poll and select. An epoll set asks it only after it was woken, and from then on at each
 * wait until there is none: what was written without a wake-up stays unseen; and with EPOLLET only the wake-up itself counts.
 */
static bool readable_again(struct bw_ring *r, bool by_epoll)
{
	bool has = r->kind == BW_RING_BPF && unread(r);

	if (!by_epoll)
		return has;
	r->ready = r->ready && has;
	return r->ready && !r->o->epoll_edges;
}

/* For a wait that begins. Returns credit to post once the lock is gone. */
static uint32_t before_wait(struct bw_ring *r, bool by_epoll)
{
	uint32_t bytes = owed(r);

	if (readable_again(r, by_epoll))
		signal_ring(r);
	else if (r->signalled && !is_told(r))
		take_signal(r);
	if (!worth_a_message(r, bytes))
		return 0;
	mark_given(r, bytes);
	return bytes;
}

void bw_ring_before_wait(struct bw_placeholder *o)
{
	uint32_t bytes = 0, handle = o->handle;

	pthread_mutex_lock(&rings_lock);
	if (o->ring)
		bytes = before_wait(o->ring, false);
	pthread_mutex_unlock(&rings_lock);
	if (bytes)
		post_credit(handle, bytes);
}

void bw_ring_watched(struct bw_placeholder *o)
{
	pthread_mutex_lock(&rings_lock);
	if (o->ring && readable_again(o->ring, false)) {
		o->ring->ready = true;
		signal_ring(o->ring);
	}
	pthread_mutex_unlock(&rings_lock);
}

void bw_rings_before_epoll(int epfd)
{
	struct { uint32_t handle, bytes; } due[64];
	unsigned int n, i;
	struct bw_ring *r;

	do {
		n = 0;
		pthread_mutex_lock(&rings_lock);
		for (r = rings; r && n < sizeof(due) / sizeof(*due); r = r->next) {
			if (r->o->epfd != epfd)
				continue;
			due[n].handle = r->handle;
			due[n].bytes = before_wait(r, true);
			n += !!due[n].bytes;
		}
		pthread_mutex_unlock(&rings_lock);
		for (i = 0; i < n; i++)
			post_credit(due[i].handle, due[i].bytes);
	} while (n == sizeof(due) / sizeof(*due));
}

void bw_ring_after_wait(struct bw_placeholder *o)
{
	pthread_mutex_lock(&rings_lock);
	if (o->ring)
		take_signal(o->ring);
	pthread_mutex_unlock(&rings_lock);
}

static void tick(struct bw_ring *r)
{
	struct bw_ring_credit c = { r->handle, owed(r) };
	struct bw_buf b = { 0 };

	if (!c.bytes) {
		want_tick(r, r->tick_ms * 2 < GIVE_MS_MAX ? r->tick_ms * 2 : GIVE_MS_MAX);
		return;
	}
	bw_put_ring_credit(&b, &c);
	if (!b.err && !bw_send_try(BW_MSG_RING_CREDIT, b.data, b.len)) {
		mark_given(r, c.bytes);
		want_tick(r, GIVE_MS);
	} else {
		want_tick(r, RETRY_MS);
	}
	bw_buf_free(&b);
}

int bw_rings_tick(void)
{
	int64_t now = 0, next = INT64_MAX;
	struct bw_ring *r;

	if (!atomic_load(&bw_ring_count))
		return -1;
	pthread_mutex_lock(&rings_lock);
	for (r = rings; r; r = r->next) {
		if (r->received == r->returned)
			continue;
		if (!now)
			now = bw_now_ms();
		if (r->tick_at <= now)
			tick(r);
		if (r->received != r->returned && r->tick_at < next)
			next = r->tick_at;
	}
	pthread_mutex_unlock(&rings_lock);
	return next == INT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

void bw_rings_lost(void)
{
	struct bw_ring *r;

	pthread_mutex_lock(&rings_lock);
	for (r = rings; r; r = r->next)
		signal_ring(r);
	pthread_mutex_unlock(&rings_lock);
}

/* ---- life ---- */

static void release(struct bw_ring *r)
{
	if (r->mem)
		bw_sys(SYS_munmap, r->mem, r->mem_len);
	if (r->memfd >= 0)
		bw_fd_close_private(r->memfd);
	if (r->evfd >= 0)
		bw_fd_close_private(r->evfd);
	free(r);
}

static struct bw_ring *build(struct bw_placeholder *o, int fd, enum bw_ring_kind kind, size_t size)
{
	struct bw_ring *r = calloc(1, sizeof(*r));
	long memfd, evfd, mem;

	if (!r)
		return NULL;
	r->o = o;
	r->kind = kind;
	r->handle = o->handle;
	r->page = (size_t)getpagesize();
	r->size = size;
	r->mem_len = size + r->page * (kind == BW_RING_PERF ? 1 : 2);
	memfd = bw_sys(SYS_memfd_create, "bpfwire-ring", 1L /* MFD_CLOEXEC */);
	r->memfd = memfd < 0 ? -1 : bw_fd_make_private((int)memfd);
	evfd = bw_sys(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, 0L);
	r->evfd = evfd < 0 ? -1 : bw_fd_make_private((int)evfd);
	mem = r->memfd < 0 || r->evfd < 0 || bw_sys(SYS_ftruncate, (long)r->memfd, (long)r->mem_len) ? -1 :
	      bw_sys(SYS_mmap, NULL, r->mem_len, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, (long)r->memfd, 0L);
	if (mem < 0 && mem > -4096) {
		release(r);
		return NULL;
	}
	r->mem = (char *)mem;
	return r;
}

static void unlink_ring(struct bw_ring *r)
{
	struct bw_ring **at = &rings;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at) {
		*at = r->next;
		r->o->ring = NULL;
		atomic_fetch_sub(&bw_ring_count, 1);
	}
}

/* Asks the board for the data. The ring is in the list before: data may come ahead of our reading of the reply. */
static int start(struct bw_ring *r)
{
	struct bw_ring_map m = { r->handle, r->kind, (uint32_t)r->size };
	struct bw_buf b = { 0 };
	int err;

	pthread_mutex_lock(&rings_lock);
	r->next = rings;
	rings = r;
	r->o->ring = r;
	atomic_fetch_add(&bw_ring_count, 1);
	pthread_mutex_unlock(&rings_lock);
	if (!r->size)
		return 0;
	bw_put_ring_map(&b, &m);
	err = bw_call(BW_MSG_RING_MAP, &b, NULL);
	bw_buf_free(&b);
	return err;
}

int bw_ring_make(struct bw_placeholder *o, int fd, enum bw_ring_kind kind, size_t size, enum bw_ring_shows shows)
{
	struct bw_ring *r = build(o, fd, kind, size);
	int err;

	if (!r)
		return -ENOMEM;
	r->shows = shows;
	if (kind == BW_RING_PERF) {
		struct perf_event_mmap_page *p = (struct perf_event_mmap_page *)r->mem;

		p->data_offset = r->page;
		p->data_size = size;
	}
	err = start(r);
	if (err)
		bw_ring_free(r);
	return err;
}

/* Whoever finds it in the list frees it: the tool's munmap in one thread, the last close in another. */
void bw_ring_free(struct bw_ring *r)
{
	struct bw_ring *i;

	if (!r)
		return;
	pthread_mutex_lock(&rings_lock);
	for (i = rings; i && i != r; i = i->next)
		;
	if (i)
		unlink_ring(r);
	pthread_mutex_unlock(&rings_lock);
	if (i)
		release(r);
}

/* A perf event's buffer ends with its last mapping. A BPF ring buffer keeps its positions as long as the map lives. */
void bw_ring_munmap(void *addr, size_t len)
{
	struct bw_buf b = { 0 };
	struct bw_ring *r;

	(void)len;
	pthread_mutex_lock(&rings_lock);
	for (r = rings; r && !(r->kind == BW_RING_PERF && r->addr == addr); r = r->next)
		;
	if (r)
		unlink_ring(r);
	pthread_mutex_unlock(&rings_lock);
	if (!r)
		return;
	if (r->size) {
		bw_put_u32(&b, r->handle);
		bw_post(BW_MSG_RING_UNMAP, &b);
		bw_buf_free(&b);
	}
	release(r);
}

/* In the child, alone: the rings are the parent's; their memory stays mapped there and here. */
void bw_rings_after_fork(void)
{
	pthread_mutex_init(&rings_lock, NULL);
	rings = NULL;
	atomic_store(&bw_ring_count, 0);
}
