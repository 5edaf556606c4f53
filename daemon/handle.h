/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's handles: numbers from 1 up, the lowest free one first, that name descriptors of its worker. Closing a handle closes the
 * descriptor, and with that the kernel lets go of what only it held; a worker's end closes all.
 */
#ifndef BW_DAEMON_HANDLE_H
#define BW_DAEMON_HANDLE_H

#include <stdbool.h>

#include "protocol/msg.h"

#define BW_HANDLES_MAX	65536u

struct bw_map_memory;
struct bw_ring;

struct bw_handle {
	uint32_t object;		/* enum bw_object; BW_OBJ_NONE: free */
	int fd;
	struct bw_map_info map;		/* of BW_OBJ_MAP */
	uint32_t asked_entries;		/* max_entries as the tool asked, where the daemon had to ask for more; else 0 */
	uint32_t attach_btf_id;		/* BW_OBJ_PROG: as it was loaded with, else 0 */
	bool wakes_each;		/* BW_OBJ_PERF: each record signals the reader (wakeup_events 1) */
	char *journalled;		/* BW_OBJ_FILE: its path, if what is written there is journalled; owned */
	struct bw_map_memory *memory;	/* BW_OBJ_MAP: its mapping, or NULL; see map_memory.h */
	struct bw_ring *ring;		/* owned by rings.c; unmapped before the handle is closed */
};

struct bw_handles {
	struct bw_handle *h;		/* index 0 is handle 1 */
	uint32_t cap, used;
	uint32_t lowest;		/* no index below is free */
};

/* The new handle, or -EMFILE, -ENOMEM. Takes fd in any case: it is closed on failure. */
int bw_handle_add(struct bw_handles *t, uint32_t object, int fd);
/* Valid until the next add; NULL: no such handle. */
struct bw_handle *bw_handle_get(const struct bw_handles *t, uint32_t handle);
/* The descriptor; -1, which the kernel answers with EBADF, for BW_HANDLE_BAD and whatever is not open. */
int bw_handle_fd(const struct bw_handles *t, uint32_t handle);
int bw_handle_close(struct bw_handles *t, uint32_t handle);	/* -EBADF */
void bw_handles_fini(struct bw_handles *t);

#endif
