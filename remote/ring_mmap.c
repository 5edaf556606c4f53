// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"
#include "remote/conn.h"
#include "remote/ring.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *map(void *addr, size_t len, int prot, int flags, int fd, size_t off)
{
	return bw_err(bw_sys(SYS_mmap, addr, len, (long)prot, (long)flags, (long)fd, off));
}

/* As perf_mmap() in kernel/events/core.c: one header page and a power of two of data pages, shared, from offset 0. */
void *bw_ring_mmap_perf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset,
			enum bw_ring_shows shows)
{
	size_t page = (size_t)getpagesize(), size;
	void *at;
	int r;

	if (!(flags & MAP_SHARED) || offset || len % page || !len)
		return bw_err(-EINVAL);
	size = len - page;
	if (size & (size - 1) || size > UINT32_MAX)
		return bw_err(-EINVAL);
	if (o->ring && o->ring->size != size)
		return bw_err(-EINVAL);
	if (!o->ring) {
		r = bw_ring_make(o, fd, BW_RING_PERF, size, shows);
		if (r)
			return bw_err(r);
	}
	at = map(addr, len, prot, flags, o->ring->memfd, 0);
	if (!bw_is_err(at))
		o->ring->addr = at;
	return at;
}

/* One part of the tool's view: [off, off + len) of [consumer][producer][data][data again], where `part` bytes from `from` are at `mem` of the memfd. */
static int map_part(const struct bw_ring *r, char *base, size_t off, size_t len, int prot, size_t from, size_t part, size_t mem)
{
	size_t a = off > from ? off : from, b = off + len < from + part ? off + len : from + part;
	void *at;

	if (a >= b)
		return 0;
	at = map(base + (a - off), b - a, prot, MAP_SHARED | MAP_FIXED, r->memfd, mem + (a - from));
	return bw_is_err(at) ? (int)(intptr_t)at : 0;
}

static void *map_view(const struct bw_ring *r, void *addr, size_t len, int prot, int flags, size_t off)
{
	char *base = map(addr, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED), -1, 0);
	int err;

	if (bw_is_err(base))
		return base;
	err = map_part(r, base, off, len, prot, 0, 2 * r->page + r->size, 0);
	if (!err)
		err = map_part(r, base, off, len, prot, 2 * r->page + r->size, r->size, 2 * r->page);
	if (!err)
		return base;
	bw_sys(SYS_munmap, base, len);
	return bw_err(err);
}

/* As ringbuf_map_mmap_kern() in kernel/bpf/ringbuf.c: only the consumer page may be written, and only by itself. */
void *bw_ring_mmap_bpf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	size_t page = (size_t)getpagesize(), size = o->map.max_entries, whole = 2 * page + 2 * size;
	int r;

	if (!(flags & MAP_SHARED) || offset < 0 || (size_t)offset % page || !len || size & (size - 1) || size < page)
		return bw_err(-EINVAL);
	if (prot & PROT_WRITE && (offset || len != page))
		return bw_err(-EPERM);
	if ((size_t)offset > whole || len > whole - (size_t)offset)
		return bw_err(-EINVAL);
	if (!o->ring) {
		r = bw_ring_make(o, fd, BW_RING_BPF, size, BW_RING_ALL);
		if (r)
			return bw_err(r);
	}
	return map_view(o->ring, addr, len, prot, flags, (size_t)offset);
}
