// SPDX-License-Identifier: Apache-2.0
/* `bpfwire headers`: with the real helper, fake boards, trees and archives; never with the network. */
#include <dlfcn.h>

#include "tests/unit/command/archive.h"
#include "tests/unit/command/fake.h"

#define RELEASE "6.6.1-yocto-standard"

/* What `run` preloads: a library that does no harm, and that a sanitizer's programs can live with. Before the tests, which are constructors too. */
__attribute__((constructor(101))) static void set_library(void)
{
	char library[4096];
	Dl_info libc;

	if (!dladdr(dlsym(RTLD_DEFAULT, "getppid"), &libc) || !realpath(libc.dli_fname, library))
		abort();
	setenv("BPFWIRE_LIBRARY", library, 1);
}

/* fmt's %s is fake_dir, as often as it is there (at most eight times). */
static int sh(const char *fmt)
{
	char command[4096];
	int status;

	snprintf(command, sizeof(command), fmt, fake_dir, fake_dir, fake_dir, fake_dir, fake_dir, fake_dir, fake_dir, fake_dir);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A kernel tree, built in itself for arm64. */
static void make_tree(void)
{
	CHECK(!sh("umask 077 && mkdir -p %s/src && cd %s/src && mkdir -p include/linux include/generated include/config arch/arm64/include/asm drivers/x scripts "
		  "arch/arm64/include/generated/asm arch/x86/include/asm && echo K >include/linux/kconfig.h && echo A >include/generated/autoconf.h && "
		  "echo '#define UTS_RELEASE \"" RELEASE "\"' >include/generated/utsrelease.h && echo P >arch/arm64/include/asm/ptrace.h && "
		  "echo G >arch/arm64/include/generated/asm/g.h && echo X >arch/x86/include/asm/x.h && echo C >drivers/x/x.c && echo M >Makefile && "
		  "ln -s ../linux/kconfig.h include/config/link.h"));
}

/* The same, built in %s/obj. */
static void split_tree(void)
{
	CHECK(!sh("mkdir -p %s/obj/include %s/obj/arch/arm64/include && cd %s && mv src/include/generated obj/include/ && "
		  "mv src/arch/arm64/include/generated obj/arch/arm64/include/ && mkdir src/include/generated && echo STALE >src/include/generated/autoconf.h"));
}

static void begin(void)
{
	fake_begin(&(struct fake_board) { .serial = "B", .release = RELEASE }, 1);
	make_tree();
}

static const char *in(const char *name)
{
	static char paths[4][300];
	static unsigned int turn;

	snprintf(paths[turn % 4], sizeof(paths[0]), "%s/%s", fake_dir, name);
	return paths[turn++ % 4];
}

/* ---- add, list, remove ---- */

TEST("headers add stores what a compile opens, for the board's release, and headers prints it")
{
	char want[400];

	begin();
	run_command("headers", "add", "--source", in("src"), NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!*got_err);
	snprintf(want, sizeof(want), "%s/headers/arm64/" RELEASE "\n", fake_dir);
	CHECK(!strcmp(got_out, want));
	CHECK(!sh("cd %s/headers/arm64/" RELEASE " && test -f include/linux/kconfig.h -a -f include/generated/autoconf.h -a -f arch/arm64/include/asm/ptrace.h "
		  "-a -f arch/arm64/include/generated/asm/g.h -a ! -L include/config/link.h -a -f include/config/link.h"));
	CHECK(!sh("cd %s/headers/arm64/" RELEASE " && test ! -e drivers -a ! -e scripts -a ! -e Makefile -a ! -e arch/x86"));
	run_command("headers", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, want));
	CHECK(!sh("test \"$(find %s/headers -mindepth 1 -maxdepth 2 -name '.*' | wc -l)\" = 0"));	/* nothing half-done is left */
	fake_end();
}

