// SPDX-License-Identifier: Apache-2.0
/* Opening the board's files: see files.h for what each kind becomes. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "protocol/endless.h"
#include "protocol/wirecode.h"
#include "remote/conn.h"
#include "remote/files.h"

#define CHUNK	(1u << 20)	/* a longer read or write is a short one */

int bw_file_call(uint16_t type, const char *path, uint32_t flags, uint32_t mode, struct bw_reply *reply)
{
	struct bw_file m = { .flags = flags, .mode = mode, .path = { path, (uint32_t)strlen(path) } };
	struct bw_buf b = { 0 };
	int err;

	memset(reply, 0, sizeof(*reply));
	err = bw_conn_ready();
	if (err)
		return err;
	bw_put_file(&b, &m);
	err = b.err ? b.err : bw_call(type, &b, reply);
	bw_buf_free(&b);
	if (err == -ENOENT && bw_is_front_end() && !strncmp(path, "/proc/", 6))
		bw_refuse_child((pid_t)strtol(path + 6, NULL, 10));
	bw_verbose(1, "%s %s: %s", type == BW_MSG_FILE_OPEN ? "open" : "look at", path, err < 0 ? strerror(-err) : "the board's");
	return err;
}

int64_t bw_file_handle(const char *path, int oflags, mode_t mode)
{
	struct bw_handle_reply m = { 0 };
	struct bw_reply reply;
	struct bw_reader r;
	int err = bw_file_call(BW_MSG_FILE_OPEN, path, bw_oflags_to_wire(oflags), mode & 07777, &reply);

	if (!err) {
		r = bw_reply_reader(&reply);
		err = bw_get_handle_reply(&r, &m);
	}
	bw_reply_free(&reply);
	return err ? (int64_t)err : (int64_t)m.handle;
}

int bw_fd_close(int fd)
{
	bw_placeholder_forget(fd);
	return BW_REAL(close)(fd);
}

/* ---- written files: each call is the board's ---- */

/* Where read(2) and write(2) go on: offset as BW_HANDLE_READ has it. */
static uint64_t place_of(const struct bw_placeholder *o, int64_t offset)
{
	if (offset < 0)
		offset = atomic_load(&o->pos);
	return offset < 0 ? BW_OFFSET_CURRENT : (uint64_t)offset;
}

static void move(struct bw_placeholder *o, int64_t offset, ssize_t done)
{
	if (offset < 0 && done > 0 && atomic_load(&o->pos) >= 0)
		atomic_fetch_add(&o->pos, done);
}

static ssize_t handle_read(struct bw_placeholder *o, void *buf, size_t len, int64_t offset)
{
	struct bw_handle_read m = { .handle = o->handle, .offset = place_of(o, offset) };
	struct bw_reply reply = { 0 };
	struct bw_buf b = { 0 };
	ssize_t r;

	m.len = (uint32_t)(len < CHUNK ? len : CHUNK);
	bw_put_handle_read(&b, &m);
	r = b.err ? b.err : bw_call(BW_MSG_HANDLE_READ, &b, &reply);
	if (r == 0) {
		size_t n = reply.len < len ? reply.len : len;

		r = bw_copy_out(buf, reply.data, n) ? -EFAULT : (ssize_t)n;
	}
	move(o, offset, r);
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return r;
}

static ssize_t handle_write(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset)
{
	struct bw_handle_write m = { .handle = o->handle, .offset = place_of(o, offset) };
	struct bw_reply reply = { 0 };
	struct bw_buf b = { 0 };
	struct bw_reader rd;
	ssize_t r = -ENOMEM;
	uint8_t *copy;

	m.len = (uint32_t)(len < CHUNK ? len : CHUNK);
	copy = malloc(m.len + 1);
	if (copy && !(r = bw_copy_in(copy, buf, m.len))) {
		m.data = copy;
		bw_put_handle_write(&b, &m);
		r = b.err ? b.err : bw_call(BW_MSG_HANDLE_WRITE, &b, &reply);
	}
	if (r == 0) {
		rd = bw_reply_reader(&reply);
		r = bw_get_u32(&rd);
		if (rd.err)
			r = rd.err;
	}
	move(o, offset, r);
	bw_stat_forget();	/* kprobe_events makes directories */
	bw_reply_free(&reply);
	bw_buf_free(&b);
	free(copy);
	return r;
}

/* o->st is filled at the first question: most writers never ask. */
static int opened_fstat(struct bw_placeholder *o, struct stat *st)
{
	if (!o->st.st_mode) {
		int err = bw_file_stat(o->path, !(o->oflags & O_NOFOLLOW), &o->st);

		if (err)
			return err;
	}
	*st = o->st;
	return 0;
}

/* /proc/PID/mem is as large as an address space. */
static bool is_memory(const char *path)
{
	size_t n = strlen(path);

	return n > 10 && !strncmp(path, "/proc/", 6) && !strcmp(path + n - 4, "/mem");
}

