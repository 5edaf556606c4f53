// SPDX-License-Identifier: Apache-2.0
/*
 * The board's files, by absolute path. Whatever a path turns out to be, nothing here blocks: all opens are O_NONBLOCK, and contents are read
 * of regular files only (which pseudo files are). Opening never gives a controlling terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "daemon/op.h"
#include "protocol/io.h"
#include "protocol/wirecode.h"

#define SAFE_FLAGS	(O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define CHUNK		(256u << 10)

/* 0, BW_OP_MALFORMED, or why not. *path is to be freed, and NULL but after 0. */
static int get_file(struct bw_request *q, struct bw_file *m, uint32_t flags, char **path)
{
	if (bw_get_file(&q->r, m))
		return BW_OP_MALFORMED;
	if (m->flags & ~flags)
		return -EINVAL;
	if (!m->path.len || m->path.p[0] != '/')
		return m->path.len ? -EINVAL : -ENOENT;
	*path = bw_str_dup(m->path);
	return *path ? 0 : -ENOMEM;
}

/* ---- contents ---- */

/* A pseudo file says size 0 and a file may grow, so only the end of it counts. */
static int stream_contents(int fd, struct bw_stream_reply *s)
{
	bw_cleanup_free char *chunk = malloc(CHUNK);

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, chunk, CHUNK);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = bw_stream_reply_put(s, chunk, (size_t)n);
		if (r)
			return r;
	}
}

static int open_regular(const char *path, uint32_t flags, struct stat *st)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | SAFE_FLAGS | (flags & BW_FILE_NOFOLLOW ? O_NOFOLLOW : 0));

	if (fd < 0 || fstat(fd, st))
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	return S_ISREG(st->st_mode) ? bw_steal_fd(&fd) : -EINVAL;
}

BW_OP(file_get)
{
	bw_cleanup_free char *path = NULL;
	struct bw_stream_reply *s;
	bw_cleanup_fd int fd = -1;
	struct bw_stat wst;
	struct bw_file m;
	struct stat st;
	int r = get_file(q, &m, BW_FILE_NOFOLLOW, &path);

	if (r)
		return r;
	fd = open_regular(path, m.flags, &st);
	if (fd < 0)
		return fd;
	if ((uint64_t)st.st_size > w->msg_max)
		return -EFBIG;
	s = bw_stream_reply_new(w, q);
	if (!s)
		return -ENOMEM;
	bw_stat_to_wire(&st, &wst);
	bw_put_stat(&w->reply, &wst);
	r = w->reply.err ? w->reply.err : bw_stream_reply_put(s, w->reply.data, w->reply.len);
	return bw_stream_reply_end(s, r ? r : stream_contents(fd, s));
}

/* ---- names ---- */

BW_OP(file_stat)
{
	bw_cleanup_free char *path = NULL;
	struct bw_stat wst;
	struct bw_file m;
	struct stat st;
	int r = get_file(q, &m, BW_FILE_NOFOLLOW, &path);

	if (r)
		return r;
	if (fstatat(AT_FDCWD, path, &st, m.flags & BW_FILE_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0))
		return -errno;
	bw_stat_to_wire(&st, &wst);
	bw_put_stat(&w->reply, &wst);
	return 0;
}

BW_OP(file_access)
{
	bw_cleanup_free char *path = NULL;
	struct bw_file m;
	int r = get_file(q, &m, BW_FILE_NOFOLLOW | BW_FILE_EACCESS, &path);
	int flags = 0;

	if (r)
		return r;
	if (m.mode > 7)
		return -EINVAL;
	flags |= m.flags & BW_FILE_EACCESS ? AT_EACCESS : 0;
	flags |= m.flags & BW_FILE_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	return faccessat(AT_FDCWD, path, (int)m.mode, flags) ? -errno : 0;
}

BW_OP(file_readlink)
{
	bw_cleanup_free char *path = NULL;
	char link[BW_PATH_MAX + 1];
	struct bw_file m;
	ssize_t n;
	int r = get_file(q, &m, 0, &path);

	if (r)
		return r;
	n = readlink(path, link, sizeof(link));
	if (n < 0 || n > (ssize_t)BW_PATH_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	bw_put_strn(&w->reply, link, (size_t)n);
	return 0;
}

BW_OP(file_realpath)
{
	bw_cleanup_free char *path = NULL, *real = NULL;
	struct bw_file m;
	int r = get_file(q, &m, 0, &path);

	if (r)
		return r;
	real = realpath(path, NULL);
	if (!real)
		return -errno;
	bw_put_str(&w->reply, real);
	return strlen(real) > BW_PATH_MAX ? -ENAMETOOLONG : 0;
}

BW_OP(file_statfs)
{
	bw_cleanup_free char *path = NULL;
	struct bw_statfs wst;
	struct statfs st;
	struct bw_file m;
	int r = get_file(q, &m, 0, &path);

	if (r)
		return r;
	if (statfs(path, &st))
		return -errno;
	bw_statfs_to_wire(&st, &wst);
	bw_put_statfs(&w->reply, &wst);
	return 0;
}

static int change(const struct bw_file_change *m, const char *path, const char *path2)
{
	switch (m->what) {
	case BW_CHANGE_MKDIR: return mkdir(path, m->mode & 07777);
	case BW_CHANGE_RMDIR: return rmdir(path);
	case BW_CHANGE_UNLINK: return unlink(path);
	case BW_CHANGE_RENAME: return rename(path, path2);
	}
	errno = EINVAL;
	return -1;
}

BW_OP(file_change)
{
	bw_cleanup_free char *path = NULL, *path2 = NULL;
	struct bw_file_change m;

	if (bw_get_file_change(&q->r, &m))
		return BW_OP_MALFORMED;
	if (!m.path.len || m.path.p[0] != '/' || (m.what == BW_CHANGE_RENAME && (!m.path2.len || m.path2.p[0] != '/')))
		return -EINVAL;
	path = bw_str_dup(m.path);
	path2 = bw_str_dup(m.path2);
	if (!path || !path2)
		return -ENOMEM;
	return change(&m, path, path2) ? -errno : 0;
}

/* ---- open ---- */

/* If what is written to fd is journalled: its path, to be freed. */
static char *journalled_path(int fd, int flags)
{
	char proc[64], path[BW_PATH_MAX + 1];
	ssize_t n;

	if ((flags & O_ACCMODE) == O_RDONLY)
		return NULL;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = 0;
	return bw_journal_watches(path) ? strdup(path) : NULL;
}

BW_OP(file_open)
{
	bw_cleanup_free char *path = NULL;
	struct bw_handle_reply reply = { .object = BW_OBJ_FILE };
	struct bw_file m;
	int fd, flags, handle, r = get_file(q, &m, BW_O_ALL, &path);

	if (r)
		return r;
	flags = bw_oflags_from_wire(m.flags);
	if (flags < 0)
		return flags;
	fd = open(path, flags | SAFE_FLAGS, m.mode & 07777);
	if (fd < 0)
		return -errno;
	handle = bw_handle_add(&w->handles, BW_OBJ_FILE, fd);
	if (handle < 0)
		return handle;
	bw_handle_get(&w->handles, (uint32_t)handle)->journalled = journalled_path(fd, flags);
	reply.handle = (uint32_t)handle;
	bw_put_handle_reply(&w->reply, &reply);
	return 0;
}
