// SPDX-License-Identifier: Apache-2.0
/*
 * Directories of the board as DIR. The whole listing comes at opendir, with the stat of each entry, which statcache.c keeps for the
 * questions that follow. Our DIR starts with a negative number where glibc's has its descriptor (an int, its first field since
 * ever: sysdeps/unix/sysv/linux/dirstream.h): so any DIR can be asked whose it is.
 */
#include <stdlib.h>
#include <string.h>

#include "remote/files.h"

#define MINE	(-0x62776400)

struct entry {
	char *name;		/* in names */
	ino64_t ino;
	unsigned char type;
};

struct bw_dir {
	int mine;
	int fd;			/* placeholder, -1 until dirfd asks for one */
	size_t pos, n;
	struct entry *entries;
	char *names;
	char *path;
	struct dirent64 current;
};

struct bw_dir *bw_dir_mine(DIR *d)
{
	return d && *(int *)d == MINE ? (struct bw_dir *)d : NULL;
}

static int add(struct bw_dir *d, size_t *cap, char **at, struct bw_str name, ino64_t ino, uint8_t type)
{
	if (d->n == *cap) {
		struct entry *e = reallocarray(d->entries, *cap * 2 + 64, sizeof(*e));

		if (!e)
			return -ENOMEM;
		d->entries = e;
		*cap = *cap * 2 + 64;
	}
	memcpy(*at, name.p, name.len);
	(*at)[name.len] = 0;
	d->entries[d->n++] = (struct entry){ *at, ino ? ino : 1, type };
	*at += name.len + 1;
	return 0;
}

static bool dots(struct bw_str s)
{
	return (s.len == 1 && s.p[0] == '.') || (s.len == 2 && s.p[0] == '.' && s.p[1] == '.');
}

/* Names take less room than the message they came in, which had a stat with each; 8 more for the dots. */
static int fill(struct bw_dir *d, const struct bw_reply *reply)
{
	struct bw_reader r = bw_reply_reader(reply);
	size_t cap = 0;
	char *at;
	int err;

	at = d->names = malloc(reply->len + 8);
	if (!at)
		return -ENOMEM;
	err = add(d, &cap, &at, (struct bw_str){ ".", 1 }, 1, BW_FT_DIR);
	if (!err)
		err = add(d, &cap, &at, (struct bw_str){ "..", 2 }, 1, BW_FT_DIR);
	while (!err && r.left) {
		struct bw_dirent e;

		err = bw_get_dirent(&r, &e);
		if (err || !e.name.len || dots(e.name) || e.name.len > NAME_MAX || memchr(e.name.p, '/', e.name.len))
			continue;
		bw_stat_remember_entry(d->path, e.name, &e.st);
		err = add(d, &cap, &at, e.name, e.st.ino, e.st.type);
	}
	return err;
}

static void dir_free(struct bw_dir *d)
{
	if (!d)
		return;
	free(d->entries);
	free(d->names);
	free(d->path);
	d->mine = 0;
	free(d);
}

int bw_dir_open(const char *path, struct bw_dir **out)
{
	struct bw_dir *d = calloc(1, sizeof(*d));
	struct bw_reply reply;
	int err;

	if (!d || !(d->path = strdup(path))) {
		free(d);
		return -ENOMEM;
	}
	d->mine = MINE;
	d->fd = -1;
	err = bw_tree_list(path, &reply);
	if (!err)
		err = fill(d, &reply);
	bw_reply_free(&reply);
	if (err) {
		dir_free(d);
		return err;
	}
	*out = d;
	return 0;
}

int bw_dir_close(struct bw_dir *d)
{
	if (d->fd >= 0)
		bw_fd_close(d->fd);
	dir_free(d);
	return 0;
}

/* Entry types: DT_* are the file types of stat shifted down, which is what the wire has. */
_Static_assert(DT_DIR == (int)BW_FT_DIR && DT_REG == (int)BW_FT_REG && DT_LNK == (int)BW_FT_LNK && DT_UNKNOWN == (int)BW_FT_NONE,
	       "types of entries");

