/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking an archive of kernel headers from a board, which is not trusted, into a directory of ours. */
#ifndef BW_COMMAND_EXTRACT_H
#define BW_COMMAND_EXTRACT_H

#include <stddef.h>

#include "remote/command/tar.h"

/*
 * Makes all members of the archive below dirfd, an empty directory that nobody else writes to: files 0644, directories 0755, whatever the archive says;
 * owners and times are not looked at. Links are never followed and nothing is replaced. 0; or a negative errno with one sentence part in why, such as
 * "a hard link (include/x)": -EBADMSG what the archive holds is refused, else an errno of this machine's. What was made till then stays.
 */
int bw_extract(int dirfd, bw_tar_read_fn *read, void *arg, char *why, size_t size);

/* The same for len bytes of an .xz file, decompressed by a child `xz -dc` with limits on memory and time. -ENOENT: there is no xz here. */
int bw_extract_xz(int dirfd, const void *data, size_t len, char *why, size_t size);

#endif
