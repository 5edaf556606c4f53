// SPDX-License-Identifier: Apache-2.0
/* The wrappers that resolve links: readlink and realpath. */
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t size);
ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len, size_t size);
char *__realpath_chk(const char *path, char *resolved, size_t size);

/* A question whose answer is a string, into buf of size bytes without NUL, cut as readlink cuts. Length or negative errno. */
static ssize_t ask_string(uint16_t type, const char *path, char *buf, size_t size)
{
	struct bw_reply reply;
	struct bw_reader r;
	struct bw_str s = { 0 };
	ssize_t n = bw_file_call(type, path, 0, 0, &reply);

	if (!n) {
		r = bw_reply_reader(&reply);
		s = bw_get_str(&r, BW_STRING_MAX);
		n = r.err;
	}
	if (!n) {
		n = (ssize_t)(s.len < size ? s.len : size);
		memcpy(buf, s.p, (size_t)n);
	}
	bw_reply_free(&reply);
	return n;
}

/* What the link /proc/self/fd/N says: the kernel's name of the object, or the board's path. */
static ssize_t placeholder_link(int fd, char *buf, size_t size)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	const char *name = o ? (o->ops->name ? o->ops->name : o->path) : NULL;
	ssize_t n = BW_NOT_OURS;

	if (name) {
		n = (ssize_t)strnlen(name, size);
		memcpy(buf, name, (size_t)n);
	}
	if (o)
		bw_placeholder_put(o);
	return n;
}

static ssize_t any_readlink(int dirfd, const char *path, char *buf, size_t size)
{
	char board[BW_PATH_MAX + 1];
	int fd;

	if (bw_path_is_self_fd(path, &fd))
		return bw_placeholder_maybe(fd) ? placeholder_link(fd, buf, size) : BW_NOT_OURS;
	if (bw_path_where(dirfd, path, board) == BW_LOCAL)
		return BW_NOT_OURS;
	return size ? ask_string(BW_MSG_FILE_READLINK, board, buf, size) : -EINVAL;
}

#define LINK(asked, libc) do { \
	int saved_ = errno; \
	ssize_t r_ = (asked); \
	if (r_ >= 0 || r_ == BW_NOT_OURS) \
		errno = saved_; \
	return r_ == BW_NOT_OURS ? libc : bw_ret(r_); \
} while (0)

BW_EXPORT ssize_t readlink(const char *path, char *buf, size_t len)
{
	LINK(any_readlink(AT_FDCWD, path, buf, len), BW_REAL(readlink)(path, buf, len));
}

BW_EXPORT ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
	LINK(any_readlink(dirfd, path, buf, len), BW_REAL(readlinkat)(dirfd, path, buf, len));
}

/* libc ends the program where len > size: so it is asked then. */
BW_EXPORT ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t size)
{
	LINK(len > size ? BW_NOT_OURS : any_readlink(AT_FDCWD, path, buf, len), BW_REAL(__readlink_chk)(path, buf, len, size));
}

BW_EXPORT ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len, size_t size)
{
	LINK(len > size ? BW_NOT_OURS : any_readlink(dirfd, path, buf, len), BW_REAL(__readlinkat_chk)(dirfd, path, buf, len, size));
}

int bw_file_realpath(const char *path, char *out)
{
	ssize_t n = ask_string(BW_MSG_FILE_REALPATH, path, out, BW_PATH_MAX);

	if (n < 0)
		return (int)n;
	out[n] = 0;
	return 0;
}

/* resolved: as in realpath(3), of PATH_MAX bytes or NULL. 0 and *out, or a negative errno, or BW_NOT_OURS. */
static int any_realpath(const void *caller, const char *path, char *resolved, char **out)
{
	char board[BW_PATH_MAX + 1];
	int err;

	if (bw_path_for(caller, AT_FDCWD, path, board) == BW_LOCAL)
		return BW_NOT_OURS;
	err = bw_file_realpath(board, board);
	if (err)
		return err;
	*out = resolved ? strcpy(resolved, board) : strdup(board);
	return *out ? 0 : -ENOMEM;
}

#define REALPATH(resolved, libc) do { \
	char *out_ = NULL; \
	int saved_ = errno, r_ = any_realpath(BW_BPFTRACE_CALLER, path, resolved, &out_); \
	if (r_ == BW_NOT_OURS) { \
		errno = saved_; \
		return libc; \
	} \
	errno = r_ ? -r_ : saved_; \
	return out_; \
} while (0)

BW_EXPORT char *realpath(const char *path, char *resolved)
{
	REALPATH(resolved, BW_REAL(realpath)(path, resolved));
}

BW_EXPORT char *__realpath_chk(const char *path, char *resolved, size_t size)
{
	if (size < BW_PATH_MAX + 1)
		return BW_REAL(__realpath_chk)(path, resolved, size);	/* which ends the program */
	REALPATH(resolved, BW_REAL(__realpath_chk)(path, resolved, size));
}

BW_EXPORT char *canonicalize_file_name(const char *path)
{
	REALPATH(NULL, BW_REAL(canonicalize_file_name)(path));
}
