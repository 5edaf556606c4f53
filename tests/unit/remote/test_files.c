/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers of files and directories, called by their libc names as a tool does, against a fake board. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <link.h>
#include <mntent.h>
#include <poll.h>
#include <sched.h>
#include <stdio_ext.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "protocol/wirecode.h"
#include "remote/files.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

/* ---- the fake board ---- */

static char written[256];
static int asked[BW_MSG_LAST + 1], tail_reads, functions_fetched;

static struct bw_stat fake_stat(uint8_t type, uint64_t ino)
{
	return (struct bw_stat){ .type = type, .perm = type == BW_FT_DIR ? 0755 : 0644, .dev_major = 0, .dev_minor = 99, .ino = ino, .nlink = 1,
				 .blksize = 4096 };
}

static bool is(struct bw_str s, const char *c) { return bw_str_eq(s, c); }

static int fake_type(struct bw_str p)
{
	static const struct { const char *path; int type; } tree[] = {
		{ "/sys/t", BW_FT_DIR }, { "/sys/t/a", BW_FT_REG }, { "/sys/t/link", BW_FT_LNK }, { "/sys/t/sub", BW_FT_DIR }, { "/sys/t/sub/x1", BW_FT_REG },
		{ "/sys/t/sub/x2", BW_FT_REG }, { "/sys/t/write", BW_FT_REG }, { "/sys/t/trace_pipe", BW_FT_REG }, { "/proc/77", BW_FT_DIR }, { "/proc/77/mem", BW_FT_REG }, { "/sys/t/sub/..", BW_FT_DIR }, { "/sys/t/..", BW_FT_DIR },
	};
	size_t i;

	for (i = 0; i < sizeof(tree) / sizeof(tree[0]); i++)
		if (is(p, tree[i].path))
			return tree[i].type;
	return -1;
}

static int get(struct bw_str p, struct bw_buf *out)
{
	struct bw_stat st = fake_stat(BW_FT_REG, 5);
	char text[sizeof(written)];

	if (is(p, "/proc/denied"))
		return -EACCES;
	if (fake_type(p) == BW_FT_DIR)
		return -EISDIR;
	if (is(p, "/sys/eio"))
		return -EIO;
	bw_put_stat(out, &st);
	if (is(p, "/proc/loadavg") || is(p, "/sys/t/a"))
		snprintf(text, sizeof(text), "0.10 0.20 board\n");
	else if (is(p, "/proc/empty"))
		text[0] = 0;
	else if (is(p, "/proc/written"))
		snprintf(text, sizeof(text), "%s", written);
	else if (is(p, "/proc/stats"))
		snprintf(text, sizeof(text), "%d", asked[BW_MSG_FILE_STAT]);
	else if (is(p, "/proc/modules"))	/* the use count changes at each look, the address when something is written */
		snprintf(text, sizeof(text), "ext4 4096 %d - Live 0x%zx\n", asked[BW_MSG_FILE_GET], strlen(written));
	else if (is(p, "/sys/kernel/tracing/available_filter_functions"))
		snprintf(text, sizeof(text), "function%d\n", ++functions_fetched);
	else if (p.len > 7 && !memcmp(p.p + p.len - 7, "/format", 7))
		snprintf(text, sizeof(text), "%.*s\n", (int)p.len, p.p);
	else if (is(p, "/proc/requests"))
		snprintf(text, sizeof(text), "%d %d %d\n", asked[BW_MSG_FILE_LIST], asked[BW_MSG_FILE_STAT], asked[BW_MSG_FILE_GET]);
	else if (is(p, "/proc/mounts"))
		snprintf(text, sizeof(text), "bpf /sys/fs/bpf bpf rw 0 0\n");
	else if (is(p, "/sys/class/net/can0/ifindex"))
		snprintf(text, sizeof(text), "7\n");
	else
		return -ENOENT;
	bw_put_bytes(out, text, strlen(text));
	return 0;
}

