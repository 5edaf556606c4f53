// SPDX-License-Identifier: Apache-2.0
/* Directories: listed with the stat of each entry, and with all that is below them, in one message. Links are not followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/op.h"
#include "protocol/io.h"
#include "protocol/wirecode.h"

#define DEPTH_MAX	32		/* below the directory asked for; deeper is not listed */
#define ENTRIES_MAX	1000000u	/* -EFBIG after these: no tree of tracefs or sysfs comes near */

struct listing {
	struct bw_stream_reply *s;
	struct bw_buf entry;		/* one encoded dirent */
	uint32_t flags;
	int levels;			/* below the directory asked for */
	uint32_t count;
	char name[BW_PATH_MAX + 1];	/* of the entry, relative to the directory asked for */
};

static int list_dir(struct listing *l, int dirfd, size_t prefix, int depth);

static int put_entry(struct listing *l, const struct stat *st)
{
	struct bw_dirent d = { .name = { l->name, (uint32_t)strlen(l->name) } };

	if (st)
		bw_stat_to_wire(st, &d.st);
	if (++l->count > ENTRIES_MAX)
		return -EFBIG;
	bw_buf_reset(&l->entry);
	bw_put_dirent(&l->entry, &d);
	return l->entry.err ? l->entry.err : bw_stream_reply_put(l->s, l->entry.data, l->entry.len);
}

/* What is below a directory that vanishes, or that cannot be read, is left out; it itself is listed. */
static int descend(struct listing *l, int dirfd, const char *name, int depth)
{
	size_t len = strlen(l->name);
	int fd;

	if (depth == l->levels || len + 2 > sizeof(l->name))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	l->name[len] = '/';
	l->name[len + 1] = 0;
	return list_dir(l, fd, len + 1, depth + 1);
}

static int list_entry(struct listing *l, int dirfd, const struct dirent *e, size_t prefix, int depth)
{
	size_t len = strlen(e->d_name);
	struct stat st;
	bool known;
	int r;

	if (prefix + len > BW_PATH_MAX)
		return 0;
	memcpy(l->name + prefix, e->d_name, len + 1);
	known = !fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW);
	r = put_entry(l, known ? &st : NULL);
	if (!r && known && l->flags & BW_FILE_RECURSE && S_ISDIR(st.st_mode))
		r = descend(l, dirfd, e->d_name, depth);
	return r;
}

/* Takes fd. */
static int list_dir(struct listing *l, int fd, size_t prefix, int depth)
{
	struct dirent *e;
	int r = 0;
	DIR *d = fdopendir(fd);

	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	while (!r) {
		errno = 0;
		e = readdir(d);
		if (!e) {
			r = depth ? 0 : -errno;
			break;
		}
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = list_entry(l, fd, e, prefix, depth);
	}
	closedir(d);
	return r;
}

BW_OP(file_list)
{
	bw_cleanup_free struct listing *l = NULL;
	bw_cleanup_free char *path = NULL;
	struct bw_file m;
	int fd, r;

	if (bw_get_file(&q->r, &m))
		return BW_OP_MALFORMED;
	if (m.flags & ~(uint32_t)(BW_FILE_RECURSE | BW_FILE_NOFOLLOW) || !m.path.len || m.path.p[0] != '/')
		return -EINVAL;
	path = bw_str_dup(m.path);
	l = calloc(1, sizeof(*l));
	if (!path || !l)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | (m.flags & BW_FILE_NOFOLLOW ? O_NOFOLLOW : 0));
	if (fd < 0)
		return -errno;
	l->flags = m.flags;
	l->levels = m.mode && m.mode < DEPTH_MAX ? (int)m.mode : DEPTH_MAX;
	l->s = bw_stream_reply_new(w, q);
	if (!l->s) {
		close(fd);
		return -ENOMEM;
	}
	r = list_dir(l, fd, 0, 0);
	bw_buf_free(&l->entry);
	return bw_stream_reply_end(l->s, r);
}