/* The kernel's own files take what is written to them wherever they are (and a shell seeks to the end of them). */
static bool has_places(const char *path)
{
	return is_memory(path) || (strncmp(path, "/proc/", 6) && strncmp(path, "/sys/", 5));
}

/* Only from a place that is known: after a seek from the start, or to the end. */
static int64_t seek(struct bw_placeholder *o, int64_t offset, int whence)
{
	struct stat st = { 0 };
	int64_t from = 0;

	if ((whence == SEEK_CUR && atomic_load(&o->pos) < 0) || whence > SEEK_END)
		return BW_NOT_OURS;
	if (whence == SEEK_CUR)
		from = atomic_load(&o->pos);
	else if (whence == SEEK_END && bw_file_stat(o->path, true, &st))
		return -EIO;
	if (whence == SEEK_END)
		from = st.st_size;
	if (__builtin_add_overflow(from, offset, &from) || from < 0)	/* above half of an address space: nobody writes there by lseek */
		return -EINVAL;
	atomic_store(&o->pos, from);
	return from;
}

static ssize_t dir_read(struct bw_placeholder *o, void *buf, size_t len, int64_t offset)
{
	(void)buf, (void)len, (void)offset;
	return o->oflags & O_PATH ? -EBADF : -EISDIR;
}

static ssize_t dir_write(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset)
{
	(void)o, (void)buf, (void)len, (void)offset;
	return -EBADF;
}

const struct bw_placeholder_ops bw_file_ops = { .read = handle_read, .write = handle_write, .fstat = opened_fstat };
const struct bw_placeholder_ops bw_dir_ops = { .read = dir_read, .write = dir_write, .fstat = opened_fstat };
const struct bw_placeholder_ops bw_copy_ops = { .fstat = opened_fstat };

static int64_t any_seek(int fd, int64_t offset, int whence)
{
	struct bw_placeholder *o = bw_placeholder_maybe(fd) ? bw_placeholder_get(fd) : NULL;
	int64_t r = o && o->ops == &bw_file_ops && o->path && has_places(o->path) ? seek(o, offset, whence) : BW_NOT_OURS;

	bw_placeholder_put(o);
	return r;
}

#define SEEK(libc) do { \
	int saved_ = errno; \
	int64_t r_ = any_seek(fd, offset, whence); \
	if (r_ == BW_NOT_OURS) \
		return libc; \
	errno = r_ < 0 ? (int)-r_ : saved_; \
	return r_ < 0 ? -1 : r_; \
} while (0)

BW_EXPORT off_t lseek(int fd, off_t offset, int whence)
{
	SEEK(BW_REAL(lseek)(fd, offset, whence));
}

BW_EXPORT off64_t lseek64(int fd, off64_t offset, int whence)
{
	SEEK(BW_REAL(lseek64)(fd, offset, whence));
}

static int open_handle(const char *path, int oflags, mode_t mode)
{
	struct bw_placeholder_new n = { .ops = &bw_file_ops, .object = BW_OBJ_FILE, .fd = -1, .cloexec = oflags & O_CLOEXEC, .path = path,
					.oflags = oflags };
	int64_t handle = bw_file_handle(path, oflags, mode);

	if (handle < 0)
		return (int)handle;
	if (oflags & (O_DIRECTORY | O_PATH))
		n.ops = &bw_dir_ops;
	if (oflags & (O_CREAT | O_TRUNC))
		bw_stat_forget();
	n.handle = (uint32_t)handle;
	return bw_placeholder_open(&n, NULL);
}

/* ---- fetched files ---- */

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		long n = bw_sys(SYS_write, fd, p, len);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A descriptor of its own on the memfd, at its start, and as read-only as what was asked for. */
static int reopen(int memfd, int oflags)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", memfd);
	fd = BW_REAL(open)(name, O_RDONLY | (oflags & (O_CLOEXEC | O_NONBLOCK)));
	if (fd >= 0) {
		BW_REAL(close)(memfd);
		return fd;
	}
	if (!(oflags & O_CLOEXEC))
		BW_REAL(fcntl)(memfd, F_SETFD, 0);
	BW_REAL(lseek)(memfd, 0, SEEK_SET);
	return memfd;		/* no /proc here */
}

/* Contents as a descriptor that is not yet anybody's. */
static int into_memfd(const char *path, const uint8_t *data, size_t len, int oflags)
{
	char name[128];
	int fd, err;

	snprintf(name, sizeof(name), "board:%s", path);
	fd = (int)bw_sys(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */);
	if (fd < 0)
		return fd;
	err = write_all(fd, data, len);
	if (err) {
		BW_REAL(close)(fd);
		return err;
	}
	return reopen(fd, oflags);
}

static int open_copy(const char *path, int oflags, int fd, const struct stat *st)
{
	struct bw_placeholder_new n = { .ops = &bw_copy_ops, .object = BW_OBJ_FILE, .fd = fd, .cloexec = oflags & O_CLOEXEC, .path = path, .st = st,
					.oflags = oflags };

	return fd < 0 ? fd : bw_placeholder_open(&n, NULL);
}

