// SPDX-License-Identifier: Apache-2.0
#include "gadget/join.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gadget/fail.h"
#include "gadget/gadget.h"
#include "gadget/module.h"
#include "gadget/mounts.h"
#include "gadget/udc.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define GADGETS		BW_CONFIGFS "/usb_gadget"
#define BIND_MS		1000	/* a controller may need a moment after an unbind */
#define BIND_EVERY_MS	20

__attribute__((format(printf, 2, 3)))
static int join_path(char path[PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, PATH_MAX, fmt, ap);
	va_end(ap);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- finding ---- */

static int lock_gadget(struct bw_join *j, char *err, size_t errlen)
{
	j->lock = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->lock < 0 && errno == ENOENT)
		return bw_fail(err, errlen, -ENOENT, "there is no gadget '%s' (ls " GADGETS "); make it first, or leave out --gadget for one of our own", j->gadget);
	if (j->lock < 0)
		return bw_fail(err, errlen, -errno, "open %s: %s", j->dir, strerror(errno));
	if (flock(j->lock, LOCK_EX | LOCK_NB))
		return bw_fail(err, errlen, -EBUSY, "another bpfwired serves the gadget '%s'; stop it first (fuser -v %s)", j->gadget, j->dir);
	return 0;
}

/* C.N, N being the number that the host sees; 0 for what is none. */
static unsigned long config_number(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name == '.' || !dot ? 0 : strtoul(dot + 1, NULL, 10);
}

/* The first one, which is what hosts choose. */
static int find_config(struct bw_join *j, char *err, size_t errlen)
{
	char path[PATH_MAX], config[NAME_MAX + 1] = "";
	unsigned long least = 0, n;
	struct dirent *d;
	DIR *dir;

	if (join_path(path, "%s/configs", j->dir) || !(dir = opendir(path)))
		return bw_fail(err, errlen, -ENOENT, "%s is no gadget: it has no configs", j->dir);
	while ((d = readdir(dir))) {
		n = config_number(d->d_name);
		if (n && (!least || n < least)) {
			least = n;
			snprintf(config, sizeof(config), "%s", d->d_name);
		}
	}
	closedir(dir);
	if (!least)
		return bw_fail(err, errlen, -ENOENT, "gadget '%s' has no configuration to be added to (ls %s)", j->gadget, path);
	if (join_path(j->link, "%s/configs/%s/ffs.%s", j->dir, config, j->instance) || join_path(j->function, "%s/functions/ffs.%s", j->dir, j->instance))
		return bw_fail(err, errlen, -ENAMETOOLONG, "gadget '%s': path too long", j->gadget);
	return 0;
}

static ssize_t read_udc(const struct bw_join *j, char udc[NAME_MAX + 1])
{
	char path[PATH_MAX];

	return join_path(path, "%s/UDC", j->dir) ? -ENAMETOOLONG : bw_read_line(path, udc, NAME_MAX + 1);
}

static bool is_bound(const struct bw_join *j)
{
	char udc[NAME_MAX + 1];

	return read_udc(j, udc) > 0;
}

static bool is_there(const char *path)
{
	struct stat s;

	return !lstat(path, &s);
}

/* The controller: the gadget's own, or for one that is not bound the given or only one. */
static int find_udc(struct bw_join *j, const char *root, const char *udc, char *err, size_t errlen)
{
	char bound[NAME_MAX + 1] = "";
	int n = read_udc(j, bound) > 0 ? bw_udc_choose(root, bound, j->udc, err, errlen) : bw_udc_choose(root, udc, j->udc, err, errlen);

	if (n < 0)
		return n;
	if (*bound && udc && strcmp(udc, bound))
		return bw_fail(err, errlen, -EINVAL, "gadget '%s' is bound to %s: leave out --udc %s, or bind it there first", j->gadget, bound, udc);
	j->was_bound = *bound;
	return n;
}

int bw_join_find(struct bw_join *j, const char *root, const char *gadget, const char *instance, const char *udc, char *err, size_t errlen)
{
	int ret;

	memset(j, 0, sizeof(*j));
	j->lock = -1;
	j->write = bw_write_file;
	if (!*gadget || *gadget == '.' || strchr(gadget, '/') || strlen(gadget) > NAME_MAX)
		return bw_fail(err, errlen, -EINVAL, "--gadget '%s': not the name of a gadget", gadget);
	snprintf(j->gadget, sizeof(j->gadget), "%s", gadget);
	snprintf(j->dir, sizeof(j->dir), "%s" GADGETS "/%s", root, gadget);
	ret = lock_gadget(j, err, errlen);
	if (!ret)
		ret = find_udc(j, root, udc, err, errlen);
	if (ret >= 0) {
		if (instance || ret == 1)
			snprintf(j->instance, sizeof(j->instance), "%s", instance ? instance : BW_GADGET_NAME);
		else
			snprintf(j->instance, sizeof(j->instance), BW_GADGET_NAME ".%.*s", BW_GADGET_NAME_MAX - (int)sizeof(BW_GADGET_NAME), j->udc);
		ret = find_config(j, err, errlen);
	}
	/* Our link in a gadget that is not bound: a bpfwired and its supervisor were killed, and before them it was bound. */
	if (!ret && is_there(j->link) && !is_bound(j))
		j->was_bound = true;
	if (!ret)
		ret = bw_udc_check_free(root, j->udc, j->gadget, err, errlen);
	if (ret)
		bw_join_forget(j);
	return ret;
}