static void put_entry(struct bw_buf *out, const char *name, uint8_t type, uint64_t ino)
{
	struct bw_dirent e = { .st = fake_stat(type, ino), .name = fake_str(name) };

	bw_put_dirent(out, &e);
}

static int list(struct bw_str p, struct bw_buf *out)
{
	if (is(p, "/sys/t") || is(p, "/sys/t/")) {
		put_entry(out, "sub", BW_FT_DIR, 11);
		put_entry(out, "a", BW_FT_REG, 12);
		put_entry(out, "link", BW_FT_LNK, 13);
		put_entry(out, "../evil", BW_FT_REG, 14);
		put_entry(out, "", BW_FT_REG, 15);
	} else if (is(p, "/sys/t/sub")) {
		put_entry(out, "x1", BW_FT_REG, 21);
		put_entry(out, "x2", BW_FT_REG, 22);
	} else if (is(p, "/sys/kernel/tracing/events")) {
		for (int cat = 0; cat < 3; cat++) {
			char name[64];

			put_entry(out, (snprintf(name, sizeof(name), "cat%d", cat), name), BW_FT_DIR, 41);
			put_entry(out, (snprintf(name, sizeof(name), "cat%d/enable", cat), name), BW_FT_REG, 42);
			for (int event = 0; event < 20; event++)
				put_entry(out, (snprintf(name, sizeof(name), "cat%d/ev%d", cat, event), name), BW_FT_DIR, 43);
		}
	} else if (is(p, "/sys/class/net")) {
		put_entry(out, "can0", BW_FT_LNK, 31);
	} else {
		return fake_type(p) < 0 ? -ENOENT : -ENOTDIR;
	}
	return 0;
}

static int open_handle(const struct bw_file *m, struct bw_buf *out)
{
	struct bw_handle_reply r = { .object = BW_OBJ_FILE, .handle = 1 };

	if (is(m->path, "/sys/eio"))
		r.handle = 2;
	else if (is(m->path, "/sys/t/trace_pipe"))
		r.handle = 3;
	else if (fake_type(m->path) < 0)
		return -ENOENT;
	bw_put_handle_reply(out, &r);
	return 0;
}

static int handle_read(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_read m;

	bw_get_handle_read(r, &m);
	if (m.handle == 2)
		return -EIO;
	if (m.handle != 3)
		return -EBADF;
	if (tail_reads++ % 2)
		return -EAGAIN;
	bw_put_bytes(out, "line\n", 5);
	return 0;
}

static int handle_info(struct bw_buf *out)
{
	bw_put_str(out, "anon_inode:bpf-map");
	bw_put_str(out, "memlock:\t4096\n");
	return 0;
}

static int handle_write(struct bw_reader *r, struct bw_buf *out)
{
	struct bw_handle_write m;

	bw_get_handle_write(r, &m);
	if (m.len == 4 && !memcmp(m.data, "bad\n", 4))
		return -EINVAL;
	if (m.offset != BW_OFFSET_CURRENT)
		snprintf(written + strlen(written), sizeof(written) - strlen(written), "@%u", (unsigned int)m.offset);
	snprintf(written + strlen(written), sizeof(written) - strlen(written), "[%.*s]", (int)m.len, (const char *)m.data);
	bw_put_u32(out, m.len);
	return 0;
}

