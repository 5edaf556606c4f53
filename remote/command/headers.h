/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel headers of a board, for BCC: by the helper libexec/bpfwire/headers (remote/headers.sh). */
#ifndef BW_COMMAND_HEADERS_H
#define BW_COMMAND_HEADERS_H

#include <limits.h>
#include <stdbool.h>

#include "remote/command/board.h"

enum bw_headers_how {
	BW_HEADERS_HERE		= 0,	/* only what is installed or in the cache: takes milliseconds, says nothing */
	BW_HEADERS_FETCH	= 1,	/* fetch what is missing, which may take a minute: says so, and why it failed */
	BW_HEADERS_NONE		= 2,	/* make a directory that stands for "there are none", see below */
};

/*
 * out becomes the directory that BCC_KERNEL_SOURCE is to name. 0; -ENOENT: there are none; or another negative errno.
 *
 * BCC must never find BCC_KERNEL_SOURCE without include/linux/kconfig.h: it then runs "rm -rf /tmp/kheaders-RELEASE" and "modprobe
 * kheaders" on this machine (libbcc's loader.cc, seen with 0.26). So where there are no headers it gets a directory whose kconfig.h, which it includes
 * in each program, is an #error with a sentence for the user.
 */
int bw_headers_find(const struct bw_board *b, enum bw_headers_how how, char out[PATH_MAX]);

/* True if dir can be given to BCC as kernel headers. */
bool bw_headers_usable(const char *dir);

#endif
