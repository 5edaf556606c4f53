// SPDX-License-Identifier: Apache-2.0
/*
 * stdio on the board's files. libc's own reads and writes are no calls of symbols, so a placeholder that only our wrappers can read
 * or write needs a stream of ours (fopencookie); a fetched copy is a real file and gets a real one.
 */
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

/* What _FORTIFY_SOURCE calls. */
int __vdprintf_chk(int fd, int flag, const char *fmt, va_list ap);
int __dprintf_chk(int fd, int flag, const char *fmt, ...);

static ssize_t cookie_read(void *cookie, char *buf, size_t len)
{
	struct bw_placeholder *o = bw_placeholder_get((int)(intptr_t)cookie);
	ssize_t r = o && o->ops->read ? o->ops->read(o, buf, len, -1) : -EBADF;

	bw_placeholder_put(o);
	return bw_ret(r);
}

static ssize_t cookie_write(void *cookie, const char *buf, size_t len)
{
	struct bw_placeholder *o = bw_placeholder_get((int)(intptr_t)cookie);
	ssize_t r = o && o->ops->write ? o->ops->write(o, buf, len, -1) : -EBADF;

	bw_placeholder_put(o);
	return r < 0 ? (bw_ret(r), 0) : r;	/* fopencookie(3): 0 is the error */
}

static int cookie_close(void *cookie)
{
	return bw_fd_close((int)(intptr_t)cookie);
}

static bool needs_cookie(int fd)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	bool r = o && o->ops->read && o->object == BW_OBJ_FILE;

	bw_placeholder_put(o);
	return r;
}

FILE *bw_file_stdio(int fd, const char *mode)
{
	const cookie_io_functions_t io = { .read = cookie_read, .write = cookie_write, .close = cookie_close };
	FILE *f = needs_cookie(fd) ? fopencookie((void *)(intptr_t)fd, mode, io) : BW_REAL(fdopen)(fd, mode);
	int err = errno;

	if (!f) {
		bw_fd_close(fd);
		errno = err;
	}
	return f;
}

/* O_* of a mode of fopen(3), or -EINVAL. */
static int oflags_of(const char *mode)
{
	int flags;

	switch (*mode) {
	case 'r':	flags = O_RDONLY; break;
	case 'w':	flags = O_WRONLY | O_CREAT | O_TRUNC; break;
	case 'a':	flags = O_WRONLY | O_CREAT | O_APPEND; break;
	default:	return -EINVAL;
	}
	for (mode++; *mode && *mode != ','; mode++) {
		if (*mode == '+')
			flags = (flags & ~O_ACCMODE) | O_RDWR;
		else if (*mode == 'e')
			flags |= O_CLOEXEC;
		else if (*mode == 'x')
			flags |= O_EXCL;
	}
	return flags;
}

FILE *bw_file_fopen(const char *path, const char *mode)
{
	int flags = oflags_of(mode);
	int fd = flags < 0 ? flags : bw_file_open(path, flags, 0666);

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	return bw_file_stdio(fd, mode);
}

/* ---- wrappers ---- */

static FILE *any_fopen(const char *path, const char *mode, FILE *(*libc)(const char *, const char *))
{
	char board[BW_PATH_MAX + 1];
	int saved = errno, flags, fd;
	FILE *f;

	if (bw_path_where(AT_FDCWD, path, board) == BW_ON_BOARD) {
		f = bw_file_fopen(board, mode);
		if (f)
			errno = saved;
		return f;
	}
	flags = oflags_of(mode);
	fd = flags < 0 ? BW_NOT_OURS : bw_self_open(path, flags);
	if (fd == BW_NOT_OURS)
		return libc(path, mode);
	f = fd < 0 ? NULL : bw_file_stdio(fd, mode);
	if (f)
		errno = saved;
	else if (fd < 0)
		errno = -fd;
	return f;
}

BW_EXPORT FILE *fopen(const char *path, const char *mode)
{
	return any_fopen(path, mode, BW_REAL(fopen));
}

BW_EXPORT FILE *fopen64(const char *path, const char *mode)
{
	return any_fopen(path, mode, BW_REAL(fopen64));
}

/* libc's, but its inner open is no call of a symbol. */
BW_EXPORT FILE *setmntent(const char *path, const char *mode)
{
	char board[BW_PATH_MAX + 1];

	return bw_path_where(AT_FDCWD, path, board) == BW_ON_BOARD ? bw_file_fopen(board, mode) : BW_REAL(setmntent)(path, mode);
}

BW_EXPORT FILE *fdopen(int fd, const char *mode)
{
	const cookie_io_functions_t io = { .read = cookie_read, .write = cookie_write, .close = cookie_close };

	if (bw_placeholder_maybe(fd) && needs_cookie(fd))
		return fopencookie((void *)(intptr_t)fd, mode, io);
	return BW_REAL(fdopen)(fd, mode);
}

