// SPDX-License-Identifier: Apache-2.0
/* The boards that the directories of sockets hold. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/io.h"
#include "remote/command/board.h"

/* The names that the bridge gives: [A-Za-z0-9._-]{1,64}, never beginning with a dot. SERIAL.bpfd is the text protocol's. */
bool bw_serial_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 64 || *name == '.')
		return false;
	if (n > 5 && !strcmp(name + n - 5, ".bpfd"))
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static bool is_listed(const struct bw_boards *l, const char *serial)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].serial, serial))
			return true;
	return false;
}

static int add(struct bw_boards *l, const char *dir, const char *serial)
{
	struct bw_board *b = realloc(l->v, (l->n + 1) * sizeof(*b));
	int fd;

	if (!b)
		return -ENOMEM;
	l->v = b;
	b += l->n;
	memset(b, 0, sizeof(*b));
	snprintf(b->serial, sizeof(b->serial), "%.*s", (int)sizeof(b->serial) - 1, serial);	/* bw_serial_is_valid: not longer */
	if (snprintf(b->path, sizeof(b->path), "%s/%s", dir, serial) >= (int)sizeof(b->path)) {
		b->state = BW_BOARD_OFFLINE;
		snprintf(b->reason, sizeof(b->reason), "the path of its socket is longer than a socket's may be; use a shorter BPFWIRE_DIR");
	} else {
		fd = bw_board_greet(b, BW_GREETING_MS);
		if (fd >= 0)
			close(fd);
	}
	if (b->state != BW_BOARD_GONE)
		l->n++;
	return 0;
}

static bool is_socket(int dirfd, const char *name)
{
	struct stat st;

	return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISSOCK(st.st_mode);
}

static int add_all(struct bw_boards *l, const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int err = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (!err && (e = readdir(d)))
		if (bw_serial_is_valid(e->d_name) && is_socket(dirfd(d), e->d_name) && !is_listed(l, e->d_name))
			err = add(l, dir, e->d_name);
	closedir(d);
	return err;
}

static int by_serial(const void *a, const void *b)
{
	return strcmp(((const struct bw_board *)a)->serial, ((const struct bw_board *)b)->serial);
}

int bw_boards_find(const char *const *dirs, size_t ndirs, struct bw_boards *out)
{
	int err = 0, r;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < ndirs; i++) {
		r = add_all(out, dirs[i]);
		if (r && r != -ENOMEM)
			out->unreadable = dirs[i];
		if (r && !err)
			err = r;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_serial);
	return err;
}

void bw_boards_free(struct bw_boards *b)
{
	free(b->v);
	memset(b, 0, sizeof(*b));
}
