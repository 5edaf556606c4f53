// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host-bridge/directory.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define LOCK	"bridge.lock"
#define BACKLOG	64

static int fail(char *err, size_t errlen, int r, const char *what, const char *path, const char *hint)
{
	snprintf(err, errlen, "%s %s: %s%s", what, path, strerror(-r), hint);
	return r;
}

int bw_directory_path(const char *dir, char *out, size_t size)
{
	const char *env = getenv("BPFWIRE_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	int n;

	if (dir || (env && *env))
		n = snprintf(out, size, "%s", dir ? dir : env);
	else if (xdg && *xdg)
		n = snprintf(out, size, "%s/bpfwire", xdg);
	else
		n = snprintf(out, size, "/run/bpfwire");
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int find_group(struct bw_directory *d, const char *group, char *err, size_t errlen)
{
	struct group *g;

	d->group = (gid_t)-1;
	if (!group)
		return 0;
	errno = 0;
	g = getgrnam(group);
	if (!g) {
		snprintf(err, errlen, "there is no group '%s' (see getent group)", group);
		return -ENOENT;
	}
	d->group = g->gr_gid;
	return 0;
}

static int make_dir(struct bw_directory *d, char *err, size_t errlen)
{
	bool grouped = d->group != (gid_t)-1;
	struct stat st;

	if (mkdir(d->path, 0700) < 0 && errno != EEXIST)
		return fail(err, errlen, -errno, "make", d->path, " (choose another with --dir or BPFWIRE_DIR)");
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return fail(err, errlen, -errno, "open", d->path, " (choose another with --dir or BPFWIRE_DIR)");
	if (st.st_uid != geteuid()) {
		snprintf(err, errlen, "%s belongs to uid %u: choose another with --dir or BPFWIRE_DIR", d->path, st.st_uid);
		return -EPERM;
	}
	if ((grouped && fchown(d->fd, (uid_t)-1, d->group) < 0) || fchmod(d->fd, grouped ? 0750 : 0700) < 0)
		return fail(err, errlen, -errno, "set the owner of", d->path, grouped ? " (you must be root or in that group)" : "");
	return 0;
}

static int take_lock(struct bw_directory *d, char *err, size_t errlen)
{
	char pid[32] = "";
	ssize_t n;
	int r;

	d->lock_fd = openat(d->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (d->lock_fd < 0)
		return fail(err, errlen, -errno, "open " LOCK " in", d->path, "");
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (r != -EBUSY)
			return fail(err, errlen, r, "lock " LOCK " in", d->path, "");
		n = pread(d->lock_fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
		snprintf(err, errlen, "another bridge%s%s serves %s already: use that one, or another directory with --dir",
			 *pid ? ", process " : "", pid, d->path);
		return r;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(d->lock_fd, 0) < 0 || pwrite(d->lock_fd, pid, (size_t)n, 0) != n)
		return fail(err, errlen, -errno, "write " LOCK " in", d->path, "");
	return 0;
}

/* Only sockets: whatever else somebody put there is not ours. */
static void remove_stale(struct bw_directory *d)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		bw_directory_remove(d, e->d_name);
	closedir(dir);
}

int bw_directory_open(struct bw_directory *d, const char *path, const char *group, char *err, size_t errlen)
{
	int r;

	*d = (struct bw_directory) { .fd = -1, .lock_fd = -1 };
	if ((size_t)snprintf(d->path, sizeof(d->path), "%s", path) >= sizeof(d->path) ||
	    strlen(path) + 1 + BW_BOARD_NAME_MAX + strlen(BW_NAME_TEXT) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(err, errlen, "%s is too long for a directory of sockets: choose a shorter one with --dir", path);
		return -ENAMETOOLONG;
	}
	r = find_group(d, group, err, errlen);
	if (!r)
		r = make_dir(d, err, errlen);
	if (!r)
		r = take_lock(d, err, errlen);
	if (r < 0) {
		bw_directory_close(d);
		return r;
	}
	remove_stale(d);
	return 0;
}

void bw_directory_close(struct bw_directory *d)
{
	if (d->lock_fd >= 0)
		close(d->lock_fd);	/* and by that the lock; the file stays, or two bridges could each lock one of their own */
	if (d->fd >= 0)
		close(d->fd);
	d->fd = d->lock_fd = -1;
}

void bw_directory_remove(struct bw_directory *d, const char *name)
{
	struct stat st;

	if (!fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISSOCK(st.st_mode))
		unlinkat(d->fd, name, 0);
}

static int listen_at(struct bw_directory *d, const char *name)
{
	bw_cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int n, r;

	if (fd < 0)
		return -errno;
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", d->path, name);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	mask = umask(0177);		/* 0600 from birth: it widens only when owner and group are right */
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if (d->group != (gid_t)-1 && (fchownat(d->fd, name, (uid_t)-1, d->group, AT_SYMLINK_NOFOLLOW) < 0 ||
				      fchmodat(d->fd, name, 0660, 0) < 0))
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return bw_steal_fd(&fd);
}

int bw_directory_listen(struct bw_directory *d, const char *name)
{
	int r;

	bw_directory_remove(d, name);
	r = listen_at(d, name);
	if (r < 0)
		bw_log(BW_LOG_ERROR, "board %s: make the socket %s/%s: %s", name, d->path, name, strerror(-r));
	return r;
}
