// SPDX-License-Identifier: Apache-2.0
/* `bpfwire run`: which board, what the tool gets, what is said when it cannot run. */
#include <dlfcn.h>
#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tests/unit/command/fake.h"

/* By the guard or for want of rights, or since it is not there: anything but done. */
static int is_refused(int result)
{
	return result < 0 && (errno == EACCES || errno == EPERM || errno == ENOENT);
}

#ifdef __x86_64__
/* A 32-bit program's system call, from here: the kernel looks at the way in. Without arguments. */
static int compat_call(int nr)
{
	int r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory", "cc", "r8", "r9", "r10", "r11");
	return r;
}
#endif

/*
 * This test as other programs: a bridge that a run starts (it gets --exit-when-idle), and tools that look at what they were given. Runs before the
 * tests, which are constructors too.
 */
__attribute__((constructor(101))) static void be_another_program(int argc, char **argv)
{
	static const struct fake_board started[] = { { .serial = "STARTED" } };
	const char *tool = getenv("BW_TEST_TOOL");

	if (argc == 3 && !strcmp(argv[1], "--exit-when-idle")) {
		alarm(10);
		fake_serve(getenv("BPFWIRE_DIR"), started, 1, -1);
	}
	if (!tool)
		return;
	if (!strcmp(tool, "bpf"))
		_exit(syscall(__NR_bpf, BPF_PROG_GET_NEXT_ID, NULL, 0) < 0 && errno == EPERM ? 41 : 42);
	if (!strcmp(tool, "perf"))
		_exit(syscall(__NR_perf_event_open, NULL, 0, -1, -1, 0) < 0 && errno == EPERM ? 41 : 42);
	if (!strcmp(tool, "tracefs"))
		_exit(is_refused(open("/sys/kernel/tracing/trace_marker", O_WRONLY | O_CLOEXEC)) && is_refused(mkdir("/sys/fs/bpf/bw-test", 0700)) &&
		      is_refused(mkdir("/sys/kernel/tracing/instances/bw-test", 0700)) && is_refused(rmdir("/sys/kernel/tracing/instances")) ? 41 : 42);
	if (!strcmp(tool, "mount"))
		_exit(mount("bw-test", "/", "tracefs", 0, NULL) < 0 && errno == EPERM && syscall(SYS_fsopen, "tracefs", 0) < 0 && errno == EPERM ? 41 : 42);
#ifdef __x86_64__
	if (!strcmp(tool, "compat"))	/* bpf, perf_event_open, mount, fsopen; getpid */
		_exit(compat_call(357) == -EPERM && compat_call(336) == -EPERM && compat_call(21) == -EPERM && compat_call(430) == -EPERM &&
		      compat_call(20) == getpid() ? 41 : 42);
#endif
	if (!strcmp(tool, "elsewhere"))
		_exit(mkdir("made", 0700) || rename("made", "sub/made") || rmdir("sub/made") || open("/dev/null", O_WRONLY | O_CLOEXEC) < 0 ||
		      open("/proc/self/comm", O_WRONLY | O_CLOEXEC) < 0 || open("file", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) < 0 ? 42 : 41);
	if (!strcmp(tool, "main"))
		_exit(getenv("BPFWIRE_MAIN") && atoi(getenv("BPFWIRE_MAIN")) == getpid() ? 41 : 42);
	_exit(43);
}

static char self[4096];

/* A library that does no harm where the preloaded one would be, and helpers that are scripts of the test. */
static void begin_run(const struct fake_board *f, size_t n)
{
	char path[160], library[4096];
	Dl_info libc;

	fake_begin(f, n);
	if (!dladdr(dlsym(RTLD_DEFAULT, "getppid"), &libc))
		abort();
	setenv("BPFWIRE_LIBRARY", realpath(libc.dli_fname, library), 1);
	setenv("BPFWIRE_LIBEXEC", fake_dir, 1);
	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = 0;
	snprintf(path, sizeof(path), "%s/bin", fake_dir);
	mkdir(path, 0700);
	fake_file("headers", "#!/bin/sh\necho \"$1 $2 $3\" >>$BPFWIRE_LIBEXEC/asked\n"
		  "case $1 in --none) echo $BPFWIRE_LIBEXEC/none ;; --here) exit 1 ;; *) echo 'bpfwire: helper has none' >&2; exit 1 ;; esac\n", 0700);
}

static void begin_one(void)
{
	begin_run(&(struct fake_board) { .serial = "BOARD0001" }, 1);
}

