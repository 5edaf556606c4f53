// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "loader/loader.h"
#include "protocol/log.h"

/* Calls f for each entry with its path; the first error, or how many there are. */
static int each(const char *dir, int (*f)(const char *path))
{
	char path[PATH_MAX + NAME_MAX + 2];
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0, r = 0;

	if (!d)
		return -errno;
	while (!r && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		r = f(path);
		n++;
	}
	closedir(d);
	return r ? r : n;
}

static int check_entry(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

static bool is_map(int fd)
{
	char name[64], to[64] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return readlink(name, to, sizeof(to) - 1) > 0 && strstr(to, "bpf-map");
}

/* A struct_ops stays registered when its pin goes. (A kernel that has links for it does not know the deletion.) */
static int unregister(const char *path)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), zero = 0;
	int fd = bpf_obj_get(path), r = 0;

	if (fd < 0)
		return 0;
	if (is_map(fd) && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_MAP_TYPE_STRUCT_OPS && bpf_map_delete_elem(fd, &zero) < 0)
		r = errno == ENOENT || errno == EINPROGRESS || errno == EOPNOTSUPP ? 0 : -errno;
	close(fd);
	return r;
}

static int remove_entry(const char *path)
{
	int r = unregister(path);

	return r ? r : unlink(path) < 0 ? -errno : 0;
}

static int say_why(const char *dir, const char *why, int r)
{
	bw_log(BW_LOG_ERROR, "%s: not unloaded: %s", dir, why);
	return r;
}

/* Only what a load can have made is removed. */
static int check_dir(const char *dir)
{
	struct statfs fs;
	struct stat st;

	if (lstat(dir, &st) < 0)
		return say_why(dir, errno == ENOENT ? "there is nothing loaded under that name (ls " BW_BPFFS " shows what is)" : strerror(errno), -errno);
	if (!S_ISDIR(st.st_mode) || statfs(dir, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		return say_why(dir, "it is no directory of a BPF file system, as a load makes it", -ENOTDIR);
	if (bw_pins_is_root(dir))
		return say_why(dir, "it is the whole BPF file system: name a directory in it", -EINVAL);
	return 0;
}

static int unload(const char *given)
{
	char dir[PATH_MAX];
	int r = bw_pins_dir(given, dir), n;

	if (!r)
		r = check_dir(dir);
	if (r)
		return r;
	n = each(dir, check_entry);
	if (n == -EISDIR)
		return say_why(dir, "there are directories in it, which no load makes: name one of those, or remove it by hand", n);
	n = n < 0 ? n : each(dir, remove_entry);
	r = n < 0 ? n : rmdir(dir) < 0 ? -errno : 0;
	if (r)
		return say_why(dir, strerror(-r), r);
	bw_log(BW_LOG_INFO, "%s: unloaded: %d pin%s removed", dir, n, n == 1 ? "" : "s");
	return 0;
}

int bw_unload(const struct bw_load_options *o)
{
	int status = 0;

	for (int i = 0; i < o->n; i++)
		if (unload(o->what[i]))
			status = 1;
	return status;
}
