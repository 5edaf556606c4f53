// SPDX-License-Identifier: Apache-2.0
/* The wrappers that ask what a file is: stat in all its spellings, access, statfs. */
#include <string.h>
#include <sys/sysmacros.h>

#include "protocol/wirecode.h"
#include "remote/files.h"

/* Kept for programs linked before glibc 2.33; no header declares them. */
int __xstat(int ver, const char *path, struct stat *st);
int __xstat64(int ver, const char *path, struct stat64 *st);
int __lxstat(int ver, const char *path, struct stat *st);
int __lxstat64(int ver, const char *path, struct stat64 *st);
int __fxstat(int ver, int fd, struct stat *st);
int __fxstat64(int ver, int fd, struct stat64 *st);
int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
int __fxstatat64(int ver, int dirfd, const char *path, struct stat64 *st, int flags);

static int ask_stat(const char *path, bool follow, struct stat *st)
{
	struct bw_reply reply;
	struct bw_stat ws;
	struct bw_reader r;
	int err = bw_file_call(BW_MSG_FILE_STAT, path, follow ? 0 : BW_FILE_NOFOLLOW, 0, &reply);

	if (!err) {
		r = bw_reply_reader(&reply);
		err = bw_get_stat(&r, &ws);
	}
	if (!err)
		bw_stat_from_wire(&ws, st);
	bw_reply_free(&reply);
	return err;
}

int bw_file_stat(const char *path, bool follow, struct stat *st)
{
	enum bw_stat_kind kind = follow ? BW_STAT_FOLLOW : BW_STAT_NOFOLLOW;
	int err;

	if (bw_stat_recall(path, follow, st, &err))
		return err;
	err = ask_stat(path, follow, st);
	if (!err && !follow && !S_ISLNK(st->st_mode))
		kind = BW_STAT_BOTH;
	if (!err || err == -ENOENT || err == -ENOTDIR)
		bw_stat_remember(path, kind, st, err);
	return err;
}

/* stat of a placeholder: BW_NOT_OURS, 0 or a negative errno. */
static int any_fstat(int fd, struct stat *st)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	int r = BW_NOT_OURS;

	if (!o)
		return r;
	if (o->ops->fstat)
		r = o->ops->fstat(o, st);
	bw_placeholder_put(o);
	return r;
}

/*
 * stat of a placeholder or of a path; BW_NOT_OURS, 0 or a negative errno. flags as fstatat. caller: the code that asks, if it may be one that looks for
 * programs and libraries to find symbols in (bw_opens_objects); else NULL.
 */
static int stat_for(const void *caller, int dirfd, const char *path, struct stat *st, int flags)
{
	char board[BW_PATH_MAX + 1];
	int fd;

	if (path && !*path)
		return (flags & AT_EMPTY_PATH) && bw_placeholder_maybe(dirfd) ? any_fstat(dirfd, st) : BW_NOT_OURS;
	if (bw_path_for(caller, dirfd, path, board) == BW_ON_BOARD)
		return bw_file_stat(board, !(flags & AT_SYMLINK_NOFOLLOW), st);
	if (!(flags & AT_SYMLINK_NOFOLLOW) && bw_path_is_self_fd(path, &fd) && bw_placeholder_maybe(fd))
		return any_fstat(fd, st);
	return BW_NOT_OURS;
}

static int any_stat(int dirfd, const char *path, struct stat *st, int flags)
{
	return stat_for(NULL, dirfd, path, st, flags);
}

/* The end of a stat wrapper: ours, or libc's. */
#define STAT(asked, libc) do { \
	int saved_ = errno, r_ = (asked); \
	if (r_ >= 0 || r_ == BW_NOT_OURS) \
		errno = saved_; \
	return r_ == BW_NOT_OURS ? libc : bw_ret(r_); \
} while (0)
#define ST ((struct stat *)st)

BW_EXPORT int stat(const char *path, struct stat *st)
{
	STAT(stat_for(BW_BPFTRACE_CALLER, AT_FDCWD, path, ST, 0), BW_REAL(stat)(path, st));
}

BW_EXPORT int stat64(const char *path, struct stat64 *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, 0), BW_REAL(stat64)(path, st));
}

BW_EXPORT int lstat(const char *path, struct stat *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, AT_SYMLINK_NOFOLLOW), BW_REAL(lstat)(path, st));
}

BW_EXPORT int lstat64(const char *path, struct stat64 *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, AT_SYMLINK_NOFOLLOW), BW_REAL(lstat64)(path, st));
}

