// SPDX-License-Identifier: Apache-2.0
/*
 * For TSan, preloaded before its runtime. That one's wrappers of what may block (poll and its like) see no locks that are taken below them, and below
 * them would come ours. So these here, which it never sees, go to ours first. LIBRARY: the path of ours.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define FIRST(ret, name, params, args) \
	ret name params \
	{ \
		static ret (*ours) params; \
		if (!ours) { \
			void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_NOLOAD); \
			if (!library) \
				abort(); \
			ours = (ret (*) params)dlsym(library, #name); \
		} \
		return ours args; \
	}

FIRST(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))
FIRST(int, ppoll, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *m), (p, n, t, m))
FIRST(int, select, (int n, fd_set *in, fd_set *out, fd_set *ex, struct timeval *t), (n, in, out, ex, t))
FIRST(int, pselect, (int n, fd_set *in, fd_set *out, fd_set *ex, const struct timespec *t, const sigset_t *m), (n, in, out, ex, t, m))
FIRST(int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
FIRST(int, epoll_pwait, (int fd, struct epoll_event *e, int n, int ms, const sigset_t *m), (fd, e, n, ms, m))
