// SPDX-License-Identifier: Apache-2.0
/*
 * Being in a directory of the board. This machine's kernel has no such place, and in its own of the same name, or wherever the process was, relative paths
 * would be answered by the wrong machine. So the process goes to an empty directory that is removed at once, and whose name ends in the board's path:
 *
 *	/tmp/bpfwire-cwd.XXXXXX/sys/kernel/tracing (deleted)
 *
 * The wrappers look up relative paths below that. Like any working directory it is inherited over fork, exec and through programs that do not know
 * us, and no variable can contradict it. Those programs (static ones) find nothing there: every relative path is ENOENT to them.
 *
 * A child of vfork shares our memory and has a working directory of its own: it goes there, and the program that it starts learns it from the kernel.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "remote/files.h"

#define TOP	"/tmp/bpfwire-cwd.XXXXXX"
#define TOP_LEN	(sizeof(TOP) - 1)
#define RANDOM	6u
#define DELETED	" (deleted)"

char *__getcwd_chk(char *buf, size_t size, size_t room);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char where[BW_PATH_MAX + 1];		/* on the board */
static atomic_bool on_board, in_root;
static atomic_int memory_of;			/* pid: in a vfork child another than its own */

/* 0: libraries' constructors before ours. */
static bool is_own_memory(void)
{
	pid_t pid = atomic_load(&memory_of);

	return !pid || pid == bw_getpid();
}

/* ---- what the kernel says ---- */

