// SPDX-License-Identifier: Apache-2.0
/*
 * The table from descriptor numbers to placeholders. Reading it without a lock is what makes every wrapper cheap; everything else
 * happens under bw_placeholders_lock.
 *
 * The table is right for one process, table_pid. A vfork child shares it and must not change it: its descriptors are copies, ours are still open.
 */
#include "remote/remote.h"
#include "remote/conn.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BW_FDS	65536

static _Atomic(struct bw_placeholder *) table[BW_FDS];
static struct bw_placeholder private_mark;		/* descriptors of our own: the connection, a ring's signal */
static pthread_mutex_t bw_placeholders_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic pid_t table_pid;
static atomic_int highest = -1;
static atomic_int kernel_objects, programs;

bool bw_placeholder_maybe(int fd)
{
	return (unsigned int)fd < BW_FDS && atomic_load_explicit(&table[fd], memory_order_relaxed);
}

static bool table_is_mine(void)
{
	return atomic_load_explicit(&table_pid, memory_order_relaxed) == bw_getpid();
}

static bool same_file(const struct bw_placeholder *o, int fd)
{
	struct stat st;

	return !bw_sys(SYS_fstat, (long)fd, &st) && st.st_dev == o->dev && st.st_ino == o->ino;
}

struct bw_placeholder *bw_placeholder_get(int fd)
{
	struct bw_placeholder *o, *stale = NULL;

	if (!bw_placeholder_maybe(fd) || !table_is_mine())
		return NULL;
	pthread_mutex_lock(&bw_placeholders_lock);
	o = atomic_load(&table[fd]);
	if (o == &private_mark) {
		o = NULL;
	} else if (o && !same_file(o, fd)) {
		atomic_store(&table[fd], NULL);
		stale = o;
		o = NULL;
	} else if (o) {
		atomic_fetch_add(&o->refs, 1);
	}
	pthread_mutex_unlock(&bw_placeholders_lock);
	bw_placeholder_put(stale);
	return o;
}

static void close_handle(uint32_t handle)
{
	struct bw_buf b = { 0 };

	bw_put_u32(&b, handle);
	bw_post(BW_MSG_HANDLE_CLOSE, &b);
	bw_buf_free(&b);
}

void bw_placeholder_put(struct bw_placeholder *o)
{
	if (!o || atomic_fetch_sub(&o->refs, 1) != 1)
		return;
	bw_ring_free(o->ring);
	if (o->ops->free)
		o->ops->free(o);
	if (o->handle) {
		close_handle(o->handle);
		if (o->object != BW_OBJ_FILE)
			atomic_fetch_sub(&kernel_objects, 1);
		if (o->object == BW_OBJ_PROG)
			atomic_fetch_sub(&programs, 1);
	}
	free(o->path);
	free(o);
}

/* Puts o at fd, which takes over the caller's reference; what was there before (closed behind our back) is let go. */
static void set(int fd, struct bw_placeholder *o)
{
	struct bw_placeholder *old;

	pthread_mutex_lock(&bw_placeholders_lock);
	old = atomic_exchange(&table[fd], o);
	if (fd > atomic_load(&highest))
		atomic_store(&highest, fd);
	pthread_mutex_unlock(&bw_placeholders_lock);
	if (old != &private_mark)
		bw_placeholder_put(old);
}

static void take_table(void)
{
	pid_t pid = bw_getpid();

	if (atomic_load(&table_pid) != pid) {
		bw_placeholders_after_fork();
		atomic_store(&table_pid, pid);
	}
}

static struct bw_placeholder *make(const struct bw_placeholder_new *n, int fd)
{
	struct bw_placeholder *o = calloc(1, sizeof(*o));
	struct stat st;

	if (!o)
		return NULL;
	if (n->path && !(o->path = strdup(n->path))) {
		free(o);
		return NULL;
	}
	o->ops = n->ops;
	atomic_init(&o->refs, 1);
	o->owner = bw_getpid();
	o->handle = n->handle;
	o->object = n->object;
	o->oflags = n->oflags;
	o->priv = n->priv;
	o->epfd = -1;
	o->pos = -1;
	if (n->map)
		o->map = *n->map;
	if (n->st)
		o->st = *n->st;
	if (!bw_sys(SYS_fstat, (long)fd, &st)) {
		o->dev = st.st_dev;
		o->ino = st.st_ino;
	}
	return o;
}

