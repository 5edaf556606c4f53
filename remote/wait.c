// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for rings. A ring's placeholder is an eventfd that the receiving thread writes to. What libc's function then does with it is made to
 * look like the kernel's rings (KERNEL-SURFACE 5):
 *
 *  - a perf event reports each wake-up once, read or not: we read the eventfd after a wait reported it;
 *  - a BPF ring buffer is readable as long as there is data: we write the eventfd before a wait if there is;
 *  - in an epoll set both are EPOLLET, so that nobody need read the eventfd; what level-triggered sets report again is written again before a wait.
 */
#include "remote/remote.h"
#include "remote/bpf.h"
#include "remote/conn.h"

#include <string.h>

/* libc exports these, its headers declare them only inside. */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room);

/* Is there anything that a wait has to do with: a ring, or the memory of a map (map_mmap.c)? */
static bool anything(void)
{
	return atomic_load_explicit(&bw_ring_count, memory_order_relaxed) > 0 || atomic_load_explicit(&bw_mapped_maps, memory_order_relaxed) > 0;
}

static void before(int fd)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;

	if (o && o->ring)
		bw_ring_before_wait(o);
	bw_placeholder_put(o);
}

static void after(int fd)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;

	if (o && o->ring)
		bw_ring_after_wait(o);
	bw_placeholder_put(o);
}

/* The before_*() are false where the wait shall end at once, with errno. */

/* ---- poll ---- */

static bool before_poll(const struct pollfd *fds, nfds_t n)
{
	int saved = errno;
	nfds_t i;

	if (bw_disconnect_wait())
		return false;
	bw_maps_push();
	for (i = 0; i < n; i++)
		before(fds[i].fd);
	errno = saved;
	return true;
}

static int after_poll(const struct pollfd *fds, nfds_t n, int r)
{
	int saved = errno;
	nfds_t i;

	for (i = 0; r > 0 && i < n; i++)
		if (fds[i].revents & POLLIN)
			after(fds[i].fd);
	bw_maps_pull(false);
	errno = saved;
	return r;
}

BW_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!anything() || !fds)
		return BW_REAL(poll)(fds, n, timeout);
	if (!before_poll(fds, n))
		return -1;
	return after_poll(fds, n, BW_REAL(poll)(fds, n, timeout));
}

BW_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	if (!anything() || room / sizeof(*fds) < n)
		return BW_REAL(__poll_chk)(fds, n, timeout, room);
	return poll(fds, n, timeout);
}

BW_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	if (!anything() || !fds)
		return BW_REAL(ppoll)(fds, n, timeout, mask);
	if (!before_poll(fds, n))
		return -1;
	return after_poll(fds, n, BW_REAL(ppoll)(fds, n, timeout, mask));
}

BW_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room)
{
	if (!anything() || room / sizeof(*fds) < n)
		return BW_REAL(__ppoll_chk)(fds, n, timeout, mask, room);
	return ppoll(fds, n, timeout, mask);
}

/* ---- select ---- */

static bool before_select(int n, const fd_set *in)
{
	int fd, saved = errno;

	if (bw_disconnect_wait())
		return false;
	bw_maps_push();
	for (fd = 0; in && fd < n && fd < FD_SETSIZE; fd++)
		if (FD_ISSET(fd, in))
			before(fd);
	errno = saved;
	return true;
}

static int after_select(int n, const fd_set *in, int r)
{
	int fd, saved = errno;

	for (fd = 0; r > 0 && in && fd < n && fd < FD_SETSIZE; fd++)
		if (FD_ISSET(fd, in))
			after(fd);
	bw_maps_pull(false);
	errno = saved;
	return r;
}

BW_EXPORT int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	if (!anything())
		return BW_REAL(select)(n, in, out, except, timeout);
	if (!before_select(n, in))
		return -1;
	return after_select(n, in, BW_REAL(select)(n, in, out, except, timeout));
}

BW_EXPORT int pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout, const sigset_t *mask)
{
	if (!anything())
		return BW_REAL(pselect)(n, in, out, except, timeout, mask);
	if (!before_select(n, in))
		return -1;
	return after_select(n, in, BW_REAL(pselect)(n, in, out, except, timeout, mask));
}

/* ---- epoll ---- */

BW_EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;
	struct epoll_event edge;
	bool edges = false;
	int r;

	if (o && (o->object == BW_OBJ_PERF || o->object == BW_OBJ_MAP) && op != EPOLL_CTL_DEL && !bw_copy_in(&edge, event, sizeof(edge))) {
		edges = edge.events & EPOLLET;
		edge.events |= EPOLLET;
		event = &edge;
	}
	r = BW_REAL(epoll_ctl)(epfd, op, fd, event);
	if (o && !r) {
		o->epfd = op == EPOLL_CTL_DEL ? -1 : epfd;
		o->epoll_edges = edges;
		if (op != EPOLL_CTL_DEL)
			bw_ring_watched(o);
	}
	bw_placeholder_put(o);
	return r;
}

static bool before_epoll(int epfd)
{
	int saved = errno;

	if (bw_disconnect_wait())
		return false;
	bw_maps_push();
	bw_rings_before_epoll(epfd);
	errno = saved;
	return true;
}

BW_EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int r;

	if (anything() && !before_epoll(epfd))
		return -1;
	r = BW_REAL(epoll_wait)(epfd, events, max, timeout);
	bw_maps_pull(false);
	return r;
}

BW_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	int r;

	if (anything() && !before_epoll(epfd))
		return -1;
	r = BW_REAL(epoll_pwait)(epfd, events, max, timeout, mask);
	bw_maps_pull(false);
	return r;
}

BW_EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	int r;

	if (anything() && !before_epoll(epfd))
		return -1;
	r = BW_REAL(epoll_pwait2)(epfd, events, max, timeout, mask);
	bw_maps_pull(false);
	return r;
}
