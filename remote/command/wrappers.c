// SPDX-License-Identifier: Apache-2.0
/*
 * A wrapper names the real tool by its absolute path, so one that was made by a shell with another PATH stays good. It goes when the tool has gone. Until then, and
 * in shells that looked before, it says so itself.
 */
#include "remote/command/wrappers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "protocol/buf.h"
#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/place.h"
#include "remote/command/private_dir.h"

#define MARK		"#!/bin/sh\n# bpfwire env: "	/* how each begins; the real tool's path follows */
#define TEMPORARY	".new"
#define WRAPPER_MAX	65536

struct made {
	int dir;			/* locked */
	struct stat st;			/* of it */
	char command[PATH_MAX];		/* this bpfwire */
	char **names;			/* looked at already */
	size_t n;
};

/* ---- which ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

bool bw_wrappers_is_tool(const char *dir, const char *name)
{
	static const char *const names[] = { "bpftool", "bpftrace", "ply" };
	size_t i;

	/* A name that goes into a script, and that a shell may be expected to be given. */
	if (*name == '.' || *name == '-' || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-")])
		return false;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	/* Debian's BCC; bpftrace's scripts; BCC as other distributions and its own Makefile install it. */
	return ends_with(name, "-bpfcc") || ends_with(name, ".bt") || ends_with(dir, "/bcc/tools");
}

static bool is_seen(const struct made *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (!strcmp(m->names[i], name))
			return true;
	return false;
}

