// SPDX-License-Identifier: Apache-2.0
#include "gadget/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <usbg/function/ffs.h>
#include <usbg/usbg.h>

#include "gadget/fail.h"
#include "gadget/module.h"
#include "gadget/mounts.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define GADGETS		BW_CONFIGFS "/usb_gadget"
#define ENGLISH		0x0409
#define CONFIG_ID	1
#define CONFIG_LABEL	"c"
/* Answers Windows' question for OS descriptors; must be no request of ours (wire.h). */
#define OS_VENDOR_CODE	0xbf

struct bw_compose {
	usbg_state *state;
	usbg_gadget *gadget;
	usbg_function *function;
	int lock;		/* the gadget's directory */
	bool ours, bound;
	char *name;
};

/* libusbgx translates the kernel's errno into its own numbers. */
static int to_errno(int usbg)
{
	switch (usbg) {
	case USBG_SUCCESS:		return 0;
	case USBG_ERROR_NO_MEM:		return -ENOMEM;
	case USBG_ERROR_NO_ACCESS:	return -EACCES;
	case USBG_ERROR_INVALID_PARAM:	return -EINVAL;
	case USBG_ERROR_NOT_FOUND:	return -ENOENT;
	case USBG_ERROR_EXIST:		return -EEXIST;
	case USBG_ERROR_NO_DEV:		return -ENODEV;
	case USBG_ERROR_BUSY:		return -EBUSY;
	case USBG_ERROR_NOT_SUPPORTED:	return -EOPNOTSUPP;
	case USBG_ERROR_NOT_EMPTY:	return -ENOTEMPTY;
	default:			return -EIO;
	}
}

static int failed(char *err, size_t errlen, const char *what, const char *name, int usbg)
{
	return bw_fail(err, errlen, to_errno(usbg), "gadget '%s': %s: %s%s", name, what, usbg_strerror(usbg),
		       usbg == USBG_ERROR_NO_ACCESS ? "; bpfwired must run as root" : "");
}

/*
 * libusbgx reads every gadget of the board, and gives up as a whole at one that has a function it does not know (printer, uac1, uvc). So
 * it gets a view of configfs with our gadget alone: a directory whose usb_gadget/NAME is a link to the real one. Its name is always the
 * same, so that a killed daemon's is found again.
 */
static void view_path(const struct bw_compose *c, const char *below, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "/dev/.bpfwire-%s%s%s", c->name, below, strcmp(below, "/usb_gadget/") ? "" : c->name);
}

static void remove_view(const struct bw_compose *c)
{
	char path[PATH_MAX];

	view_path(c, "/usb_gadget/", path);
	unlink(path);
	view_path(c, "/usb_gadget", path);
	rmdir(path);
	view_path(c, "", path);
	rmdir(path);
}

static int make_view(struct bw_compose *c, const char *gadget)
{
	char path[PATH_MAX];

	remove_view(c);
	view_path(c, "", path);
	if (mkdir(path, 0700))
		return -errno;
	view_path(c, "/usb_gadget", path);
	if (mkdir(path, 0700))
		return -errno;
	view_path(c, "/usb_gadget/", path);
	return symlink(gadget, path) ? -errno : 0;
}

static void gadget_path(const struct bw_compose *c, char path[PATH_MAX]) { snprintf(path, PATH_MAX, GADGETS "/%s", c->name); }

/* One daemon for a gadget. The lock ends with its owner, also when that is killed. */
static int lock_gadget(struct bw_compose *c, const char *path, char *err, size_t errlen)
{
	c->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->lock < 0)
		return bw_fail(err, errlen, -errno, "open %s: %s", path, strerror(errno));
	if (flock(c->lock, LOCK_EX | LOCK_NB))
		return bw_fail(err, errlen, -EBUSY, "another bpfwired serves the gadget '%s'; stop it first (fuser -v %s)", c->name, path);
	c->ours = true;
	return 0;
}

