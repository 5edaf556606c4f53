// SPDX-License-Identifier: Apache-2.0
#include "remote/command/private_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/io.h"
#include "protocol/log.h"

/* Where a user has a group alone (its number is the user's), what the group may do is no danger. */
static bool is_own_group(const struct stat *st)
{
	return st->st_gid == getgid() && getgid() == getuid();
}

static bool can_be_changed(const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return true;
	/* Below a sticky one, as /tmp, nobody takes away what is not his. */
	if (st->st_mode & S_ISVTX)
		return false;
	return (st->st_mode & S_IWOTH) || (st->st_mode & S_IWGRP && st->st_gid && !is_own_group(st));
}

/* All that is above a path without symbolic links. */
static int check_above(const char *real)
{
	char above[PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(above, sizeof(above), "%s", real);
	while ((slash = strrchr(above, '/'))) {
		slash[slash == above] = 0;
		if (lstat(above, &st))
			return -errno;
		if (can_be_changed(&st)) {
			bw_log(BW_LOG_ERROR, "%s can be changed by others than you (owner %u, mode %04o), and so could what is run from below it; name another place by "
			       "BPFWIRE_CACHE", above, (unsigned int)st.st_uid, st.st_mode & 07777u);
			return -EPERM;
		}
		if (slash == above)
			break;
	}
	return 0;
}

static int check_itself(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid()) {
		bw_log(BW_LOG_ERROR, "%s belongs to another user (%u); name another place by BPFWIRE_CACHE", path, (unsigned int)st.st_uid);
		return -EPERM;
	}
	return (st.st_mode & 077) && fchmod(fd, 0700) ? -errno : 0;
}

static int make_all(const char *path)
{
	char part[PATH_MAX];
	char *slash = part;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	do {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
		if (slash)
			*slash = '/';
	} while (slash);
	return 0;
}

int bw_private_dir_open(const char *path, char real[PATH_MAX])
{
	bw_cleanup_fd int fd = -1;
	int err = make_all(path);

	if (!err) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		err = fd < 0 || !realpath(path, real) ? -errno : 0;
	}
	if (err) {
		bw_log(BW_LOG_ERROR, "%s: %s; name another place by BPFWIRE_CACHE", path, err == -ELOOP ? "is a symbolic link" : strerror(-err));
		return err;
	}
	err = check_itself(path, fd);
	if (!err)
		err = check_above(real);
	return err ? err : bw_steal_fd(&fd);
}