static int file_op(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_statfs fs = { .type = 0xcafe4a11, .bsize = 4096 };
	struct bw_stat st;
	struct bw_file m;
	int t;

	if (bw_get_file(r, &m))
		return -EPROTO;
	t = fake_type(m.path);
	switch (type) {
	case BW_MSG_FILE_GET: return get(m.path, out);
	case BW_MSG_FILE_LIST: return list(m.path, out);
	case BW_MSG_FILE_OPEN: return open_handle(&m, out);
	case BW_MSG_FILE_ACCESS: return t < 0 ? -ENOENT : m.mode & 2 ? -EROFS : 0;
	case BW_MSG_FILE_READLINK: return t == BW_FT_LNK ? (bw_put_str(out, "../target"), 0) : -EINVAL;
	case BW_MSG_FILE_REALPATH:
		return t < 0 ? -ENOENT : (bw_put_str(out, is(m.path, "/sys/t/sub/..") ? "/sys/t" : is(m.path, "/sys/t/..") ? "/usr" : is(m.path, "/sys/t/link") ?
						     "/sys/real" : strndupa(m.path.p, m.path.len)), 0);
	case BW_MSG_FILE_STATFS: bw_put_statfs(out, &fs); return 0;
	}
	if (t < 0)
		return -ENOENT;
	st = fake_stat((uint8_t)(t == BW_FT_LNK && !(m.flags & BW_FILE_NOFOLLOW) ? BW_FT_REG : t), 7);
	bw_put_stat(out, &st);
	return 0;
}

static int handler(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	struct bw_clocks c = { .monotonic = 5000000000000ll, .boottime = 6000000000000ll };
	struct bw_kill k;
	struct bw_file_change ch;

	asked[type]++;
	if (type >= BW_MSG_FILE_GET && type <= BW_MSG_FILE_REALPATH && type != BW_MSG_FILE_CHANGE)
		return file_op(type, r, out);
	switch (type) {
	case BW_MSG_HANDLE_READ: return handle_read(r, out);
	case BW_MSG_HANDLE_INFO: return handle_info(out);
	case BW_MSG_HANDLE_WRITE: return handle_write(r, out);
	case BW_MSG_HANDLE_CLOSE: return 0;
	case BW_MSG_CLOCKS: bw_put_clocks(out, &c); return 0;
	case BW_MSG_KILL: return bw_get_kill(r, &k) ? -EPROTO : k.pid == 1 && k.signal == SIGTERM ? 0 : -ESRCH;
	case BW_MSG_FILE_CHANGE:
		bw_get_file_change(r, &ch);
		return ch.what == BW_CHANGE_MKDIR && is(ch.path, "/sys/fs/bpf/d") ? 0 : ch.what == BW_CHANGE_RMDIR ? -ENOTEMPTY : -EISDIR;
	}
	return -EOPNOTSUPP;
}

static char cache[] = "/tmp/bpfwire-cache.XXXXXX";

__attribute__((constructor(101))) static void before_all(void)
{
	unsetenv("BPFWIRE_MAIN");
	if (mkdtemp(cache))
		setenv("BPFWIRE_CACHE", cache, 1);
	fake_bridge(handler);
}

/* ---- the tests ---- */

static int stats_asked(void)
{
	char text[32] = "";
	FILE *f = fopen("/proc/stats", "r");

	if (!f || !fgets(text, sizeof(text), f))
		return -1;
	fclose(f);
	return atoi(text);
}

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

TEST("a directory is listed once, and the stats of its entries need no question")
{
	struct dirent *e;
	struct stat st;
	int before, n = 0;
	DIR *d = opendir("/sys/t");
	long mark = 0;

	CHECK(d != NULL);
	before = stats_asked();
	while (d && (e = readdir(d))) {
		n++;
		CHECK(!strchr(e->d_name, '/'));
		if (!strcmp(e->d_name, "sub")) {
			CHECK(e->d_type == DT_DIR && e->d_ino == 11);
			mark = telldir(d);
		}
	}
	CHECK_EQ(n, 5);		/* with the dots, without the name that was none */
	CHECK(!stat("/sys/t/a", &st) && st.st_ino == 12 && S_ISREG(st.st_mode));
	CHECK(!stat("/sys/t/sub", &st) && S_ISDIR(st.st_mode));
	CHECK(!access("/sys/t/sub", F_OK));
	CHECK(!lstat("/sys/t/link", &st) && S_ISLNK(st.st_mode));
	CHECK_EQ(stats_asked(), before);
	CHECK(!stat("/sys/t/link", &st) && S_ISREG(st.st_mode));
	CHECK_EQ(stats_asked(), before + 1);
	if (!d)
		return;
	seekdir(d, mark);
	e = readdir(d);
	CHECK(e && !strcmp(e->d_name, "a"));
	rewinddir(d);
	e = readdir(d);
	CHECK(e && !strcmp(e->d_name, "."));
	CHECK(!closedir(d));
}

