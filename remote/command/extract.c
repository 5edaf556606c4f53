// SPDX-License-Identifier: Apache-2.0
#include "remote/command/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "protocol/io.h"

#define DIRS_MAX	20000u		/* a kheaders archive of 6.1 has 600 */
#define XZ_MEMORY	(512ul << 20)	/* `xz -9` needs 65 MiB to decompress */
#define XZ_SECONDS	120
#define XZ_NONE		127		/* the child's exit status where there is no xz */
#define TAIL_MAX	(1u << 20)	/* zeros behind the archive's end: tar pads to 10 KiB */

/* dirs_left: a member may lie in hundreds of directories that are not there yet. */
struct extraction {
	int dirfd;
	uint32_t dirs_left;
	struct bw_tar tar;
};

/* The directory of the last part of path, made where it is not there; *last becomes that part. */
static int open_parent(struct extraction *x, char *path, char **last)
{
	bw_cleanup_fd int fd = fcntl(x->dirfd, F_DUPFD_CLOEXEC, 0);
	char *slash;
	int next;

	for (; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		*slash = 0;
		if (!x->dirs_left) {
			x->tar.why = "more directories than fit kernel headers";
			return -EBADMSG;
		}
		if (!mkdirat(fd, path, 0755))
			x->dirs_left--;
		else if (errno != EEXIST)
			return -errno;
		next = openat(fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		*slash = '/';
		if (next < 0)
			return -errno;
		close(fd);
		fd = next;
	}
	*last = path;
	return fd < 0 ? -errno : bw_steal_fd(&fd);
}

static int make_file(struct bw_tar *t, int dirfd, const char *name)
{
	bw_cleanup_fd int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	static char buf[65536];
	ssize_t n = 0;
	int err = fd < 0 ? -errno : 0;

	while (!err && (n = bw_tar_data(t, buf, sizeof(buf))) > 0)
		err = bw_write_full(fd, buf, (size_t)n);
	return err ? err : (int)n;
}

static int make_dir(int dirfd, const char *name)
{
	struct stat st;

	if (!mkdirat(dirfd, name, 0755))
		return 0;
	if (errno == EEXIST && !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		return 0;
	return -errno;
}

static int make_entry(struct extraction *x)
{
	struct bw_tar *t = &x->tar;
	char *last = NULL;
	bw_cleanup_fd int parent = open_parent(x, t->name, &last);

	if (parent < 0)
		return parent;
	switch (t->type) {
	case BW_TAR_FILE:
		return make_file(t, parent, last);
	case BW_TAR_DIR:
		return make_dir(parent, last);
	case BW_TAR_SYMLINK:
		return symlinkat(t->target, parent, last) < 0 ? -errno : 0;
	}
	return -EBADMSG;
}

static void printable(char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			*s = '?';
}

static void explain(struct bw_tar *t, int err, char *why, size_t size)
{
	/* A member twice, or below one that is no directory. */
	if (err == -EEXIST || err == -ENOTDIR || err == -ELOOP)
		t->why = "a member in the way of another";
	printable(t->name);
	snprintf(why, size, "%s%s%.200s%s", t->why ? t->why : strerror(-err), *t->name ? " (" : "", t->name, *t->name ? ")" : "");
}

int bw_extract(int dirfd, bw_tar_read_fn *read, void *arg, char *why, size_t size)
{
	struct extraction x = { .dirfd = dirfd, .dirs_left = DIRS_MAX };
	int r;

	bw_tar_init(&x.tar, read, arg);
	while ((r = bw_tar_next(&x.tar)) > 0) {
		r = make_entry(&x);
		if (r < 0)
			break;
	}
	if (r >= 0)
		return 0;
	explain(&x.tar, r, why, size);
	return x.tar.why ? -EBADMSG : r;
}

/* ---- xz ---- */

static ssize_t read_pipe(void *arg, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(*(int *)arg, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

__attribute__((noreturn)) static void be_xz(int in, int out)
{
	struct rlimit memory = { XZ_MEMORY, XZ_MEMORY }, cpu = { XZ_SECONDS, XZ_SECONDS };

	unsetenv("LD_PRELOAD");		/* of a `bpfwire run` around this one */
	unsetenv("XZ_OPT");
	unsetenv("XZ_DEFAULTS");
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_CPU, &cpu);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1)
		execlp("xz", "xz", "-dcqq", (char *)NULL);
	_exit(XZ_NONE);
}

static pid_t start_xz(const void *data, size_t len, int *out)
{
	bw_cleanup_fd int in = memfd_create("kheaders.tar.xz", MFD_CLOEXEC);
	int pipefd[2], err;
	pid_t pid;

	if (in < 0)
		return -errno;
	err = bw_write_full(in, data, len);
	if (err || lseek(in, 0, SEEK_SET) < 0 || pipe2(pipefd, O_CLOEXEC) < 0)
		return err ? err : -errno;
	pid = fork();
	if (!pid)
		be_xz(in, pipefd[1]);
	err = -errno;
	close(pipefd[1]);
	*out = pipefd[0];
	if (pid < 0)
		close(pipefd[0]);
	return pid < 0 ? err : pid;
}

/* What xz says must have come to its end, and all of it been right (it checks sums at the end of each block). */
static int finish_xz(pid_t pid, int fd, int err, char *why, size_t size)
{
	static char drop[65536];
	size_t left = err ? 0 : TAIL_MAX;
	ssize_t n = 1;
	int status;

	while (left > sizeof(drop) && (n = read_pipe(&fd, drop, sizeof(drop))) > 0)
		left -= (size_t)n;
	close(fd);			/* an xz that still writes ends by SIGPIPE */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == XZ_NONE) {
		snprintf(why, size, "there is no xz here to unpack it with");
		return -ENOENT;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE && err)
		return err;		/* why is said */
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		snprintf(why, size, "it is no xz file, or a broken one");
		return -EBADMSG;
	}
	return err;
}

int bw_extract_xz(int dirfd, const void *data, size_t len, char *why, size_t size)
{
	int fd, err;
	pid_t pid = start_xz(data, len, &fd);

	if (pid < 0) {
		snprintf(why, size, "%s", strerror(-pid));
		return pid;
	}
	err = bw_extract(dirfd, read_pipe, &fd, why, size);
	return finish_xz(pid, fd, err, why, size);
}
