/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a map that can be mapped: arrays with BPF_F_MMAPABLE, and user ring buffers (whose layout here is the tool's: consumer position in the
 * first page, producer position in the second, then the data once). Mapped at the first access, to be read; the first write maps it to be
 * written, which the kernel refuses for a frozen map and which keeps it from being frozen, as a tool's own mapping would.
 */
#ifndef BW_DAEMON_MAP_MEMORY_H
#define BW_DAEMON_MAP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/handle.h"

/* True if read and write at an offset of this handle are for here. */
bool bw_map_memory_is(const struct bw_handle *h);
/* Bytes read (fewer at its end), or -errno. Aligned words of 8 bytes are read and written whole. */
int64_t bw_map_memory_read(struct bw_handle *h, uint64_t off, void *to, uint32_t len);
int64_t bw_map_memory_write(struct bw_handle *h, uint64_t off, const void *from, uint32_t len);
void bw_map_memory_free(struct bw_map_memory *m);	/* NULL is fine */

#endif
