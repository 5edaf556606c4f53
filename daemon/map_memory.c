// SPDX-License-Identifier: Apache-2.0
#include "daemon/map_memory.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/object.h"

#ifndef BPF_F_MMAPABLE
#define BPF_F_MMAPABLE	(1u << 10)
#endif
#define TYPE_USER_RINGBUF	31	/* BPF_MAP_TYPE_USER_RINGBUF, since 6.1 */

struct bw_map_memory {
	uint8_t *at;
	size_t len, fixed;		/* bytes; of them at the start, only to be read by us */
	bool writable;
};

static bool is_array(const struct bw_handle *h)
{
	return h->map.type == BPF_MAP_TYPE_ARRAY && h->map.flags & BPF_F_MMAPABLE;
}

bool bw_map_memory_is(const struct bw_handle *h)
{
	return h->object == BW_OBJ_MAP && (is_array(h) || h->map.type == TYPE_USER_RINGBUF);
}

/* Elements lie at multiples of 8: kernel/bpf/arraymap.c. A ring's size is the kernel's, not what the tool may have asked for. */
static uint64_t length(const struct bw_handle *h, size_t page)
{
	struct bw_map_info map = h->map;

	if (is_array(h))
		return ((uint64_t)((map.value_size + 7ull) & ~7ull) * map.max_entries + page - 1) & ~(uint64_t)(page - 1);
	bw_object_map_info(h->fd, &map);
	return 2 * page + (uint64_t)map.max_entries;
}

static int map_it(struct bw_handle *h, bool write)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), fixed = is_array(h) ? 0 : page;
	uint64_t len = length(h, page);
	uint8_t *at;
	int err;

	if (len > SIZE_MAX / 2)
		return -ENOMEM;
	at = mmap(NULL, (size_t)len, PROT_READ | (write && !fixed ? PROT_WRITE : 0), MAP_SHARED, h->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	/* Of a ring only what follows the consumer's page may be written, and only by a mapping of its own. */
	if (write && fixed && mmap(at + fixed, (size_t)len - fixed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, h->fd, (off_t)fixed) == MAP_FAILED) {
		err = -errno;
		munmap(at, (size_t)len);
		return err;
	}
	bw_map_memory_free(h->memory);
	h->memory = malloc(sizeof(*h->memory));
	if (!h->memory) {
		munmap(at, (size_t)len);
		return -ENOMEM;
	}
	*h->memory = (struct bw_map_memory){ at, (size_t)len, fixed, write };
	return 0;
}

/* By words where both are aligned alike: a counter is never seen half written. */
static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
	while (len) {
		size_t n = 1;

		if (!((uintptr_t)to & 7) && len >= 8) {
			uint64_t v;

			n = 8;
			memcpy(&v, from, 8);
			__atomic_store_n((uint64_t *)(void *)to, v, __ATOMIC_RELAXED);
		} else {
			__atomic_store_n(to, *from, __ATOMIC_RELAXED);
		}
		to += n;
		from += n;
		len -= n;
	}
}

/* offs and len within the map; how much of it there is. */
static int64_t bound(const struct bw_map_memory *m, uint64_t off, uint32_t len)
{
	if (off >= m->len)
		return 0;
	return len < m->len - off ? len : (int64_t)(m->len - off);
}

int64_t bw_map_memory_read(struct bw_handle *h, uint64_t off, void *to, uint32_t len)
{
	int r = h->memory ? 0 : map_it(h, false);
	int64_t n;

	if (r)
		return r;
	n = bound(h->memory, off, len);
	copy(to, h->memory->at + off, (size_t)n);
	return n;
}

int64_t bw_map_memory_write(struct bw_handle *h, uint64_t off, const void *from, uint32_t len)
{
	int r = h->memory && h->memory->writable ? 0 : map_it(h, true);
	int64_t n;

	if (r)
		return r;
	if (off < h->memory->fixed)
		return -EPERM;
	n = bound(h->memory, off, len);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* a ring's data before its position, which is written by itself */
	copy(h->memory->at + off, from, (size_t)n);
	return n;
}

void bw_map_memory_free(struct bw_map_memory *m)
{
	if (!m)
		return;
	munmap(m->at, m->len);
	free(m);
}
