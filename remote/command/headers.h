/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel headers of a board, for BCC: by the helper libexec/bpfwire/headers (remote/headers.sh), which knows the cache and Debian's archive. */
#ifndef BW_COMMAND_HEADERS_H
#define BW_COMMAND_HEADERS_H

#include <limits.h>
#include <stdbool.h>

#include "remote/command/board.h"

enum bw_headers_how {
	BW_HEADERS_HERE		= 0,	/* only what is installed or in the cache: takes milliseconds, says nothing */
	BW_HEADERS_FETCH	= 1,	/* fetch what is missing, which may take a minute: says so, and why it failed */
	BW_HEADERS_AGAIN	= 2,	/* the same, also where the archive had none a while ago */
	BW_HEADERS_NONE		= 3,	/* make a directory that stands for "there are none", see below */
};

/*
 * out becomes the directory that BCC_KERNEL_SOURCE is to name. 0; -ENOENT: there are none; or another negative errno.
 *
 * In this order: what is in the cache or installed here; the archive that the board's kernel carries (CONFIG_IKHEADERS); Debian's packages.
 *
 * BCC must never find BCC_KERNEL_SOURCE without include/linux/kconfig.h: it then runs "rm -rf /tmp/kheaders-RELEASE" and "modprobe
 * kheaders" on this machine (libbcc's loader.cc, seen with 0.26). So where there are no headers it gets a directory whose kconfig.h, which it includes
 * in each program, is an #error with a sentence for the user.
 */
int bw_headers_find(struct bw_board *b, enum bw_headers_how how, char out[PATH_MAX]);

/* True if dir can be given to BCC as kernel headers. */
bool bw_headers_usable(const char *dir);
/* The release that dir is configured for (include/generated/utsrelease.h); "" where it does not say. */
void bw_headers_release(const char *dir, char *out, size_t size);

/*
 * Runs `headers ARG...` (up to a NULL). Its one line of output, an absolute path, goes to out; with out NULL its output is ours. 0; -ENOENT where it
 * ended with 1, which is "no" and was explained; -EIO, or why it could not be run.
 */
int bw_headers_helper(const char *const *args, char out[PATH_MAX]);

/* kheaders.c: the board's own archive, unpacked into the cache. As bw_headers_find; -ENOENT also where it is refused, which it says. */
int bw_kheaders_fetch(struct bw_board *b, char out[PATH_MAX]);
/* True if dir was taken from a board whose kernel had the same release and was another: whoever builds kernels has many of one name. */
bool bw_kheaders_outdated(const struct bw_board *b, const char *dir);

/* sets.c: `bpfwire headers add|list|remove`; argv[0] is that word. */
int bw_headers_add(int argc, char **argv);
int bw_headers_list(int argc, char **argv);
int bw_headers_remove(int argc, char **argv);

#endif
