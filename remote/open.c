// SPDX-License-Identifier: Apache-2.0
/* The wrappers of open(2) in all its spellings. */
#include "remote/files.h"

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

/* BW_NOT_OURS, a descriptor, or a negative errno. */
static int any_open(int dirfd, const char *path, int flags, mode_t mode)
{
	char board[BW_PATH_MAX + 1];

	if (bw_path_where(dirfd, path, board) == BW_ON_BOARD)
		return bw_file_open(board, flags, mode);
	return bw_self_open(path, flags);
}

/* The same for libbcc, whose open(2) of a file to read is of a program or library to find symbols in. */
static int object_open(const char *path, int flags, mode_t mode, const void *caller)
{
	char board[BW_PATH_MAX + 1];

	if (flags == O_RDONLY && bw_path_for(caller, AT_FDCWD, path, board) == BW_ON_BOARD)
		return bw_file_open(board, flags, mode);
	return any_open(AT_FDCWD, path, flags, mode);
}

#define MODE_OF(flags, last) ({ \
	mode_t mode_ = 0; \
	if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) { \
		va_list ap_; \
		va_start(ap_, last); \
		mode_ = va_arg(ap_, mode_t); \
		va_end(ap_); \
	} \
	mode_; })

#define ANSWER(r, libc) do { \
	int r_ = (r); \
	if (__builtin_expect(r_ == BW_NOT_OURS, 1)) { \
		errno = saved; \
		return libc; \
	} \
	if (r_ >= 0) \
		errno = saved; \
	return bw_ret(r_); \
} while (0)

#define OPEN(name) \
BW_EXPORT int name(const char *path, int flags, ...) \
{ \
	mode_t mode = MODE_OF(flags, flags); \
	int saved = errno; \
	ANSWER(object_open(path, flags, mode, __builtin_return_address(0)), BW_REAL(name)(path, flags, mode)); \
}

#define OPENAT(name) \
BW_EXPORT int name(int dirfd, const char *path, int flags, ...) \
{ \
	mode_t mode = MODE_OF(flags, flags); \
	int saved = errno; \
	ANSWER(any_open(dirfd, path, flags, mode), BW_REAL(name)(dirfd, path, flags, mode)); \
}

/* What _FORTIFY_SOURCE calls where it sees that no mode is needed. */
#define OPEN_2(name) \
BW_EXPORT int name(const char *path, int flags) \
{ \
	int saved = errno; \
	ANSWER(any_open(AT_FDCWD, path, flags, 0), BW_REAL(name)(path, flags)); \
}

#define OPENAT_2(name) \
BW_EXPORT int name(int dirfd, const char *path, int flags) \
{ \
	int saved = errno; \
	ANSWER(any_open(dirfd, path, flags, 0), BW_REAL(name)(dirfd, path, flags)); \
}

#define CREAT(name) \
BW_EXPORT int name(const char *path, mode_t mode) \
{ \
	int saved = errno; \
	ANSWER(any_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode), BW_REAL(name)(path, mode)); \
}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)
CREAT(creat)
CREAT(creat64)
