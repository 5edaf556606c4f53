// SPDX-License-Identifier: Apache-2.0
#include "gadget/handed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usb/functionfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gadget/fail.h"
#include "gadget/ffs_desc.h"
#include "gadget/mounts.h"
#include "protocol/io.h"

#define GADGETS		BW_CONFIGFS "/usb_gadget"
#define TRIES		3
#define EVENTFDS	32

/* ---- the mount ---- */

/* Blanks and backslashes in names are octal there. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool has_option(char *options, const char *name)
{
	char *save = NULL;
	size_t len = strlen(name);

	for (char *o = strtok_r(options, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (!strncmp(o, name, len) && (!o[len] || (o[len] == '=' && strcmp(o + len, "=0"))))
			return true;
	return false;
}

/* ID PARENT DEVICE ROOT DIR OPTIONS [TAG]... - TYPE SOURCE SUPER_OPTIONS. -ESRCH: another directory's line. */
static int take_line(char *line, const char *dir, char instance[NAME_MAX + 1])
{
	char *save = NULL, *w = strtok_r(line, " ", &save), *type, *source, *super;

	for (int i = 0; w && i < 4; i++)
		w = strtok_r(NULL, " ", &save);
	if (!w)
		return -ESRCH;
	unescape(w);
	if (strcmp(w, dir))
		return -ESRCH;
	while (w && strcmp(w, "-"))
		w = strtok_r(NULL, " ", &save);
	type = strtok_r(NULL, " ", &save);
	source = strtok_r(NULL, " ", &save);
	super = strtok_r(NULL, " ", &save);
	if (!type || !source || strcmp(type, "functionfs"))
		return -EINVAL;
	unescape(source);
	snprintf(instance, NAME_MAX + 1, "%s", source);
	return super && has_option(super, "no_disconnect") ? -EOPNOTSUPP : 0;
}

int bw_handed_mount(const char *mountinfo, const char *dir, char instance[NAME_MAX + 1])
{
	bw_cleanup_free char *text = strdup(mountinfo);
	char *save = NULL;
	int ret = -ENOENT, r;

	if (!text)
		return -ENOMEM;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		r = take_line(line, dir, instance);
		ret = r == -ESRCH ? ret : r;
	}
	return ret;
}

/* ---- the gadget ---- */

/* Whether a configuration of the gadget has a link to ffs.INSTANCE, by whatever name. */
static bool is_linked(const char *gadget, const char *instance)
{
	char pattern[NAME_MAX + 32], path[PATH_MAX], to[PATH_MAX];
	struct dirent *config, *link;
	DIR *configs, *links;
	bool found = false;

	snprintf(pattern, sizeof(pattern), "/functions/ffs.%s", instance);
	configs = snprintf(path, sizeof(path), "%s/configs", gadget) < PATH_MAX ? opendir(path) : NULL;
	while (configs && !found && (config = readdir(configs))) {
		if (*config->d_name == '.' || snprintf(path, sizeof(path), "%s/configs/%s", gadget, config->d_name) >= PATH_MAX)
			continue;
		links = opendir(path);
		while (links && !found && (link = readdir(links))) {
			ssize_t n = readlinkat(dirfd(links), link->d_name, to, sizeof(to) - 1);
			size_t len = strlen(pattern);

			found = n >= (ssize_t)len && !memcmp(to + n - len, pattern, len);
		}
		if (links)
			closedir(links);
	}
	if (configs)
		closedir(configs);
	return found;
}