static int make_gadget(struct bw_compose *c, char *err, size_t errlen)
{
	char path[PATH_MAX];
	int ret;

	if (access(GADGETS, F_OK) && (bw_module_load("libcomposite") || access(GADGETS, F_OK)))
		return bw_fail(err, errlen, -EOPNOTSUPP, "this kernel cannot compose USB gadgets (no " GADGETS ", and no module libcomposite): "
			       "build it with CONFIG_USB_CONFIGFS (see Kconfig-snippets/gadget.config)");
	gadget_path(c, path);
	if (mkdir(path, 0755) && errno != EEXIST)
		return bw_fail(err, errlen, -errno, "make %s: %s%s", path, strerror(errno), errno == EACCES ? "; bpfwired must run as root" : "");
	ret = lock_gadget(c, path, err, errlen);
	if (ret)
		return ret;
	ret = make_view(c, path);
	if (ret)
		return bw_fail(err, errlen, ret, "make a directory in /dev: %s", strerror(-ret));
	view_path(c, "", path);
	ret = usbg_init(path, &c->state);
	if (!ret)
		c->gadget = usbg_get_gadget(c->state, c->name);
	return c->gadget ? 0 : failed(err, errlen, "read " GADGETS, c->name, ret ? ret : USBG_ERROR_NOT_FOUND);
}

static int make_function(struct bw_compose *c, bool *found, char *err, size_t errlen)
{
	int ret;

	c->function = usbg_get_function(c->gadget, USBG_F_FFS, c->name);
	*found = c->function;
	if (c->function)
		return 0;
	/* mkdir of the function makes the kernel ask for the module by itself; where that cannot work we do. */
	ret = usbg_create_function(c->gadget, USBG_F_FFS, c->name, NULL, &c->function);
	if (ret == USBG_ERROR_NOT_FOUND && !bw_module_load("usb_f_fs"))
		ret = usbg_create_function(c->gadget, USBG_F_FFS, c->name, NULL, &c->function);
	if (ret == USBG_ERROR_NOT_FOUND)
		return bw_fail(err, errlen, -EOPNOTSUPP, "this kernel has no FunctionFS (nor a module usb_f_fs): build it with "
			       "CONFIG_USB_CONFIGFS_F_FS (see Kconfig-snippets/gadget.config)");
	if (ret == USBG_ERROR_BUSY || ret == USBG_ERROR_EXIST)
		return bw_fail(err, errlen, -EBUSY, "gadget '%s': another gadget has a FunctionFS instance '%s' "
			       "(ls -d " GADGETS "/*/functions/ffs.%s); remove it", c->name, c->name, c->name);
	return ret ? failed(err, errlen, "add FunctionFS", c->name, ret) : 0;
}

