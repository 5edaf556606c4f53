// SPDX-License-Identifier: Apache-2.0
/* The board's end of the cable, and what the daemon itself is built on. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon/check.h"
#include "gadget/gadget.h"
#include "gadget/mounts.h"
#include "gadget/udc.h"
#include "protocol/io.h"

#define GADGETS BW_CONFIGFS "/usb_gadget"

BW_ITEM(udc)
{
	char udc[NAME_MAX + 1], err[BW_CHECK_TEXT];
	int n = bw_udc_choose(e->root, e->udc, udc, err, sizeof(err));

	if (n > 0)
		return bw_found(BW_FOUND, text, size, n > 1 ? "%s, one of %d" : "%s", udc, n);
	if (n == -EINVAL && e->session)
		return bw_found(BW_FOUND, text, size, "several, of which bpfwired has chosen one");
	if (n == -EINVAL)
		return bw_found(BW_POOR, text, size, "%s", err);
	if (e->udc && bw_udc_choose(e->root, NULL, udc, text, size) != -ENODEV)
		return bw_found(BW_WRONG, text, size, "%s", err);
	return bw_found(BW_LACKS, text, size, "no USB device controller in /sys/class/udc: give the port dr_mode = \"peripheral\" or \"otg\" in the "
			"device tree, and load or build in its driver (an example list is in the snippet)");
}

static bool starts_with(const char *s, const char *what) { return !strncmp(s, what, strlen(what)); }

/* Whether the gadget has a function of bpfwired's. */
static bool is_ours(const struct bw_check_env *e, const char *gadget)
{
	char path[PATH_MAX];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s" GADGETS "/%s/functions", e->root, gadget) >= (int)sizeof(path))
		return false;
	dir = opendir(path);
	while (dir && !found && (d = readdir(dir)))
		found = starts_with(d->d_name, "ffs." BW_GADGET_NAME);
	if (dir)
		closedir(dir);
	return found;
}

/* The gadget of bpfwired's that is bound to udc. */
static bool find_ours(const struct bw_check_env *e, const char *udc, char gadget[NAME_MAX + 1])
{
	char path[PATH_MAX], bound[NAME_MAX + 1];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" GADGETS, e->root);
	dir = opendir(path);
	while (dir && !found && (d = readdir(dir))) {
		snprintf(path, sizeof(path), GADGETS "/%s/UDC", d->d_name);
		bw_check_line(e, path, bound, sizeof(bound));
		found = !strcmp(bound, udc) && is_ours(e, d->d_name);
		snprintf(gadget, NAME_MAX + 1, "%s", d->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

BW_ITEM(udc_free)
{
	char udc[NAME_MAX + 1], gadget[NAME_MAX + 1], err[BW_CHECK_TEXT];

	int n = bw_udc_choose(e->root, e->udc, udc, err, sizeof(err));

	if (n == -EINVAL && e->session)
		return bw_found(BW_FOUND, text, size, "it works, evidently");
	if (n <= 0)
		return bw_found(BW_POOR, text, size, "no one controller is meant, see udc");
	if (find_ours(e, udc, gadget))
		return bw_found(BW_FOUND, text, size, "%s serves bpfwire (gadget '%s')%s", udc, gadget, e->session ? ": it works, evidently" : "");
	if (bw_udc_check_free(e->root, udc, "", err, sizeof(err)))
		return bw_found(BW_WRONG, text, size, "%s", err);
	return bw_found(BW_FOUND, text, size, "%s is held by nobody", udc);
}

BW_ITEM(configfs)
{
	if (bw_check_exists(e, GADGETS) || bw_check_has(e, "/proc/filesystems", "\tconfigfs"))
		return bw_found(BW_FOUND, text, size, BW_CONFIGFS);
	return bw_found(BW_LACKS, text, size, "no configfs in this kernel: no gadget can be composed");
}

BW_ITEM(libcomposite)
{
	if (bw_check_exists(e, GADGETS) || (!e->module_load("libcomposite") && bw_check_exists(e, GADGETS)))
		return bw_found(BW_FOUND, text, size, GADGETS);
	if (bw_check_has_module(e, "libcomposite"))
		return bw_found(BW_WRONG, text, size, "module libcomposite is in /lib/modules and does not load; try: modprobe libcomposite, and see dmesg");
	return bw_found(BW_LACKS, text, size, "no " GADGETS ", and no module libcomposite that would make it");
}

/* The kernel lists the file system only while there is an instance, so one is made for a moment. */
BW_ITEM(functionfs)
{
	int r;

	if (bw_check_has(e, "/proc/filesystems", "functionfs"))
		return bw_found(BW_FOUND, text, size, "in use");
	if (!bw_check_exists(e, GADGETS))
		return bw_found(BW_LACKS, text, size, "no FunctionFS, since there is no " GADGETS);
	r = e->session ? -ENOENT : e->probe(BW_PROBE_FUNCTIONFS);
	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "an instance can be made");
	if (r != -ENOENT)
		return bw_found(BW_WRONG, text, size, "cannot make an instance of FunctionFS: %s", strerror(-r));
	if (bw_check_has_module(e, "usb_f_fs"))
		return bw_found(BW_WRONG, text, size, "module usb_f_fs is in /lib/modules and does not load; try: modprobe usb_f_fs, and see dmesg");
	return bw_found(BW_LACKS, text, size, "no FunctionFS in this kernel, and no module usb_f_fs");
}

/* A system call that is there or not. */
static enum bw_finding call(const struct bw_check_env *e, enum bw_probe what, const char *name, const char *use, char *text, size_t size)
{
	int r = e->probe(what);

	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "%s", name);
	if (r == -ENOSYS)
		return bw_found(BW_LACKS, text, size, "no %s: %s", name, use);
	return bw_found(BW_WRONG, text, size, "%s: %s", name, strerror(-r));
}

BW_ITEM(aio)
{
	if (e->probe(BW_PROBE_AIO) == -EAGAIN)
		return bw_found(BW_WRONG, text, size, "all asynchronous requests of this board are taken; on the board: sysctl fs.aio-max-nr=1048576");
	return call(e, BW_PROBE_AIO, "io_setup(2)", "bulk data cannot be moved", text, size);
}

BW_ITEM(eventfd) { return call(e, BW_PROBE_EVENTFD, "eventfd(2)", "the end of a transfer cannot be waited for", text, size); }
BW_ITEM(epoll) { return call(e, BW_PROBE_EPOLL, "epoll_create(2)", "rings of events cannot be waited for", text, size); }
BW_ITEM(timers) { return call(e, BW_PROBE_TIMER, "timer_create(2)", "a control transfer that hangs cannot be given up", text, size); }
BW_ITEM(locks) { return call(e, BW_PROBE_FLOCK, "flock(2)", "two daemons of one gadget cannot be told apart", text, size); }