/* The board's path of which the removed directory tells that this process is in, or a negative errno. */
static int read_removed(char *out)
{
	char link[BW_PATH_MAX + 1];
	long n = bw_sys(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/cwd", link, (long)sizeof(link) - 1);
	size_t tail = strlen(DELETED);

	if (n < 0)
		return (int)n;
	link[n] = 0;
	if ((size_t)n < TOP_LEN + tail + 1 || strncmp(link, TOP, TOP_LEN - RANDOM) || link[TOP_LEN] != '/' || strcmp(link + n - tail, DELETED))
		return -ENOENT;
	link[(size_t)n - tail] = 0;
	strcpy(out, link + TOP_LEN);
	return 0;
}

static void remember(const char *board)
{
	pthread_mutex_lock(&lock);
	strcpy(where, board);
	pthread_mutex_unlock(&lock);
	atomic_store(&on_board, true);
}

void bw_cwd_look(void)
{
	char cwd[BW_PATH_MAX + 1], board[BW_PATH_MAX + 1];
	long n = bw_sys(SYS_getcwd, cwd, (long)sizeof(cwd));

	atomic_store(&on_board, false);
	atomic_store(&in_root, n == 2);
	if (!bw_active())
		return;
	/* A shell of this machine may be in a directory that is the board's by the table. */
	if (n > 2 ? cwd[0] == '/' && bw_path_where(AT_FDCWD, cwd, board) == BW_ON_BOARD : n == -ENOENT && !read_removed(board))
		remember(board);
}

static void after_fork(void)
{
	atomic_store(&memory_of, bw_getpid());
	pthread_mutex_init(&lock, NULL);
}

void bw_cwd_init(void)
{
	atomic_store(&memory_of, bw_getpid());
	if (bw_active())
		pthread_atfork(NULL, NULL, after_fork);
	bw_cwd_look();
}

/* ---- for path.c ---- */

bool bw_cwd_is_root(void)
{
	return atomic_load_explicit(&in_root, memory_order_relaxed);
}

bool bw_cwd_is_boards(void)
{
	return atomic_load_explicit(&on_board, memory_order_relaxed);
}

enum bw_where bw_cwd_below(const char *path, char *out)
{
	int n;

	if (!*path || !bw_active())
		return BW_LOCAL;
	pthread_mutex_lock(&lock);
	n = snprintf(out, BW_PATH_MAX + 1, "%s/%s", where, path);
	pthread_mutex_unlock(&lock);
	return n <= (int)BW_PATH_MAX ? BW_ON_BOARD : BW_LOCAL;
}

/* ---- going there ---- */

static int make_all(char *path, size_t from)
{
	size_t i;

	for (i = from + 1; ; i++) {
		char c = path[i];
		int r = 0;

		if (c && c != '/')
			continue;
		path[i] = 0;
		r = BW_REAL(mkdir)(path, 0700) ? -errno : 0;
		path[i] = c;
		if (r || !c)
			return r;
	}
}

static void remove_all(char *path, size_t top)
{
	char *slash;

	while (strlen(path) > top) {
		BW_REAL(rmdir)(path);
		slash = strrchr(path, '/');
		*slash = 0;
	}
	BW_REAL(rmdir)(path);
}

/* board: clean, without "..". */
static int enter(const char *board)
{
	char path[TOP_LEN + BW_PATH_MAX + 1] = TOP;
	int saved = errno, r;

	if (TOP_LEN + strlen(board) + strlen(DELETED) >= BW_PATH_MAX)
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	strcpy(path + TOP_LEN, board);
	r = make_all(path, TOP_LEN);
	if (!r && BW_REAL(chdir)(path))
		r = -errno;
	remove_all(path, TOP_LEN);
	errno = saved;
	return r;
}

static int go_local(const char *path)
{
	int r = BW_REAL(chdir)(path) ? -errno : 0;

	if (!r && is_own_memory())
		bw_cwd_look();
	return r;
}

static int check_directory(const char *board)
{
	struct stat st;
	int r = bw_file_stat(board, true, &st);

	return r ? r : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* relative: the tool's path was; ".." may have led it out of what is the board's. */
static int go(const char *board, bool relative)
{
	char path[BW_PATH_MAX + 1], unused[BW_PATH_MAX + 1];
	bool own = is_own_memory();
	int r = own ? bw_file_realpath(board, path) : bw_path_clean(board, true, path);

	if (r < 0)
		return r;
	if (!path[1] || (relative && bw_path_where(AT_FDCWD, path, unused) == BW_LOCAL))
		return go_local(path);
	if (path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = 0;
	r = own ? check_directory(path) : 0;
	if (!r)
		r = enter(path);
	if (!r && own) {
		atomic_store(&in_root, false);
		remember(path);
	}
	return r;
}

static int any_chdir(const char *path)
{
	char board[BW_PATH_MAX + 1];

	return bw_path_where(AT_FDCWD, path, board) == BW_ON_BOARD ? go(board, path[0] != '/') : BW_NOT_OURS;
}

static int any_fchdir(int fd)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;
	int r = o && o->ops == &bw_dir_ops && o->path ? go(o->path, false) : BW_NOT_OURS;

	bw_placeholder_put(o);
	return r;
}

static int looked(int r)
{
	if (!r && is_own_memory())
		bw_cwd_look();
	return r;
}

#define GO(asked, libc) do { \
	int saved_ = errno, r_ = (asked); \
	if (r_ >= 0 || r_ == BW_NOT_OURS) \
		errno = saved_; \
	return r_ == BW_NOT_OURS ? looked(libc) : bw_ret(r_); \
} while (0)

BW_EXPORT int chdir(const char *path)
{
	GO(any_chdir(path), BW_REAL(chdir)(path));
}

BW_EXPORT int fchdir(int fd)
{
	GO(any_fchdir(fd), BW_REAL(fchdir)(fd));
}

/* ---- being asked ---- */

/* As getcwd(3): room of size bytes, or NULL. */
static char *tell(char *buf, size_t size)
{
	char board[BW_PATH_MAX + 1];
	size_t n;

	pthread_mutex_lock(&lock);
	strcpy(board, where);
	pthread_mutex_unlock(&lock);
	n = strlen(board) + 1;
	if (buf && !size) {
		errno = EINVAL;
		return NULL;
	}
	if (size && size < n) {
		errno = ERANGE;
		return NULL;
	}
	if (!buf)
		buf = malloc(size ? size : n);
	return buf ? memcpy(buf, board, n) : NULL;
}

BW_EXPORT char *getcwd(char *buf, size_t size)
{
	return bw_cwd_is_boards() ? tell(buf, size) : BW_REAL(getcwd)(buf, size);
}

BW_EXPORT char *__getcwd_chk(char *buf, size_t size, size_t room)
{
	return bw_cwd_is_boards() && size <= room ? tell(buf, size) : BW_REAL(__getcwd_chk)(buf, size, room);
}

BW_EXPORT char *get_current_dir_name(void)
{
	return bw_cwd_is_boards() ? tell(NULL, 0) : BW_REAL(get_current_dir_name)();
}