struct requests { int list, stat, get; };

static struct requests requests(void)
{
	struct requests r = { -1, -1, -1 };
	char line[64] = "";
	FILE *f = fopen("/proc/requests", "r");

	if (f && fgets(line, sizeof(line), f))
		sscanf(line, "%d %d %d", &r.list, &r.stat, &r.get);
	if (f)
		fclose(f);
	return r;
}

/* The format is that of this event; 1. */
static int format_is_right(const char *event)
{
	char path[700], line[700] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "%s/format", event);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f) && (end = strchr(line, '\n')))
		*end = 0;
	if (f)
		fclose(f);
	return !strcmp(line, path);
}

/* As tplist does: directories of directories of trace events, and the format of each if that is asked for. How many events there were. */
static int walk_events(bool formats)
{
	static const char root[] = "/sys/kernel/tracing/events";
	char category[300], event[600];
	struct dirent *c, *e;
	struct stat st;
	DIR *top = opendir(root), *d;
	int n = 0;

	while (top && (c = readdir(top))) {
		snprintf(category, sizeof(category), "%s/%s", root, c->d_name);
		if (c->d_name[0] == '.' || stat(category, &st) || !S_ISDIR(st.st_mode) || !(d = opendir(category)))
			continue;
		while ((e = readdir(d))) {
			snprintf(event, sizeof(event), "%s/%s", category, e->d_name);
			if (e->d_name[0] != '.' && !stat(event, &st) && S_ISDIR(st.st_mode))
				n += formats ? format_is_right(event) : 1;
		}
		closedir(d);
	}
	if (top)
		closedir(top);
	return n;
}

TEST("all trace events are listed by one question, and their formats are fetched once each")
{
	struct requests before = requests(), after;
	int fd;

	CHECK_EQ(walk_events(false), 60);
	after = requests();
	CHECK_EQ(after.list - before.list, 1);
	CHECK_EQ(after.stat - before.stat, 0);
	CHECK_EQ(walk_events(true), 60);
	before = requests();
	CHECK_EQ(before.list - after.list, 0);
	CHECK_EQ(before.get - after.get, 61);	/* and that of the questions itself */
	fd = open("/sys/t/write", O_WRONLY);	/* something is changed */
	CHECK_EQ(write(fd, "x", 1), 1);
	close(fd);
	CHECK_EQ(walk_events(false), 60);
	after = requests();
	CHECK_EQ(after.list - before.list, 1);
}

TEST("paths below a descriptor of a board's directory are the board's")
{
	char buf[8];
	struct stat st;
	int dirfd_ = open("/sys/t", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	DIR *d;

	CHECK(dirfd_ >= 0);
	fd = openat(dirfd_, "a", O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, 4) == 4 && !memcmp(buf, "0.10", 4));
	close(fd);
	CHECK(!fstatat(dirfd_, "sub", &st, 0) && S_ISDIR(st.st_mode));
	CHECK(!fstatat(dirfd_, "", &st, AT_EMPTY_PATH) && S_ISDIR(st.st_mode));
	CHECK(!fstat(dirfd_, &st) && S_ISDIR(st.st_mode));
	CHECK(!faccessat(dirfd_, "a", R_OK, 0));
	CHECK(read(dirfd_, buf, 1) == -1 && errno == EISDIR);
	d = fdopendir(dirfd_);
	CHECK(d && dirfd(d) == dirfd_ && readdir(d) && !closedir(d));
	CHECK(fstat(dirfd_, &st) == -1 && errno == EBADF);
}

TEST("a directory opened without O_DIRECTORY is one all the same")
{
	struct stat st;
	int fd = open("/sys/t", O_RDONLY);

	CHECK(fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode));
	close(fd);
}