int bw_placeholder_open(const struct bw_placeholder_new *n, struct bw_placeholder **out)
{
	struct bw_placeholder *o = NULL;
	long fd = n->fd;
	int r;

	take_table();
	if (fd < 0)
		fd = bw_sys(SYS_eventfd2, 0L, (long)(EFD_NONBLOCK | (n->cloexec ? EFD_CLOEXEC : 0)));
	r = fd < 0 ? (int)fd : fd >= BW_FDS ? -EMFILE : 0;
	if (!r && !(o = make(n, (int)fd)))
		r = -ENOMEM;
	if (r) {
		if (fd >= 0)
			bw_sys(SYS_close, fd);
		if (n->handle)
			close_handle(n->handle);
		return r;
	}
	if (n->handle && n->object != BW_OBJ_FILE)
		atomic_fetch_add(&kernel_objects, 1);
	if (n->handle && n->object == BW_OBJ_PROG)
		atomic_fetch_add(&programs, 1);
	if (out)
		*out = o;
	set((int)fd, o);
	return (int)fd;
}

void bw_placeholder_dup(int oldfd, int newfd)
{
	struct bw_placeholder *o = bw_placeholder_get(oldfd);

	if (o && newfd < BW_FDS)
		set(newfd, o);
	else
		bw_placeholder_put(o);
}

void bw_placeholder_forget(int fd)
{
	struct bw_placeholder *o;

	if (!bw_placeholder_maybe(fd) || !table_is_mine())
		return;
	pthread_mutex_lock(&bw_placeholders_lock);
	o = atomic_load(&table[fd]);
	if (o == &private_mark)
		o = NULL;
	else
		atomic_store(&table[fd], NULL);
	pthread_mutex_unlock(&bw_placeholders_lock);
	bw_placeholder_put(o);
}

void bw_placeholder_forget_range(unsigned int first, unsigned int last)
{
	unsigned int fd, end = (unsigned int)(atomic_load(&highest) + 1);

	for (fd = first; fd <= last && fd < end; fd++)
		if (bw_placeholder_maybe((int)fd))
			bw_placeholder_forget((int)fd);
}

uint32_t bw_handle_of(int fd)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	uint32_t handle = o && o->handle ? o->handle : BW_HANDLE_BAD;

	bw_placeholder_put(o);
	return handle;
}

bool bw_objects_held(void)
{
	return atomic_load(&kernel_objects) > 0;
}

bool bw_programs_held(void)
{
	return atomic_load(&programs) > 0;
}

/* ---- descriptors of our own ---- */

bool bw_fd_is_private(int fd)
{
	return (unsigned int)fd < BW_FDS && atomic_load_explicit(&table[fd], memory_order_relaxed) == &private_mark && table_is_mine();
}

int bw_fd_make_private(int fd)
{
	struct rlimit64 lim = { .rlim_cur = 1024 };
	long to, high;

	bw_sys(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &lim);
	high = lim.rlim_cur < 1024 ? (long)lim.rlim_cur : 1024;	/* a descriptor table that large, every process has */
	to = bw_sys(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, high - high / 8);
	if (to >= BW_FDS)
		bw_sys(SYS_close, to);
	if (to < 0 || to >= BW_FDS)
		return fd;	/* no room up there: it stays where it is, unprotected */
	bw_sys(SYS_close, (long)fd);
	take_table();
	set((int)to, &private_mark);
	return (int)to;
}

int bw_fd_move_private(int fd)
{
	int expected = fd;
	long to = bw_sys(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, (long)fd + 1);

	if (to < 0)
		to = bw_sys(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, 3L);
	if (to < 0 || to >= BW_FDS)
		return -EBUSY;
	if (!atomic_compare_exchange_strong(&bw_conn.fd, &expected, (int)to)) {
		bw_sys(SYS_close, to);
		return -EBUSY;
	}
	set((int)to, &private_mark);
	atomic_store(&table[fd], NULL);
	return 0;
}

void bw_fd_close_private(int fd)
{
	if (fd < 0)
		return;
	if (bw_fd_is_private(fd))
		atomic_store(&table[fd], NULL);
	bw_sys(SYS_close, (long)fd);
}

/* In the child, alone: what the parent had is not ours, and who held the lock is not here. Descriptors of our own would keep the parent's session. */
void bw_placeholders_after_fork(void)
{
	int fd, end = atomic_exchange(&highest, -1);

	pthread_mutex_init(&bw_placeholders_lock, NULL);
	for (fd = 0; fd <= end; fd++)
		if (atomic_exchange(&table[fd], NULL) == &private_mark)
			bw_sys(SYS_close, (long)fd);
	atomic_store(&kernel_objects, 0);
	atomic_store(&programs, 0);
	atomic_store(&table_pid, 0);
}
