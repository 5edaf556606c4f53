/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings: buffers of perf events and BPF ring buffers, read here and pushed to the client as whole records, byte for byte.
 *
 * Records are taken out of the kernel's ring only while both the ring's and the session's credit last; the rest stays there, so that the
 * kernel goes on counting what it loses. All record types go through; the reader chooses (BCC and libbpf read SAMPLE and LOST alone).
 *
 * When the reader is signalled. The descriptors are in an edge-triggered epoll set, which reports exactly the wake-ups that the kernel
 * makes (a plain poll(2) reports a BPF ring buffer that holds anything). What is sent after one carries BW_RING_WAKE. Records without a
 * wake-up (BPF_RB_NO_WAKEUP, wakeup_events of more than 1) are found by a look every BW_RING_TICK_MS while such a ring is mapped, and go without.
 * In a stream the worker rests for a moment after it sent (BW_RING_REST_US at most), so that a message carries many records and not one: what a message
 * costs in four programs is then paid a thousand times a second and not for each event. The first record after a silence goes at once.
 *
 * Where the wake-up comes only after its records went already, an empty RING_DATA with BW_RING_WAKE follows. A kernel without epoll: every look wakes.
 */
#ifndef BW_DAEMON_RING_H
#define BW_DAEMON_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/channel.h"

#define BW_RING_TICK_MS	10
#define BW_RING_REST_US	1000

struct bw_handle;

struct bw_ring {
	struct bw_ring *next;
	uint32_t handle, kind;		/* enum bw_ring_kind */
	int fd;				/* the handle's */
	void *meta;			/* perf: the control page and the data; BPF: the consumer's page */
	void *producer;			/* BPF: the producer's page and the data */
	size_t meta_len, producer_len;
	const uint8_t *data;
	uint64_t size;			/* of data, a power of two */
	uint64_t tail;			/* records before this position are gone */
	uint32_t limit;			/* size of the tool's ring: credit never exceeds it */
	uint32_t credit;
	bool timed;			/* may hold records without a wake-up */
	bool wake;			/* signalled since WAKE was last sent */
	bool unsignalled;		/* records went without WAKE since */
	bool quiet;			/* at the last tick it held records up to quiet_head, of which there had been no signal */
	uint64_t quiet_head;
	bool stalled;			/* waits for credit */
	bool more;			/* stopped in mid-flood to let others have their turn */
	bool broken;			/* its records make no sense: no longer read */
	uint32_t flush;			/* request id of a RING_FLUSH to be answered when the ring is drained; 0: none */
};

struct bw_rings {
	struct bw_channel *ch;
	struct bw_ring *list;
	int epoll;			/* -1: none yet, or the kernel has none */
	int timed;			/* how many are */
	bool more, credit;		/* some ring is to be looked at now */
	int64_t next_tick;		/* bw_now_ms() */
	bool rests;			/* the kernel's timers are fine enough */
	uint32_t rest_us;		/* what the smallest ring bears of those that records were just sent of; 0: of none */
	int64_t pushed_us, rest_until;	/* when any were sent last; until when no ring is asked; 0: no rest */
	uint32_t page_size;
};

void bw_rings_init(struct bw_rings *s, struct bw_channel *ch, uint32_t page_size);
void bw_rings_fini(struct bw_rings *s);

/* max_entries: of a BPF ring buffer, as the kernel has it. -EBUSY: mapped already; -EINVAL; or mmap's. */
int bw_ring_map(struct bw_rings *s, uint32_t handle, struct bw_handle *h, uint32_t kind, uint32_t size, uint32_t max_entries);
void bw_ring_unmap(struct bw_rings *s, struct bw_handle *h);	/* nothing if it has none */
/* Answer request when all that is in the ring now has been sent. -EBUSY: one is waiting already. */
int bw_ring_flush(struct bw_rings *s, struct bw_ring *r, uint32_t request);

/* Credit came (handle BW_HANDLE_NONE: the session's). Sends nothing. */
void bw_rings_credit(struct bw_rings *s, uint32_t handle, uint32_t bytes);
/* For how long the worker may sleep: -1 for ever, 0 not at all. */
int bw_rings_timeout(const struct bw_rings *s);
/* Sleep until there is input, a ring is signalled, or the time is over. True: there is input (or its end). */
bool bw_rings_wait(struct bw_rings *s, int timeout_ms);
/* Look at what was signalled, has new credit or is due, and push. */
void bw_rings_service(struct bw_rings *s);

#endif
