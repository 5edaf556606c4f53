// SPDX-License-Identifier: Apache-2.0
#include "loader/loader.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"

int bw_pins_dir(const char *given, char out[PATH_MAX])
{
	const char *slash = strchr(given, '/');
	int n = snprintf(out, PATH_MAX, "%s%s", slash ? "" : BW_BPFFS "/", given);

	while (n > 1 && n < PATH_MAX && out[n - 1] == '/')
		out[--n] = 0;
	if (n < PATH_MAX - NAME_MAX && (slash == given || !slash) && *given)
		return 0;
	bw_log(BW_LOG_ERROR, "'%s' is no place for pins: give a name, for a directory in " BW_BPFFS ", or an absolute path", given);
	return -EINVAL;
}

void bw_pins_name(const char *file, char *out, size_t size)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;

	snprintf(out, size, "%.*s", (int)strcspn(base, "."), base);
}

static bool is_bpffs(const char *dir)
{
	struct statfs fs;

	return !statfs(dir, &fs) && fs.f_type == BPF_FS_MAGIC;
}

bool bw_pins_is_root(const char *dir)
{
	char parent[PATH_MAX + 4];
	struct stat st, up;

	snprintf(parent, sizeof(parent), "%s/..", dir);
	return !strcmp(dir, BW_BPFFS) || stat(dir, &st) < 0 || stat(parent, &up) < 0 || st.st_dev != up.st_dev;
}

/* The nearest directory above that is there. */
static void above(const char *dir, char out[PATH_MAX])
{
	struct stat st;
	char *slash;

	snprintf(out, PATH_MAX, "%s", dir);
	while (stat(out, &st) < 0 && (slash = strrchr(out, '/')) && slash > out)
		*slash = 0;
}

static int is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool any = false;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		any |= strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return any ? -EEXIST : 0;
}

static int make_dirs(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		mkdir(path, 0700);
		*p = '/';
	}
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

/* 0: made; 1: it was there; or -errno. */
static int take_dir(const char *dir)
{
	int r = make_dirs(dir);

	if (r != -EEXIST)
		return r;
	r = is_empty(dir);
	return r ? r : 1;
}

int bw_pins_init(struct bw_pins *p, const char *given)
{
	char near[PATH_MAX];
	int r;

	memset(p, 0, sizeof(*p));
	r = bw_pins_dir(given, p->dir);
	if (r)
		return r;
	above(p->dir, near);
	if (!is_bpffs(near)) {
		bw_log(BW_LOG_ERROR, "%s: is on no BPF file system, and only there can something be pinned: choose a place below " BW_BPFFS, p->dir);
		return -EINVAL;
	}
	if (strchr(p->dir, '.')) {
		bw_log(BW_LOG_ERROR, "%s: the kernel allows no dots there: choose another name", p->dir);
		return -EINVAL;
	}
	r = !strcmp(near, p->dir) && bw_pins_is_root(p->dir) ? -EEXIST : take_dir(p->dir);
	p->made = !r;
	if (r == -EEXIST)
		bw_log(BW_LOG_ERROR, "%s is there already, and not empty: unload what it holds, or choose another place by --pin", p->dir);
	else if (r < 0)
		bw_log(BW_LOG_ERROR, "%s: cannot be made: %s", p->dir, strerror(-r));
	return r < 0 ? r : 0;
}

int bw_pins_remember(struct bw_pins *p, const char *path)
{
	char **v = realloc(p->v, (p->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	p->v = v;
	v[p->n] = strdup(path);
	return v[p->n] ? (int)(p->n++, 0) : -ENOMEM;
}

int bw_pins_add(struct bw_pins *p, int fd, const char *name)
{
	char path[PATH_MAX];
	int r = 0, n = snprintf(path, sizeof(path), "%s/%s", p->dir, name);

	if (n >= PATH_MAX)
		r = -ENAMETOOLONG;
	for (char *c = path + strlen(p->dir); !r && *c; c++)
		if (*c == '.')
			*c = '_';
	if (!r && bpf_obj_pin(fd, path) < 0)
		r = -errno;
	else if (!r && (r = bw_pins_remember(p, path)))
		unlink(path);
	if (r && r != -EINVAL && r != -EBADF)
		bw_log(BW_LOG_ERROR, "%s: cannot be pinned: %s", path, strerror(-r));
	else if (!r)
		bw_log(BW_LOG_DEBUG, "pinned %s", path);
	return r;
}

void bw_pins_fini(struct bw_pins *p, bool keep)
{
	bool empty = !keep || !p->n;

	while (p->n) {
		if (!keep)
			unlink(p->v[p->n - 1]);
		free(p->v[--p->n]);
	}
	free(p->v);
	if (empty && p->made)
		rmdir(p->dir);
	memset(p, 0, sizeof(*p));
}
