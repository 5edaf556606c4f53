// SPDX-License-Identifier: Apache-2.0
/* The wrappers that change directories of the board: pins in bpffs, instances in tracefs, cgroups. */
#include <string.h>
#include <unistd.h>

#include "remote/files.h"

/* The umask is applied here: the daemon's worker has none. */
static mode_t masked(mode_t mode)
{
	mode_t mask = umask(022);

	umask(mask);
	return mode & ~mask;
}

static int change(enum bw_change what, const char *path, const char *path2, mode_t mode)
{
	struct bw_file_change m = { .what = what, .path = { path, (uint32_t)strlen(path) } };
	struct bw_buf b = { 0 };
	int err = bw_conn_ready();

	if (err)
		return err;
	if (what == BW_CHANGE_MKDIR)
		m.mode = masked(mode) & 07777;
	if (path2)
		m.path2 = (struct bw_str){ path2, (uint32_t)strlen(path2) };
	bw_put_file_change(&b, &m);
	err = b.err ? b.err : bw_call(BW_MSG_FILE_CHANGE, &b, NULL);
	bw_buf_free(&b);
	bw_stat_forget();
	return err;
}

static int any_change(enum bw_change what, int dirfd, const char *path, mode_t mode)
{
	char board[BW_PATH_MAX + 1];

	return bw_path_where(dirfd, path, board) == BW_LOCAL ? BW_NOT_OURS : change(what, board, NULL, mode);
}

#define CHANGE(asked, libc) do { \
	int saved_ = errno, r_ = (asked); \
	if (r_ >= 0 || r_ == BW_NOT_OURS) \
		errno = saved_; \
	return r_ == BW_NOT_OURS ? libc : bw_ret(r_); \
} while (0)

BW_EXPORT int mkdir(const char *path, mode_t mode)
{
	CHANGE(any_change(BW_CHANGE_MKDIR, AT_FDCWD, path, mode), BW_REAL(mkdir)(path, mode));
}

BW_EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
	CHANGE(any_change(BW_CHANGE_MKDIR, dirfd, path, mode), BW_REAL(mkdirat)(dirfd, path, mode));
}

BW_EXPORT int rmdir(const char *path)
{
	CHANGE(any_change(BW_CHANGE_RMDIR, AT_FDCWD, path, 0), BW_REAL(rmdir)(path));
}

BW_EXPORT int unlink(const char *path)
{
	CHANGE(any_change(BW_CHANGE_UNLINK, AT_FDCWD, path, 0), BW_REAL(unlink)(path));
}

BW_EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
	CHANGE(any_change(flags & AT_REMOVEDIR ? BW_CHANGE_RMDIR : BW_CHANGE_UNLINK, dirfd, path, 0), BW_REAL(unlinkat)(dirfd, path, flags));
}

static int any_remove(const char *path)
{
	int r = any_change(BW_CHANGE_UNLINK, AT_FDCWD, path, 0);

	return r == -EISDIR || r == -EPERM ? any_change(BW_CHANGE_RMDIR, AT_FDCWD, path, 0) : r;
}

BW_EXPORT int remove(const char *path)
{
	CHANGE(any_remove(path), BW_REAL(remove)(path));
}

static int any_rename(const char *from, const char *to)
{
	char f[BW_PATH_MAX + 1], t[BW_PATH_MAX + 1];
	enum bw_where wf = bw_path_where(AT_FDCWD, from, f), wt = bw_path_where(AT_FDCWD, to, t);

	if (wf == BW_LOCAL && wt == BW_LOCAL)
		return BW_NOT_OURS;
	return wf != wt ? -EXDEV : change(BW_CHANGE_RENAME, f, t, 0);
}

BW_EXPORT int rename(const char *from, const char *to)
{
	CHANGE(any_rename(from, to), BW_REAL(rename)(from, to));
}
