// SPDX-License-Identifier: Apache-2.0
/*
 * What libc builds on directories with inner calls that no wrapper sees: scandir, glob, nftw. Done here over dir.c for trees of the
 * board; paths that callbacks get are the board's.
 */
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

/* ---- scandir ---- */

typedef int (*select_fn)(const struct dirent64 *);
typedef int (*compare_fn)(const struct dirent64 **, const struct dirent64 **);

static int compare_entries(const void *a, const void *b, void *arg)
{
	return (*(compare_fn *)arg)((const struct dirent64 **)(uintptr_t)a, (const struct dirent64 **)(uintptr_t)b);
}

static void free_list(struct dirent64 **list, int n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
}

static int board_scandir(const char *path, struct dirent64 ***out, select_fn select, compare_fn compare)
{
	struct dirent64 **list = NULL, **grown, *e;
	struct bw_dir *d;
	int n = 0, err = bw_dir_open(path, &d);

	if (err)
		return err;
	while ((e = bw_dir_read(d))) {
		if (select && !select(e))
			continue;
		grown = n % 64 ? list : reallocarray(list, (size_t)n + 64, sizeof(*list));
		if (!grown || (list = grown, !(list[n] = malloc(sizeof(*e))))) {
			free_list(list, n);
			bw_dir_close(d);
			return -ENOMEM;
		}
		*list[n++] = *e;
	}
	bw_dir_close(d);
	if (compare && n)
		qsort_r(list, (size_t)n, sizeof(*list), compare_entries, &compare);
	*out = list ? list : malloc(sizeof(*list));
	return n;
}

