/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of tar archives from someone who is not trusted: POSIX ustar with pax headers, and GNU's long names. It does no I/O but through the
 * callback and touches no file system; remote/command/extract.h does.
 *
 * What comes out is a relative path of plain names, none of them "..", or a symbolic link that cannot lead out of the tree, however such links are
 * chained (its ".."s come first, and are no more than the directories it lies below). Everything else is refused: absolute names, hard links,
 * devices, sparse files, sizes past the limits, unknown types, checksums that are wrong, an end without the end mark.
 */
#ifndef BW_COMMAND_TAR_H
#define BW_COMMAND_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A kheaders archive of 6.1 has about 13000 files, the longest name 80, the largest file 2 MB, 60 MB in all. */
#define BW_TAR_NAME_MAX		1023u
#define BW_TAR_MEMBERS_MAX	200000u
#define BW_TAR_FILE_MAX		(64ull << 20)
#define BW_TAR_TOTAL_MAX	(512ull << 20)

enum bw_tar_type {
	BW_TAR_FILE	= 1,
	BW_TAR_DIR	= 2,
	BW_TAR_SYMLINK	= 3,
};

/* As read(2): bytes, 0 at the end, or a negative errno. May be short. */
typedef ssize_t bw_tar_read_fn(void *arg, void *buf, size_t len);

struct bw_tar {
	bw_tar_read_fn *read;
	void *arg;
	/* the entry that bw_tar_next came to */
	enum bw_tar_type type;
	char name[BW_TAR_NAME_MAX + 1];
	char target[BW_TAR_NAME_MAX + 1];	/* SYMLINK */
	uint64_t size;				/* FILE */
	const char *why;			/* after a refusal: "a hard link"; `name` is the member it was in, or "" */
	/* the reader's own */
	uint64_t left, padding, total;
	uint32_t members;
	bool has_name, has_target;		/* from a header before */
};

void bw_tar_init(struct bw_tar *t, bw_tar_read_fn *read, void *arg);
/* Goes over what is left of the entry before. 1: an entry; 0: the end; -EBADMSG: refused, see `why`; or the callback's errno. */
int bw_tar_next(struct bw_tar *t);
/* The next bytes of a FILE, at most len; 0 at its end. -EBADMSG where the archive ends before; or the callback's errno. */
ssize_t bw_tar_data(struct bw_tar *t, void *buf, size_t len);

#endif