static char *asked(void)
{
	static char text[1024];
	char path[160];
	bw_cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/asked", fake_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	unlink(path);
	return text;
}

static int has_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int has_line(const char *fmt, ...)
{
	char line[8192];
	const char *at = got_out;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = (size_t)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while ((at = strstr(at, line))) {
		if ((at == got_out || at[-1] == '\n') && at[n] == '\n')
			return 1;
		at++;
	}
	printf("# no line '%s'\n", line);
	return 0;
}

/* ---- which board ---- */

TEST("one board needs no choice, and the tool's exit status is run's")
{
	begin_one();
	run_command("run", "true", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!*got_err);
	run_command("run", "sh", "-c", "exit 37", NULL);
	CHECK_EQ(got_status, 37);
	CHECK(!*got_err);
	fake_end();
}

TEST("several boards without a choice: exit 2 and a line that lists them")
{
	struct fake_board f[] = { { .serial = "A1" }, { .serial = "B2" }, { .serial = "C3", .status = -ENODEV, .reason = "away" } };

	begin_run(f, 3);
	run_command("run", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("there are 3 boards, choose one by -s SERIAL or BPFWIRE_SERIAL: A1, B2, C3 (offline)"));
	run_command("run", "-s", "B2", "env", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(has_line("BPFWIRE_SOCKET=%s/B2", fake_dir));
	run_command("BPFWIRE_SERIAL=A1", "run", "env", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(has_line("BPFWIRE_SOCKET=%s/A1", fake_dir));
	run_command("BPFWIRE_SERIAL=A1", "run", "--serial=B2", "env", NULL);
	CHECK(has_line("BPFWIRE_SOCKET=%s/B2", fake_dir));
	fake_end();
}

TEST("a serial number that is not there: exit 2 and a line that says what is")
{
	begin_one();
	run_command("run", "-s", "BOARD9", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("no board 'BOARD9'; there is BOARD0001"));
	fake_end();
}

TEST("no board: exit 2 and a line that says what to do")
{
	begin_run(NULL, 0);
	run_command("run", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("no board: plug one in and start bpfwired on it"));
	run_command("run", "-s", "X", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("no board 'X', nor any other: plug one in"));
	fake_end();
}

TEST("a stale socket is no board, even when it is named")
{
	struct fake_board f[] = { { .serial = "OLD", .manner = FAKE_STALE }, { .serial = "NEW" } };

	begin_run(f, 2);
	run_command("run", "-s", "OLD", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("no board 'OLD'; there is NEW"));
	fake_end();
}

TEST("a board that cannot be used: exit 2, its state and the reason")
{
	begin_run(&(struct fake_board) { .serial = "A", .status = -EPROTO, .reason = "it speaks protocol 2, this bridge 1: update bpfwired" }, 1);
	run_command("run", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("board A: incompatible: it speaks protocol 2, this bridge 1: update bpfwired"));
	fake_end();
}

TEST("where no bridge runs one is started, its board is found, and it outlives the tool")
{
	char variable[4200], lock[160], pid[16] = "";
	int fd;

	begin_one();
	kill(fake_pid, SIGKILL);
	waitpid(fake_pid, NULL, 0);
	fake_pid = 0;
	snprintf(variable, sizeof(variable), "BPFWIRE_BRIDGE=%s", self);
	run_command(variable, "run", "env", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(has_line("BPFWIRE_SOCKET=%s/STARTED", fake_dir));
	snprintf(lock, sizeof(lock), "%s/bridge.lock", fake_dir);
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	CHECK(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	close(fd);
	CHECK(bw_read_line(lock, pid, sizeof(pid)) > 0);
	if (atoi(pid) > 1)
		kill(atoi(pid), SIGKILL);
	fake_end();
}

/* ---- what the tool gets ---- */

TEST("the tool's environment names the board, the library and BCC's architecture")
{
	begin_one();
	run_command("run", "env", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(has_line("BPFWIRE_SOCKET=%s/BOARD0001", fake_dir));
	CHECK(has_line("BPFWIRE_SERIAL=BOARD0001"));
	CHECK(has_line("LD_PRELOAD=%s", getenv("BPFWIRE_LIBRARY")));
	CHECK(has_line("ARCH=arm64"));
	CHECK(strstr(got_out, "BPFWIRE_MAIN="));
	CHECK(!strstr(got_out, "BPFWIRE_VERBOSE="));
	CHECK(!strstr(got_out, "BPFWIRE_BOARD_PATHS="));
	fake_end();
}

TEST("what was preloaded stays preloaded, behind")
{
	char variable[256];

	begin_one();
	snprintf(variable, sizeof(variable), "LD_PRELOAD=libdl.so.2");
	run_command(variable, "run", "env", NULL);
	CHECK(has_line("LD_PRELOAD=%s:libdl.so.2", getenv("BPFWIRE_LIBRARY")));
	fake_end();
}

TEST("BPFWIRE_MAIN is the pid of the tool")
{
	begin_one();
	run_command("BW_TEST_TOOL=main", "run", self, NULL);
	CHECK_EQ(got_status, 41);
	fake_end();
}

TEST("-v, --board and --local reach the library")
{
	begin_one();
	run_command("run", "-v", "--board", "/opt/x", "--local=/proc/cpuinfo", "--board=/opt/y", "--verbose", "--", "env", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(has_line("BPFWIRE_VERBOSE=2"));
	CHECK(has_line("BPFWIRE_BOARD_PATHS=/opt/x:/opt/y"));
	CHECK(has_line("BPFWIRE_LOCAL_PATHS=/proc/cpuinfo"));
	run_command("run", "--board", "relative", "env", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("run: 'relative' is not an absolute path without colons"));
	fake_end();
}

TEST("options behind the command are the command's")
{
	begin_one();
	run_command("run", "echo", "-s", "-v", "--board", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, "-s -v --board\n"));
	fake_end();
}

TEST("ARCH is the board's whatever it was, and BCC has none for 32-bit ARM")
{
	begin_one();
	run_command("ARCH=x86", "run", "env", NULL);
	CHECK(has_line("ARCH=arm64"));
	fake_end();
	begin_run(&(struct fake_board) { .serial = "R", .arch = BW_ARCH_RISCV64 }, 1);
	run_command("run", "env", NULL);
	CHECK(has_line("ARCH=riscv64"));
	fake_end();
	begin_run(&(struct fake_board) { .serial = "A", .arch = BW_ARCH_ARM }, 1);
	run_command("ARCH=arm64", "run", "env", NULL);
	CHECK(!strstr(got_out, "\nARCH="));
	CHECK(!*got_err);
	run_command("run", "sh", "-c", "echo ran; : bcc", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(strstr(got_err, "BCC cannot compile for arm") && !strstr(got_out, "ran"));
	fake_end();
}

TEST("an ausyscall of the board's goes before the machine's in PATH, once")
{
	begin_one();
	run_command("PATH=/usr/bin:/bin", "run", "env", NULL);
	CHECK(has_line("PATH=%s/bin:/usr/bin:/bin", fake_dir));
	run_command("PATH=/usr/bin:/bin", "run", fake_command(), "run", "env", NULL);
	CHECK(has_line("PATH=%s/bin:/usr/bin:/bin", fake_dir));
	fake_end();
}

TEST("bpf(2) and perf_event_open(2) on this machine are refused to all that runs below")
{
	begin_one();
	run_command("BW_TEST_TOOL=bpf", "run", self, NULL);
	CHECK_EQ(got_status, 41);
	run_command("BW_TEST_TOOL=perf", "run", "sh", "-c", "\"$0\"", self, NULL);
	CHECK_EQ(got_status, 41);
	fake_end();
}

#ifdef __x86_64__
TEST("32-bit programs are refused the same calls")
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(compat_call(20) == getpid() ? 0 : 1);	/* a kernel without 32-bit programs ends it */
	waitpid(pid, &status, 0);
	if (status)
		return;
	begin_one();
	run_command("BW_TEST_TOOL=compat", "run", self, NULL);
	CHECK_EQ(got_status, 41);
	fake_end();
}
#endif

TEST("this machine's tracefs and bpffs cannot be written to, and no mount changed, by all that runs below")
{
	begin_one();
	if (syscall(444 /* landlock_create_ruleset */, NULL, 0, 1) >= 1) {
		run_command("BW_TEST_TOOL=tracefs", "run", self, NULL);
		CHECK_EQ(got_status, 41);
		run_command("BW_TEST_TOOL=tracefs", "run", "sh", "-c", "\"$0\"", self, NULL);
		CHECK_EQ(got_status, 41);
	}
	run_command("BW_TEST_TOOL=mount", "run", self, NULL);
	CHECK_EQ(got_status, 41);
	fake_end();
}

TEST("everything else can be written to as before")
{
	char path[160];

	begin_one();
	snprintf(path, sizeof(path), "%s/sub", fake_dir);
	CHECK(!mkdir(path, 0700) && !chdir(fake_dir));
	run_command("BW_TEST_TOOL=elsewhere", "run", self, NULL);
	CHECK_EQ(got_status, 41);
	CHECK(!chdir("/"));
	fake_end();
}

/* ---- kernel headers ---- */

TEST("headers that are given are given on, and nothing is looked for")
{
	char variable[256], sub[400];

	begin_one();
	snprintf(sub, sizeof(sub), "mkdir -p %s/h/include/linux && : >%s/h/include/linux/kconfig.h", fake_dir, fake_dir);
	(void)!system(sub);
	snprintf(variable, sizeof(variable), "BCC_KERNEL_SOURCE=%s/h", fake_dir);
	run_command(variable, "run", "env", NULL);
	CHECK(has_line("%s", variable));
	CHECK(!*asked());
	CHECK(!*got_err);
	snprintf(sub, sizeof(sub), "mkdir -p %s/h/include/generated && echo '#define UTS_RELEASE \"5.10.7\"' >%s/h/include/generated/utsrelease.h", fake_dir, fake_dir);
	(void)!system(sub);
	run_command(variable, "run", "sh", "-c", ": bcc", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(one_line_with("/h is of kernel 5.10.7, and the board runs 6.1.0-56-arm64"));
	fake_end();
}

TEST("a tool without BCC makes nothing be fetched, and BCC_KERNEL_SOURCE is never unset")
{
	begin_one();
	run_command("run", "env", NULL);
	CHECK(has_line("BCC_KERNEL_SOURCE=%s/none", fake_dir));
	CHECK(!strcmp(asked(), "--here 6.1.0-56-arm64 arm64\n--none 6.1.0-56-arm64 arm64\n"));
	fake_end();
}

TEST("a BCC tool without headers runs all the same, after a line that says how to give them")
{
	begin_one();
	run_command("run", fake_file("opensnoop", "#!/bin/sh\n# from bcc import BPF\necho $BCC_KERNEL_SOURCE\n", 0700), NULL);
	CHECK_EQ(got_status, 0);
	CHECK(one_line_with("helper has none"));
	CHECK(has_line("%s/none", fake_dir));
	CHECK(!strcmp(asked(), "--here 6.1.0-56-arm64 arm64\n--fetch 6.1.0-56-arm64 arm64\n--none 6.1.0-56-arm64 arm64\n"));
	fake_end();
}

TEST("headers are fetched for a BCC tool by any way to start it")
{
	static const char *const ways[][4] = {
		{ "sh", "-c", "x-bpfcc || true" }, { "sh", "tool" }, { "./bcc-tool" }, { "env", "A=b", "sh", "tool" }, { "sh", "-c", "bpftrace -V || true" },
	};
	size_t i;

	begin_one();
	fake_file("tool", "# from bcc import BPF\n", 0600);
	fake_file("bcc-tool", "#!/bin/sh\n", 0700);
	CHECK(!chdir(fake_dir));
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		run_command("run", ways[i][0], ways[i][1], ways[i][2], ways[i][3], NULL);
		CHECK_EQ(got_status, 0);
		CHECK(strstr(asked(), "--fetch "));
	}
	CHECK(!chdir("/"));
	fake_end();
}

TEST("a BCC_KERNEL_SOURCE that holds no headers never reaches BCC")
{
	begin_one();
	run_command("BCC_KERNEL_SOURCE=/nonexistent", "run", "env", NULL);
	CHECK(has_line("BCC_KERNEL_SOURCE=%s/none", fake_dir));
	run_command("BCC_KERNEL_SOURCE=/nonexistent", "run", "sh", "-c", ": bcc", NULL);
	CHECK(strstr(got_err, "BCC_KERNEL_SOURCE=/nonexistent holds no kernel headers"));
	fake_end();
}

/* ---- what cannot run ---- */

TEST("a command that is nowhere: 127, before any board is looked for")
{
	fake_begin_empty();
	run_command("run", "no-such-tool-anywhere", NULL);
	CHECK_EQ(got_status, 127);
	CHECK(one_line_with("no-such-tool-anywhere: command not found (looked in PATH, /usr/sbin, /sbin)"));
	run_command("run", "/no/such/tool", NULL);
	CHECK_EQ(got_status, 127);
	CHECK(one_line_with("/no/such/tool: no such file"));
	run_command("run", "", NULL);
	CHECK_EQ(got_status, 127);
	fake_end();
}

TEST("a tool that has Debian's name is offered by it")
{
	char variable[128];

	begin_one();
	fake_file("toolx-bpfcc", "#!/bin/sh\n", 0700);
	snprintf(variable, sizeof(variable), "PATH=%s", fake_dir);
	run_command(variable, "run", "toolx", NULL);
	CHECK_EQ(got_status, 127);
	CHECK(one_line_with("toolx: command not found (looked in PATH, /usr/sbin, /sbin); do you mean toolx-bpfcc?"));
	fake_end();
}

TEST("what is not executable: 126")
{
	begin_one();
	run_command("run", fake_file("data", "x\n", 0600), NULL);
	CHECK_EQ(got_status, 126);
	CHECK(one_line_with("/data: not executable"));
	run_command("run", "/tmp", NULL);
	CHECK_EQ(got_status, 126);
	run_command("run", fake_file("bad", "#!/no/such/interpreter\n", 0700), NULL);
	CHECK_EQ(got_status, 126);
	CHECK(one_line_with("/bad: its interpreter or dynamic linker is not on this machine (/no/such/interpreter)"));
	fake_end();
}

TEST("/usr/sbin and /sbin are searched behind PATH")
{
	begin_one();
	if (!access("/usr/sbin/chroot", X_OK)) {
		run_command("PATH=/nonexistent", "run", "chroot", "--version", NULL);
		CHECK_EQ(got_status, 0);
	}
	fake_end();
}

/* The smallest program of this machine without a dynamic linker: header, one program header, no code that ever runs. */
TEST("a statically linked program is warned of, in one line")
{
	unsigned char elf[128] = { 0 };
	char path[160];
	int fd;

	begin_one();
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, elf, 64) == 64);
	close(fd);
	elf[56] = elf[57] = 0;	/* e_phnum */
	snprintf(path, sizeof(path), "%s/static", fake_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	CHECK(write(fd, elf, sizeof(elf)) == sizeof(elf));
	close(fd);
	run_command("run", path, NULL);
	CHECK(strstr(got_err, "/static is statically linked: bpfwire cannot enter it"));
	fake_end();
}

TEST("a setuid program is warned of, in one line")
{
	begin_one();
	if (getuid() == 0) {
		char command[400];

		snprintf(command, sizeof(command), "cp /bin/true %s/suid && chown 1 %s/suid && chmod 4755 %s/suid", fake_dir, fake_dir, fake_dir);
		(void)!system(command);
		snprintf(command, sizeof(command), "%s/suid", fake_dir);
		run_command("run", command, NULL);
		CHECK_EQ(got_status, 0);
		CHECK(one_line_with("/suid is setuid or setgid: below bpfwire run it runs as you, without more rights"));
	}
	fake_end();
}

TEST("a library that is not there: exit 2 and its name")
{
	begin_one();
	run_command("BPFWIRE_LIBRARY=/nonexistent/lib.so", "run", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("BPFWIRE_LIBRARY=/nonexistent/lib.so: No such file or directory"));
	fake_end();
}

TEST("wrong command lines are one line and exit 2")
{
	begin_one();
	run_command(NULL, NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("which command? (try 'bpfwire help')"));
	run_command("dance", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("there is no command 'dance'"));
	run_command("--dance", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("there is no option '--dance'"));
	run_command("run", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("run: which command?"));
	run_command("run", "-s", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("run: option '-s' needs a value"));
	run_command("run", "-q", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("run: there is no option '-q'"));
	fake_end();
}

/* ---- bpfwire headers ---- */

TEST("bpfwire headers prints the directory, or the helper's reason and exit 1")
{
	begin_one();
	run_command("headers", NULL);
	CHECK_EQ(got_status, 1);
	CHECK(!strcmp(got_err, "bpfwire: helper has none\n"));
	fake_file("headers", "#!/bin/sh\necho /h/$2\n", 0700);
	run_command("headers", "-s", "BOARD0001", NULL);
	CHECK_EQ(got_status, 0);
	CHECK(!strcmp(got_out, "/h/6.1.0-56-arm64\n"));
	fake_end();
}

TEST("a helper that answers with anything but an absolute path is not believed")
{
	begin_one();
	fake_file("headers", "#!/bin/sh\necho relative\n", 0700);
	run_command("run", "true", NULL);
	CHECK_EQ(got_status, 2);
	CHECK(one_line_with("cannot keep BCC from this machine's headers"));
	fake_end();
}

int main(void)
{
	return check_done();
}
