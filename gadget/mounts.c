// SPDX-License-Identifier: Apache-2.0
#include "gadget/mounts.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "gadget/fail.h"
#include "gadget/gadget.h"
#include "gadget/module.h"
#include "protocol/log.h"

/* Not in linux/magic.h: fs/configfs/mount.c, drivers/usb/gadget/function/f_fs.c */
#define CONFIGFS_MAGIC		0x62656570
#define FUNCTIONFS_MAGIC	0xa647361

#define FLAGS (MS_NOSUID | MS_NOEXEC | MS_NODEV)

enum need { ALWAYS, USB, TRACING };

struct row {
	const char *type, *dir;
	unsigned long magic;
	unsigned long flags;
	enum need need;
	const char *config;	/* what the kernel lacks if it does not know the type */
	const char *fragment;	/* and the file of Kconfig-snippets/ that has it */
};

/* In the order in which they hang in each other. */
static const struct row rows[] = {
	{ "proc",	"/proc",		PROC_SUPER_MAGIC,	FLAGS,	ALWAYS,	"CONFIG_PROC_FS",		"tracing.config" },
	{ "sysfs",	"/sys",			SYSFS_MAGIC,		FLAGS,	ALWAYS,	"CONFIG_SYSFS",			"tracing.config" },
	{ "configfs",	BW_CONFIGFS,		CONFIGFS_MAGIC,		FLAGS,	USB,	"CONFIG_CONFIGFS_FS",		"gadget.config" },
	{ "tracefs",	"/sys/kernel/tracing",	TRACEFS_MAGIC,		FLAGS,	TRACING, "CONFIG_FTRACE",		"tracing.config" },
	{ "debugfs",	"/sys/kernel/debug",	DEBUGFS_MAGIC,		FLAGS,	TRACING, "CONFIG_DEBUG_FS",		"tracing.config" },
	{ "bpf",	"/sys/fs/bpf",		BPF_FS_MAGIC,		FLAGS,	TRACING, "CONFIG_BPF_SYSCALL",		"bpf.config" },
};

static bool is_mounted(const char *dir, unsigned long magic)
{
	struct statfs s;

	return !statfs(dir, &s) && (unsigned long)s.f_type == magic;
}

static int mount_type(const char *type, const char *source, const char *dir, unsigned long flags)
{
	/* The source is a name in /proc/mounts and nothing else; FunctionFS alone looks at it. */
	if (!mount(source, dir, type, flags, NULL))
		return 0;
	/* ENOENT: the mount point is made by the module too, as configfs does. */
	if ((errno == ENODEV || errno == ENOENT) && !bw_module_load(type) && !mount(source, dir, type, flags, NULL))
		return 0;
	return -errno;
}

static int mount_row(const struct row *r)
{
	if (is_mounted(r->dir, r->magic))
		return 0;
	/* Fails in sysfs, where the directory is there if the kernel has the file system; a read-only root has it too. */
	mkdir(r->dir, 0755);
	return mount_type(r->type, r->type, r->dir, r->flags);
}

/* The kernel has no such file system: by its type, or because nobody made its mount point. */
static bool is_unknown(int ret) { return ret == -ENODEV || ret == -ENOENT; }

static int row_failed(const struct row *r, int ret, char *err, size_t errlen)
{
	if (is_unknown(ret))
		return bw_fail(err, errlen, -EOPNOTSUPP, "cannot mount %s at %s: this kernel has none; build it with %s (see Kconfig-snippets/%s)",
			       r->type, r->dir, r->config, r->fragment);
	return bw_fail(err, errlen, ret, "cannot mount %s at %s: %s%s", r->type, r->dir, strerror(-ret),
		       ret == -EPERM || ret == -EACCES ? "; bpfwired must run as root" : "");
}

/* Every board has some /dev with null in it, or a kernel with devtmpfs. */
static int prepare_dev(char *err, size_t errlen)
{
	int ret;

	if (!access("/dev/null", F_OK))
		return 0;
	mkdir("/dev", 0755);
	ret = mount_type("devtmpfs", "devtmpfs", "/dev", MS_NOSUID);
	if (!ret)
		return 0;
	return bw_fail(err, errlen, ret, "there is no /dev/null, and cannot mount devtmpfs at /dev: %s (CONFIG_DEVTMPFS; see "
		       "Kconfig-snippets/gadget.config)", strerror(-ret));
}

int bw_mounts_prepare(bool usb, char *err, size_t errlen)
{
	int ret, failed = prepare_dev(err, errlen);
	char warning[BW_GADGET_ERR];

	if (failed)
		return failed;
	/* All of them, whatever fails first: --check tells of each. */
	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		if (r->need == USB && !usb)
			continue;
		ret = mount_row(r);
		if (!ret)
			continue;
		if (r->need == TRACING) {
			row_failed(r, ret, warning, sizeof(warning));
			bw_log(BW_LOG_WARN, "%s; tools that need it will not work", warning);
		} else if (!failed) {
			row_failed(r, ret, err, errlen);
			failed = is_unknown(ret) ? -EOPNOTSUPP : ret;
		}
	}
	return failed;
}

bool bw_ffs_mounted(const char *dir) { return is_mounted(dir, FUNCTIONFS_MAGIC); }

/* mkdir -p */
static int make_dirs(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	return !mkdir(path, 0700) || errno == EEXIST ? 0 : -errno;
}

int bw_ffs_mount(const char *instance, const char *dir, char *err, size_t errlen)
{
	int ret = make_dirs(dir);

	if (ret)
		return bw_fail(err, errlen, ret, "cannot make %s: %s", dir, strerror(-ret));
	if (!mount(instance, dir, "functionfs", FLAGS, NULL))
		return 0;
	ret = -errno;
	if (ret == -EBUSY)
		return bw_fail(err, errlen, ret, "FunctionFS '%s' is mounted elsewhere (grep functionfs /proc/mounts); unmount it there", instance);
	return bw_fail(err, errlen, ret, "cannot mount FunctionFS '%s' at %s: %s", instance, dir, strerror(-ret));
}

void bw_ffs_umount(const char *dir)
{
	/* Somebody's shell may stand in it. */
	if (umount2(dir, 0) && errno == EBUSY)
		umount2(dir, MNT_DETACH);
	rmdir(dir);
}
