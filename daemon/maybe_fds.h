/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of a buffer with BW_MAYBE_FDS (protocol/bpfattr.h) are descriptors. */
#ifndef BW_DAEMON_MAYBE_FDS_H
#define BW_DAEMON_MAYBE_FDS_H

#include <stdint.h>

#define BW_MAYBE_FDS_MAX	512u

/*
 * union bpf_iter_link_info for this program. attach_btf_id: as it was loaded with, for kernels whose info does not tell (before 5.18); 0 unknown.
 * How many offsets, into offs[BW_MAYBE_FDS_MAX].
 */
uint32_t bw_iter_info_fds(int prog_fd, uint32_t attach_btf_id, uint32_t *offs);
/* The value of this BPF_MAP_TYPE_STRUCT_OPS. Each descriptor is the low half of a pointer. */
uint32_t bw_struct_ops_fds(int map_fd, uint32_t *offs);

#endif