/* Reading: the fetched copy is opened by its name in /proc/self/fd. Writing cannot be: the stream must keep its own FILE. */
static FILE *any_freopen(const char *path, const char *mode, FILE *f, FILE *(*libc)(const char *, const char *, FILE *))
{
	char board[BW_PATH_MAX + 1], name[32];
	int fd, err;

	if (!path || bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return libc(path, mode, f);
	fd = *mode == 'r' && !strchr(mode, '+') ? bw_file_open(board, O_RDONLY | O_CLOEXEC, 0) : -EOPNOTSUPP;
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	f = libc(name, mode, f);
	err = errno;
	bw_fd_close(fd);
	errno = err;
	return f;
}

BW_EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
	return any_freopen(path, mode, f, BW_REAL(freopen));
}

BW_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *f)
{
	return any_freopen(path, mode, f, BW_REAL(freopen64));
}

#define BW_STDOUT_MAX	(1u << 20)	/* bytes between two flushes */

/* ---- a stream that libc made, whose descriptor became a placeholder later: stdout after a shell's redirection ---- */

/* What is in its buffer is one write(2) on the board, and another for what that one did not take. BW_NOT_OURS, 0 or EOF. */
static int flush_ours(FILE *f)
{
	int fd = fileno(f), saved = errno;
	struct bw_placeholder *o;
	const char *from;
	ssize_t r = 0;
	size_t len;

	if (fd < 0 || !bw_placeholder_maybe(fd) || !(len = __fpending(f)) || !(o = bw_placeholder_get(fd)))
		return BW_NOT_OURS;
	if (!o->ops->write) {
		bw_placeholder_put(o);
		return BW_NOT_OURS;
	}
	for (from = f->_IO_write_base; len && (r = o->ops->write(o, from, len, -1)) > 0; from += r)
		len -= (size_t)r;
	bw_placeholder_put(o);
	__fpurge(f);
	if (!len) {
		errno = saved;
		return 0;
	}
	f->_flags |= _IO_ERR_SEEN;
	errno = r < 0 ? (int)-r : EIO;
	return EOF;
}

BW_EXPORT int fflush(FILE *f)
{
	int r = flush_ours(f ? f : stdout);

	return f && r != BW_NOT_OURS ? r : BW_REAL(fflush)(f);
}

/* bash's stdout is line-buffered: libc itself would write each line, and not through us; and also what is more than its buffer, so that must hold all. */
void bw_stdout_redirected(int fd)
{
	static char buffer[BW_STDOUT_MAX];	/* memory only where it is written */
	static bool was_by_line;
	bool board = bw_placeholder_maybe(fd);

	if (!stdout || fileno(stdout) != fd || !(board ? __flbf(stdout) != 0 : was_by_line))
		return;
	setvbuf(stdout, board ? buffer : NULL, board ? _IOFBF : _IOLBF, board ? sizeof(buffer) : 0);
	was_by_line = board;
}

/* Before libc flushes what is open at exit. */
__attribute__((destructor)) static void flush_stdout(void)
{
	flush_ours(stdout);
}

/* dprintf to a file of the board is formatted here and written by one write, as libc does for what fits its buffer. */
static int any_vdprintf(int fd, const char *fmt, va_list ap)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	char *text = NULL;
	ssize_t r;
	int n;

	if (!o || !o->ops->write) {
		bw_placeholder_put(o);
		return BW_REAL(vdprintf)(fd, fmt, ap);
	}
	n = vasprintf(&text, fmt, ap);
	r = n < 0 ? -ENOMEM : o->ops->write(o, text, (size_t)n, -1);
	bw_placeholder_put(o);
	if (n >= 0)
		free(text);
	return bw_ret(r);
}

BW_EXPORT int vdprintf(int fd, const char *fmt, va_list ap)
{
	return any_vdprintf(fd, fmt, ap);
}

BW_EXPORT int __vdprintf_chk(int fd, int flag, const char *fmt, va_list ap)
{
	return bw_placeholder_maybe(fd) ? any_vdprintf(fd, fmt, ap) : BW_REAL(__vdprintf_chk)(fd, flag, fmt, ap);
}

BW_EXPORT int dprintf(int fd, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = any_vdprintf(fd, fmt, ap);
	va_end(ap);
	return r;
}

BW_EXPORT int __dprintf_chk(int fd, int flag, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bw_placeholder_maybe(fd) ? any_vdprintf(fd, fmt, ap) : BW_REAL(__vdprintf_chk)(fd, flag, fmt, ap);
	va_end(ap);
	return r;
}