void bw_join_forget(struct bw_join *j)
{
	if (j->lock >= 0)
		close(j->lock);
	j->lock = -1;
}

int bw_join_serial(const struct bw_join *j, char *serial, size_t size)
{
	char path[PATH_MAX];

	if (join_path(path, "%s/strings/0x409/serialnumber", j->dir))
		return -ENODATA;
	return bw_read_line(path, serial, size) > 0 ? 0 : -ENODATA;
}

/* ---- changing ---- */

int bw_join_add(struct bw_join *j, char *err, size_t errlen)
{
	if (!mkdir(j->function, 0755))
		return 0;
	if (errno == EEXIST && is_there(j->function))
		return 1;
	/* mkdir makes the kernel ask for the module by itself; where that cannot work we do. */
	if (errno == ENOENT && !bw_module_load("usb_f_fs") && !mkdir(j->function, 0755))
		return 0;
	if (errno == ENOENT)
		return bw_fail(err, errlen, -EOPNOTSUPP, "this kernel has no FunctionFS (nor a module usb_f_fs): build it with "
			       "CONFIG_USB_CONFIGFS_F_FS (see Kconfig-snippets/gadget.config)");
	if (errno == EBUSY || errno == EEXIST)
		return bw_fail(err, errlen, -EBUSY, "another gadget has a FunctionFS instance '%s' (ls -d " GADGETS "/*/functions/ffs.%s); remove it",
			       j->instance, j->instance);
	return bw_fail(err, errlen, -errno, "make %s: %s", j->function, strerror(errno));
}

static int write_udc(struct bw_join *j, const char *udc)
{
	char path[PATH_MAX];
	int ret = join_path(path, "%s/UDC", j->dir);

	return ret ? ret : j->write(path, udc);
}

/* What FunctionFS or a person unbound meanwhile is no error. */
static int take_down(struct bw_join *j)
{
	int ret = is_bound(j) ? write_udc(j, "\n") : 0;

	return ret == -ENODEV ? 0 : ret;
}

static int put_up(struct bw_join *j)
{
	int64_t end = bw_now_ms() + BIND_MS;
	int ret;

	while ((ret = write_udc(j, j->udc)) && ret != -EINVAL && bw_now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = BIND_EVERY_MS * 1000000 }, NULL);
	return ret;
}

int bw_join_bind(struct bw_join *j, char *err, size_t errlen)
{
	int ret, old;

	if (is_bound(j))
		bw_log(BW_LOG_INFO, "gadget '%s' leaves %s for a moment, to come back with bpfwire beside its other functions", j->gadget, j->udc);
	ret = take_down(j);
	if (ret)
		return bw_fail(err, errlen, ret, "gadget '%s': unbind from %s: %s", j->gadget, j->udc, strerror(-ret));
	/* A killed daemon's link is as good as ours. */
	ret = symlink(j->function, j->link) && errno != EEXIST ? -errno : 0;
	if (ret)
		bw_fail(err, errlen, ret, "gadget '%s': link %s: %s", j->gadget, j->link, strerror(-ret));
	else if ((ret = write_udc(j, j->udc)))
		bw_fail(err, errlen, ret, "gadget '%s': bind to %s with bpfwire in it: %s; the controller may have no two bulk endpoints left, and the "
			"kernel log may say more (dmesg)", j->gadget, j->udc, strerror(-ret));
	if (!ret)
		return 0;
	old = bw_join_restore(j);
	if (old)
		bw_log(BW_LOG_ERROR, "gadget '%s': does not bind to %s as it was before, either: %s; bind it by hand: echo %s > %s/UDC", j->gadget, j->udc,
		       strerror(-old), j->udc, j->dir);
	return ret;
}

void bw_join_unbind(struct bw_join *j)
{
	if (is_there(j->link) && is_bound(j)) {
		bw_log(BW_LOG_INFO, "gadget '%s' leaves %s for a moment, to come back without bpfwire", j->gadget, j->udc);
		take_down(j);
	}
}

int bw_join_restore(struct bw_join *j)
{
	int ret = 0;

	if (is_there(j->link)) {
		ret = take_down(j);
		if (unlink(j->link) && errno != ENOENT)
			return -errno;
	}
	if (j->was_bound && !is_bound(j))
		ret = put_up(j);
	return ret;
}

void bw_join_remove(struct bw_join *j)
{
	if (rmdir(j->function) && errno != ENOENT)
		bw_log(BW_LOG_WARN, "remove %s: %s; the next start takes it over", j->function, strerror(errno));
}
