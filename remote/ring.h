/* SPDX-License-Identifier: Apache-2.0 */
/* A ring inside: ring.c fills it, ring_mmap.c maps it into the tool. */
#ifndef BW_REMOTE_RING_H
#define BW_REMOTE_RING_H

#include "remote/remote.h"

struct bw_ring {
	struct bw_ring *next;
	struct bw_placeholder *o;
	enum bw_ring_kind kind;
	uint32_t handle;
	int evfd, memfd;		/* private descriptors */
	size_t page, size;		/* of this machine; of the data */
	char *mem;			/* our mapping of all of memfd */
	size_t mem_len;
	void *addr;			/* perf: the tool's mapping */
	bool filter;			/* only samples and losses */
	bool overrun;			/* said already */
	bool signal;			/* published, its reader not yet woken */
	uint64_t head;			/* as published */
	uint64_t given;			/* position up to which credit was given back */
	uint64_t dropped;		/* bytes left out by the filter, not yet given back */
	uint64_t received, returned;
	int64_t tick_at;
	unsigned int tick_ms;
};

/* Makes the ring of o, whose descriptor is fd, and has the board fill it. 0 or negative errno. */
int bw_ring_make(struct bw_placeholder *o, int fd, enum bw_ring_kind kind, size_t size, bool filter);
/* The mmap operations: address or negative errno. fd: a number of o. */
void *bw_ring_mmap_perf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset, bool filter);
void *bw_ring_mmap_bpf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset);

#endif
