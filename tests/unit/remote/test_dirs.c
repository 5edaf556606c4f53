/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers of directories and of walks through them, called by their libc names as a tool does, against a fake board. */
#include <dirent.h>
#include <fts.h>
#include <glob.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/remote/fake_files.h"

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

int main(void) { return files_done(); }
