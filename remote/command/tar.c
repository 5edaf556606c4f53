// SPDX-License-Identifier: Apache-2.0
#include "remote/command/tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK		512u
#define PAX_MAX		65536u

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100];
	char magic[8];				/* "ustar\0" "00", or GNU's "ustar  \0" */
	char uname[32], gname[32], devmajor[8], devminor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

static int refuse(struct bw_tar *t, const char *why)
{
	t->why = why;
	return -EBADMSG;
}

void bw_tar_init(struct bw_tar *t, bw_tar_read_fn *read, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->read = read;
	t->arg = arg;
}

/* ---- bytes ---- */

static int read_full(struct bw_tar *t, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = t->read(t->arg, at, len);

		if (n < 0)
			return (int)n;
		if (!n)
			return refuse(t, "an end in the middle");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int skip(struct bw_tar *t, uint64_t len)
{
	char drop[4096];
	int err = 0;

	while (len && !err) {
		size_t n = len < sizeof(drop) ? (size_t)len : sizeof(drop);

		err = read_full(t, drop, n);
		len -= n;
	}
	return err;
}

ssize_t bw_tar_data(struct bw_tar *t, void *buf, size_t len)
{
	ssize_t n;

	if (len > t->left)
		len = (size_t)t->left;
	if (!len)
		return 0;
	n = t->read(t->arg, buf, len);
	if (!n)
		return refuse(t, "an end in the middle");
	if (n > 0)
		t->left -= (uint64_t)n;
	return n;
}

/* ---- fields ---- */

/* Octal with blanks or NULs around it. GNU's binary form is for sizes that are refused anyway. */
static bool get_octal(const char *field, size_t len, uint64_t *out)
{
	size_t i = 0;

	*out = 0;
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(field[i] - '0');
	while (i < len && (field[i] == ' ' || !field[i]))
		i++;
	return i == len;
}

static bool checksum_fits(const struct header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	uint64_t want, sum = 0;
	size_t i;

	for (i = 0; i < BLOCK; i++)
		sum += i - offsetof(struct header, checksum) < sizeof(h->checksum) ? ' ' : p[i];
	return get_octal(h->checksum, sizeof(h->checksum), &want) && want == sum;
}

static bool is_zero(const struct header *h)
{
	static const struct header zero;

	return !memcmp(h, &zero, sizeof(zero));
}

/* ---- names ---- */

/*
 * In place: without "." and empty parts. -EBADMSG for what is absolute, has ".." or has characters that are no business of a header's name (and
 * would reach a terminal).
 */
static int clean_name(struct bw_tar *t, char *name)
{
	char *in = name, *out = name;

	if (*name == '/')
		return refuse(t, "an absolute name");
	while (*in) {
		size_t i, n = strcspn(in, "/");

		for (i = 0; i < n; i++)
			if ((unsigned char)in[i] < 0x20 || in[i] == 0x7f)
				return refuse(t, "a name with control characters");
		if (n == 2 && !memcmp(in, "..", 2))
			return refuse(t, "a name with '..'");
		if (n && !(n == 1 && *in == '.')) {
			if (out > name)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n + (in[n] == '/');
	}
	*out = 0;
	return 0;
}

/* See tar.h: ".." only at the start, and no more often than the link lies deep. So no chain of such links leads out. */
static int check_target(struct bw_tar *t)
{
	const char *s, *p = t->target;
	size_t depth = 0, n;
	bool down = false;

	for (s = t->name; (s = strchr(s, '/')); s++)
		depth++;
	if (!*p || *p == '/')
		return refuse(t, "a symbolic link that leads out");
	for (; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && !memcmp(p, "..", 2)) {
			if (down || !depth--)
				return refuse(t, "a symbolic link that leads out");
		} else if (n && !(n == 1 && *p == '.')) {
			down = true;
		}
	}
	return 0;
}

/* A header's name is its own unless one before gave a longer one. */
static void take_name(struct bw_tar *t, const struct header *h)
{
	bool posix = !memcmp(h->magic, "ustar", 6);	/* with the NUL: GNU's has something else where the prefix is */

	if (t->has_name)
		return;
	if (posix && *h->prefix)
		snprintf(t->name, sizeof(t->name), "%.*s/%.*s", (int)sizeof(h->prefix), h->prefix, (int)sizeof(h->name), h->name);
	else
		snprintf(t->name, sizeof(t->name), "%.*s", (int)sizeof(h->name), h->name);
}

static void take_target(struct bw_tar *t, const struct header *h)
{
	if (!t->has_target)
		snprintf(t->target, sizeof(t->target), "%.*s", (int)sizeof(h->linkname), h->linkname);
}

/* ---- headers about the entry that follows ---- */

/* GNU's long name ('L') or link target ('K'): the contents, with a NUL. */
static int read_long(struct bw_tar *t, uint64_t size, char *out, bool *has)
{
	int err;

	if (!size || size > BW_TAR_NAME_MAX + 1)
		return refuse(t, "a name that is too long");
	memset(out, 0, BW_TAR_NAME_MAX + 1);
	err = read_full(t, out, (size_t)size);
	if (!err && out[BW_TAR_NAME_MAX])
		err = refuse(t, "a name that is too long");
	if (!err)
		err = skip(t, -size % BLOCK);
	*has = true;
	return err;
}

static int take_pax_value(struct bw_tar *t, const char *value, size_t len, char *out, bool *has)
{
	if (!len || len > BW_TAR_NAME_MAX || memchr(value, 0, len))
		return refuse(t, "a name that is too long");
	memcpy(out, value, len);
	out[len] = 0;
	*has = true;
	return 0;
}

/* "LEN KEY=VALUE\n"; a size or a sparse map here would mean other data than the header says. */
static int take_pax_record(struct bw_tar *t, const char *key, size_t n)
{
	const char *eq = memchr(key, '=', n);
	size_t keylen = eq ? (size_t)(eq - key) : 0;

	if (!eq)
		return refuse(t, "a broken pax header");
	if (keylen == 4 && !memcmp(key, "path", 4))
		return take_pax_value(t, eq + 1, n - 5, t->name, &t->has_name);
	if (keylen == 8 && !memcmp(key, "linkpath", 8))
		return take_pax_value(t, eq + 1, n - 9, t->target, &t->has_target);
	if ((keylen == 4 && !memcmp(key, "size", 4)) || (keylen >= 10 && !memcmp(key, "GNU.sparse", 10)))
		return refuse(t, "a sparse or huge file");
	return 0;
}

static int read_pax(struct bw_tar *t, uint64_t size)
{
	static char text[PAX_MAX];		/* the command has one thread */
	size_t at = 0;
	int err;

	if (size > sizeof(text))
		return refuse(t, "a pax header that is too long");
	err = read_full(t, text, (size_t)size);
	if (!err)
		err = skip(t, -size % BLOCK);
	while (!err && at < size) {
		size_t i = at, len = 0;

		for (; i < size && text[i] >= '0' && text[i] <= '9' && len < PAX_MAX; i++)
			len = len * 10 + (size_t)(text[i] - '0');
		if (i >= size || text[i] != ' ' || len > size - at || at + len < i + 2 || text[at + len - 1] != '\n')
			return refuse(t, "a broken pax header");
		err = take_pax_record(t, text + i + 1, at + len - i - 2);
		at += len;
	}
	return err;
}

/* ---- entries ---- */

static int set_entry(struct bw_tar *t, char type, uint64_t size)
{
	size_t n = strlen(t->name);

	switch (type) {
	case '0': case '\0': case '7':
		t->type = n && t->name[n - 1] == '/' ? BW_TAR_DIR : BW_TAR_FILE;
		break;
	case '5':
		t->type = BW_TAR_DIR;
		break;
	case '2':
		t->type = BW_TAR_SYMLINK;
		break;
	case '1':
		return refuse(t, "a hard link");
	case '3': case '4': case '6':
		return refuse(t, "a device or pipe");
	default:
		return refuse(t, "a member of an unknown kind");
	}
	if (t->type != BW_TAR_FILE && size)
		return refuse(t, "a directory or link with contents");
	t->total += size;
	if (size > BW_TAR_FILE_MAX || t->total > BW_TAR_TOTAL_MAX)
		return refuse(t, "more than fits kernel headers");
	t->size = t->left = size;
	t->padding = -size % BLOCK;
	return 0;
}

/* 1: an entry; 0: go on; 2: the end mark. */
static int take_header(struct bw_tar *t, const struct header *h)
{
	uint64_t size;
	int err;

	if (is_zero(h))
		return t->has_name || t->has_target ? refuse(t, "an end in the middle") : 2;
	if (memcmp(h->magic, "ustar", 5) || !checksum_fits(h) || !get_octal(h->size, sizeof(h->size), &size))
		return refuse(t, "a broken header");
	if (++t->members > BW_TAR_MEMBERS_MAX)
		return refuse(t, "more members than fit kernel headers");
	switch (h->type) {
	case 'L':
		return read_long(t, size, t->name, &t->has_name);
	case 'K':
		return read_long(t, size, t->target, &t->has_target);
	case 'x':
		return read_pax(t, size);
	case 'g':	/* for all that follow: owners and times, comments */
		return size > PAX_MAX ? refuse(t, "a pax header that is too long") : skip(t, size + (-size % BLOCK));
	}
	take_name(t, h);
	take_target(t, h);
	err = set_entry(t, h->type, size);
	if (!err)
		err = clean_name(t, t->name);
	if (!err && t->type == BW_TAR_SYMLINK)
		err = check_target(t);
	t->has_name = t->has_target = false;
	if (!err && !*t->name && t->type != BW_TAR_DIR)
		err = refuse(t, "a member without a name");
	return err ? err : *t->name != 0;	/* "./" itself is nothing to make */
}

int bw_tar_next(struct bw_tar *t)
{
	struct header h;
	int r = skip(t, t->left + t->padding);

	t->left = t->padding = 0;
	if (!r)
		t->name[0] = t->target[0] = 0;
	while (!r) {
		r = read_full(t, &h, sizeof(h));
		if (!r)
			r = take_header(t, &h);
	}
	return r == 2 ? 0 : r;
}
