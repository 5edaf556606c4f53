// SPDX-License-Identifier: Apache-2.0
/*
 * Which paths are the board's. The table here and the one in docs/paths.md are the same (tests/unit/remote/test_path.c reads both). The longest
 * row that matches decides.
 *
 * clang opens tens of thousands of headers below us: what cannot be in the table is decided by its second character.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "remote/files.h"

enum match { TREE, EXACT, PREFIX, PID_MAP };	/* PID_MAP: PREFIX, a number, ".map" */
enum owner { LOCAL, BOARD, FRONT };		/* FRONT: the board's for the BPF front end, local for all other programs */

struct rule {
	const char *path;
	uint8_t match, owner;
};

static const struct rule rules[] = {
	{ "/proc",			TREE,	BOARD },
	{ "/proc/self",			TREE,	LOCAL },
	{ "/proc/thread-self",		TREE,	LOCAL },
	{ "/proc/mounts",		EXACT,	FRONT },	/* libselinux's constructor reads it in every program */
	{ "/proc/filesystems",		EXACT,	FRONT },	/* likewise */
	{ "/sys",			TREE,	BOARD },
	{ "/sys/fs/selinux",		TREE,	LOCAL },
	{ "/boot/config-",		PREFIX,	BOARD },
	{ "/boot/vmlinux-",		PREFIX,	BOARD },
	{ "/boot/System.map-",		PREFIX,	BOARD },
	{ "/etc/ld.so.cache",		EXACT,	FRONT },	/* where libbcc finds the libraries that uprobes name */
	{ "/tmp/perf-",			PID_MAP, FRONT },
};

/*
 * Where libbcc itself opens a file, or bpftrace, it is a program or a library whose symbols a uprobe or a stack needs: the board's, wherever it lies, but for
 * what `bpfwire run` brings of the board here.
 */
static const struct rule objects[] = {
	{ "/",				PREFIX,	BOARD },
	{ "/lib/modules",		TREE,	LOCAL },
	{ "/usr/lib/modules",		TREE,	LOCAL },
	{ "/usr/src",			TREE,	LOCAL },
	{ "/usr/lib/debug",		TREE,	LOCAL },
	{ "/tmp/kheaders-",		PREFIX,	LOCAL },	/* where bpftrace unpacks them */
	{ "/dev",			TREE,	LOCAL },
	{ "/proc/self",			TREE,	LOCAL },
};

#define ADDITIONS_MAX	32
static struct rule additions[ADDITIONS_MAX];
static unsigned int nadditions;
/* Second characters of paths that can be the board's. */
static bool second[256] = { ['p'] = true, ['s'] = true, ['b'] = true, ['e'] = true, ['t'] = true, ['.'] = true, ['/'] = true };

static void add(const char *list, enum owner owner)
{
	char *copy = list ? strdup(list) : NULL, *p, *save = NULL;

	for (p = copy ? strtok_r(copy, ":", &save) : NULL; p && nadditions < ADDITIONS_MAX; p = strtok_r(NULL, ":", &save)) {
		size_t n = strlen(p);

		while (n > 1 && p[n - 1] == '/')
			p[--n] = 0;
		if (p[0] != '/' || n < 2)
			continue;
		additions[nadditions++] = (struct rule){ strdup(p), TREE, owner };
		second[(unsigned char)p[1]] = true;
	}
	free(copy);
}

void bw_path_additions(const char *board, const char *local)
{
	while (nadditions)
		free((char *)additions[--nadditions].path);
	add(board, BOARD);
	add(local, LOCAL);
}

__attribute__((constructor)) static void bw_path_init(void)
{
	bw_path_additions(getenv("BPFWIRE_BOARD_PATHS"), getenv("BPFWIRE_LOCAL_PATHS"));
	bw_cwd_init();
}