BW_EXPORT int fstat(int fd, struct stat *st)
{
	STAT(any_fstat(fd, ST), BW_REAL(fstat)(fd, st));
}

BW_EXPORT int fstat64(int fd, struct stat64 *st)
{
	STAT(any_fstat(fd, ST), BW_REAL(fstat64)(fd, st));
}

BW_EXPORT int fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	STAT(any_stat(dirfd, path, ST, flags), BW_REAL(fstatat)(dirfd, path, st, flags));
}

BW_EXPORT int fstatat64(int dirfd, const char *path, struct stat64 *st, int flags)
{
	STAT(any_stat(dirfd, path, ST, flags), BW_REAL(fstatat64)(dirfd, path, st, flags));
}

BW_EXPORT int __xstat(int ver, const char *path, struct stat *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, 0), BW_REAL(__xstat)(ver, path, st));
}

BW_EXPORT int __xstat64(int ver, const char *path, struct stat64 *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, 0), BW_REAL(__xstat64)(ver, path, st));
}

BW_EXPORT int __lxstat(int ver, const char *path, struct stat *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, AT_SYMLINK_NOFOLLOW), BW_REAL(__lxstat)(ver, path, st));
}

BW_EXPORT int __lxstat64(int ver, const char *path, struct stat64 *st)
{
	STAT(any_stat(AT_FDCWD, path, ST, AT_SYMLINK_NOFOLLOW), BW_REAL(__lxstat64)(ver, path, st));
}

BW_EXPORT int __fxstat(int ver, int fd, struct stat *st)
{
	STAT(any_fstat(fd, ST), BW_REAL(__fxstat)(ver, fd, st));
}

BW_EXPORT int __fxstat64(int ver, int fd, struct stat64 *st)
{
	STAT(any_fstat(fd, ST), BW_REAL(__fxstat64)(ver, fd, st));
}

BW_EXPORT int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags)
{
	STAT(any_stat(dirfd, path, ST, flags), BW_REAL(__fxstatat)(ver, dirfd, path, st, flags));
}

BW_EXPORT int __fxstatat64(int ver, int dirfd, const char *path, struct stat64 *st, int flags)
{
	STAT(any_stat(dirfd, path, ST, flags), BW_REAL(__fxstatat64)(ver, dirfd, path, st, flags));
}

static struct statx_timestamp statx_time(const struct timespec *t)
{
	return (struct statx_timestamp){ .tv_sec = t->tv_sec, .tv_nsec = (uint32_t)t->tv_nsec };
}

static void to_statx(const struct stat *st, struct statx *x)
{
	*x = (struct statx){
		.stx_mask = STATX_BASIC_STATS, .stx_blksize = (uint32_t)st->st_blksize, .stx_nlink = (uint32_t)st->st_nlink,
		.stx_uid = st->st_uid, .stx_gid = st->st_gid, .stx_mode = (uint16_t)st->st_mode, .stx_ino = st->st_ino,
		.stx_size = (uint64_t)st->st_size, .stx_blocks = (uint64_t)st->st_blocks,
		.stx_atime = statx_time(&st->st_atim), .stx_mtime = statx_time(&st->st_mtim), .stx_ctime = statx_time(&st->st_ctim),
		.stx_rdev_major = major(st->st_rdev), .stx_rdev_minor = minor(st->st_rdev),
		.stx_dev_major = major(st->st_dev), .stx_dev_minor = minor(st->st_dev),
	};
}

BW_EXPORT int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *x)
{
	int saved = errno;
	struct stat st;
	int r = any_stat(dirfd, path, &st, flags);

	if (r == BW_NOT_OURS) {
		errno = saved;
		return BW_REAL(statx)(dirfd, path, flags, mask, x);
	}
	if (!r) {
		to_statx(&st, x);
		errno = saved;
	}
	return bw_ret(r);
}

/* ---- access ---- */

