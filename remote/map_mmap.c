// SPDX-License-Identifier: Apache-2.0
/*
 * mmap of maps: arrays with BPF_F_MMAPABLE (what libbpf makes of .rodata, .data, .bss) and user ring buffers. The memory is here, and is made to agree
 * with the board's at moments (docs/mmap.md):
 *
 *  - what the tool wrote travels, byte by byte that changed, before each call of bpf(2) or perf_event_open(2), each ioctl, wait and sleep;
 *  - what the board wrote is fetched after each wait and sleep, if the last time is some milliseconds ago, and after a call of bpf(2) that runs a program or
 *    changes the map.
 *
 * A tool that reads in a loop without any such call does not see the board's changes.
 */
#include "remote/remote.h"
#include "remote/bpf.h"
#include "remote/conn.h"
#include "remote/ring.h"

#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/io.h"

#define MMAP_MAX	(64u << 20)
#define STEP		(1u << 20)	/* bytes in a message */
#define FRESH_MS	10		/* and one more for each FRESH_BYTES */
#define FRESH_BYTES	4096

#ifndef BPF_F_MMAPABLE
#define BPF_F_MMAPABLE	(1u << 10)
#endif
#ifndef BPF_F_RDONLY_PROG
#define BPF_F_RDONLY_PROG	(1u << 7)
#endif
#define TYPE_USER_RINGBUF	31	/* BPF_MAP_TYPE_USER_RINGBUF, since 6.1 */

/* A map's memory here: of all of it, however often the tool maps it. Layout as daemon/map_memory.h has it. */
struct memory {
	struct memory *next;
	struct bw_placeholder *o;	/* with a reference: a mapping keeps the map */
	uint8_t *mem, *shadow;		/* what the tool sees and changes; what both sides had when last they agreed */
	size_t len, fixed;		/* bytes; of them at the start, not the tool's to write */
	int memfd;
	bool writable;			/* some mapping is */
	bool constant;			/* the board's programs cannot change it */
	int64_t fetched_ms;
	struct view { struct view *next; char *addr; size_t len; } *views;
};

/* The list and all in it: lock, which is only tried where a wait begins or ends. Messages are sent under it: it comes before the connection's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct memory *memories;
atomic_int bw_mapped_maps;

/* ---- agreeing ---- */