int bw_path_clean(const char *path, bool dotdot, char *out)
{
	size_t n = 0;
	const char *p = path;

	while (*p) {
		const char *name;
		size_t len;

		while (*p == '/')
			p++;
		for (name = p; *p && *p != '/'; p++)
			;
		len = (size_t)(p - name);
		if (n == 0 || out[n - 1] != '/')
			out[n++] = '/';
		if (len == 0 || (len == 1 && name[0] == '.'))
			continue;
		if (dotdot && len == 2 && name[0] == '.' && name[1] == '.') {
			for (n--; n && out[n - 1] != '/'; n--)
				;
			if (!n)
				out[n++] = '/';
			continue;
		}
		if (n + len + 1 > BW_PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(out + n, name, len);
		n += len;
	}
	out[n] = 0;
	return (int)n;
}

static bool is_pid_map(const char *p)
{
	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9')
		p++;
	return !strcmp(p, ".map");
}

static size_t matches(const struct rule *r, const char *path)
{
	size_t n = strlen(r->path);

	if (strncmp(path, r->path, n))
		return 0;
	switch ((enum match)r->match) {
	case TREE:	return path[n] == 0 || path[n] == '/' ? n : 0;
	case EXACT:	return path[n] == 0 ? n : 0;
	case PREFIX:	return n;
	case PID_MAP:	return is_pid_map(path + n) ? n : 0;
	}
	return 0;
}

static void best_of(const struct rule *r, size_t n, const char *path, size_t *best, enum owner *owner)
{
	for (; n--; r++) {
		size_t len = matches(r, path);

		if (len && len >= *best) {
			*best = len;
			*owner = (enum owner)r->owner;
		}
	}
}

/* What follows "/proc/PID" if PID is this process, else NULL. */
static const char *below_own_pid(const char *path)
{
	long pid = 0;
	const char *p;

	if (strncmp(path, "/proc/", 6) || path[6] < '1' || path[6] > '9')
		return NULL;
	for (p = path + 6; *p >= '0' && *p <= '9' && pid < INT32_MAX; p++)
		pid = pid * 10 + (*p - '0');
	return (*p == 0 || *p == '/') && pid == bw_getpid() ? p : NULL;
}

static bool is_boards(const struct rule *r, size_t n, const char *clean)
{
	enum owner owner = LOCAL;
	size_t best = 0;

	best_of(r, n, clean, &best, &owner);
	best_of(additions, nadditions, clean, &best, &owner);
	if (owner == LOCAL || below_own_pid(clean))
		return false;
	return owner == BOARD || bw_is_front_end();
}

/* Below a directory of the board everything is the board's, and its kernel resolves "..": the path goes as it is. */
static enum bw_where below_placeholder(int dirfd, const char *path, char *out)
{
	struct bw_placeholder *o = bw_placeholder_get(dirfd);
	enum bw_where where = BW_LOCAL;

	if (!o)
		return BW_LOCAL;
	if (o->ops == &bw_dir_ops && o->path && *path &&
	    snprintf(out, BW_PATH_MAX + 1, "%s/%s", o->path, path) <= (int)BW_PATH_MAX)
		where = BW_ON_BOARD;
	bw_placeholder_put(o);
	return where;
}

static bool starts_in(const char *path, const char *dir, size_t n)
{
	return !strncmp(path, dir, n) && (path[n] == 0 || path[n] == '/');
}

enum bw_where bw_path_where(int dirfd, const char *path, char *out)
{
	char clean[BW_PATH_MAX + 1], whole[BW_PATH_MAX + 1];

	if (!path)
		return BW_LOCAL;
	if (path[0] != '/' && dirfd != AT_FDCWD)
		return dirfd >= 0 && bw_placeholder_maybe(dirfd) ? below_placeholder(dirfd, path, out) : BW_LOCAL;
	if (path[0] != '/' && bw_cwd_is_boards())
		return bw_cwd_below(path, out);
	if (path[0] != '/') {
		if (!bw_cwd_is_root() || !*path || strlen(path) > BW_PATH_MAX - 1)
			return BW_LOCAL;
		whole[0] = '/';
		path = strcpy(whole + 1, path) - 1;
	}
	if (!second[(unsigned char)path[1]] && !strstr(path, "/.."))
		return BW_LOCAL;
	if (!bw_active() || bw_path_clean(path, true, clean) < 0 || !is_boards(rules, sizeof(rules) / sizeof(rules[0]), clean))
		return BW_LOCAL;
	/* Where the path walks in the board's own trees, its kernel is to resolve "..", which may follow a link. */
	if (bw_path_clean(path, false, out) < 0 || (!starts_in(out, "/sys", 4) && !starts_in(out, "/proc", 5)))
		strcpy(out, clean);
	return BW_ON_BOARD;
}

enum bw_where bw_path_of_object(const char *path, char *out)
{
	if (!path || path[0] != '/' || !bw_active() || bw_path_clean(path, true, out) < 0 ||
	    !is_boards(objects, sizeof(objects) / sizeof(objects[0]), out))
		return BW_LOCAL;
	return BW_ON_BOARD;
}

enum bw_where bw_path_for(const void *caller, int dirfd, const char *path, char *out)
{
	if (bw_path_where(dirfd, path, out) == BW_ON_BOARD)
		return BW_ON_BOARD;
	return caller && bw_opens_objects(caller) ? bw_path_of_object(path, out) : BW_LOCAL;
}

static bool number(const char *p, int *out)
{
	long v = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9' && v < INT32_MAX; p++)
		v = v * 10 + (*p - '0');
	*out = (int)v;
	return *p == 0 && v < INT32_MAX;
}

/* What follows "/proc/self/", in any of its spellings, else NULL. */
static const char *below_self(const char *path)
{
	const char *p;

	if (!path || path[0] != '/' || path[1] != 'p')
		return NULL;
	if (!strncmp(path, "/proc/self/", 11))
		return path + 11;
	if (!strncmp(path, "/proc/thread-self/", 18))
		return path + 18;
	p = below_own_pid(path);
	return p && *p ? p + 1 : NULL;
}

bool bw_path_is_self_fd(const char *path, int *fd)
{
	const char *p = below_self(path);

	if (p)
		return !strncmp(p, "fd/", 3) && number(p + 3, fd);
	return path && !strncmp(path, "/dev/fd/", 8) && number(path + 8, fd);
}

bool bw_path_is_self_fdinfo(const char *path, int *fd)
{
	const char *p = below_self(path);

	return p && !strncmp(p, "fdinfo/", 7) && number(p + 7, fd);
}