int bw_compose_new(const char *name, struct bw_compose **out, bool *found, char *err, size_t errlen)
{
	struct bw_compose *c = calloc(1, sizeof(*c));
	int ret;

	if (!c || !(c->name = strdup(name))) {
		free(c);
		return bw_fail(err, errlen, -ENOMEM, "no memory");
	}
	c->lock = -1;
	ret = make_gadget(c, err, errlen);
	if (!ret)
		ret = make_function(c, found, err, errlen);
	if (ret) {
		bw_compose_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

static int set_identity(struct bw_compose *c, const struct bw_identity *id)
{
	struct usbg_gadget_attrs attrs = {
		.bcdUSB = 0x0200,		/* the kernel raises it with the speed */
		.bMaxPacketSize0 = 64,
		.idVendor = id->vid,
		.idProduct = id->pid,
		.bcdDevice = 0x0100,
	};
	struct usbg_gadget_strs strs = {
		.manufacturer = (char *)id->manufacturer,
		.product = (char *)id->product,
		.serial = (char *)id->serial,
	};
	int ret = usbg_set_gadget_attrs(c->gadget, &attrs);

	return ret ? ret : usbg_set_gadget_strs(c->gadget, ENGLISH, &strs);
}

static int make_config(struct bw_compose *c, usbg_config **config)
{
	/* Self-powered; 100 mA is what every hub grants. */
	struct usbg_config_attrs attrs = { .bmAttributes = 0xc0, .bMaxPower = 100 };
	struct usbg_config_strs strs = { .configuration = "bpfwire" };

	*config = usbg_get_config(c->gadget, CONFIG_ID, NULL);
	return *config ? 0 : usbg_create_config(c->gadget, CONFIG_ID, CONFIG_LABEL, &attrs, &strs, config);
}

static int add_function(struct bw_compose *c, usbg_config *config)
{
	usbg_binding *b;

	usbg_for_each_binding(b, config)
		if (usbg_get_binding_target(b) == c->function)
			return 0;
	return usbg_add_config_function(config, c->name, c->function);
}

/* With these Windows takes WinUSB as driver by itself. A kernel that does not want them is no worse a board. */
static void set_os_descs(struct bw_compose *c, usbg_config *config)
{
	struct usbg_gadget_os_descs d = { .use = true, .b_vendor_code = OS_VENDOR_CODE, .qw_sign = "MSFT100" };
	int ret = usbg_set_gadget_os_descs(c->gadget, &d);

	if (!ret && !usbg_get_os_desc_binding(c->gadget))
		ret = usbg_set_os_desc_config(c->gadget, config);
	if (ret)
		bw_log(BW_LOG_DEBUG, "gadget '%s': no OS descriptors: %s", c->name, usbg_strerror(ret));
}

int bw_compose_configure(struct bw_compose *c, const struct bw_identity *id, char *err, size_t errlen)
{
	usbg_config *config;
	int ret;

	/* The lock is ours, so nobody is behind a gadget that is still bound. */
	if (usbg_get_gadget_udc(c->gadget))
		usbg_disable_gadget(c->gadget);
	ret = set_identity(c, id);
	if (ret)
		return failed(err, errlen, "set its strings", c->name, ret);
	ret = make_config(c, &config);
	if (ret)
		return failed(err, errlen, "make its configuration", c->name, ret);
	ret = add_function(c, config);
	if (ret)
		return failed(err, errlen, "add the function", c->name, ret);
	set_os_descs(c, config);
	return 0;
}

int bw_compose_bind(struct bw_compose *c, const char *udc, char *err, size_t errlen)
{
	usbg_udc *u = usbg_get_udc(c->state, udc);
	int ret = u ? usbg_enable_gadget(c->gadget, u) : USBG_ERROR_NO_DEV;

	if (ret == USBG_ERROR_BUSY)
		return bw_fail(err, errlen, -EBUSY, "USB device controller %s is taken by another gadget driver", udc);
	if (ret)
		return bw_fail(err, errlen, to_errno(ret), "gadget '%s': bind to %s: %s; the kernel log may say why (dmesg)", c->name, udc,
			       usbg_strerror(ret));
	c->bound = true;
	return 0;
}

void bw_compose_unbind(struct bw_compose *c)
{
	char path[PATH_MAX];

	if (!c->bound)
		return;
	c->bound = false;
	/* The kernel unbinds by itself where FunctionFS failed; and libusbgx prints what it cannot write. */
	snprintf(path, sizeof(path), GADGETS "/%s/UDC", c->name);
	bw_write_file(path, "\n");
}

/* libusbgx removes what is in the gadget, and then cannot remove the gadget itself, which is a link in the view. */
static void remove_gadget(struct bw_compose *c)
{
	char path[PATH_MAX];

	if (c->gadget)
		usbg_rm_gadget(c->gadget, USBG_RM_RECURSE);
	gadget_path(c, path);
	if (rmdir(path) && errno != ENOENT)
		bw_log(BW_LOG_WARN, "remove %s: %s; the next start takes it over", path, strerror(errno));
}

void bw_compose_free(struct bw_compose *c)
{
	if (!c)
		return;
	if (c->ours) {
		remove_gadget(c);
		remove_view(c);
	}
	if (c->state)
		usbg_cleanup(c->state);
	if (c->lock >= 0)
		close(c->lock);
	free(c->name);
	free(c);
}
