// SPDX-License-Identifier: Apache-2.0
/* What the text protocol reads of the board's files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/text.h"
#include "protocol/io.h"

#define CHUNK	(32u << 10)

/* The words of the original, which clients look for. */
static int open_failed(struct bw_text *t)
{
	bw_text_printf(t, "Open failed, ignoring\n");
	return -EPROTO;
}

/* A file of lines, the last one with a newline whether it has one or not. */
static int cat(struct bw_text *t, const char *path)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bw_cleanup_free char *chunk = malloc(CHUNK);
	char last = '\n';
	struct stat st;
	ssize_t n;

	/* Not a device or a pipe that never ends: a client may name any path. */
	if (!chunk || fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return open_failed(t);
	n = read(fd, chunk, CHUNK);
	if (n < 0)
		return open_failed(t);
	for (; n > 0 && !t->error; n = read(fd, chunk, CHUNK)) {
		bw_text_put(t, chunk, (size_t)n);
		last = chunk[n - 1];
	}
	if (last != '\n')
		bw_text_put(t, "\n", 1);
	return 0;
}

static int cat_below(struct bw_text *t, struct bw_str dir, const char *name)
{
	char path[BW_PATH_MAX + 64];

	if (dir.len > BW_PATH_MAX)
		return open_failed(t);
	snprintf(path, sizeof(path), "%.*s/%s", (int)dir.len, dir.p, name);
	return cat(t, path);
}

int bw_text_kallsyms(struct bw_text *t, const struct bw_text_line *l __attribute__((unused)))
{
	return cat(t, "/proc/kallsyms");
}

/* Clients look for it beside tracefs in debugfs; a tracefs that is mounted elsewhere has nothing beside it. */
int bw_text_blacklist(struct bw_text *t, const struct bw_text_line *l)
{
	char path[BW_PATH_MAX + 64];

	if (l->v[0].text.len > BW_PATH_MAX)
		return open_failed(t);
	snprintf(path, sizeof(path), "%.*s/../kprobes/blacklist", (int)l->v[0].text.len, l->v[0].text.p);
	return cat(t, access(path, R_OK) ? "/sys/kernel/debug/kprobes/blacklist" : path);
}

int bw_text_filter_funcs(struct bw_text *t, const struct bw_text_line *l)
{
	return cat_below(t, l->v[0].text, "available_filter_functions");
}

static bool is_directory(DIR *dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return !fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static int list(struct bw_text *t, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return -EPROTO;
	while ((e = readdir(dir)))
		if (*e->d_name != '.' && !strchr(e->d_name, '\n') && is_directory(dir, e))
			bw_text_printf(t, "%s\n", e->d_name);
	closedir(dir);
	return 0;
}

int bw_text_categories(struct bw_text *t, const struct bw_text_line *l)
{
	char path[BW_PATH_MAX + 64];

	if (l->v[0].text.len > BW_PATH_MAX)
		return -EPROTO;
	snprintf(path, sizeof(path), "%.*s/events", (int)l->v[0].text.len, l->v[0].text.p);
	return list(t, path);
}

int bw_text_events(struct bw_text *t, const struct bw_text_line *l)
{
	char path[2 * BW_PATH_MAX];

	if (l->v[0].text.len > BW_PATH_MAX || l->v[1].text.len > BW_NAME_MAX)
		return -EPROTO;
	snprintf(path, sizeof(path), "%.*s/events/%.*s", (int)l->v[0].text.len, l->v[0].text.p, (int)l->v[1].text.len, l->v[1].text.p);
	return list(t, path);
}

/* One line, whatever a process has put into its name. */
int bw_text_comm(struct bw_text *t, const struct bw_text_line *l)
{
	char path[64], comm[64];
	ssize_t n;

	if ((int64_t)l->v[0].num <= 0)
		return bw_text_ret(t, "comm_for_pid", -EINVAL);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)l->v[0].num);
	n = bw_read_line(path, comm, sizeof(comm));
	if (n < 0)
		return open_failed(t);
	for (char *p = comm; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	bw_text_printf(t, "%s\n", comm);
	return 0;
}
