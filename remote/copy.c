// SPDX-License-Identifier: Apache-2.0
/*
 * Reading and writing memory that the tool named, as the kernel would: a bad pointer is -EFAULT and not a crash. process_vm_readv(2) on
 * ourselves does that; where it is refused (seccomp, a kernel without CONFIG_CROSS_MEMORY_ATTACH) a pipe does.
 */
#include "remote/remote.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIPE_STEP	4096u		/* PIPE_BUF: goes through an empty pipe without blocking */

static atomic_bool refused;

static int by_pipe(void *dst, const void *src, size_t len)
{
	int fds[2], r = (int)bw_sys(SYS_pipe2, fds, (long)O_CLOEXEC);

	while (!r && len) {
		size_t step = len < PIPE_STEP ? len : PIPE_STEP;
		long n = bw_sys(SYS_write, (long)fds[1], src, step);

		if (n > 0 && bw_sys(SYS_read, (long)fds[0], dst, (size_t)n) != n)
			n = -EFAULT;
		if (n <= 0) {
			r = -EFAULT;
			break;
		}
		src = (const char *)src + n;
		dst = (char *)dst + n;
		len -= (size_t)n;
	}
	if (r == 0 || r == -EFAULT) {
		bw_sys(SYS_close, (long)fds[0]);
		bw_sys(SYS_close, (long)fds[1]);
	}
	return r;
}

static int copy(long nr, void *local, const void *user, size_t len)
{
	struct iovec mine = { local, len }, theirs = { (void *)(uintptr_t)user, len };
	long n;

	if (!len)
		return 0;
	if (!atomic_load_explicit(&refused, memory_order_relaxed)) {
		n = bw_sys(nr, (long)bw_getpid(), &mine, 1L, &theirs, 1L, 0L);
		if (n >= 0 || n == -EFAULT)
			return n == (long)len ? 0 : -EFAULT;
		atomic_store(&refused, true);
	}
	return nr == SYS_process_vm_readv ? by_pipe(local, user, len) : by_pipe((void *)(uintptr_t)user, local, len);
}

int bw_copy_in(void *dst, const void *user, size_t len)
{
	return copy(SYS_process_vm_readv, dst, user, len);
}

int bw_copy_out(void *user, const void *src, size_t len)
{
	return copy(SYS_process_vm_writev, (void *)(uintptr_t)src, user, len);
}

/* A page at a time: the string may end at the end of what is mapped. */
ssize_t bw_copy_in_string(char *dst, const char *user, size_t max)
{
	size_t done = 0;

	while (done < max) {
		size_t step = 4096 - ((uintptr_t)(user + done) & 4095);
		char *nul;

		if (step > max - done)
			step = max - done;
		if (bw_copy_in(dst + done, user + done, step))
			return -EFAULT;
		nul = memchr(dst + done, 0, step);
		if (nul)
			return nul - dst + 1;
		done += step;
	}
	return (ssize_t)max;
}