struct dirent64 *bw_dir_read(struct bw_dir *d)
{
	struct entry *e;

	if (d->pos >= d->n)
		return NULL;
	e = &d->entries[d->pos++];
	d->current.d_ino = e->ino;
	d->current.d_off = (off64_t)d->pos;
	d->current.d_type = e->type;
	d->current.d_reclen = sizeof(d->current);
	strcpy(d->current.d_name, e->name);
	return &d->current;
}

/* ---- wrappers ---- */

BW_EXPORT DIR *opendir(const char *path)
{
	char board[BW_PATH_MAX + 1];
	struct bw_dir *d = NULL;
	int saved = errno, err;

	if (bw_path_where(AT_FDCWD, path, board) == BW_LOCAL)
		return BW_REAL(opendir)(path);
	err = bw_dir_open(board, &d);
	errno = err ? -err : saved;
	return (DIR *)d;
}

BW_EXPORT DIR *fdopendir(int fd)
{
	struct bw_placeholder *o = bw_placeholder_get(fd);
	struct bw_dir *d = NULL;
	int saved = errno, err;

	if (!o)
		return BW_REAL(fdopendir)(fd);
	err = o->ops == &bw_dir_ops && o->path ? bw_dir_open(o->path, &d) : -ENOTDIR;
	if (!err)
		d->fd = fd;
	bw_placeholder_put(o);
	errno = err ? -err : saved;
	return (DIR *)d;
}

BW_EXPORT int closedir(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? bw_dir_close(d) : BW_REAL(closedir)(dir);
}

BW_EXPORT int dirfd(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir);

	if (!d)
		return BW_REAL(dirfd)(dir);
	if (d->fd < 0) {
		int fd = bw_file_open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		if (fd < 0)
			return bw_ret(fd);
		d->fd = fd;
	}
	return d->fd;
}

BW_EXPORT struct dirent *readdir(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? (struct dirent *)bw_dir_read(d) : BW_REAL(readdir)(dir);
}

BW_EXPORT struct dirent64 *readdir64(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? bw_dir_read(d) : BW_REAL(readdir64)(dir);
}

static int next_into(struct bw_dir *d, void *entry, void **result)
{
	struct dirent64 *e = bw_dir_read(d);

	if (e)
		memcpy(entry, e, sizeof(*e));
	*result = e ? entry : NULL;
	return 0;
}

BW_EXPORT int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? next_into(d, entry, (void **)result) : BW_REAL(readdir_r)(dir, entry, result);
}

BW_EXPORT int readdir64_r(DIR *dir, struct dirent64 *entry, struct dirent64 **result)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? next_into(d, entry, (void **)result) : BW_REAL(readdir64_r)(dir, entry, result);
}

/* As libc's rewinddir: what comes after it is the directory as it is then. */
BW_EXPORT void rewinddir(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir), *fresh = NULL;

	if (!d) {
		BW_REAL(rewinddir)(dir);
		return;
	}
	if (d->pos && !bw_dir_open(d->path, &fresh)) {
		struct entry *entries = d->entries;
		char *names = d->names;

		d->entries = fresh->entries;
		d->names = fresh->names;
		d->n = fresh->n;
		fresh->entries = entries;
		fresh->names = names;
		dir_free(fresh);
	}
	d->pos = 0;
}

BW_EXPORT void seekdir(DIR *dir, long pos)
{
	struct bw_dir *d = bw_dir_mine(dir);

	if (d)
		d->pos = (size_t)pos;
	else
		BW_REAL(seekdir)(dir, pos);
}

BW_EXPORT long telldir(DIR *dir)
{
	struct bw_dir *d = bw_dir_mine(dir);

	return d ? (long)d->pos : BW_REAL(telldir)(dir);
}