TEST("a directory of this machine is libc's own")
{
	DIR *d = opendir("/usr");

	CHECK(d && !bw_dir_mine(d) && readdir(d) && dirfd(d) >= 0 && !closedir(d));
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int no_dots(const struct dirent *e) { return e->d_name[0] != '.'; }

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

TEST("scandir filters and sorts the board's entries")
{
	struct dirent **list = NULL;
	int n = scandir("/sys/t", &list, no_dots, by_name), i;

	CHECK_EQ(n, 3);
	CHECK(n == 3 && !strcmp(list[0]->d_name, "a") && !strcmp(list[1]->d_name, "link") && !strcmp(list[2]->d_name, "sub"));
	for (i = 0; i < n; i++)
		free(list[i]);
	free(list);
	CHECK(scandir("/sys/nothing", &list, NULL, NULL) == -1 && errno == ENOENT);
}

TEST("glob finds what is on the board")
{
	glob_t g;

	CHECK_EQ(glob("/sys/t/s*/x?", 0, NULL, &g), 0);
	CHECK(g.gl_pathc == 2 && !strcmp(g.gl_pathv[0], "/sys/t/sub/x1") && !strcmp(g.gl_pathv[1], "/sys/t/sub/x2"));
	globfree(&g);
	CHECK_EQ(glob("/sys/t/nothing*", 0, NULL, &g), GLOB_NOMATCH);
}

static char walked[512];
static int on_visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	snprintf(walked + strlen(walked), sizeof(walked) - strlen(walked), "%s:%d:%d ", path + f->base, type, f->level);
	return 0;
}

TEST("nftw walks the board's tree by the board's names")
{
	CHECK_EQ(nftw("/sys/t", on_visit, 8, FTW_PHYS), 0);
	CHECK(!strcmp(walked, "t:1:0 sub:1:1 x1:0:2 x2:0:2 a:0:1 link:4:1 "));
	walked[0] = 0;
	CHECK_EQ(nftw("/sys/t/sub", on_visit, 8, FTW_PHYS | FTW_DEPTH), 0);
	CHECK(!strcmp(walked, "x1:0:1 x2:0:1 sub:5:0 "));
	CHECK(nftw("/sys/nothing", on_visit, 8, 0) == -1 && errno == ENOENT);
}

static int fts_by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The names and kinds that a walk meets; `skip` is not entered. */
static const char *fts_walked(const char *root, const char *skip)
{
	static char seen[256];
	char *const paths[] = { (char *)(uintptr_t)root, NULL };
	FTS *f = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, fts_by_name);
	FTSENT *e;

	seen[0] = 0;
	while (f && (e = fts_read(f))) {
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s:%d ", e->fts_name, e->fts_info);
		if (skip && e->fts_info == FTS_D && !strcmp(e->fts_name, skip))
			fts_set(f, e, FTS_SKIP);
	}
	if (f)
		fts_close(f);
	return seen;
}

TEST("fts walks the board's tree, and this machine's as ever")
{
	char *const paths[] = { (char *)(uintptr_t)"/sys/t", NULL };
	char dir[] = "/tmp/bpfwire-fts-XXXXXX";
	FTSENT *e;
	FTS *f;

	CHECK(!strcmp(fts_walked("/sys/t", NULL), "t:1 a:8 link:12 sub:1 x1:8 x2:8 sub:6 t:6 "));
	CHECK(!strcmp(fts_walked("/sys/t", "sub"), "t:1 a:8 link:12 sub:1 sub:6 t:6 "));
	CHECK(!strcmp(fts_walked("/sys/none", NULL), "none:10 "));
	f = fts_open(paths, FTS_PHYSICAL, fts_by_name);
	e = fts_read(f);
	CHECK(e && !strcmp(e->fts_path, "/sys/t") && e->fts_level == 0 && S_ISDIR(e->fts_statp->st_mode));
	e = fts_children(f, 0);
	CHECK(e && !strcmp(e->fts_name, "a") && e->fts_link && !strcmp(e->fts_link->fts_name, "link"));
	e = fts_read(f);
	CHECK(e && !strcmp(e->fts_path, "/sys/t/a") && e->fts_level == 1 && e->fts_statp->st_ino == 12);
	CHECK(!fts_close(f));	/* in the middle */
	CHECK(mkdtemp(dir) != NULL);
	CHECK(strstr(fts_walked(dir, NULL), ":1 ") && strstr(fts_walked(dir, NULL), ":6 "));
	rmdir(dir);
}

