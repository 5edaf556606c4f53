// SPDX-License-Identifier: Apache-2.0
/*
 * mmap of maps. An array with BPF_F_MMAPABLE (what libbpf makes of .rodata, .data and .bss) is answered with a copy of the board's contents at
 * that moment: right for .rodata, which is frozen; what programs write later is not seen, and what the tool writes does not travel.
 */
#include "remote/remote.h"
#include "remote/bpf.h"
#include "remote/ring.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MMAP_MAX	(64u << 20)

#ifndef BPF_F_MMAPABLE
#define BPF_F_MMAPABLE	(1u << 10)
#endif

/* Elements lie at multiples of 8 (kernel/bpf/arraymap.c). */
static int fill(struct bw_placeholder *o, char *to, size_t len)
{
	size_t stride = (o->map.value_size + 7) & ~(size_t)7;
	char *value = calloc(1, stride ? stride : 8);
	uint32_t i;
	int r = value ? 0 : -ENOMEM;

	for (i = 0; !r && i < o->map.max_entries && (i + 1) * stride <= len; i++) {
		r = bw_map_lookup(o, &i, value);
		if (!r)
			memcpy(to + i * stride, value, o->map.value_size);
	}
	free(value);
	return r;
}

static void *mmap_array(struct bw_placeholder *o, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	size_t page = (size_t)getpagesize(), stride = (o->map.value_size + 7) & ~(size_t)7, all = stride * o->map.max_entries;
	char *at;
	int r;

	if (!(o->map.flags & BPF_F_MMAPABLE) || !(flags & MAP_SHARED) || offset)
		return bw_err(-EINVAL);
	if (len > MMAP_MAX || len > ((all + page - 1) & ~(page - 1)))
		return bw_err(-EINVAL);
	at = bw_err(bw_sys(SYS_mmap, addr, len, (long)(PROT_READ | PROT_WRITE), (long)(MAP_SHARED | MAP_ANONYMOUS | (flags & MAP_FIXED)), -1L, 0L));
	if (bw_is_err(at))
		return at;
	r = fill(o, at, len);
	if (!r)
		r = (int)bw_sys(SYS_mprotect, at, len, (long)prot);
	if (!r)
		return at;
	bw_sys(SYS_munmap, at, len);
	return bw_err(r);
}

void *bw_map_mmap(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	switch (o->map.type) {
	case BPF_MAP_TYPE_RINGBUF:
		return bw_ring_mmap_bpf(o, fd, addr, len, prot, flags, offset);
	case BPF_MAP_TYPE_ARRAY:
		return mmap_array(o, addr, len, prot, flags, offset);
	default:
		bw_verbose(1, "mmap of a map of type %u cannot be remote", o->map.type);
		return bw_err(-ENOTSUP);
	}
}