TEST("headers add joins a source tree and the tree it was built in, whose files count")
{
	begin();
	split_tree();
	run_command("headers", "add", "--source", in("src"), "--build", in("obj"), NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!sh("cd %s/headers/arm64/" RELEASE " && test -f arch/arm64/include/asm/ptrace.h -a -f arch/arm64/include/generated/asm/g.h && "
		  "grep -qx A include/generated/autoconf.h"));
	fake_end();
}

TEST("headers list and headers remove")
{
	char want[400];

	begin();
	run_command("headers", "list", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!*got_out);
	run_command("headers", "add", "--source", in("src"), NULL);
	CHECK(!sh("mkdir -p %s/headers/riscv64/6.9.9 %s/headers/none/6.9.8"));
	run_command("headers", "list", NULL);
	snprintf(want, sizeof(want), RELEASE "\tarm64\t%s/src\n6.9.9\triscv64\tput there by hand\n", fake_dir);
	CHECK(!strcmp(got_out, want));
	run_command("headers", "remove", RELEASE, NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!*got_err);
	run_command("headers", "list", NULL);
	CHECK(!strcmp(got_out, "6.9.9\triscv64\tput there by hand\n"));
	run_command("headers", "remove", RELEASE, NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("no headers of " RELEASE " are stored; 'bpfwire headers list' says what is"));
	run_command("headers", "remove", "../..", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("'../..' is not a kernel release"));
	CHECK(!sh("test -d %s/headers"));
	fake_end();
}

TEST("headers that do not fit the board are refused with one line, unless forced")
{
	begin();
	CHECK(!sh("echo '#define UTS_RELEASE \"6.6.2\"' >%s/src/include/generated/utsrelease.h"));
	run_command("headers", "add", "--source", in("src"), NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("/src: of kernel 6.6.2 and not " RELEASE ", the board's; --force stores it all the same"));
	CHECK(!sh("test ! -e %s/headers/arm64/" RELEASE));
	run_command("headers", "add", "--source", in("src"), "--force", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!sh("test -e %s/headers/arm64/" RELEASE));
	fake_end();

	begin();
	CHECK(!sh("mv %s/src/arch/arm64/include/generated %s/src/arch/x86/include/"));
	run_command("headers", "add", "--source", in("src"), NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("/src: built for x86_64 and not for arm64, the board's"));
	fake_end();
}

TEST("a tree that is none, or not configured, is refused with one line")
{
	begin();
	run_command("headers", "add", "--source", in("nowhere"), NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("/nowhere: not the source tree of a kernel (no include/linux)"));
	split_tree();
	CHECK(!sh("rm -r %s/src/include/generated"));
	run_command("headers", "add", "--source", in("src"), NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("/src: not configured (no include/generated/autoconf.h): run 'make prepare' there, or name the build tree by --build"));
	run_command("headers", "add", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("headers add: which kernel? --source DIR"));
	run_command("headers", "add", "--source", "x", "-s", "B", "--release", "1", NULL);
	CHECK_EQ(got_status, 2);
	run_command("headers", "add", "--source", "x", "stray", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("headers add takes no argument 'stray'"));
	fake_end();
}

TEST("with --release no board is needed, and the tree says the architecture")
{
	fake_begin_empty();
	make_tree();
	run_command("headers", "add", "--source", in("src"), "--release", RELEASE, NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!sh("test -d %s/headers/arm64/" RELEASE));
	run_command("headers", "add", "--source", in("src"), "--release", "6.6.1", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("of kernel " RELEASE " and not 6.6.1"));
	CHECK(!sh("mkdir -p %s/src/arch/x86/include/generated"));
	run_command("headers", "add", "--source", in("src"), "--release", RELEASE, NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("cannot tell its architecture; say it by a board (-s SERIAL)"));
	fake_end();
}

/* ---- the board's own ---- */

static struct fake_board serving;

static void serve(void)
{
	int i;

	fake_pid = fork();
	if (!fake_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_serve(fake_dir, &serving, 1, -1);
	}
	for (i = 0; i < 200 && access(in("B"), F_OK); i++)
		usleep(10000);
}