TEST("links are read and resolved on the board")
{
	char buf[64], *p;

	CHECK_EQ(readlink("/sys/t/link", buf, sizeof(buf)), 9);
	CHECK_EQ(readlink("/sys/t/link", buf, 4), 4);
	CHECK(!memcmp(buf, "../t", 4));
	CHECK(readlink("/sys/t/a", buf, sizeof(buf)) == -1 && errno == EINVAL);
	p = realpath("/sys/t/link", NULL);
	CHECK(p && !strcmp(p, "/sys/real"));
	free(p);
	CHECK(!realpath("/sys/nothing", NULL) && errno == ENOENT);
	p = realpath("/usr/..", NULL);
	CHECK(p && !strcmp(p, "/"));
	free(p);
}

static bool here_is(const char *want)
{
	char buf[BW_PATH_MAX + 1];

	return getcwd(buf, sizeof(buf)) && !strcmp(buf, want);
}

TEST("a directory of the board can be the working directory, of children and of what they start too")
{
	char home[BW_PATH_MAX + 1], buf[64] = "";
	int fd;
#ifndef __SANITIZE_THREAD__
	int status;
	pid_t pid;
#endif

	bw_cwd_init();		/* tests are constructors, and may come before it */
	CHECK(getcwd(home, sizeof(home)));
	CHECK_EQ(chdir("/sys/t/sub"), 0);
	CHECK(here_is("/sys/t/sub") && !access("x1", F_OK) && access("a", F_OK) == -1);
	CHECK_EQ(chdir(".."), 0);
	CHECK(here_is("/sys/t"));
	fd = open("a", O_RDONLY);
	CHECK(read(fd, buf, sizeof(buf)) == 16 && !memcmp(buf, "0.10 0.20 board", 15));
	close(fd);
	CHECK(chdir("a") == -1 && errno == ENOTDIR);
	CHECK(chdir("nothing") == -1 && errno == ENOENT && here_is("/sys/t"));
	CHECK(!getcwd(buf, 4) && errno == ERANGE);
	CHECK(!getcwd(buf, 0) && errno == EINVAL);

	/* What a program meets that does not know us, and one that does. */
	CHECK_EQ(bw_sys(SYS_openat, (long)AT_FDCWD, "a", (long)O_RDONLY), -ENOENT);
	CHECK_EQ(bw_sys(SYS_mkdirat, (long)AT_FDCWD, "bpfwire-new", 0700L), -ENOENT);
	bw_cwd_look();
	CHECK(here_is("/sys/t"));

#ifndef __SANITIZE_THREAD__	/* which makes a fork of it */
	pid = vfork();
	if (!pid)
		_exit(chdir("/sys/t/sub") ? 1 : 0);
	CHECK(waitpid(pid, &status, 0) == pid && !status && here_is("/sys/t"));
#endif

	fd = open("sub", O_RDONLY | O_DIRECTORY);
	CHECK(!fchdir(fd) && here_is("/sys/t/sub"));
	close(fd);
	CHECK(!chdir("..") && !chdir("..") && here_is("/usr") && access("include", F_OK) == 0);	/* out of the board's directories */
	CHECK(!chdir(home) && here_is(home));
	CHECK(access("x1", F_OK) == -1);
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

TEST("a program that is no front end is told about this machine")
{
	struct utsname u;

	CHECK(!uname(&u) && strcmp(u.nodename, "fakeboard"));
	CHECK(!bw_is_front_end());
}

TEST("a front end is told about the board")
{
	struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	struct timespec ts, here;
	struct utsname u;
	struct mntent *m;
	cpu_set_t set;
	FILE *f;

	bw_front_end_now();
	CHECK(!uname(&u) && !strcmp(u.machine, "aarch64") && !strcmp(u.release, "6.1.0-fake") && !strcmp(u.nodename, "fakeboard"));
	CHECK(getuid() == 0 && geteuid() == 0);
	CHECK(sysconf(_SC_NPROCESSORS_CONF) == 4 && sysconf(_SC_NPROCESSORS_ONLN) == 3 && get_nprocs() == 3 && get_nprocs_conf() == 4);
	CHECK(!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 3 && !CPU_ISSET(1, &set) && CPU_ISSET(3, &set));
	CHECK(!setrlimit(RLIMIT_MEMLOCK, &infinite) && !prlimit(0, RLIMIT_MEMLOCK, &infinite, NULL));
	CHECK(!bw_board_clock_gettime(CLOCK_MONOTONIC, &ts) && ts.tv_sec >= 5000 && ts.tv_sec < 5100);
	CHECK(!bw_board_clock_gettime(CLOCK_REALTIME, &ts) && !clock_gettime(CLOCK_REALTIME, &here) && here.tv_sec - ts.tv_sec < 10);
	f = setmntent("/proc/mounts", "r");
	m = f ? getmntent(f) : NULL;
	CHECK(m && !strcmp(m->mnt_dir, "/sys/fs/bpf"));
	if (f)
		endmntent(f);
}

/* The line that failed, or 0. In a child, which gives up what it has on this machine. */
static int look_at_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { 0 } }, here[2];

	if (!bw_sys(SYS_getuid) && setresuid(65534, 65534, 65534))
		return __LINE__;
	if (bw_sys(SYS_capget, &h, here) || here[0].effective)
		return __LINE__;
	if (capget(&h, d) || d[0].effective != ~0u || d[0].permitted != ~0u || d[1].effective != 0x1ff || d[0].inheritable != here[0].inheritable)
		return __LINE__;
	if (capset(&h, d))
		return __LINE__;
	d[1].effective = 0;
	if (!capset(&h, d) || errno != EPERM)
		return __LINE__;
	if (syscall(SYS_capget, &h, d) || d[1].effective != 0x1ff)
		return __LINE__;
	d[0].effective = 0;
	return syscall(SYS_capset, &h, d) != -1 || errno != EPERM ? __LINE__ : 0;
}

