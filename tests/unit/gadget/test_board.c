// SPDX-License-Identifier: Apache-2.0
/* What is read from the board: serial number, controllers, mounts. Fake roots, and a namespace of its own for the mounts. */
#include "tests/unit/check.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gadget/mounts.h"
#include "gadget/serial.h"
#include "gadget/udc.h"
#include "protocol/log.h"

static char root[] = "/tmp/bw-gadget-XXXXXX";
static char err[BW_GADGET_ERR], serial[BW_SERIAL_MAX + 1], udc[NAME_MAX + 1];

static void put(const char *path, const char *text, size_t len)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; *p; p++) {
		if (*p == '/') {
			*p = '\0';
			mkdir(full, 0755);
			*p = '/';
		}
	}
	f = fopen(full, "w");
	fwrite(text, 1, len, f);
	fclose(f);
}

static void clear(void)
{
	char command[PATH_MAX];

	if (root[sizeof(root) - 2] == 'X')
		(void)!mkdtemp(root);
	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	(void)!system(command);
}

static const char *find(const char *given)
{
	return bw_serial_find(root, given, serial, err, sizeof(err)) ? "" : serial;
}

TEST("a serial number that is given wins, and is made fit for a file name")
{
	clear();
	put("/proc/device-tree/serial-number", "DT", 3);
	CHECK(!strcmp(find("AB-12_3.x"), "AB-12_3.x"));
	CHECK(!strcmp(find("../../etc/passwd"), "etcpasswd"));
	CHECK(!strcmp(find(".hidden"), "hidden"));
	CHECK(!strcmp(find("a b\nc\xc3\xa4" "d"), "abcd"));
	CHECK_EQ(strlen(find("0123456789012345678901234567890123456789012345678901234567890123456789")), 64);
	CHECK_EQ(bw_serial_find(root, "/ /", serial, err, sizeof(err)), -EINVAL);
	CHECK_EQ(bw_serial_find(root, "..", serial, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "--serial"));
}

TEST("else the device tree's, which ends with NUL, else the machine id, else an error that asks for --serial")
{
	clear();
	CHECK_EQ(bw_serial_find(root, NULL, serial, err, sizeof(err)), -ENODATA);
	CHECK(strstr(err, "--serial"));
	put("/etc/machine-id", "0a1b2c\n", 7);
	CHECK(!strcmp(find(NULL), "0a1b2c"));
	put("/proc/device-tree/serial-number", "100000003d1d1c36", 17);
	CHECK(!strcmp(find(NULL), "100000003d1d1c36"));
	put("/proc/device-tree/serial-number", "\0", 1);
	CHECK(!strcmp(find(NULL), "0a1b2c"));
}

TEST("no controller at all says where to look")
{
	clear();
	CHECK_EQ(bw_udc_choose(root, NULL, udc, err, sizeof(err)), -ENODEV);
	CHECK(strstr(err, "dr_mode"));
	CHECK(!strchr(err, '\n'));
}

TEST("the only controller is taken, of several one must be chosen, and they are listed")
{
	clear();
	put("/sys/class/udc/fe980000.usb/state", "", 0);
	CHECK_EQ(bw_udc_choose(root, NULL, udc, err, sizeof(err)), 1);
	CHECK(!strcmp(udc, "fe980000.usb"));
	put("/sys/class/udc/dummy_udc.0/state", "", 0);
	CHECK_EQ(bw_udc_choose(root, NULL, udc, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "(dummy_udc.0, fe980000.usb)") && strstr(err, "--udc"));
	CHECK_EQ(bw_udc_choose(root, "dummy_udc.0", udc, err, sizeof(err)), 2);
	CHECK(!strcmp(udc, "dummy_udc.0"));
	CHECK_EQ(bw_udc_choose(root, "nope", udc, err, sizeof(err)), -ENODEV);
	CHECK(strstr(err, "'nope'") && strstr(err, "dummy_udc.0, fe980000.usb"));
}

TEST("a busy controller names the gadget or the driver that holds it")
{
	clear();
	put("/sys/class/udc/u0/function", "", 0);
	CHECK_EQ(bw_udc_check_free(root, "u0", "bpfwire", err, sizeof(err)), 0);
	put("/sys/kernel/config/usb_gadget/g1/UDC", "u0\n", 3);
	CHECK_EQ(bw_udc_check_free(root, "u0", "bpfwire", err, sizeof(err)), -EBUSY);
	CHECK(strstr(err, "'g1'"));
	CHECK_EQ(bw_udc_check_free(root, "u0", "g1", err, sizeof(err)), 0);
	put("/sys/kernel/config/usb_gadget/g1/UDC", "\n", 1);
	put("/sys/class/udc/u0/function", "g_ether\n", 8);
	CHECK_EQ(bw_udc_check_free(root, "u0", "bpfwire", err, sizeof(err)), -EBUSY);
	CHECK(strstr(err, "'g_ether'"));
	clear();
	rmdir(root);
}

/* In a child: a root with nothing but the program's own memory. 0: as it should be. */
static int in_bare_root(void)
{
	const char *dir = "/tmp";

	bw_log_init("test", BW_LOG_ERROR);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", dir, "tmpfs", 0, NULL))
		return 77;
	if (chdir(dir) || mkdir("proc", 0755) || mkdir("sys", 0755) || mkdir("dev", 0755) || chroot("."))
		return 77;
	if (bw_mounts_prepare(false, err, sizeof(err)))
		return 1;
	if (access("/proc/self/stat", R_OK) || access("/sys/kernel", R_OK) || access("/dev/null", W_OK))
		return 2;
	if (!access("/sys/kernel/tracing", F_OK) && access("/sys/kernel/tracing/trace", F_OK))
		return 3;
	/* Again: nothing on top of what is there. */
	if (bw_mounts_prepare(false, err, sizeof(err)))
		return 4;
	return umount("/proc") || !access("/proc/self", F_OK) ? 5 : 0;
}

TEST("a bare root gets proc, sys, dev and the tracing file systems, once")
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		alarm(20);
		_exit(in_bare_root());
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("# skipped: not allowed to mount here\n");
	else
		CHECK_EQ(WEXITSTATUS(status), 0);
}

int main(void) { return check_done(); }