static int fetch(struct memory *m, uint8_t *to)
{
	size_t at = 0;
	ssize_t n = 1;

	while (at < m->len && n > 0) {
		n = bw_handle_read(m->o, to + at, m->len - at < STEP ? m->len - at : STEP, (int64_t)at);
		at += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? (int)n : 0;
}

static void send_bytes(const struct memory *m, size_t off, size_t len)
{
	struct bw_handle_write w = { m->o->handle, off, (uint32_t)len, m->shadow + off };
	struct bw_buf b = { 0 };

	bw_put_handle_write(&b, &w);
	bw_post(BW_MSG_HANDLE_WRITE, &b);
	bw_buf_free(&b);
}

/* From its end to its start: a ring's data before the position that gives it out. */
static void push(struct memory *m)
{
	size_t end = m->len, start;

	if (!m->writable || !memcmp(m->mem + m->fixed, m->shadow + m->fixed, m->len - m->fixed))
		return;
	while (end > m->fixed) {
		if (m->mem[end - 1] == m->shadow[end - 1]) {
			end--;
			continue;
		}
		for (start = end; start > m->fixed && end - start < STEP && m->mem[start - 1] != m->shadow[start - 1]; start--)
			m->shadow[start - 1] = m->mem[start - 1];
		send_bytes(m, start, end - start);
		end = start;
	}
}

/* What changed on the board, by aligned words, unless the tool changed the word at this very moment: then byte by byte. */
static void take(struct memory *m, const uint8_t *now)
{
	size_t i, k;

	for (i = 0; i < m->len; i += 8) {
		uint64_t was, is;

		memcpy(&was, m->shadow + i, 8);
		memcpy(&is, now + i, 8);
		if (was == is)
			continue;
		if (atomic_compare_exchange_strong((_Atomic uint64_t *)(void *)(m->mem + i), &was, is)) {
			memcpy(m->shadow + i, &is, 8);
			continue;
		}
		for (k = i; k < i + 8; k++)
			if (m->mem[k] == m->shadow[k])
				m->mem[k] = m->shadow[k] = now[k];
	}
}

static void pull(struct memory *m)
{
	uint8_t *now = malloc(m->len);

	if (now && !fetch(m, now))
		take(m, now);
	free(now);
	m->fetched_ms = bw_now_ms();
}

void bw_maps_push(void)
{
	struct memory *m;
	int saved = errno;

	if (!atomic_load_explicit(&bw_mapped_maps, memory_order_relaxed) || !bw_is_owner() || pthread_mutex_trylock(&lock))
		return;
	for (m = memories; m; m = m->next)
		push(m);
	pthread_mutex_unlock(&lock);
	errno = saved;
}

void bw_maps_pull(bool at_once)
{
	struct memory *m;
	int saved = errno;
	int64_t now;

	if (!atomic_load_explicit(&bw_mapped_maps, memory_order_relaxed) || !bw_is_owner() || pthread_mutex_trylock(&lock))
		return;
	now = bw_now_ms();
	for (m = memories; m; m = m->next) {
		if (m->constant || (!at_once && now - m->fetched_ms < FRESH_MS + (int64_t)(m->len / FRESH_BYTES)))
			continue;
		push(m);
		pull(m);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

/* ---- life ---- */

static void release(struct memory *m)
{
	if (m->mem)
		bw_sys(SYS_munmap, m->mem, m->len);
	if (m->memfd >= 0)
		bw_fd_close_private(m->memfd);
	free(m->shadow);
	free(m);
}

static struct memory *build(struct bw_placeholder *o, size_t len, size_t fixed)
{
	struct memory *m = calloc(1, sizeof(*m));
	long fd, mem;

	if (!m)
		return NULL;
	m->memfd = -1;
	m->len = len;
	m->fixed = fixed;
	m->constant = o->map.flags & BPF_F_RDONLY_PROG;
	m->shadow = malloc(len);
	fd = m->shadow ? bw_sys(SYS_memfd_create, "bpfwire-map", 1L /* MFD_CLOEXEC */) : -1;
	m->memfd = fd < 0 ? -1 : bw_fd_make_private((int)fd);
	mem = m->memfd < 0 || bw_sys(SYS_ftruncate, (long)m->memfd, (long)len) ? -1 :
	      bw_sys(SYS_mmap, NULL, len, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, (long)m->memfd, 0L);
	if (mem < 0 && mem > -4096) {
		release(m);
		return NULL;
	}
	m->mem = (uint8_t *)mem;
	return m;
}

static struct memory *find(const struct bw_placeholder *o)
{
	struct memory *m;

	for (m = memories; m && m->o != o; m = m->next)
		;
	return m;
}

/* The memory of o, made and filled if this is its first mapping. */
static int memory_of(struct bw_placeholder *o, size_t len, size_t fixed, struct memory **out)
{
	struct memory *m = find(o);
	int r;

	*out = m;
	if (m)
		return 0;
	m = build(o, len, fixed);
	if (!m)
		return -ENOMEM;
	m->o = o;
	r = fetch(m, m->mem);
	if (r) {
		release(m);
		return r;
	}
	memcpy(m->shadow, m->mem, len);
	m->fetched_ms = bw_now_ms();
	atomic_fetch_add(&o->refs, 1);
	m->next = memories;
	memories = m;
	atomic_fetch_add(&bw_mapped_maps, 1);
	*out = m;
	return 0;
}

static void *map_file(const struct memory *m, void *addr, size_t len, int prot, int flags, size_t off)
{
	return bw_err(bw_sys(SYS_mmap, addr, len, (long)prot, (long)(MAP_SHARED | (flags & MAP_FIXED)), (long)m->memfd, off));
}

/* A ring's data is seen twice in a row: what is beyond the memory's end is its data once more. */
static void *map_view(const struct memory *m, void *addr, size_t len, int prot, int flags, size_t off)
{
	size_t first = off >= m->len ? 0 : len < m->len - off ? len : m->len - off, data = 2 * m->fixed;
	char *base = bw_err(bw_sys(SYS_mmap, addr, len, (long)PROT_NONE, (long)(MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED)), -1L, 0L));
	void *at = base;

	if (bw_is_err(base))
		return base;
	if (first)
		at = map_file(m, base, first, prot, MAP_FIXED, off);
	if (!bw_is_err(at) && first < len)
		at = map_file(m, base + first, len - first, prot, MAP_FIXED, data + (off + first - m->len));
	if (!bw_is_err(at))
		return base;
	bw_sys(SYS_munmap, base, len);
	return at;
}

static void *add_view(struct memory *m, void *addr, size_t len, int prot, int flags, size_t off)
{
	struct view *v = malloc(sizeof(*v));
	void *at = v ? map_view(m, addr, len, prot, flags, off) : bw_err(-ENOMEM);

	if (bw_is_err(at)) {
		free(v);
		return at;
	}
	m->writable |= !!(prot & PROT_WRITE);
	*v = (struct view){ m->views, at, len };
	m->views = v;
	return at;
}

/* The kernel refuses it for a frozen map, and freezing one that is mapped so. */
static int ask_to_write(const struct bw_placeholder *o, size_t fixed)
{
	struct bw_handle_write w = { o->handle, fixed, 0, (const uint8_t *)"" };
	struct bw_buf b = { 0 };
	int r;

	bw_put_handle_write(&b, &w);
	r = bw_call(BW_MSG_HANDLE_WRITE, &b, NULL);
	bw_buf_free(&b);
	return r;
}

static void *map_memory(struct bw_placeholder *o, size_t mem_len, size_t fixed, void *addr, size_t len, int prot, int flags, size_t off)
{
	struct memory *m = NULL;
	void *at;
	int r;

	pthread_mutex_lock(&lock);
	r = prot & PROT_WRITE ? ask_to_write(o, fixed) : 0;
	if (!r)
		r = memory_of(o, mem_len, fixed, &m);
	at = r ? bw_err(r) : add_view(m, addr, len, prot, flags, off);
	pthread_mutex_unlock(&lock);
	return at;
}

/* As array_map_mmap() in kernel/bpf/arraymap.c, bpf_map_mmap() in syscall.c. */
static void *mmap_array(struct bw_placeholder *o, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	size_t page = (size_t)getpagesize(), stride = (o->map.value_size + 7) & ~(size_t)7;
	size_t all = (stride * o->map.max_entries + page - 1) & ~(page - 1);

	if (!(o->map.flags & BPF_F_MMAPABLE))
		return bw_err(-EINVAL);
	if (!(flags & MAP_SHARED) || offset < 0 || (size_t)offset % page || !len || (size_t)offset >= all || len > all - (size_t)offset)
		return bw_err(-EINVAL);
	if (all > MMAP_MAX) {
		bw_say("map %u: mmap of %zu MB cannot be remote (at most %u MB); read it by bpf(2)", o->map.id, all >> 20, MMAP_MAX >> 20);
		return bw_err(-ENOMEM);
	}
	return map_memory(o, all, 0, addr, len, prot, flags, (size_t)offset);
}

/* As ringbuf_map_mmap_user() in kernel/bpf/ringbuf.c: all but the consumer's page may be written. */
static void *mmap_user_ring(struct bw_placeholder *o, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	size_t page = (size_t)getpagesize(), size = o->map.max_entries, whole = 2 * page + 2 * size;

	if (page != bw_board()->page_size) {
		bw_say("map %u: a user ring buffer needs the board's pages (%u bytes) to be as large as this machine's (%zu)", o->map.id,
		       bw_board()->page_size, page);
		return bw_err(-ENOTSUP);
	}
	if (!(flags & MAP_SHARED) || offset < 0 || (size_t)offset % page || !len || (size_t)offset >= whole || len > whole - (size_t)offset)
		return bw_err(-EINVAL);
	if (prot & PROT_WRITE && !offset)
		return bw_err(-EPERM);
	return map_memory(o, 2 * page + size, page, addr, len, prot, flags, (size_t)offset);
}

void *bw_map_mmap(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	switch (o->map.type) {
	case BPF_MAP_TYPE_RINGBUF:
		return bw_ring_mmap_bpf(o, fd, addr, len, prot, flags, offset);
	case BPF_MAP_TYPE_ARRAY:
		return mmap_array(o, addr, len, prot, flags, offset);
	case TYPE_USER_RINGBUF:
		return mmap_user_ring(o, addr, len, prot, flags, offset);
	default:
		bw_verbose(1, "mmap of a map of type %u cannot be remote", o->map.type);
		return bw_err(-ENOTSUP);
	}
}

/* The last view of a map goes, and with it what it held. */
static struct memory *drop_view(char *addr, size_t len)
{
	struct memory **at, *m;
	struct view **v, *gone;

	for (at = &memories; (m = *at); at = &m->next) {
		for (v = &m->views; (gone = *v) && !(gone->addr >= addr && gone->addr + gone->len <= addr + len); v = &gone->next)
			;
		if (!gone)
			continue;
		*v = gone->next;
		free(gone);
		if (m->views)
			return NULL;
		push(m);
		*at = m->next;
		atomic_fetch_sub(&bw_mapped_maps, 1);
		return m;
	}
	return NULL;
}

void bw_map_munmap(void *addr, size_t len)
{
	struct bw_placeholder *o = NULL;
	struct memory *m;

	if (!atomic_load_explicit(&bw_mapped_maps, memory_order_relaxed) || !bw_is_owner())
		return;
	pthread_mutex_lock(&lock);
	m = drop_view(addr, len);
	if (m) {
		o = m->o;
		release(m);
	}
	pthread_mutex_unlock(&lock);
	bw_placeholder_put(o);
}

/* In the child, alone: the memory stays mapped, as it was at the fork. */
void bw_maps_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
	memories = NULL;
	atomic_store(&bw_mapped_maps, 0);
}
