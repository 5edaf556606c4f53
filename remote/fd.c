// SPDX-License-Identifier: Apache-2.0
/*
 * Wrappers of what is done with a descriptor. Each asks the table first; what is not a placeholder goes on to libc at once.
 * Descriptors of our own (bw_fd_is_private) look closed to the tool.
 */
#include "remote/remote.h"
#include "remote/conn.h"

#include <limits.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* libc exports these, its headers declare them only inside. */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t room);

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC	(1U << 2)
#endif

static int bad_fd(void)
{
	errno = EBADF;
	return -1;
}

/* Result of an operation: errno untouched on success, which calls to the board may have changed on the way. */
static ssize_t result(ssize_t r, int saved)
{
	errno = r < 0 ? (int)-r : saved;
	return r < 0 ? -1 : r;
}

/* ---- numbers ---- */

BW_EXPORT int close(int fd)
{
	if (bw_placeholder_maybe(fd)) {
		int saved = errno;

		if (bw_fd_is_private(fd))
			return bad_fd();
		/* First out of the table: once it is closed another thread may get the number. */
		bw_placeholder_forget(fd);
		errno = saved;
	}
	return BW_REAL(close)(fd);
}

/* Around our own descriptors, one range at a time. */
BW_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int fd, from = first;

	(void)BW_REAL(close);
	if (!bw_real.close_range) {
		errno = ENOSYS;
		return -1;
	}
	if (flags & (int)CLOSE_RANGE_CLOEXEC || first > last)
		return bw_real.close_range(first, last, flags);
	bw_placeholder_forget_range(first, last);
	for (fd = first; fd <= last && fd < 65536; fd++) {
		if (!bw_fd_is_private((int)fd))
			continue;
		if (fd > from && bw_real.close_range(from, fd - 1, flags))
			return -1;
		from = fd + 1;
	}
	return from > last ? 0 : bw_real.close_range(from, last, flags);
}

BW_EXPORT void closefrom(int lowfd)
{
	int saved = errno;

	if (close_range(lowfd < 0 ? 0 : (unsigned int)lowfd, UINT_MAX, 0) && BW_REAL(closefrom))
		bw_real.closefrom(lowfd);
	errno = saved;
}

static int duplicated(int oldfd, int newfd)
{
	if (newfd >= 0 && newfd != oldfd) {
		int saved = errno;

		bw_placeholder_forget(newfd);
		bw_placeholder_dup(oldfd, newfd);
		errno = saved;
	}
	return newfd;
}

BW_EXPORT int dup(int fd)
{
	int r = BW_REAL(dup)(fd);

	return bw_placeholder_maybe(fd) ? duplicated(fd, r) : r;
}

/* The tool wants a number that is ours: we move. */
static int make_way(int newfd)
{
	return bw_fd_is_private(newfd) ? bw_fd_move_private(newfd) : 0;
}

BW_EXPORT int dup2(int oldfd, int newfd)
{
	int r;

	if (!bw_placeholder_maybe(oldfd) && !bw_placeholder_maybe(newfd))
		return BW_REAL(dup2)(oldfd, newfd);
	if (bw_fd_is_private(oldfd) || make_way(newfd))
		return bad_fd();
	r = duplicated(oldfd, BW_REAL(dup2)(oldfd, newfd));
	bw_stdout_redirected(newfd);
	return r;
}

BW_EXPORT int dup3(int oldfd, int newfd, int flags)
{
	int r;

	if (!bw_placeholder_maybe(oldfd) && !bw_placeholder_maybe(newfd))
		return BW_REAL(dup3)(oldfd, newfd, flags);
	if (bw_fd_is_private(oldfd) || make_way(newfd))
		return bad_fd();
	r = duplicated(oldfd, BW_REAL(dup3)(oldfd, newfd, flags));
	bw_stdout_redirected(newfd);
	return r;
}