/* Without st: opened_fstat asks when the tool does. */
static int open_kept(const char *path, int oflags, struct bw_cached *c)
{
	return open_copy(path, oflags, bw_cache_find(path, oflags, c), NULL);
}

static int fetch(const char *path, int oflags, const struct bw_cached *c)
{
	struct bw_stat ws;
	struct bw_reply reply;
	struct bw_reader r;
	struct stat st;
	int err = 0;

	if (!bw_tree_get(path, &reply))
		err = bw_file_call(BW_MSG_FILE_GET, path, oflags & O_NOFOLLOW ? BW_FILE_NOFOLLOW : 0u, 0, &reply);
	if (!err) {
		r = bw_reply_reader(&reply);
		err = bw_get_stat(&r, &ws);
	}
	if (!err) {
		bw_stat_from_wire(&ws, &st);
		bw_cache_keep(c, r.p, r.left);
		err = open_copy(path, oflags, into_memfd(path, r.p, r.left, oflags), &st);
	}
	bw_reply_free(&reply);
	return err;
}

/*
 * A fetch opens and reads. These are open's errors; with any other (and for what cannot be fetched: devices, files too large) the
 * file is opened alone, so that the tool meets the error where it is, at open or at read.
 */
static bool may_be_of_read(int err)
{
	switch (-err) {
	case ENOENT: case ENOTDIR: case EACCES: case EPERM: case ELOOP: case ENAMETOOLONG: case ENODEV: case ENXIO: case ENOMEM: case EMFILE: case ENFILE:
		return false;
	}
	return true;
}

/* libbcc looks for what it may have to remove whenever it detaches, also when it has closed all. See bw_lost. */
static bool is_list_of_probes(const char *path)
{
	size_t n = strlen(path);

	return n > 14 && (!strcmp(path + n - 14, "/kprobe_events") || !strcmp(path + n - 14, "/uprobe_events"));
}

int bw_file_open(const char *path, int oflags, mode_t mode)
{
	struct bw_cached c;
	int r;

	if ((oflags & O_ACCMODE) != O_RDONLY || (oflags & (O_DIRECTORY | O_PATH | O_CREAT | O_TRUNC)) || is_memory(path))
		return open_handle(path, oflags, mode);
	if (bw_path_is_endless(path))
		return bw_tail_open(path, oflags);
	r = open_kept(path, oflags, &c);
	if (r == BW_NOT_OURS)
		r = fetch(path, oflags, &c);
	if (r == -EISDIR)
		return open_handle(path, oflags | O_DIRECTORY, mode);
	if (r == -ENODEV && bw_lost() && (bw_objects_held() || is_list_of_probes(path)))
		return into_memfd(path, (const uint8_t *)"", 0, oflags);
	return r < 0 && may_be_of_read(r) ? open_handle(path, oflags, mode) : r;
}

ssize_t bw_file_text(const char *path, char *buf, size_t size)
{
	struct bw_stat ws;
	struct bw_reply reply;
	struct bw_reader r;
	ssize_t n = bw_file_call(BW_MSG_FILE_GET, path, 0, 0, &reply);

	if (!n) {
		r = bw_reply_reader(&reply);
		n = bw_get_stat(&r, &ws);
	}
	if (!n && r.left >= size)
		n = -EFBIG;
	if (!n) {
		n = (ssize_t)r.left;
		memcpy(buf, r.p, r.left);
		if (n && buf[n - 1] == '\n')
			n--;
		buf[n] = 0;
	}
	bw_reply_free(&reply);
	return n;
}

/* What the board's kernel says in fdinfo of the object behind a placeholder: bpftool reads memlock and owner there. */
static int open_fdinfo(const struct bw_placeholder *o, int oflags)
{
	struct bw_reply reply = { 0 };
	struct bw_buf b = { 0 };
	struct bw_reader r;
	struct bw_str text;
	int err;

	bw_put_u32(&b, o->handle);
	err = b.err ? b.err : bw_call(BW_MSG_HANDLE_INFO, &b, &reply);
	if (!err) {
		r = bw_reply_reader(&reply);
		bw_get_str(&r, BW_STRING_MAX);
		text = bw_get_str(&r, UINT32_MAX);
		err = r.err ? r.err : into_memfd("fdinfo", (const uint8_t *)text.p, text.len, oflags);
	}
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return err;
}

int bw_self_open(const char *path, int oflags)
{
	struct bw_placeholder *o;
	int fd, r = BW_NOT_OURS;
	bool info;

	if (!path || path[0] != '/' || (path[1] != 'p' && path[1] != 'd'))
		return r;
	info = bw_path_is_self_fdinfo(path, &fd);
	if ((!info && !bw_path_is_self_fd(path, &fd)) || !(o = bw_placeholder_get(fd)))
		return r;
	if (info && o->handle)
		r = open_fdinfo(o, oflags);
	else if (!info && o->handle && o->path)	/* a copy opens natively: same contents, no fetch */
		r = bw_file_open(o->path, oflags, 0);
	bw_placeholder_put(o);
	return r;
}
