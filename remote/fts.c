// SPDX-License-Identifier: Apache-2.0
/*
 * fts(3): libc's walks by inner calls that no wrapper sees. Where a path of the board is among those to walk, all of that walk is done here, over
 * the wrappers by name, since the others may lead anywhere. A physical walk below the roots, without chdir, as FTS_NOCHDIR. An FTS of ours begins with the
 * address of `mine`, where libc's has a pointer of its own heap.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

static const char mine[] = "board";

typedef int (*compare_fn)(const FTSENT **, const FTSENT **);

struct walk {
	const char *mine;
	int options;
	compare_fn compare;
	FTSENT *roots, *cur, *children;	/* children: of cur, listed already */
	FTSENT root_parent;
	dev_t dev;			/* of the root that is walked now */
	bool ended;
};

static struct walk *walk_of(FTS *f)
{
	return f && *(const char **)f == mine ? (struct walk *)f : NULL;
}

static void free_entry(FTSENT *e)
{
	free(e->fts_path);
	free(e->fts_statp);
	free(e);
}

static void free_list(FTSENT *e)
{
	while (e) {
		FTSENT *next = e->fts_link;

		free_entry(e);
		e = next;
	}
}

static FTSENT *new_entry(FTSENT *parent, const char *path, const char *name)
{
	size_t len = strlen(name);
	FTSENT *e = calloc(1, sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	e->fts_statp = calloc(1, sizeof(*e->fts_statp));
	e->fts_path = strdup(path);
	if (!e->fts_statp || !e->fts_path) {
		free_entry(e);
		return NULL;
	}
	strcpy(e->fts_name, name);
	e->fts_namelen = (unsigned short)len;
	e->fts_pathlen = (unsigned short)strlen(path);
	e->fts_accpath = e->fts_path;
	e->fts_parent = parent;
	e->fts_level = (short)(parent->fts_level + 1);
	e->fts_instr = FTS_NOINSTR;
	return e;
}

static void look(FTSENT *e, bool follow)
{
	struct stat *st = e->fts_statp;
	int r = follow ? stat(e->fts_path, st) : lstat(e->fts_path, st);

	e->fts_errno = 0;
	if (r && follow && !lstat(e->fts_path, st)) {
		e->fts_info = FTS_SLNONE;
		return;
	}
	if (r) {
		e->fts_errno = errno;
		memset(st, 0, sizeof(*st));
		e->fts_info = FTS_NS;
		return;
	}
	e->fts_dev = st->st_dev;
	e->fts_ino = st->st_ino;
	e->fts_nlink = st->st_nlink;
	e->fts_info = S_ISDIR(st->st_mode) ? FTS_D : S_ISLNK(st->st_mode) ? FTS_SL : S_ISREG(st->st_mode) ? FTS_F : FTS_DEFAULT;
	if (S_ISDIR(st->st_mode) && (!strcmp(e->fts_name, ".") || !strcmp(e->fts_name, "..")) && e->fts_level > FTS_ROOTLEVEL)
		e->fts_info = FTS_DOT;
}

static int compare_entries(const void *a, const void *b, void *compare)
{
	return (*(compare_fn *)compare)((const FTSENT **)(uintptr_t)a, (const FTSENT **)(uintptr_t)b);
}

static FTSENT *sorted(struct walk *w, FTSENT *list)
{
	FTSENT **all, *e;
	size_t n = 0, i = 0;

	for (e = list; e; e = e->fts_link)
		n++;
	all = w->compare && n > 1 ? calloc(n, sizeof(*all)) : NULL;
	if (!all)
		return list;
	for (e = list; e; e = e->fts_link)
		all[i++] = e;
	qsort_r(all, n, sizeof(*all), compare_entries, &w->compare);
	for (i = 0; i < n; i++)
		all[i]->fts_link = i + 1 < n ? all[i + 1] : NULL;
	list = all[0];
	free(all);
	return list;
}

/* What is in a directory; NULL with errno 0 where nothing is. */
static FTSENT *list_directory(struct walk *w, FTSENT *dir)
{
	FTSENT *first = NULL, **end = &first, *e;
	char path[BW_PATH_MAX + 1];
	struct dirent *d;
	DIR *from = opendir(dir->fts_path);

	if (!from)
		return NULL;
	while ((d = readdir(from))) {
		if ((!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) && !(w->options & FTS_SEEDOT))
			continue;
		if (snprintf(path, sizeof(path), "%s%s%s", dir->fts_path, dir->fts_path[dir->fts_pathlen - 1] == '/' ? "" : "/", d->d_name) >=
		    (int)sizeof(path) || !(e = new_entry(dir, path, d->d_name)))
			continue;
		look(e, false);
		*end = e;
		end = &e->fts_link;
	}
	closedir(from);
	errno = 0;
	return sorted(w, first);
}

static FTSENT *into_directory(struct walk *w, bool skip)
{
	FTSENT *dir = w->cur, *list = w->children;

	w->children = NULL;
	errno = 0;
	if (skip) {
		free_list(list);
		list = NULL;
	} else if (!list && (!(w->options & FTS_XDEV) || dir->fts_dev == w->dev)) {
		list = list_directory(w, dir);
	}
	if (list)
		return w->cur = list;
	dir->fts_errno = errno;
	dir->fts_info = errno ? FTS_DNR : FTS_DP;
	return dir;
}

/* The next at this level, or the directory that it was in, for the second time. Roots stay until the end. */
static FTSENT *onward(struct walk *w)
{
	FTSENT *done, *next;

	do {
		done = w->cur;
		next = done->fts_link;
		if (done->fts_level == FTS_ROOTLEVEL) {
			w->dev = next ? next->fts_dev : 0;
		} else {
			if (!next) {
				next = done->fts_parent;
				next->fts_info = FTS_DP;
				next->fts_instr = FTS_NOINSTR;
			}
			free_entry(done);
		}
		w->cur = next;
	} while (next && next->fts_instr == FTS_SKIP && next->fts_info != FTS_D);
	w->ended = !next;
	return next;
}

static FTSENT *step(struct walk *w)
{
	FTSENT *e = w->cur;
	int instr;

	if (w->ended || !w->roots)
		return NULL;
	if (!e) {
		w->dev = w->roots->fts_dev;
		return w->cur = w->roots;
	}
	instr = e->fts_instr;
	e->fts_instr = FTS_NOINSTR;
	if (instr == FTS_AGAIN || (instr == FTS_FOLLOW && (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE))) {
		look(e, instr == FTS_FOLLOW);
		return e;
	}
	return e->fts_info == FTS_D ? into_directory(w, instr == FTS_SKIP) : onward(w);
}

static int add_roots(struct walk *w, char *const *paths)
{
	FTSENT **end = &w->roots;

	for (; *paths; paths++) {
		const char *slash = strrchr(*paths, '/');

		*end = new_entry(&w->root_parent, *paths, slash && slash[1] ? slash + 1 : *paths);
		if (!*end)
			return -ENOMEM;
		look(*end, w->options & (FTS_LOGICAL | FTS_COMFOLLOW));
		end = &(*end)->fts_link;
	}
	w->roots = sorted(w, w->roots);
	return 0;
}

static void walk_free(struct walk *w)
{
	FTSENT *e = w->cur, *parent;

	free_list(w->children);
	for (; e && e->fts_level != FTS_ROOTLEVEL; e = parent) {
		parent = e->fts_parent;
		free_list(e);
	}
	free_list(w->roots);
	free(w);
}

static bool any_on_board(char *const *paths)
{
	char board[BW_PATH_MAX + 1];

	for (; *paths; paths++)
		if (bw_path_where(AT_FDCWD, *paths, board) == BW_ON_BOARD)
			return true;
	return false;
}

/* NULL and errno 0: it is libc's. */
static FTS *board_open(char *const *paths, int options, compare_fn compare)
{
	struct walk *w;

	errno = 0;
	if (!paths || (options & ~FTS_OPTIONMASK) || !any_on_board(paths))
		return NULL;
	w = calloc(1, sizeof(*w));
	if (w) {
		*w = (struct walk){ .mine = mine, .options = options, .compare = compare, .root_parent.fts_level = FTS_ROOTPARENTLEVEL };
		if (!add_roots(w, paths)) {
			errno = 0;
			return (FTS *)w;
		}
		walk_free(w);
	}
	errno = ENOMEM;
	return NULL;
}

/* The 64-bit names are the same functions where off_t is (files.h asserts that stat is). */
#define FTS_WRAPPERS(prefix, type, entry) \
BW_EXPORT type *prefix##_open(char *const *paths, int options, int (*compare)(const entry **, const entry **)) \
{ \
	int saved = errno; \
	type *f = (type *)board_open(paths, options, (compare_fn)compare); \
	\
	if (!f && errno) \
		return NULL; \
	errno = saved; \
	return f ? f : BW_REAL(prefix##_open)(paths, options, compare); \
} \
\
BW_EXPORT entry *prefix##_read(type *f) \
{ \
	struct walk *w = walk_of((FTS *)f); \
	\
	if (!w) \
		return BW_REAL(prefix##_read)(f); \
	errno = 0; \
	return (entry *)step(w); \
} \
\
BW_EXPORT entry *prefix##_children(type *f, int options) \
{ \
	struct walk *w = walk_of((FTS *)f); \
	\
	return w ? (entry *)children_of(w) : BW_REAL(prefix##_children)(f, options); \
} \
\
BW_EXPORT int prefix##_set(type *f, entry *e, int instr) \
{ \
	if (!walk_of((FTS *)f)) \
		return BW_REAL(prefix##_set)(f, e, instr); \
	e->fts_instr = (unsigned short)instr; \
	return 0; \
} \
\
BW_EXPORT int prefix##_close(type *f) \
{ \
	struct walk *w = walk_of((FTS *)f); \
	\
	if (!w) \
		return BW_REAL(prefix##_close)(f); \
	walk_free(w); \
	return 0; \
}

static FTSENT *children_of(struct walk *w)
{
	errno = 0;
	if (!w->cur)
		return w->ended ? NULL : w->roots;
	if (w->cur->fts_info != FTS_D)
		return NULL;
	if (!w->children)
		w->children = list_directory(w, w->cur);
	return w->children;
}

FTS_WRAPPERS(fts, FTS, FTSENT)
FTS_WRAPPERS(fts64, FTS64, FTSENT64)
