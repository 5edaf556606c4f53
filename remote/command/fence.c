// SPDX-License-Identifier: Apache-2.0
#include "remote/command/fence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "protocol/io.h"

/* Of linux/landlock.h, which is younger than some systems that this is built on; the numbers are the same on every architecture. */
#define NR_CREATE_RULESET	444
#define NR_ADD_RULE		445
#define NR_RESTRICT_SELF	446
#define CREATE_VERSION		1u	/* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH_BENEATH	1
#define FS_WRITE_FILE		(1ull << 1)
#define FS_CHANGES		(0x1ffull << 4)		/* REMOVE_DIR, REMOVE_FILE, MAKE_* */
#define FS_REFER		(1ull << 13)		/* from version 2 */
#define FS_TRUNCATE		(1ull << 14)		/* from version 3 */

struct path_beneath {			/* struct landlock_path_beneath_attr */
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* Where they always are, mounted yet or not; the rest is what mountinfo lists. */
static const char *const usual[] = { "/sys/kernel/tracing", "/sys/kernel/debug", "/sys/fs/bpf" };
#define PLACES_MAX	64

struct fence {
	int ruleset;
	uint64_t rights;
	char *places[PLACES_MAX];
	size_t n;
};

static int add_place(struct fence *f, const char *path)
{
	if (f->n == PLACES_MAX)
		return -E2BIG;
	f->places[f->n] = strdup(path);
	return f->places[f->n] ? (f->n++, 0) : -ENOMEM;
}

/* Blanks and backslashes are octal in mountinfo (proc(5)). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
}

/* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD]... - TYPE SOURCE ..." */
static int take_mount(struct fence *f, char *line)
{
	char *type = strstr(line, " - "), *point;
	int at = 0;

	if (!type || (strncmp(type, " - tracefs ", 11) && strncmp(type, " - debugfs ", 11) && strncmp(type, " - bpf ", 7)))
		return 0;
	sscanf(line, "%*d %*d %*s %*s %n", &at);
	point = line + at;
	point[strcspn(point, " ")] = 0;
	unescape(point);
	return at && *point == '/' ? add_place(f, point) : 0;
}

static int find_places(struct fence *f)
{
	bw_cleanup_free char *line = NULL;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	size_t i, size = 0;
	int err = 0;

	for (i = 0; i < sizeof(usual) / sizeof(*usual) && !err; i++)
		err = add_place(f, usual[i]);
	while (mounts && !err && getline(&line, &size, mounts) > 0)
		err = take_mount(f, line);
	if (mounts)
		fclose(mounts);
	return err;
}

static bool is_place(const struct fence *f, const char *path)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!strcmp(f->places[i], path))
			return true;
	return false;
}

static bool leads_to_place(const struct fence *f, const char *path)
{
	size_t i, n = strlen(path);

	for (i = 0; i < f->n; i++)
		if (!strncmp(f->places[i], path, n) && f->places[i][n] == '/')
			return true;
	return false;
}

/* All rights for the file or the tree; one that is gone again, or that may not be opened, needs none. */
static int allow(const struct fence *f, const char *path)
{
	bw_cleanup_fd int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct path_beneath rule = { .allowed = f->rights, .parent = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return 0;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_WRITE_FILE | FS_TRUNCATE;
	return syscall(NR_ADD_RULE, f->ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_entries(const struct fence *f, const char *dir)
{
	DIR *d = opendir(*dir ? dir : "/");
	struct dirent *e;
	char path[PATH_MAX];
	int err = 0;

	if (!d)
		return 0;
	while (!err && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (is_place(f, path))
			continue;
		err = leads_to_place(f, path) ? allow_entries(f, path) : allow(f, path);
	}
	closedir(d);
	return err;
}

static int restrict_self(struct fence *f, long version)
{
	int err;

	f->rights = FS_WRITE_FILE | FS_CHANGES | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0);
	f->ruleset = (int)syscall(NR_CREATE_RULESET, &f->rights, sizeof(f->rights), 0);
	if (f->ruleset < 0)
		return -errno;
	err = find_places(f);
	if (!err)
		err = allow_entries(f, "");
	if (!err && syscall(NR_RESTRICT_SELF, f->ruleset, 0) < 0 && errno != E2BIG)	/* sixteen runs within each other: fenced already */
		err = -errno;
	close(f->ruleset);
	return err;
}

int bw_fence_install(void)
{
	long version = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_VERSION);
	struct fence f = { 0 };
	int err;

	if (version < 1)
		return errno == ENOSYS ? -EOPNOTSUPP : -errno;
	err = restrict_self(&f, version);
	while (f.n)
		free(f.places[--f.n]);
	return err;
}
