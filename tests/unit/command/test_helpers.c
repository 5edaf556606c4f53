// SPDX-License-Identifier: Apache-2.0
/* The two helpers in sh, as they are built: headers and ausyscall. No network: apt is a fake one. Run from the top of the tree. */
#include "tests/unit/command/fake.h"

static char output[65536];

/* Runs a command line in the shell with BPFWIRE_CACHE in fake_dir, $H the headers helper and $A ausyscall; fills output with both streams. */
static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char line[4096];
	size_t n = 0;
	va_list ap;
	FILE *f;
	int status;

	setenv("BPFWIRE_CACHE", fake_dir, 1);
	setenv("H", "remote/headers.sh", 1);
	setenv("A", "remote/ausyscall.sh", 1);
	snprintf(line, sizeof(line), "exec 2>&1; timeout 20 sh -c '");
	va_start(ap, fmt);
	vsnprintf(line + strlen(line), sizeof(line) - strlen(line) - 2, fmt, ap);
	va_end(ap);
	strcat(line, "'");
	f = popen(line, "re");
	if (f)
		n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = 0;
	status = f ? pclose(f) : -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Debian's two parts as packages unpack, in fake_dir/NAME. */
static void make_parts(const char *name)
{
	shell("set -e; cd %s; mkdir -p %s; cd %s; mkdir -p linux-headers-9.1.0-1-common/include/linux linux-headers-9.1.0-1-common/arch/arm64/include "
	      "linux-headers-9.1.0-1-common/scripts linux-headers-9.1.0-1-arm64/include/generated linux-headers-9.1.0-1-arm64/scripts; "
	      "touch linux-headers-9.1.0-1-common/include/linux/kconfig.h linux-headers-9.1.0-1-common/scripts/common linux-headers-9.1.0-1-common/Makefile "
	      "linux-headers-9.1.0-1-arm64/include/generated/autoconf.h linux-headers-9.1.0-1-arm64/scripts/own; "
	      "echo include /usr/src/linux-headers-9.1.0-1-common/Makefile >linux-headers-9.1.0-1-arm64/Makefile", fake_dir, name, name);
}

/* An apt that has 9.1.0-1-arm64 and counts its downloads; a dpkg-deb that "unpacks" the parts. */
static void make_apt(void)
{
	make_parts("usr/src");
	fake_file("apt-get", "#!/bin/sh\n"
		"case \" $* \" in\n"
		"*\" indextargets \"*) . /etc/os-release; echo http://archive.invalid/ $VERSION_CODENAME main ;;\n"
		"*\" update \"*) [ -z \"$OFFLINE\" ] || exit 100; for a; do case $a in Dir::State::lists=*) echo x >${a#*=}/x_Packages ;; esac; done ;;\n"
		"*\" download \"*) echo download >>$FAKE/downloads; sleep 1; touch a.deb ;;\n"
		"esac\n", 0700);
	fake_file("apt-cache", "#!/bin/sh\ncase \"$*\" in *linux-headers-9.1.0-1-arm64*) echo '  Depends: linux-headers-9.1.0-1-common' ;; esac\n", 0700);
	fake_file("dpkg-deb", "#!/bin/sh\nmkdir -p \"$3\" && cp -a $FAKE/usr \"$3/\"\n", 0700);
	setenv("FAKE", fake_dir, 1);
}

#define WITH_APT "PATH=$FAKE:$PATH "

TEST("headers that are nowhere: --here prints nothing and exits 1")
{
	fake_begin_empty();
	CHECK_EQ(shell("$H --here 9.1.0-1-arm64 arm64"), 1);
	CHECK(!*output);
	fake_end();
}

TEST("headers in the cache are found, those for another architecture or without a configuration are not")
{
	char expected[160];

	fake_begin_empty();
	shell("D=$BPFWIRE_CACHE/headers/arm64/9.1.0-mine; mkdir -p $D/include/linux $D/include/generated $D/arch/arm64/include; touch $D/include/linux/kconfig.h");
	CHECK_EQ(shell("$H --here 9.1.0-mine arm64"), 1);
	shell("touch $BPFWIRE_CACHE/headers/arm64/9.1.0-mine/include/generated/autoconf.h");
	CHECK_EQ(shell("$H --here 9.1.0-mine arm64"), 0);
	snprintf(expected, sizeof(expected), "%s/headers/arm64/9.1.0-mine\n", fake_dir);
	CHECK(!strcmp(output, expected));
	CHECK_EQ(shell("$H --here 9.1.0-mine riscv64"), 1);
	fake_end();
}

TEST("Debian's two packages become one directory: the flavour's scripts and Makefile, the common part's headers")
{
	char expected[160];

	fake_begin_empty();
	make_apt();
	CHECK_EQ(shell(WITH_APT "$H --fetch 9.1.0-1-arm64 arm64 2>/dev/null"), 0);
	snprintf(expected, sizeof(expected), "%s/headers/arm64/9.1.0-1-arm64\n", fake_dir);
	CHECK(!strcmp(output, expected));
	CHECK_EQ(shell("cd $BPFWIRE_CACHE/headers/arm64/9.1.0-1-arm64 && [ -e include/linux/kconfig.h ] && [ -e include/generated/autoconf.h ] && "
		       "[ -e scripts/own ] && [ ! -e scripts/common ] && grep -q include Makefile"), 0);
	CHECK_EQ(shell("$H --here 9.1.0-1-arm64 arm64"), 0);
	fake_end();
}

