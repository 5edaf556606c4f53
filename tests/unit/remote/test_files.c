/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers of files, called by their libc names as a tool does, against a fake board. */
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "tests/unit/remote/fake_files.h"

static const char text[] = "0.10 0.20 board\n";

/* The library's questions to the dynamic linker, which takes its lock for them. */
static int linker_asked;

int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	int (*libc)(int (*)(struct dl_phdr_info *, size_t, void *), void *);

	linker_asked++;
	*(void **)&libc = dlsym(RTLD_NEXT, "dl_iterate_phdr");
	return libc(callback, data);
}

TEST("files of this machine are opened without a lock of the dynamic linker")
{
	struct stat st;
	int fd;

	linker_asked = 0;
	fd = open("/etc/passwd", O_RDONLY);
	CHECK(fd >= 0);
	close(fd);
	CHECK(!access("/etc/passwd", R_OK));
	CHECK(!stat("/usr/include", &st) || errno == ENOENT);
	CHECK(open("/usr/include/none.h", O_RDONLY) == -1 && errno == ENOENT);
	CHECK_EQ(linker_asked, 0);
	bw_has_libbcc();	/* that asks, and so shows that asking is seen */
	CHECK(linker_asked > 0);
}

TEST("a file of the board is read, sought and mapped like any other")
{
	char buf[64] = "";
	struct stat st;
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	void *p;

	CHECK(fd >= 0);
	CHECK_EQ(read(fd, buf, sizeof(buf)), sizeof(text) - 1);
	CHECK(!strcmp(buf, text));
	CHECK_EQ(pread(fd, buf, 4, 5), 4);
	CHECK(!memcmp(buf, "0.20", 4));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, buf, 3), 3);
	CHECK(write(fd, "x", 1) == -1 && errno == EBADF);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED && !memcmp(p, text, sizeof(text)));
	munmap(p, 4096);
	CHECK(!fstat(fd, &st) && st.st_size == 0 && st.st_ino == 5 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK_EQ(close(fd), 0);
}

TEST("a descriptor of a board's file is named after it")
{
	char name[64], link[128] = "";
	int fd = open("/proc/loadavg", O_RDONLY);

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	CHECK_EQ(readlink(name, link, sizeof(link)), 13);
	CHECK(!strcmp(link, "/proc/loadavg"));
	close(fd);
	CHECK(readlink(name, link, sizeof(link)) == -1 && errno == ENOENT);
}

TEST("stdio reads a file of the board, to its end and again")
{
	char line[64] = "";
	FILE *f = fopen("/proc/loadavg", "re");
	int i;

	CHECK(f != NULL);
	for (i = 0; f && i < 2; i++) {
		CHECK(fgets(line, sizeof(line), f) && !strcmp(line, text));
		CHECK(!fgets(line, sizeof(line), f) && feof(f));
		rewind(f);
	}
	CHECK(f && !fclose(f));
	f = fopen("/proc/empty", "r");
	CHECK(f && fgetc(f) == EOF);
	CHECK(f && !fclose(f));
}

TEST("the board's errors reach the tool as they are, and success leaves errno alone")
{
	int fd;

	CHECK(open("/proc/denied", O_RDONLY) == -1 && errno == EACCES);
	CHECK(open("/proc/nothing", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(!fopen("/proc/nothing", "r") && errno == ENOENT);
	CHECK(!opendir("/sys/t/a") && errno == ENOTDIR);
	CHECK(access("/sys/t/a", W_OK) == -1 && errno == EROFS);
	errno = 77;
	fd = open("/proc/loadavg", O_RDONLY);
	CHECK(fd >= 0 && errno == 77);
	close(fd);
	CHECK(!access("/sys/t/a", R_OK) && errno == 77);
}

TEST("an error of reading is met at read, not at open")
{
	char c;
	int fd = open("/sys/eio", O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, &c, 1) == -1 && errno == EIO);
	close(fd);
}

TEST("each write is one write on the board, with its error")
{
	char now[256] = "";
	int fd = open("/sys/t/write", O_WRONLY | O_APPEND), r;
	FILE *f;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "one", 3), 3);
	CHECK(write(fd, "bad\n", 4) == -1 && errno == EINVAL);
	CHECK_EQ(dprintf(fd, "two %d", 2), 5);
	close(fd);
	f = fopen("/sys/t/write", "w");
	CHECK(f && fprintf(f, "three ") == 6 && fputs("four", f) >= 0);
	CHECK(f && !fclose(f));
	f = fopen("/sys/t/write", "a");
	CHECK(f && fputs("bad\n", f) >= 0);
	r = f ? fclose(f) : 0;
	CHECK(r == EOF && errno == EINVAL);
	f = fopen("/proc/written", "r");
	CHECK(f && fgets(now, sizeof(now), f));
	CHECK(!strcmp(now, "[one][two 2][three four]"));
	if (f)
		fclose(f);
}

TEST("a stream whose descriptor was redirected writes what it holds at once, and tells the board's error")
{
	FILE *f = fopen("/dev/null", "w");
	char now[256] = "";
	int fd;

	CHECK(f && fprintf(f, "nowhere") == 7 && !fflush(f));
	fd = open("/sys/t/write", O_WRONLY);
	CHECK_EQ(dup2(fd, fileno(f)), fileno(f));
	close(fd);
	CHECK(fprintf(f, "p:%s ", "a") == 4 && fputs("b", f) >= 0 && !fflush(f));
	CHECK(fputs("bad\n", f) >= 0 && fflush(f) == EOF && errno == EINVAL && ferror(f));
	clearerr(f);
	CHECK(fputs("c", f) >= 0 && !fclose(f));
	f = fopen("/proc/written", "r");
	CHECK(f && fgets(now, sizeof(now), f) && strstr(now, "[p:a b][c]"));
	if (f)
		fclose(f);
}

