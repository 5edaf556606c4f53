/* SPDX-License-Identifier: Apache-2.0 */
/* A ring inside: ring.c fills it, ring_mmap.c maps it into the tool. */
#ifndef BW_REMOTE_RING_H
#define BW_REMOTE_RING_H

#include "remote/remote.h"

/* Which records a perf ring shows: all; samples and losses; and of the samples it is known that they are PERF_SAMPLE_RAW and nothing else. */
enum bw_ring_shows { BW_RING_ALL, BW_RING_OUTPUT, BW_RING_RAW };

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
	enum bw_ring_shows shows;
	bool refused;			/* said already */
	bool signal;			/* published, its reader not yet woken */
	bool signalled;			/* evfd may be readable */
	bool ready;			/* in the kernel's terms: on the ready list of its epoll set, until a wait finds it empty */
	uint64_t head;			/* as published */
	uint64_t given;			/* position up to which credit was given back */
	uint64_t dropped;		/* bytes left out by the filter, not yet given back */
	uint64_t received, returned;
	int64_t tick_at;
	unsigned int tick_ms;
};

/* Makes the ring of o, whose descriptor is fd, and has the board fill it. 0 or negative errno. */
int bw_ring_make(struct bw_placeholder *o, int fd, enum bw_ring_kind kind, size_t size, enum bw_ring_shows shows);
/* The mmap operations: address or negative errno. fd: a number of o. */
void *bw_ring_mmap_perf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset,
			enum bw_ring_shows shows);
void *bw_ring_mmap_bpf(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset);

#endif