BW_EXPORT int scandir64(const char *path, struct dirent64 ***out, select_fn select, compare_fn compare)
{
	char board[BW_PATH_MAX + 1];

	if (bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return BW_REAL(scandir64)(path, out, select, compare);
	return BW_RET(board_scandir(board, out, select, compare));
}

BW_EXPORT int scandir(const char *path, struct dirent ***out, int (*select)(const struct dirent *),
		      int (*compare)(const struct dirent **, const struct dirent **))
{
	char board[BW_PATH_MAX + 1];

	if (bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return BW_REAL(scandir)(path, out, select, compare);
	return BW_RET(board_scandir(board, (struct dirent64 ***)out, (select_fn)select, (compare_fn)compare));
}

/* ---- glob: libc's own, on our directories (so the wrappers by name here: a pattern may lead anywhere) ---- */

static void *glob_opendir(const char *path) { return opendir(path); }
static struct dirent *glob_readdir(void *d) { return readdir(d); }
static void glob_closedir(void *d) { closedir(d); }
static int glob_lstat(const char *path, struct stat *st) { return lstat(path, st); }
static int glob_stat(const char *path, struct stat *st) { return stat(path, st); }

static int board_glob(const char *pattern, int flags, int (*errfunc)(const char *, int), glob_t *g,
		      int (*libc)(const char *, int, int (*)(const char *, int), glob_t *))
{
	int r;

	g->gl_opendir = glob_opendir;
	g->gl_readdir = glob_readdir;
	g->gl_closedir = glob_closedir;
	g->gl_lstat = glob_lstat;
	g->gl_stat = glob_stat;
	r = libc(pattern, flags | GLOB_ALTDIRFUNC, errfunc, g);
	g->gl_flags &= ~GLOB_ALTDIRFUNC;
	return r;
}

BW_EXPORT int glob(const char *pattern, int flags, int (*errfunc)(const char *, int), glob_t *g)
{
	char board[BW_PATH_MAX + 1];

	if ((flags & GLOB_ALTDIRFUNC) || bw_path_where(AT_FDCWD, pattern, board) == BW_LOCAL)
		return BW_REAL(glob)(pattern, flags, errfunc, g);
	return board_glob(pattern, flags, errfunc, g, BW_REAL(glob));
}

BW_EXPORT int glob64(const char *pattern, int flags, int (*errfunc)(const char *, int), glob64_t *g)
{
	_Static_assert(sizeof(glob_t) == sizeof(glob64_t), "glob64_t");
	char board[BW_PATH_MAX + 1];

	if ((flags & GLOB_ALTDIRFUNC) || bw_path_where(AT_FDCWD, pattern, board) == BW_LOCAL)
		return BW_REAL(glob64)(pattern, flags, errfunc, g);
	return board_glob(pattern, flags, errfunc, (glob_t *)g, BW_REAL(glob));
}

/* ---- nftw, ftw ---- */

struct walk {
	__nftw_func_t fn;
	__ftw_func_t fn3;	/* ftw's, which has no struct FTW */
	int flags;
	dev_t dev;
	char path[BW_PATH_MAX + 1];
};

static int visit(struct walk *w, const struct stat *st, int type, int base, int level)
{
	struct FTW f = { base, level };

	return w->fn3 ? w->fn3(w->path, st, type) : w->fn(w->path, st, type, &f);
}

static int type_of(struct walk *w, bool physical, struct stat *st)
{
	int err = bw_file_stat(w->path, !physical, st);

	if (!err)
		return S_ISDIR(st->st_mode) ? FTW_D : S_ISLNK(st->st_mode) ? FTW_SL : FTW_F;
	if (!physical && !bw_file_stat(w->path, false, st))
		return FTW_SLN;
	return FTW_NS;
}

static int walk_at(struct walk *w, int base, int level);

static int walk_entries(struct walk *w, struct bw_dir *d, int level)
{
	size_t len = strlen(w->path);
	struct dirent64 *e;
	int r = 0;

	if (len && w->path[len - 1] == '/')
		len--;
	while (!r && (e = bw_dir_read(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || len + strlen(e->d_name) + 2 > sizeof(w->path))
			continue;
		w->path[len] = '/';
		strcpy(w->path + len + 1, e->d_name);
		r = walk_at(w, (int)len + 1, level + 1);
		if ((w->flags & FTW_ACTIONRETVAL) && r == FTW_SKIP_SIBLINGS) {
			r = 0;
			break;
		}
		if ((w->flags & FTW_ACTIONRETVAL) && r == FTW_SKIP_SUBTREE)
			r = 0;
	}
	w->path[len] = 0;
	return r;
}

static int walk_dir(struct walk *w, struct stat *st, int base, int level)
{
	bool depth = w->flags & FTW_DEPTH;
	struct bw_dir *d;
	int r;

	if (bw_dir_open(w->path, &d))
		return visit(w, st, FTW_DNR, base, level);
	r = depth ? 0 : visit(w, st, FTW_D, base, level);
	if (!r)
		r = walk_entries(w, d, level);
	bw_dir_close(d);
	return !r && depth ? visit(w, st, FTW_DP, base, level) : r;
}

static int walk_at(struct walk *w, int base, int level)
{
	struct stat st = { 0 };
	int type = type_of(w, level || (w->flags & FTW_PHYS), &st);

	if (level == 0)
		w->dev = st.st_dev;
	else if ((w->flags & FTW_MOUNT) && type != FTW_NS && st.st_dev != w->dev)
		return 0;
	return type == FTW_D ? walk_dir(w, &st, base, level) : visit(w, &st, type, base, level);
}

/*
 * A logical walk of sysfs or /proc follows links in circles; libc keeps every directory it has seen to stop that. Here the walk is
 * always physical below the top, which sees each directory once. FTW_CHDIR cannot be: the directories are not here.
 */
static int board_walk(const char *board, struct walk *w)
{
	const char *slash;

	if (w->flags & FTW_CHDIR)
		return bw_ret(-EOPNOTSUPP);
	strcpy(w->path, board);
	slash = strrchr(w->path, '/');
	return walk_at(w, slash ? (int)(slash - w->path) + 1 : 0, 0);
}

static int any_nftw(const char *path, __nftw_func_t fn, int flags)
{
	struct walk w = { .fn = fn, .flags = flags };
	char board[BW_PATH_MAX + 1];
	struct stat st;
	int err;

	if (bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return BW_NOT_OURS;
	err = bw_file_stat(board, !(flags & FTW_PHYS), &st);
	if (err)
		return bw_ret(err);
	return board_walk(board, &w);
}

static int any_ftw(const char *path, __ftw_func_t fn)
{
	struct walk w = { .fn3 = fn };
	char board[BW_PATH_MAX + 1];
	struct stat st;
	int err;

	if (bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return BW_NOT_OURS;
	err = bw_file_stat(board, true, &st);
	if (err)
		return bw_ret(err);
	return board_walk(board, &w);
}

#define WALK(asked, libc) do { \
	int r_ = (asked); \
	return r_ == BW_NOT_OURS ? libc : r_; \
} while (0)

BW_EXPORT int nftw(const char *path, __nftw_func_t fn, int fds, int flags)
{
	WALK(any_nftw(path, fn, flags), BW_REAL(nftw)(path, fn, fds, flags));
}

BW_EXPORT int nftw64(const char *path, __nftw64_func_t fn, int fds, int flags)
{
	WALK(any_nftw(path, (__nftw_func_t)fn, flags), BW_REAL(nftw64)(path, fn, fds, flags));
}

BW_EXPORT int ftw(const char *path, __ftw_func_t fn, int fds)
{
	WALK(any_ftw(path, fn), BW_REAL(ftw)(path, fn, fds));
}

BW_EXPORT int ftw64(const char *path, __ftw64_func_t fn, int fds)
{
	WALK(any_ftw(path, (__ftw_func_t)fn), BW_REAL(ftw64)(path, fn, fds));
}