static int any_access(int dirfd, const char *path, int mode, int flags, const void *caller)
{
	uint32_t wire = (flags & AT_EACCESS ? BW_FILE_EACCESS : 0) | (flags & AT_SYMLINK_NOFOLLOW ? BW_FILE_NOFOLLOW : 0);
	char board[BW_PATH_MAX + 1];
	struct bw_reply reply;
	struct stat st;
	int err;

	if (bw_path_for(caller, dirfd, path, board) == BW_LOCAL)
		return BW_NOT_OURS;
	if (mode & ~(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (mode == F_OK)	/* the same question, and its answer is remembered for the open that follows */
		return bw_file_stat(board, !(flags & AT_SYMLINK_NOFOLLOW), &st);
	err = bw_file_call(BW_MSG_FILE_ACCESS, board, wire, (uint32_t)mode, &reply);
	bw_reply_free(&reply);
	return err;
}

BW_EXPORT int access(const char *path, int mode)
{
	STAT(any_access(AT_FDCWD, path, mode, 0, __builtin_return_address(0)), BW_REAL(access)(path, mode));
}

BW_EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	STAT(any_access(dirfd, path, mode, flags, NULL), BW_REAL(faccessat)(dirfd, path, mode, flags));
}

BW_EXPORT int eaccess(const char *path, int mode)
{
	STAT(any_access(AT_FDCWD, path, mode, AT_EACCESS, NULL), BW_REAL(eaccess)(path, mode));
}

BW_EXPORT int euidaccess(const char *path, int mode)
{
	STAT(any_access(AT_FDCWD, path, mode, AT_EACCESS, NULL), BW_REAL(euidaccess)(path, mode));
}

/* ---- statfs ---- */

static int ask_statfs(const char *path, struct statfs *st)
{
	struct bw_reply reply;
	struct bw_statfs m;
	struct bw_reader r;
	int err = bw_file_call(BW_MSG_FILE_STATFS, path, 0, 0, &reply);

	if (!err) {
		r = bw_reply_reader(&reply);
		err = bw_get_statfs(&r, &m);
	}
	if (!err)
		bw_statfs_from_wire(&m, st);
	bw_reply_free(&reply);
	return err;
}

static int any_statfs(const char *path, struct statfs *st)
{
	char board[BW_PATH_MAX + 1];

	return bw_path_where(AT_FDCWD, path, board) == BW_LOCAL ? BW_NOT_OURS : ask_statfs(board, st);
}

static int any_fstatfs(int fd, struct statfs *st)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	int r = o && o->path ? ask_statfs(o->path, st) : BW_NOT_OURS;

	if (o)
		bw_placeholder_put(o);
	return r;
}

static int to_statvfs(int r, const struct statfs *st, struct statvfs *v)
{
	if (r)
		return r;
	*v = (struct statvfs){
		.f_bsize = (unsigned long)st->f_bsize, .f_frsize = (unsigned long)st->f_frsize, .f_blocks = st->f_blocks, .f_bfree = st->f_bfree,
		.f_bavail = st->f_bavail, .f_files = st->f_files, .f_ffree = st->f_ffree, .f_favail = st->f_ffree,
		.f_flag = (unsigned long)st->f_flags, .f_namemax = (unsigned long)st->f_namelen,
	};
	return 0;
}

static int any_statvfs(const char *path, struct statvfs *v)
{
	struct statfs st;

	return to_statvfs(any_statfs(path, &st), &st, v);
}

static int any_fstatvfs(int fd, struct statvfs *v)
{
	struct statfs st;

	return to_statvfs(any_fstatfs(fd, &st), &st, v);
}

BW_EXPORT int fstatvfs(int fd, struct statvfs *st)
{
	STAT(any_fstatvfs(fd, st), BW_REAL(fstatvfs)(fd, st));
}

BW_EXPORT int fstatvfs64(int fd, struct statvfs64 *st)
{
	STAT(any_fstatvfs(fd, (struct statvfs *)st), BW_REAL(fstatvfs64)(fd, st));
}

BW_EXPORT int statfs(const char *path, struct statfs *st)
{
	STAT(any_statfs(path, st), BW_REAL(statfs)(path, st));
}

BW_EXPORT int statfs64(const char *path, struct statfs64 *st)
{
	STAT(any_statfs(path, (struct statfs *)st), BW_REAL(statfs64)(path, st));
}

BW_EXPORT int fstatfs(int fd, struct statfs *st)
{
	STAT(any_fstatfs(fd, st), BW_REAL(fstatfs)(fd, st));
}

BW_EXPORT int fstatfs64(int fd, struct statfs64 *st)
{
	STAT(any_fstatfs(fd, (struct statfs *)st), BW_REAL(fstatfs64)(fd, st));
}

BW_EXPORT int statvfs(const char *path, struct statvfs *st)
{
	STAT(any_statvfs(path, st), BW_REAL(statvfs)(path, st));
}

BW_EXPORT int statvfs64(const char *path, struct statvfs64 *st)
{
	STAT(any_statvfs(path, (struct statvfs *)st), BW_REAL(statvfs64)(path, st));
}