/* A board with this archive at /sys/kernel/kheaders.tar.xz. */
static void begin_serving(struct bw_buf *b)
{
	static char contents[200];
	char command[300];
	int fd;

	fake_begin_empty();
	snprintf(contents, sizeof(contents), "%s/kheaders.tar", fake_dir);
	fd = open(contents, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (b && (bw_write_full(fd, b->data, b->len) || snprintf(command, sizeof(command), "xz -0 %s", contents) < 0 || system(command)))
		abort();
	close(fd);
	strcat(contents, ".xz");
	serving = (struct fake_board) { .serial = "B", .release = RELEASE, .manner = FAKE_SERVES, .path = "/sys/kernel/kheaders.tar.xz", .contents = contents,
		.build_id = "aa" };
	serve();
}

static void put_kheaders(struct bw_buf *b)
{
	unsigned int i, seed = 1;
	uint8_t *noise;

	archive_file(b, "./include/linux/kconfig.h", "K");
	archive_file(b, "./include/generated/autoconf.h", "A");
	archive_file(b, "./arch/arm64/include/asm/ptrace.h", "P");
	/* What does not compress: more than one frame, and more than half a window. */
	archive_raw(b, "ustar", '0', "./include/linux/noise.h", "", "", 0, 3u << 19);
	noise = bw_put_room(b, 3u << 19);
	for (i = 0; i < 3u << 19; i++)
		noise[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
}

TEST("the board's own headers are taken where there are no others, once")
{
	struct bw_buf b = { 0 };
	char want[400];

	put_kheaders(&b);
	archive_end(&b);
	begin_serving(&b);
	snprintf(want, sizeof(want), "%s/headers/arm64/" RELEASE "\n", fake_dir);
	run_command("headers", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, want));
	CHECK(one_line_with("taking the headers of " RELEASE " from the board ("));
	CHECK(!sh("cd %s/headers/arm64/" RELEASE " && test \"$(cat include/linux/kconfig.h)\" = K -a \"$(stat -c %%s include/linux/noise.h)\" = 1572864"));
	run_command("headers", NULL);
	CHECK(!strcmp(got_out, want));
	CHECK(!*got_err);
	run_command("headers", "list", NULL);
	CHECK(!strcmp(got_out, RELEASE "\tarm64\tthe board\n"));
	fake_end();
	bw_buf_free(&b);
}

TEST("another kernel of the same release has its own headers taken, once; where it has none the old ones do")
{
	struct bw_buf b = { 0 };
	int i;

	put_kheaders(&b);
	archive_end(&b);
	begin_serving(&b);
	run_command("headers", NULL);
	CHECK_EQ(got_status, 0);
	for (i = 0; i < 3; i++) {
		static const char *const ids[] = { "bb", "bb", "cc" };

		kill(fake_pid, SIGKILL);
		waitpid(fake_pid, NULL, 0);
		CHECK(!sh("rm %s/B %s/bridge.lock"));
		serving.build_id = ids[i];
		serving.path = i == 2 ? "/nowhere" : serving.path;
		serve();
		run_command("headers", NULL);
		CHECK_EQ(got_status, 0);
		CHECK(!i ? one_line_with("taking the headers of " RELEASE " from the board (") : !*got_err);
		CHECK(!sh("grep -qx bb %s/headers/arm64/" RELEASE "/.bpfwire-build-id"));
	}
	fake_end();
	bw_buf_free(&b);
}

TEST("an archive of the board's that leads out is refused, leaves nothing, and the tool gets the set that stands for none")
{
	struct bw_buf b = { 0 };

	put_kheaders(&b);
	archive_file(&b, "../../../../escaped", "x");
	archive_end(&b);
	begin_serving(&b);
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(strstr(got_err, "bpfwire: board B: its kernel headers (/sys/kernel/kheaders.tar.xz) are refused: a name with '..' (../../../../escaped)\n"));
	CHECK(strstr(got_err, "no kernel headers of " RELEASE ": it is not one of Debian's kernels"));
	CHECK(!sh("test ! -e %s/escaped -a ! -e %s/headers/escaped -a \"$(ls -A %s/headers/arm64 | grep -Evc 'lock|log')\" = 0"));
	run_command("run", "sh", "-c", ": bcc; echo $BCC_KERNEL_SOURCE; cat $BCC_KERNEL_SOURCE/include/linux/kconfig.h", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(strstr(got_out, "/headers/none/" RELEASE "\n#error \"bpfwire: no kernel headers of " RELEASE));
	fake_end();
	bw_buf_free(&b);
}

TEST("an archive of the board's that is no set of headers, or no archive, is not stored")
{
	struct bw_buf b = { 0 };

	archive_file(&b, "readme", "x");
	archive_end(&b);
	begin_serving(&b);
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(strstr(got_err, "the board: no whole set of kernel headers for arm64"));
	CHECK(!sh("test ! -e %s/headers/arm64/" RELEASE));
	CHECK(!sh("echo nonsense >%s/kheaders.tar.xz"));
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(strstr(got_err, "are refused: it is no xz file, or a broken one"));
	fake_end();
	bw_buf_free(&b);
}

TEST("headers that are a module of the board's that is not loaded are told of")
{
	begin_serving(NULL);
	kill(fake_pid, SIGKILL);
	waitpid(fake_pid, NULL, 0);
	CHECK(!sh("rm %s/B %s/bridge.lock"));
	serving.path = "/lib/modules/" RELEASE "/kernel/kernel/kheaders.ko.zst";
	serve();
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(strstr(got_err, "bpfwire: board B has its kernel headers as a module: 'modprobe kheaders' on the board lets bpfwire take them\n"));
	fake_end();
}

TEST("a board that hangs up is a board without headers")
{
	begin();
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(one_line_with("no kernel headers of " RELEASE ": it is not one of Debian's kernels; add them by 'bpfwire headers add --source DIR'"));
	fake_end();
}

/* ---- the archive ---- */

TEST("that Debian's archive has none is remembered for a day, but not when the user asks")
{
	int64_t start;

	fake_begin(&(struct fake_board) { .serial = "B" }, 1);
	/* An apt that knows the archive and no such package. */
	CHECK(!sh("mkdir %s/bin %s/headers %s/headers/arm64 && cd %s/bin && printf '#!/bin/sh\\necho apt >>%s/apt\\n"
		  "case $1 in indextargets) . /etc/os-release; echo http://x.invalid $VERSION_CODENAME main;; esac\\n"
		  "case \"$*\" in *update*) for a; do case $a in Dir::State=*) : >${a#*=}/lists/x_Packages;; esac; done;; esac\\n' >apt-get && "
		  "chmod 755 apt-get && cp apt-get apt-cache"));
	{
		char path[400];

		snprintf(path, sizeof(path), "PATH=%s/bin:/usr/bin:/bin", fake_dir);
		run_command(path, "run", "sh", "-c", ": bcc", NULL);
		CHECK(strstr(got_err, "Debian's archive has them no more"));
		CHECK(!sh("test -e %s/headers/arm64/.6.1.0-56-arm64.none && rm %s/apt"));
		start = bw_now_ms();
		run_command(path, "run", "sh", "-c", ": bcc", NULL);
		CHECK(one_line_with("Debian's archive did not have them within the last day ('bpfwire headers' looks again)"));
		CHECK(bw_now_ms() - start < 5000);
		CHECK(!sh("test ! -e %s/apt"));
		run_command(path, "headers", NULL);
		CHECK(strstr(got_err, "Debian's archive has them no more"));
		CHECK(!sh("test -e %s/apt && touch -d '2 days ago' %s/headers/arm64/.6.1.0-56-arm64.none && rm %s/apt"));
		run_command(path, "run", "sh", "-c", ": bcc", NULL);
		CHECK(!sh("test -e %s/apt"));
	}
	fake_end();
}

int main(void)
{
	return check_done();
}
