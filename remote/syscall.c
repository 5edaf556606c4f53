// SPDX-License-Identifier: Apache-2.0
/*
 * syscall(2): how every front end enters bpf(2) and perf_event_open(2), and what some do with descriptors and files too. Numbers that have a
 * wrapper go there (by the wrapper's name: the one place in the library where that is meant); the rest to libc.
 */
#include "remote/files.h"
#include "remote/remote.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Six arguments, as registers hold them. */
struct args { long a, b, c, d, e, f; };

static long board_call(long nr, const struct args *x, bool *taken)
{
	*taken = true;
	switch (nr) {
	case SYS_bpf:
		return bw_bpf_call((unsigned int)x->a, (void *)x->b, (unsigned int)x->c);
	case SYS_perf_event_open:
		return bw_perf_event_open((void *)x->a, (pid_t)x->b, (int)x->c, (int)x->d, (unsigned long)x->e);
	}
	*taken = false;
	return 0;
}

static long descriptor_call(long nr, const struct args *x, bool *taken)
{
	*taken = true;
	switch (nr) {
	case SYS_close:
		return close((int)x->a);
#ifdef SYS_close_range
	case SYS_close_range:
		return close_range((unsigned int)x->a, (unsigned int)x->b, (int)x->c);
#endif
	case SYS_dup:
		return dup((int)x->a);
#ifdef SYS_dup2
	case SYS_dup2:
		return dup2((int)x->a, (int)x->b);
#endif
	case SYS_dup3:
		return dup3((int)x->a, (int)x->b, (int)x->c);
	case SYS_fcntl:
		return fcntl((int)x->a, (int)x->b, x->c);
	case SYS_ioctl:
		return ioctl((int)x->a, (unsigned long)x->b, x->c);
	case SYS_read:
		return read((int)x->a, (void *)x->b, (size_t)x->c);
	case SYS_write:
		return write((int)x->a, (void *)x->b, (size_t)x->c);
	case SYS_pread64:
		return pread64((int)x->a, (void *)x->b, (size_t)x->c, x->d);
	case SYS_pwrite64:
		return pwrite64((int)x->a, (void *)x->b, (size_t)x->c, x->d);
	case SYS_readv:
		return readv((int)x->a, (const struct iovec *)x->b, (int)x->c);
	case SYS_writev:
		return writev((int)x->a, (const struct iovec *)x->b, (int)x->c);
	case SYS_mmap:
		return (long)mmap64((void *)x->a, (size_t)x->b, (int)x->c, (int)x->d, (int)x->e, x->f);
	case SYS_munmap:
		return munmap((void *)x->a, (size_t)x->b);
	}
	*taken = false;
	return 0;
}

static long wait_call(long nr, const struct args *x, bool *taken)
{
	*taken = true;
	switch (nr) {
#ifdef SYS_poll
	case SYS_poll:
		return poll((struct pollfd *)x->a, (nfds_t)x->b, (int)x->c);
#endif
	case SYS_ppoll:
		return ppoll((struct pollfd *)x->a, (nfds_t)x->b, (const struct timespec *)x->c, (const sigset_t *)x->d);
	case SYS_epoll_ctl:
		return epoll_ctl((int)x->a, (int)x->b, (int)x->c, (struct epoll_event *)x->d);
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
		return epoll_wait((int)x->a, (struct epoll_event *)x->b, (int)x->c, (int)x->d);
#endif
	case SYS_epoll_pwait:
		return epoll_pwait((int)x->a, (struct epoll_event *)x->b, (int)x->c, (int)x->d, (const sigset_t *)x->e);
	}
	*taken = false;
	return 0;
}

static long file_call(long nr, const struct args *x, bool *taken)
{
	*taken = true;
	switch (nr) {
#ifdef SYS_open
	case SYS_open:
		return open((const char *)x->a, (int)x->b, (mode_t)x->c);
#endif
	case SYS_openat:
		return openat((int)x->a, (const char *)x->b, (int)x->c, (mode_t)x->d);
	case SYS_faccessat:
		return faccessat((int)x->a, (const char *)x->b, (int)x->c, 0);
	case SYS_readlinkat:
		return readlinkat((int)x->a, (const char *)x->b, (char *)x->c, (size_t)x->d);
	case SYS_statx:
		return statx((int)x->a, (const char *)x->b, (int)x->c, (unsigned int)x->d, (struct statx *)x->e);
	}
	*taken = false;
	return 0;
}

static long machine_call(long nr, const struct args *x, bool *taken)
{
	*taken = true;
	switch (nr) {
	case SYS_kill:
		return kill((pid_t)x->a, (int)x->b);
	case SYS_capget:
		return capget((cap_user_header_t)x->a, (cap_user_data_t)x->b);
	case SYS_capset:
		return capset((cap_user_header_t)x->a, (const cap_user_data_t)x->b);
	case SYS_pidfd_open:
		return pidfd_open((pid_t)x->a, (unsigned int)x->b);
	case SYS_socket:
		return socket((int)x->a, (int)x->b, (int)x->c);
	}
	*taken = false;
	return 0;
}

BW_EXPORT BW_UNSANITIZED long syscall(long nr, ...)
{
	struct args x;
	bool taken = false;
	int saved = errno;
	va_list ap;
	long r;

	va_start(ap, nr);
	x.a = va_arg(ap, long); x.b = va_arg(ap, long); x.c = va_arg(ap, long);
	x.d = va_arg(ap, long); x.e = va_arg(ap, long); x.f = va_arg(ap, long);
	va_end(ap);
	if (bw_active()) {
		r = board_call(nr, &x, &taken);
		if (taken) {
			errno = r < 0 ? (int)-r : saved;
			return r < 0 ? -1 : r;
		}
		r = descriptor_call(nr, &x, &taken);
		if (!taken)
			r = wait_call(nr, &x, &taken);
		if (!taken)
			r = file_call(nr, &x, &taken);
		if (!taken)
			r = machine_call(nr, &x, &taken);
		if (taken)
			return r;
	}
	return BW_REAL(syscall)(nr, x.a, x.b, x.c, x.d, x.e, x.f);
}
