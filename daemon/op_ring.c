// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include <linux/bpf.h>

#include "daemon/op.h"
#include "daemon/object.h"

/* The size that the kernel's ring buffer has: not what the handle remembers, which is what the tool asked for. */
static uint32_t entries_of(const struct bw_handle *h)
{
	struct bw_map_info map;

	return bw_object_map_info(h->fd, &map) ? h->map.max_entries : map.max_entries;
}

BW_OP(ring_map)
{
	struct bw_ring_map_reply reply;
	struct bw_ring_map m;
	struct bw_handle *h;
	uint32_t entries = 0;
	int r;

	if (bw_get_ring_map(&q->r, &m))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, m.handle);
	if (!h)
		return -EBADF;
	if (m.kind == BW_RING_BPF) {
		if (h->object != BW_OBJ_MAP || h->map.type != BPF_MAP_TYPE_RINGBUF)
			return -EINVAL;
		entries = entries_of(h);
	} else if (h->object != BW_OBJ_PERF) {
		return -EINVAL;
	}
	r = bw_ring_map(&w->rings, m.handle, h, m.kind, m.size, entries);
	if (r)
		return r;
	reply.size = (uint32_t)h->ring->size;
	bw_put_ring_map_reply(&w->reply, &reply);
	return 0;
}

BW_OP(ring_unmap)
{
	struct bw_handle *h;
	uint32_t handle;

	if (!bw_request_handle(q, &handle))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, handle);
	if (!h || !h->ring)
		return h ? -EINVAL : -EBADF;
	bw_ring_unmap(&w->rings, h);
	return 0;
}

BW_OP(ring_flush)
{
	struct bw_handle *h;
	uint32_t handle;
	int r;

	if (!bw_request_handle(q, &handle))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, handle);
	if (!h || !h->ring)
		return h ? -EINVAL : -EBADF;
	r = bw_ring_flush(&w->rings, h->ring, q->id);
	return r ? r : BW_OP_REPLIED;
}