TEST("two that fetch the same at once download it once, and leave nothing half made")
{
	fake_begin_empty();
	make_apt();
	CHECK_EQ(shell(WITH_APT "$H --fetch 9.1.0-1-arm64 arm64 & " WITH_APT "$H --fetch 9.1.0-1-arm64 arm64 && wait $!"), 0);
	shell("cat $FAKE/downloads");
	CHECK(!strcmp(output, "download\n"));
	shell("ls -A $BPFWIRE_CACHE/headers/arm64");
	CHECK(!strcmp(output, ".9.1.0-1-arm64.lock\n9.1.0-1-arm64\n"));
	fake_end();
}

TEST("a release that the archive does not have: exit 1 and one line that says what to do")
{
	fake_begin_empty();
	make_apt();
	CHECK_EQ(shell(WITH_APT "$H --fetch 9.1.0-2-arm64 arm64"), 1);
	CHECK(strstr(output, "no kernel headers of 9.1.0-2-arm64: Debian's archive has them no more; update the board's kernel"));
	CHECK_EQ(count_lines(output), 2);
	fake_end();
}

TEST("an archive that cannot be read is told from one that has no such package")
{
	fake_begin_empty();
	make_apt();
	CHECK_EQ(shell("OFFLINE=1 " WITH_APT "$H --fetch 9.1.0-1-arm64 arm64"), 1);
	CHECK(strstr(output, "cannot be read (offline?)"));
	fake_end();
}

TEST("a kernel that is not Debian's is not looked for in the archive")
{
	fake_begin_empty();
	make_apt();
	CHECK_EQ(shell(WITH_APT "$H --fetch 9.1.0-mine+ arm64"), 1);
	CHECK(!strcmp(output, "bpfwire: no kernel headers of 9.1.0-mine+: it is not one of Debian's kernels; add them by "
			      "'bpfwire headers add --source DIR', or give the build tree by BCC_KERNEL_SOURCE=DIR\n"));
	fake_end();
}

TEST("a release or an architecture from a board never becomes another path or an option")
{
	static const char *const bad[] = { "../../etc", "a/b", "", ".hidden", "-o", "a b", "$(id)", "a*" };
	size_t i;

	fake_begin_empty();
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_EQ(shell("$H --none \"%s\" arm64", bad[i][0] == '$' ? "\\$(id)" : bad[i]), 1);
		CHECK(strstr(output, "is not a kernel release"));
		CHECK_EQ(shell("$H --none 9.1.0 \"%s\"", bad[i][0] == '$' ? "\\$(id)" : bad[i]), 1);
	}
	shell("ls -A $BPFWIRE_CACHE");
	CHECK(!*output);
	fake_end();
}

TEST("--none makes a directory whose kconfig.h is an error with a sentence for the user")
{
	fake_begin_empty();
	CHECK_EQ(shell("$H --none 9.1.0-1-arm64 arm64"), 0);
	CHECK_EQ(shell("cat $($H --none 9.1.0-1-arm64 arm64)/include/linux/kconfig.h"), 0);
	CHECK(!strncmp(output, "#error \"bpfwire: no kernel headers of 9.1.0-1-arm64: give them with BCC_KERNEL_SOURCE=DIR", 85));
	fake_end();
}

TEST("ausyscall --dump is a line to skip, then numbers and names that are read by a split")
{
	char *line, *save;
	int last = -1, number, n = 0;
	char name[64];

	CHECK_EQ(shell("ARCH=arm64 $A --dump"), 0);
	line = strtok_r(output, "\n", &save);
	CHECK(line && !strcmp(line, "Using aarch64 syscall table:"));
	while ((line = strtok_r(NULL, "\n", &save))) {
		n++;
		CHECK(sscanf(line, "%d\t%63[a-z0-9_]", &number, name) == 2);
		CHECK(number > last);
		last = number;
	}
	CHECK(n > 300);
}

TEST("ausyscall has the numbers of the board's architecture")
{
	CHECK(!shell("ARCH=arm64 $A 280") && !strcmp(output, "bpf\n"));
	CHECK(!shell("ARCH=riscv64 $A openat") && !strcmp(output, "56\n"));
	CHECK(!shell("ARCH=arm64 $A 38") && !strcmp(output, "renameat\n"));
	CHECK(!shell("ARCH=riscv64 $A 258") && !strcmp(output, "riscv_hwprobe\n"));
	CHECK(!shell("ARCH=x86 $A arm64 openat2") && !strcmp(output, "437\n"));
	CHECK_EQ(shell("ARCH=arm64 $A 9999"), 1);
}

TEST("ausyscall has all numbers of the cross compiler's headers, where it is installed")
{
	int status;

	if (shell("command -v aarch64-linux-gnu-gcc") != 0)
		return;
	fake_begin_empty();
	status = shell("cd $BPFWIRE_CACHE && echo \"#include <asm/unistd.h>\" | aarch64-linux-gnu-gcc -E -dM - | "
		       "sed -n \"s/^#define __NR_\\(3264_\\)\\{0,1\\}\\([a-z0-9_]*\\) \\([0-9][0-9]*\\)\\$/\\3 \\2/p\" | "
		       "grep -v -e \" syscalls\\$\" -e arch_specific -e \" fstatat\\$\" | sort >theirs && "
		       "ARCH=arm64 $OLDPWD/$A --dump | tail -n +2 | tr \"\\t\" \" \" | sort >ours && [ -s ours ] && comm -23 theirs ours");
	CHECK_EQ(status, 0);
	fake_end();
	CHECK(!*output);
}

int main(void)
{
	return check_done();
}