TEST("stdout that is redirected to a file of the board is by line no more, and is again afterwards")
{
	int was = dup(1), fd = open("/sys/t/write", O_WRONLY);
	char now[256] = "";
	FILE *f;

	fflush(stdout);
	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK_EQ(dup2(fd, 1), 1);
	close(fd);
	CHECK(puts("line") >= 0 && !fflush(stdout));
	CHECK_EQ(dup2(was, 1), 1);
	CHECK(__flbf(stdout));
	close(was);
	f = fopen("/proc/written", "r");
	CHECK(f && fread(now, 1, sizeof(now) - 1, f) && strstr(now, "[line\n]"));
	if (f)
		fclose(f);
}

TEST("after a seek a written file goes on from there, but for pseudo-files")
{
	char now[256] = "";
	int fd = open("/sys/t/write", O_RDWR), r;

	lseek(fd, 1000, SEEK_SET);
	CHECK_EQ(write(fd, "pseudo", 6), 6);
	close(fd);
	fd = open("/proc/77/mem", O_RDWR);
	CHECK_EQ(lseek(fd, 1000, SEEK_SET), 1000);
	CHECK_EQ(write(fd, "five", 4), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1004);
	CHECK_EQ(write(fd, "six", 3), 3);
	CHECK_EQ(pwrite(fd, "seven", 5, 5), 5);
	CHECK_EQ(lseek(fd, -7, SEEK_CUR), 1000);
	CHECK(lseek(fd, -1, SEEK_SET) == -1 && errno == EINVAL);
	close(fd);
	fd = open("/proc/written", O_RDONLY);
	r = (int)read(fd, now, sizeof(now) - 1);
	CHECK(r > 0 && strstr(now, "][pseudo]@1000[five]@1004[six]@5[seven]"));
	close(fd);
}

TEST("fdinfo of an object of the board is the board's")
{
	char name[64], line[64] = "";
	int fd = open("/sys/t/write", O_WRONLY), local = open("/dev/null", O_RDONLY);
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	f = fopen(name, "r");
	CHECK(f && fgets(line, sizeof(line), f) && !strcmp(line, "memlock:\t4096\n"));
	if (f)
		fclose(f);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", local);
	f = fopen(name, "r");
	CHECK(f && fgets(line, sizeof(line), f) && !strncmp(line, "pos:", 4));
	if (f)
		fclose(f);
	close(local);
	close(fd);
}

static int functions_version(void)
{
	char line[64] = "";
	FILE *f = fopen("/sys/kernel/tracing/available_filter_functions", "r");

	if (!f || !fgets(line, sizeof(line), f))
		return -1;
	fclose(f);
	return atoi(line + strlen("function"));
}

TEST("a big file is kept as long as the board's modules are the same, whatever their use counts")
{
	int fd;

	CHECK_EQ(functions_version(), 1);
	CHECK_EQ(functions_version(), 1);
	fd = open("/sys/t/write", O_WRONLY);
	CHECK_EQ(write(fd, "insmod", 6), 6);
	close(fd);
	CHECK_EQ(functions_version(), 2);
	CHECK_EQ(functions_version(), 2);
}

TEST("changes go to the board, and never from one machine to the other")
{
	CHECK_EQ(mkdir("/sys/fs/bpf/d", 0700), 0);
	CHECK(rmdir("/sys/fs/bpf/d") == -1 && errno == ENOTEMPTY);
	CHECK(remove("/sys/fs/bpf/d") == -1 && errno == ENOTEMPTY);
	CHECK(rename("/tmp/bpfwire-none", "/sys/fs/bpf/x") == -1 && errno == EXDEV);
	CHECK(rename("/tmp/bpfwire-none", "/tmp/bpfwire-none2") == -1 && errno == ENOENT);
}

TEST("statfs says what file system the board has there")
{
	struct statvfs v, v64;
	struct statfs fs;
	int fd;

	CHECK(!statfs("/sys/fs/bpf", &fs) && fs.f_type == 0xcafe4a11);
	CHECK(!statfs("/", &fs) && fs.f_type != 0xcafe4a11);
	fd = open("/sys/t", O_RDONLY | O_DIRECTORY);
	CHECK(!statvfs("/sys/fs/bpf", &v) && !fstatvfs(fd, &v64) && v.f_bsize == v64.f_bsize && v.f_namemax == v64.f_namemax);
	CHECK(!statvfs("/", &v) && v.f_blocks != v64.f_blocks);
	close(fd);
}

TEST("a stream can be polled, read without blocking, and closed while more comes")
{
	char buf[8];
	int fd = open("/sys/t/trace_pipe", O_RDONLY), i;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(fd >= 0);
	for (i = 0; i < 3; i++) {
		CHECK(poll(&p, 1, 5000) == 1);
		CHECK(read(fd, buf, 5) == 5 && !memcmp(buf, "line\n", 5));
	}
	CHECK_EQ(close(fd), 0);
}

int main(void) { return files_done(); }