TEST("a front end has root's capabilities, whoever runs it, and cannot give up what is not here")
{
	pid_t child = fork();
	int status = -1;

	if (!child)
		_exit(look_at_capabilities() % 256);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST("a signal of a front end never hits a process of this machine that is not its own")
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	CHECK(kill(1, SIGTERM) == -1 && errno == EPERM);
	CHECK(!kill(77, 0));
	CHECK(kill(78, 0) == -1 && errno == ESRCH);
	CHECK(syscall(SYS_kill, 1, SIGTERM) == -1 && errno == EPERM);
	CHECK(!kill(child, 0));
	CHECK(!kill(child, SIGKILL));
}

TEST("with --allow-kill it goes to the board, with the board's answer")
{
	setenv("BPFWIRE_ALLOW_KILL", "1", 1);
	CHECK(!kill(1, SIGTERM));
	CHECK(kill(2, SIGTERM) == -1 && errno == ESRCH);
	unsetenv("BPFWIRE_ALLOW_KILL");
}

TEST("a descriptor of a process is had for this tool's own alone")
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	CHECK(fd >= 0 && !close(fd));
	CHECK(syscall(SYS_pidfd_open, 1, 0) == -1 && errno == ENOSYS);
}

TEST("a front end gets no socket of this machine's netlink nor of its packets, and any other")
{
	int fd;

	CHECK(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0 && !close(fd));
}

static int remove_visited(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

int main(void)
{
	nftw(cache, remove_visited, 8, FTW_DEPTH | FTW_PHYS);
	return check_done();
}