/* A file of the board's was opened with the tool's flags; its placeholder is a memfd, which always is O_RDWR. */
static int file_flags(int fd, int cmd, long arg)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	int r = INT_MIN;

	if (o && o->object == BW_OBJ_FILE && o->handle && cmd == F_GETFL)
		r = o->oflags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	if (o && o->object == BW_OBJ_FILE && cmd == F_SETFL)
		o->oflags = (o->oflags & ~(O_APPEND | O_NONBLOCK)) | (int)(arg & (O_APPEND | O_NONBLOCK));
	bw_placeholder_put(o);
	return r;
}

static int any_fcntl(int (*real)(int, int, ...), int fd, int cmd, long arg)
{
	int r;

	if (!bw_placeholder_maybe(fd))
		return real(fd, cmd, arg);
	if (bw_fd_is_private(fd))
		return bad_fd();
	if (cmd == F_GETFL || cmd == F_SETFL) {
		r = file_flags(fd, cmd, arg);
		if (r != INT_MIN)
			return r;
	}
	r = real(fd, cmd, arg);
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? duplicated(fd, r) : r;
}

#define THIRD_ARG(last, type) ({ va_list ap_; type v_; va_start(ap_, last); v_ = va_arg(ap_, type); va_end(ap_); v_; })

BW_EXPORT int fcntl(int fd, int cmd, ...)
{
	return any_fcntl(BW_REAL(fcntl), fd, cmd, THIRD_ARG(cmd, long));
}

BW_EXPORT int fcntl64(int fd, int cmd, ...)
{
	return any_fcntl(BW_REAL(fcntl64) ? bw_real.fcntl64 : bw_real.fcntl, fd, cmd, THIRD_ARG(cmd, long));
}

/* libc closes the descriptor by itself. */
BW_EXPORT int fclose(FILE *f)
{
	int saved = errno, fd = f ? fileno(f) : -1, flushed = 0, r;

	if (fd >= 0 && bw_placeholder_maybe(fd)) {
		flushed = fflush(f);
		if (flushed)
			saved = errno;
		bw_placeholder_forget(fd);
	}
	errno = saved;
	r = BW_REAL(fclose)(f);
	if (!flushed)
		return r;
	errno = saved;
	return EOF;
}

BW_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg = THIRD_ARG(request, unsigned long);
	struct bw_placeholder *o;
	int saved = errno, r;

	if (!bw_placeholder_maybe(fd) || !(o = bw_placeholder_get(fd)))
		return BW_REAL(ioctl)(fd, request, arg);
	r = o->ops->ioctl ? (int)result(o->ops->ioctl(o, request, arg), saved) : BW_REAL(ioctl)(fd, request, arg);
	bw_placeholder_put(o);
	return r;
}

/* ---- reading and writing ---- */

/* The object if the operation is its own business, else NULL: libc's function. */
static struct bw_placeholder *reader(int fd)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;

	if (o && o->ops->read)
		return o;
	bw_placeholder_put(o);
	return NULL;
}

static struct bw_placeholder *writer(int fd)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;

	if (o && o->ops->write)
		return o;
	bw_placeholder_put(o);
	return NULL;
}

static ssize_t read_from(struct bw_placeholder *o, void *buf, size_t len, int64_t offset)
{
	int saved = errno;
	ssize_t r = result(o->ops->read(o, buf, len, offset), saved);

	bw_placeholder_put(o);
	return r;
}

static ssize_t write_to(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset)
{
	int saved = errno;
	ssize_t r = result(o->ops->write(o, buf, len, offset), saved);

	bw_placeholder_put(o);
	return r;
}

BW_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	struct bw_placeholder *o = reader(fd);

	return o ? read_from(o, buf, len, -1) : BW_REAL(read)(fd, buf, len);
}

BW_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
	struct bw_placeholder *o = len <= room ? reader(fd) : NULL;

	return o ? read_from(o, buf, len, -1) : BW_REAL(__read_chk)(fd, buf, len, room);
}

BW_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	struct bw_placeholder *o = writer(fd);

	return o ? write_to(o, buf, len, -1) : BW_REAL(write)(fd, buf, len);
}

