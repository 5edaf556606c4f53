/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `bpfwire run --stats` counts: a file that the command makes and every process of the tool maps (BPFWIRE_STATS is its path), so that the sum is
 * whole however they end. One row a kind of request: a message type, or for BPF messages the bpf(2) command.
 */
#ifndef BW_REMOTE_STATS_H
#define BW_REMOTE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_STATS_MAGIC		0x31737762u	/* "bws1": of this version, on this machine */
#define BW_STATS_BPF		128u		/* rows from here on: bpf(2) commands; below: message types */
#define BW_STATS_ROWS		(BW_STATS_BPF + 128u)

struct bw_stats_row {
	_Atomic uint64_t sent;		/* messages to the board */
	_Atomic uint64_t trips;		/* round trips: waits for a reply to what was not yet sent when the last one ended */
	_Atomic uint64_t wait_ns;	/* how long */
	_Atomic uint64_t out, in;	/* bytes of payload */
};

struct bw_stats {
	uint32_t magic;
	struct bw_stats_row rows[BW_STATS_ROWS];
};

/* In the library (stats.c). Without BPFWIRE_STATS they do nothing. The row of a message by its beginning: */
unsigned int bw_stats_row_of(uint16_t type, const void *payload, size_t len);
void bw_stats_sent(unsigned int row, size_t bytes);
void bw_stats_received(unsigned int row, size_t bytes);		/* without a request: ring data */
/* Around a wait for a reply: what begin returned goes to end. */
int64_t bw_stats_wait_begin(void);
void bw_stats_wait_end(unsigned int row, int64_t begun, size_t bytes, bool trip);

#endif
