// SPDX-License-Identifier: Apache-2.0
#include "gadget/udc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gadget/fail.h"
#include "gadget/mounts.h"
#include "protocol/io.h"

#define UDC_CLASS "/sys/class/udc"

static int is_name(const struct dirent *d) { return d->d_name[0] != '.'; }

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Names in a directory, sorted; 0 where there is no such directory. */
static int list_names(const char *root, const char *dir, struct dirent ***names)
{
	char path[PATH_MAX];
	int n;

	*names = NULL;
	if (snprintf(path, sizeof(path), "%s%s", root, dir) >= (int)sizeof(path))
		return 0;
	n = scandir(path, names, is_name, alphasort);
	return n < 0 ? 0 : n;
}

static void join_names(struct dirent **names, int n, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "", names[i]->d_name);
}

static int choose(struct dirent **names, int n, const char *wanted, char udc[NAME_MAX + 1], char *err, size_t errlen)
{
	char list[256];

	if (!n)
		return bw_fail(err, errlen, -ENODEV, "no USB device controller (" UDC_CLASS " is empty): is the port in device mode "
			       "(dr_mode in the device tree, CONFIG_USB_GADGET) and the controller's driver loaded?");
	join_names(names, n, list, sizeof(list));
	if (!wanted && n > 1)
		return bw_fail(err, errlen, -EINVAL, "%d USB device controllers here (%s): choose one by --udc NAME", n, list);
	for (int i = 0; i < n; i++) {
		if (!wanted || !strcmp(names[i]->d_name, wanted)) {
			snprintf(udc, NAME_MAX + 1, "%s", names[i]->d_name);
			return n;
		}
	}
	return bw_fail(err, errlen, -ENODEV, "no USB device controller '%s' here (there %s: %s)", wanted, n > 1 ? "are" : "is", list);
}

int bw_udc_choose(const char *root, const char *wanted, char udc[NAME_MAX + 1], char *err, size_t errlen)
{
	struct dirent **names;
	int n = list_names(root, UDC_CLASS, &names);
	int ret = choose(names, n, wanted, udc, err, errlen);

	free_names(names, n);
	return ret;
}

/* The gadget in configfs that is bound to the controller. */
static int find_gadget(const char *root, const char *udc, char gadget[NAME_MAX + 1])
{
	struct dirent **names;
	char path[PATH_MAX], bound[NAME_MAX + 1];
	int n = list_names(root, BW_CONFIGFS "/usb_gadget", &names), found = 0;

	for (int i = 0; i < n && !found; i++) {
		if (snprintf(path, sizeof(path), "%s" BW_CONFIGFS "/usb_gadget/%s/UDC", root, names[i]->d_name) >= (int)sizeof(path))
			continue;
		if (bw_read_line(path, bound, sizeof(bound)) > 0 && !strcmp(bound, udc)) {
			snprintf(gadget, NAME_MAX + 1, "%s", names[i]->d_name);
			found = 1;
		}
	}
	free_names(names, n);
	return found;
}

int bw_udc_check_free(const char *root, const char *udc, const char *own, char *err, size_t errlen)
{
	char path[PATH_MAX], holder[NAME_MAX + 1], function[128];

	if (find_gadget(root, udc, holder)) {
		if (!strcmp(holder, own))
			return 0;
		return bw_fail(err, errlen, -EBUSY, "USB device controller %s is taken by the gadget '%s': be one of its functions "
			       "(--gadget %s), or free it: echo > " BW_CONFIGFS "/usb_gadget/%s/UDC", udc, holder, holder, holder);
	}
	if (snprintf(path, sizeof(path), "%s" UDC_CLASS "/%s/function", root, udc) >= (int)sizeof(path))
		return 0;
	if (bw_read_line(path, function, sizeof(function)) > 0)
		return bw_fail(err, errlen, -EBUSY, "USB device controller %s is taken by the gadget driver '%s'; unload it (rmmod)",
			       udc, function);
	return 0;
}