#define NEGATIVE(offset) ({ if ((offset) < 0) { errno = EINVAL; return -1; } })

BW_EXPORT ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
	struct bw_placeholder *o;

	NEGATIVE(offset);
	o = reader(fd);
	return o ? read_from(o, buf, len, offset) : BW_REAL(pread)(fd, buf, len, offset);
}

BW_EXPORT ssize_t pread64(int fd, void *buf, size_t len, off64_t offset)
{
	struct bw_placeholder *o;

	NEGATIVE(offset);
	o = reader(fd);
	return o ? read_from(o, buf, len, offset) : BW_REAL(pread64)(fd, buf, len, offset);
}

BW_EXPORT ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t room)
{
	return len <= room ? pread(fd, buf, len, offset) : BW_REAL(__pread_chk)(fd, buf, len, offset, room);
}

BW_EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t room)
{
	return len <= room ? pread64(fd, buf, len, offset) : BW_REAL(__pread64_chk)(fd, buf, len, offset, room);
}

BW_EXPORT ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	struct bw_placeholder *o;

	NEGATIVE(offset);
	o = writer(fd);
	return o ? write_to(o, buf, len, offset) : BW_REAL(pwrite)(fd, buf, len, offset);
}

BW_EXPORT ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
	struct bw_placeholder *o;

	NEGATIVE(offset);
	o = writer(fd);
	return o ? write_to(o, buf, len, offset) : BW_REAL(pwrite64)(fd, buf, len, offset);
}

static ssize_t vector(int fd, const struct iovec *v, int n, ssize_t (*one)(int, void *, size_t))
{
	ssize_t sum = 0, r;
	int i;

	for (i = 0; i < n; i++) {
		if (!v[i].iov_len)
			continue;
		r = one(fd, v[i].iov_base, v[i].iov_len);
		if (r < 0)
			return sum ? sum : r;
		sum += r;
		if ((size_t)r < v[i].iov_len)
			break;
	}
	return sum;
}

static ssize_t write_one(int fd, void *buf, size_t len)
{
	return write(fd, buf, len);
}

BW_EXPORT ssize_t readv(int fd, const struct iovec *v, int n)
{
	struct bw_placeholder *o = reader(fd);

	bw_placeholder_put(o);
	return o ? vector(fd, v, n, read) : BW_REAL(readv)(fd, v, n);
}

BW_EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
	struct bw_placeholder *o = writer(fd);

	bw_placeholder_put(o);
	return o ? vector(fd, v, n, write_one) : BW_REAL(writev)(fd, v, n);
}

/* ---- memory ---- */

static void *mapped(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset)
{
	int saved = errno;
	void *at = o->ops->mmap(o, fd, addr, len, prot, flags, offset);

	bw_placeholder_put(o);
	if (!bw_is_err(at)) {
		errno = saved;
		return at;
	}
	errno = (int)-(intptr_t)at;
	return MAP_FAILED;
}

static struct bw_placeholder *mappable(int fd, int flags)
{
	struct bw_placeholder *o = !(flags & MAP_ANONYMOUS) && bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;

	if (o && o->ops->mmap)
		return o;
	bw_placeholder_put(o);
	return NULL;
}

BW_EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct bw_placeholder *o = mappable(fd, flags);

	return o ? mapped(o, fd, addr, len, prot, flags, offset) : BW_REAL(mmap)(addr, len, prot, flags, fd, offset);
}

BW_EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	struct bw_placeholder *o = mappable(fd, flags);

	return o ? mapped(o, fd, addr, len, prot, flags, offset) : BW_REAL(mmap64)(addr, len, prot, flags, fd, offset);
}

BW_EXPORT int munmap(void *addr, size_t len)
{
	if (atomic_load_explicit(&bw_ring_count, memory_order_relaxed) && bw_is_owner()) {
		int saved = errno;

		bw_ring_munmap(addr, len);
		errno = saved;
	}
	bw_map_munmap(addr, len);
	return BW_REAL(munmap)(addr, len);
}
