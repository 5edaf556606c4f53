// SPDX-License-Identifier: Apache-2.0
/* A gadget that is somebody else's, in a configfs of plain files; binding is what the write does. */
#include "tests/unit/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gadget/handed.h"
#include "gadget/join.h"
#include "protocol/io.h"
#include "protocol/log.h"

static char root[] = "/tmp/bw-join-XXXXXX";
static char err[1024];
static char log_of_writes[256];
static int refuse_with_link;	/* errno of a bind while our link is there */
static int refuse_always;
static struct bw_join j;

__attribute__((format(printf, 1, 2)))
static void sh(const char *fmt, ...)
{
	char command[2 * PATH_MAX], full[2 * PATH_MAX + 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	snprintf(full, sizeof(full), "cd %s && { %s; }", root, command);
	if (system(full))
		printf("# failed: %s\n", command);
}

#define G "sys/kernel/config/usb_gadget/console"

static void clear(const char *udc)
{
	if (root[sizeof(root) - 2] == 'X')
		(void)!mkdtemp(root);
	sh("rm -rf sys; mkdir -p " G "/functions/acm.0 " G "/configs/c.2 " G "/configs/a.1 " G "/strings/0x409 sys/class/udc/udc.0; "
	   "ln -s ../../functions/acm.0 " G "/configs/a.1/acm.0; echo %s >" G "/UDC; echo CONSOLE1 >" G "/strings/0x409/serialnumber", udc);
	bw_log_init("test", BW_LOG_ERROR);
	*log_of_writes = '\0';
	refuse_with_link = refuse_always = 0;
}

static bool linked(void)
{
	struct stat s;

	return !lstat(j.link, &s);
}

/* What configfs does with UDC. */
static int fake_write(const char *path, const char *text)
{
	int ret = *text == '\n' ? 0 : refuse_always ? refuse_always : linked() ? refuse_with_link : 0;
	FILE *f;

	snprintf(log_of_writes + strlen(log_of_writes), sizeof(log_of_writes) - strlen(log_of_writes), "%s%s ", *text == '\n' ? "-" : text, ret ? "!" : "");
	if (ret)
		return -ret;
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	return 0;
}

static int find(const char *gadget, const char *udc)
{
	int ret = bw_join_find(&j, root, gadget, NULL, udc, err, sizeof(err));

	j.write = fake_write;
	return ret;
}

static bool bound(void)
{
	char udc[64], path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" G "/UDC", root);
	return bw_read_line(path, udc, sizeof(udc)) > 0;
}

TEST("a gadget is found: its controller, its first configuration, its serial number")
{
	char serial[65];

	clear("udc.0");
	CHECK_EQ(find("console", NULL), 0);
	CHECK(j.was_bound && !strcmp(j.udc, "udc.0") && !strcmp(j.instance, "bpfwire"));
	CHECK(strstr(j.link, "/configs/a.1/ffs.bpfwire") && strstr(j.function, "/functions/ffs.bpfwire"));
	CHECK(!bw_join_serial(&j, serial, sizeof(serial)) && !strcmp(serial, "CONSOLE1"));
	bw_join_forget(&j);
}

TEST("what cannot be joined is refused with a line that says why")
{
	struct bw_join other;

	clear("udc.0");
	CHECK_EQ(find("nosuch", NULL), -ENOENT);
	CHECK(strstr(err, "no gadget 'nosuch'"));
	CHECK_EQ(find("../console", NULL), -EINVAL);
	CHECK_EQ(find("", NULL), -EINVAL);
	CHECK_EQ(find("console", "udc.9"), -EINVAL);
	CHECK(strstr(err, "bound to udc.0"));
	CHECK_EQ(find("console", "udc.0"), 0);
	CHECK_EQ(bw_join_find(&other, root, "console", NULL, NULL, err, sizeof(err)), -EBUSY);
	CHECK(strstr(err, "another bpfwired"));
	bw_join_forget(&j);
	sh("rmdir " G "/configs/c.2; rm -r " G "/configs/a.1");
	CHECK_EQ(find("console", NULL), -ENOENT);
	CHECK(strstr(err, "no configuration"));
	clear("");
	sh("mkdir sys/kernel/config/usb_gadget/other; echo udc.0 >sys/kernel/config/usb_gadget/other/UDC");
	CHECK_EQ(find("console", NULL), -EBUSY);
	CHECK(strstr(err, "'other'"));
}

TEST("added, bound, unbound and restored: the gadget is what it was")
{
	clear("udc.0");
	CHECK_EQ(find("console", NULL), 0);
	CHECK_EQ(bw_join_add(&j, err, sizeof(err)), 0);
	CHECK(bound() && !linked());
	CHECK_EQ(bw_join_bind(&j, err, sizeof(err)), 0);
	CHECK(bound() && linked());
	bw_join_unbind(&j);
	CHECK(!bound());
	CHECK_EQ(bw_join_restore(&j), 0);
	CHECK(bound() && !linked());
	bw_join_remove(&j);
	CHECK(access(j.function, F_OK));
	CHECK(!strcmp(log_of_writes, "- udc.0 - udc.0 "));
	/* And again, where there is nothing to do. */
	CHECK_EQ(bw_join_restore(&j), 0);
	bw_join_unbind(&j);
	bw_join_remove(&j);
	CHECK(!strcmp(log_of_writes, "- udc.0 - udc.0 "));
	bw_join_forget(&j);
}

TEST("a bind that fails gives the old gadget back, and the cause")
{
	clear("udc.0");
	CHECK_EQ(find("console", NULL), 0);
	CHECK_EQ(bw_join_add(&j, err, sizeof(err)), 0);
	refuse_with_link = ENODEV;
	CHECK_EQ(bw_join_bind(&j, err, sizeof(err)), -ENODEV);
	CHECK(strstr(err, "bind to udc.0 with bpfwire in it: No such device"));
	CHECK(bound() && !linked());
	CHECK(!strcmp(log_of_writes, "- udc.0! udc.0 "));
	bw_join_forget(&j);
}

TEST("a gadget that was not bound is left unbound")
{
	clear("");
	CHECK_EQ(find("console", NULL), 0);
	CHECK(!j.was_bound && !strcmp(j.udc, "udc.0"));
	CHECK_EQ(bw_join_add(&j, err, sizeof(err)), 0);
	CHECK_EQ(bw_join_bind(&j, err, sizeof(err)), 0);
	CHECK(bound());
	CHECK_EQ(bw_join_restore(&j), 0);
	CHECK(!bound() && !linked());
	bw_join_forget(&j);
}

TEST("what a killed daemon left, unbound with our link in it, is taken over, and bound in one go")
{
	clear("");
	sh("mkdir " G "/functions/ffs.bpfwire; ln -s x " G "/configs/a.1/ffs.bpfwire");
	CHECK_EQ(find("console", NULL), 0);
	CHECK(j.was_bound);
	CHECK_EQ(bw_join_add(&j, err, sizeof(err)), 1);
	CHECK_EQ(bw_join_bind(&j, err, sizeof(err)), 0);
	CHECK(bound() && linked());
	CHECK(!strcmp(log_of_writes, "udc.0 "));
	CHECK_EQ(bw_join_restore(&j), 0);
	CHECK(bound() && !linked());
	bw_join_forget(&j);
}

TEST("a controller that stays gone is told, after a second")
{
	int64_t start = bw_now_ms();

	clear("udc.0");
	CHECK_EQ(find("console", NULL), 0);
	CHECK_EQ(bw_join_add(&j, err, sizeof(err)), 0);
	CHECK_EQ(bw_join_bind(&j, err, sizeof(err)), 0);
	bw_join_unbind(&j);
	refuse_always = ENODEV;
	CHECK_EQ(bw_join_restore(&j), -ENODEV);
	CHECK(!linked() && bw_now_ms() - start >= 900 && bw_now_ms() - start < 10000);
	bw_join_forget(&j);
}

TEST("a mount is found in mountinfo by its directory, the last one counts")
{
	static const char info[] =
		"22 1 0:20 / /proc rw - proc proc rw\n"
		"32 27 0:27 / /tmp/x rw,relatime shared:3 master:1 - functionfs my\\040ffs rw\n"
		"33 27 0:28 / /tmp/a\\040b rw - functionfs b rw,no_disconnect=1\n"
		"34 27 0:29 / /tmp/n rw - functionfs n rw,no_disconnect=0\n"
		"35 27 0:30 / /tmp/o rw - functionfs o rw,no_disconnect\n"
		"36 27 0:31 / /tmp/t rw - functionfs t rw\n37 36 0:32 / /tmp/t rw - tmpfs t rw\n"
		"38\n39 1\n40 1 0:1 / /tmp/short rw -\n\n";
	char name[NAME_MAX + 1];

	CHECK(!bw_handed_mount(info, "/tmp/x", name) && !strcmp(name, "my ffs"));
	CHECK_EQ(bw_handed_mount(info, "/tmp/a b", name), -EOPNOTSUPP);
	CHECK_EQ(bw_handed_mount(info, "/tmp/n", name), 0);
	CHECK_EQ(bw_handed_mount(info, "/tmp/o", name), -EOPNOTSUPP);
	CHECK_EQ(bw_handed_mount(info, "/tmp/t", name), -EINVAL);
	CHECK_EQ(bw_handed_mount(info, "/tmp/short", name), -EINVAL);
	CHECK_EQ(bw_handed_mount(info, "/nowhere", name), -ENOENT);
}

TEST("a gadget that is bound with an instance is found by the link, whatever its name")
{
	char gadget[NAME_MAX + 1];

	clear("udc.0");
	CHECK(!bw_handed_bound(root, "mine", gadget));
	sh("ln -s ../../../../usb_gadget/console/functions/ffs.mine " G "/configs/c.2/f1");
	CHECK(bw_handed_bound(root, "mine", gadget) && !strcmp(gadget, "console"));
	CHECK(!bw_handed_bound(root, "ine", gadget));
	sh("echo >" G "/UDC");
	CHECK(!bw_handed_bound(root, "mine", gadget));
}

int main(void)
{
	int ret = check_done();

	sh("rm -rf %s", root);
	return ret;
}