bool bw_handed_bound(const char *root, const char *instance, char gadget[NAME_MAX + 1])
{
	char path[PATH_MAX - NAME_MAX - 64], file[PATH_MAX], udc[NAME_MAX + 1];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" GADGETS, root);
	dir = opendir(path);
	while (dir && !found && (d = readdir(dir))) {
		if (*d->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s/UDC", path, d->d_name);
		if (bw_read_line(file, udc, sizeof(udc)) <= 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, d->d_name);
		found = is_linked(file, instance);
		if (found)
			snprintf(gadget, NAME_MAX + 1, "%s", d->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- what no_disconnect does ---- */

/* The kernel's number of an eventfd, which is free for another one when the last user has let go of it. -ENODATA: kernels before 5.2 do not tell. */
static int eventfd_id(int fd)
{
	bw_cleanup_free char *text = NULL;
	char path[64];
	const char *at;
	size_t len;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (bw_read_file(path, 4096, &text, &len) || !(at = strstr(text, "eventfd-id:")))
		return -ENODATA;
	return atoi(at + strlen("eventfd-id:"));
}

/* Descriptors that hand an eventfd to FunctionFS, which keeps it as long as its state. Without strings, so that the function never becomes ready. */
static int write_eventfd(int ep0, int fd)
{
	struct bw_buf b = { 0 }, plain = { 0 };
	int ret;

	bw_ffs_put_descriptors(&plain, BW_OS_DESCS_NONE);
	if (!plain.err && plain.len > 12) {
		uint32_t flags = FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC | FUNCTIONFS_HAS_SS_DESC | FUNCTIONFS_EVENTFD;

		bw_put_u32(&b, FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
		bw_put_u32(&b, (uint32_t)plain.len + 4);
		bw_put_u32(&b, flags);
		bw_put_u32(&b, (uint32_t)fd);
		bw_put_bytes(&b, plain.data + 12, plain.len - 12);
	}
	ret = b.err || plain.err ? -ENOMEM : 0;
	if (!ret && write(ep0, b.data, b.len) != (ssize_t)b.len)
		ret = -errno;
	bw_buf_free(&b);
	bw_buf_free(&plain);
	return ret;
}

/* Many at once, because other programs make and close eventfds too. */
static bool is_free(int id)
{
	int fds[EVENTFDS], n = 0;
	bool found = false;

	while (n < EVENTFDS && !found && (fds[n] = eventfd(0, EFD_CLOEXEC)) >= 0)
		found = eventfd_id(fds[n++]) == id;
	while (n)
		close(fds[--n]);
	return found;
}

static int keeps_once(const char *path)
{
	int event = eventfd(0, EFD_CLOEXEC), ep0 = event < 0 ? -1 : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int ret = ep0 < 0 ? -errno : 0, id = ret ? -1 : eventfd_id(event);

	if (!ret && id >= 0)
		ret = write_eventfd(ep0, event);
	if (event >= 0)
		close(event);
	if (ep0 >= 0)
		close(ep0);
	if (ret || id < 0)
		return ret;
	ret = !is_free(id);
	/* An unbound function starts over when ep0 is opened again. */
	if (ret && (ep0 = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) >= 0)
		close(ep0);
	return ret;
}

/*
 * Opens and closes ep0 twice: does it keep its state when it is closed? 1: yes, so it is mounted with no_disconnect; 0: no, or this kernel does not let it be seen
 * (before 5.2); -errno. The gadget must not be bound.
 */
static int keeps(const char *ep0)
{
	int ret = 1;

	for (int i = 0; i < TRIES && ret == 1; i++)
		ret = keeps_once(ep0);
	return ret;
}

static int refuse_option(const char *dir, char *err, size_t errlen)
{
	return bw_fail(err, errlen, -EOPNOTSUPP, "--functionfs %s: it is mounted with no_disconnect, under which opening ep0 again hangs the kernel; mount "
		       "it without", dir);
}

int bw_handed_check(const char *dir, char *err, size_t errlen)
{
	bw_cleanup_free char *real = realpath(dir, NULL), *info = NULL;
	char instance[NAME_MAX + 1], gadget[NAME_MAX + 1], ep0[PATH_MAX + 8];
	size_t len;
	int ret;

	if (!real)
		return bw_fail(err, errlen, -errno, "--functionfs %s: %s", dir, strerror(errno));
	ret = bw_read_file("/proc/self/mountinfo", 1 << 20, &info, &len);
	if (ret)
		return bw_fail(err, errlen, ret, "read /proc/self/mountinfo: %s", strerror(-ret));
	ret = bw_handed_mount(info, real, instance);
	if (ret == -EOPNOTSUPP)
		return refuse_option(dir, err, errlen);
	if (ret)
		return bw_fail(err, errlen, ret, "--functionfs %s: no FunctionFS is mounted there (mount -t functionfs NAME %s)", dir, dir);
	if (bw_handed_bound("", instance, gadget))
		return bw_fail(err, errlen, -EBUSY, "--functionfs %s: the gadget '%s' is bound with it already: another program serves it (fuser -v %s/ep0), or it is "
			       "mounted with no_disconnect and the one that did is gone; unbind the gadget, and mount it without no_disconnect", dir,
			       gadget, dir);
	snprintf(ep0, sizeof(ep0), "%s/ep0", real);
	ret = keeps(ep0);
	if (ret < 0)
		return bw_fail(err, errlen, ret, "open %s: %s", ep0, strerror(-ret));
	return ret ? refuse_option(dir, err, errlen) : 0;
}