static int see(struct made *m, const char *name)
{
	char **names = reallocarray(m->names, m->n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	m->names = names;
	names[m->n] = strdup(name);
	return names[m->n] ? (m->n++, 0) : -ENOMEM;
}

/* ---- one ---- */

/* In single quotes, as all shells of POSIX's kind read it. */
static void put_quoted(struct bw_buf *b, const char *s)
{
	bw_put_bytes(b, "'", 1);
	for (; *s; s++)
		bw_put_bytes(b, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
	bw_put_bytes(b, "'", 1);
}

static void put_text(struct bw_buf *b, const char *s)
{
	bw_put_bytes(b, s, strlen(s));
}

static void put_script(struct bw_buf *b, const struct made *m, const char *tool)
{
	put_text(b, MARK);
	put_text(b, tool);
	put_text(b, "\n[ -x ");
	put_quoted(b, tool);
	put_text(b, " ] || { printf '%s\\n' \"bpfwire: \"");
	put_quoted(b, tool);
	put_text(b, "' was removed; eval \"$(bpfwire env)\" looks for tools anew' >&2; exit 127; }\n[ -z \"${BPFWIRE_SOCKET-}\" ] || exec ");
	put_quoted(b, tool);
	put_text(b, " \"$@\"\nexec ");
	put_quoted(b, m->command);
	put_text(b, " run -- ");
	put_quoted(b, tool);
	put_text(b, " \"$@\"\n");
}

static bool is_there(int dir, const char *name, const struct bw_buf *b)
{
	bw_cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bw_cleanup_free char *text = malloc(b->len + 1);
	struct stat st;

	return fd >= 0 && text && !fstat(fd, &st) && (st.st_mode & 0777) == 0700 && read(fd, text, b->len + 1) == (ssize_t)b->len &&
	       !memcmp(text, b->data, b->len);
}

/* Whoever starts it meanwhile has the old one or the new one. */
static int put_file(int dir, const char *name, const struct bw_buf *b)
{
	bw_cleanup_fd int fd = -1;
	int err;

	unlinkat(dir, TEMPORARY, 0);
	fd = openat(dir, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	err = fd < 0 ? -errno : bw_write_full(fd, b->data, b->len);
	if (!err)
		err = fchmod(fd, 0700) || renameat(dir, TEMPORARY, dir, name) ? -errno : 0;
	return err;
}

static int make(struct made *m, const char *name, const char *tool)
{
	struct bw_buf b = { 0 };
	int err = see(m, name);

	put_script(&b, m, tool);
	if (!err)
		err = b.err;
	if (!err && !is_there(m->dir, name, &b))
		err = put_file(m->dir, name, &b);
	bw_buf_free(&b);
	return err;
}

/* ---- all ---- */

static bool is_executable(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, 0) && S_ISREG(st.st_mode) && !faccessat(dir, name, X_OK, AT_EACCESS);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* The first of a name is what a shell would find. */
static int look_into(struct made *m, const char *path)
{
	char tool[PATH_MAX];
	struct dirent *e;
	struct stat st;
	int err = 0;
	DIR *d;

	/* What depends on the working directory is not found by name alone. */
	if (*path != '/' || has_control(path))
		return 0;
	d = opendir(path);
	if (!d)
		return 0;
	if (fstat(dirfd(d), &st) || (st.st_dev == m->st.st_dev && st.st_ino == m->st.st_ino))
		goto out;
	while (!err && (e = readdir(d)))
		if (bw_wrappers_is_tool(path, e->d_name) && !is_seen(m, e->d_name) && is_executable(dirfd(d), e->d_name) &&
		    snprintf(tool, sizeof(tool), "%s/%s", path, e->d_name) < (int)sizeof(tool))
			err = make(m, e->d_name, tool);
out:
	closedir(d);
	return err;
}

static int look_everywhere(struct made *m)
{
	const char *path = getenv("PATH");
	bw_cleanup_free char *dirs = NULL;
	char *dir, *rest;
	int err = 0;

	if (asprintf(&dirs, "%s:/usr/sbin:/sbin", path ? path : "/usr/local/bin:/usr/bin:/bin") < 0) {
		dirs = NULL;
		return -ENOMEM;
	}
	for (rest = dirs; !err && (dir = strsep(&rest, ":"));)
		err = look_into(m, dir);
	return err;
}

/* The tool that a wrapper is for; false: it is none. */
static bool tool_of(int dir, const char *name, char tool[PATH_MAX])
{
	bw_cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[sizeof(MARK) + PATH_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = 0;
	if (strncmp(text, MARK, sizeof(MARK) - 1) || !strchr(text + sizeof(MARK) - 1, '\n'))
		return false;
	snprintf(tool, PATH_MAX, "%.*s", (int)strcspn(text + sizeof(MARK) - 1, "\n"), text + sizeof(MARK) - 1);
	return true;
}

/* Those of another PATH stay, in today's form, as long as their tools do. */
static int look_at_rest(struct made *m)
{
	char tool[PATH_MAX];
	struct dirent *e;
	int err = 0, copy = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d)
		return -errno;
	while (!err && (e = readdir(d))) {
		if (*e->d_name == '.' || is_seen(m, e->d_name) || !tool_of(m->dir, e->d_name, tool))
			continue;
		if (is_executable(AT_FDCWD, tool))
			err = make(m, e->d_name, tool);
		else
			unlinkat(m->dir, e->d_name, 0);
	}
	closedir(d);
	return err;
}

static int refresh(struct made *m, const char *dir)
{
	int err;

	if (flock(m->dir, LOCK_EX) || fstat(m->dir, &m->st))
		return -errno;
	err = bw_place_self(m->command);
	if (!err)
		err = look_everywhere(m);
	if (!err)
		err = look_at_rest(m);
	if (err)
		bw_log(BW_LOG_ERROR, "%s: %s", dir, strerror(-err));
	return err;
}

int bw_wrappers_refresh(char dir[PATH_MAX])
{
	struct made m = { .dir = -1 };
	char cache[PATH_MAX - 16], path[PATH_MAX];
	int err = bw_place_cache(cache, sizeof(cache)), n;

	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/tools", cache);
	m.dir = bw_private_dir_open(path, dir);
	if (m.dir < 0)
		return m.dir;
	if (strchr(dir, ':') || has_control(dir)) {
		bw_log(BW_LOG_ERROR, "%s: PATH cannot name a path with a colon; name another place by BPFWIRE_CACHE", dir);
		err = -EINVAL;
	}
	if (!err)
		err = refresh(&m, dir);
	n = (int)m.n;
	while (m.n--)
		free(m.names[m.n]);
	free(m.names);
	close(m.dir);
	return err ? err : n;
}
