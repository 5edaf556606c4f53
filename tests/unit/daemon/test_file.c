// SPDX-License-Identifier: Apache-2.0
#include <sys/sysmacros.h>

#include "tests/unit/daemon/client.h"

static struct client c;
static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[4][300];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put_file(const char *name, const void *data, size_t len)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0640);

	CHECK_EQ(bw_write_full(fd, data, len), 0);
	close(fd);
}

static void start(void)
{
	strcpy(dir, "/tmp/bpfwired-files-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
}

static void stop(void)
{
	char cmd[128];

	daemon_stop(&c);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	CHECK_EQ(system(cmd), 0);
}

static int get(const char *path)
{
	return file_call(&c, 1, BW_MSG_FILE_GET, 0, 0, path);
}

TEST("a file comes whole, with its stat")
{
	static uint8_t data[300000];
	struct bw_stat st;
	struct bw_reader r;

	start();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	put_file("f", data, sizeof(data));
	CHECK_EQ(get(in_dir("f")), 0);
	CHECK_EQ(c.reply.len, BW_STAT_SIZE + sizeof(data));
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK_EQ(bw_get_stat(&r, &st), 0);
	CHECK(st.type == BW_FT_REG && st.perm == 0640 && st.size == sizeof(data));
	CHECK(r.left == sizeof(data) && !memcmp(r.p, data, sizeof(data)));
	put_file("f", "", 0);
	CHECK_EQ(get(in_dir("f")), 0);
	CHECK_EQ(c.reply.len, BW_STAT_SIZE);
	/* As long as one frame, and as several exactly. */
	put_file("f", data, BW_PAYLOAD_MAX - BW_STAT_SIZE);
	CHECK_EQ(get(in_dir("f")), 0);
	CHECK_EQ(c.reply.len, BW_PAYLOAD_MAX);
	put_file("f", data, 3 * BW_PAYLOAD_MAX - BW_STAT_SIZE);
	CHECK_EQ(get(in_dir("f")), 0);
	CHECK_EQ(c.reply.len, 3 * BW_PAYLOAD_MAX);
	stop();
}

TEST("a pseudo file of size 0 comes whole")
{
	start();
	CHECK_EQ(get("/proc/version"), 0);
	CHECK(c.reply.len > BW_STAT_SIZE + 20 && memmem(c.reply.data, c.reply.len, "Linux version", 13));
	CHECK_EQ(get("/proc/kallsyms"), 0);
	CHECK(c.reply.len > 100000);
	stop();
}

TEST("what would block or never end is refused at once")
{
	int64_t begin;

	start();
	CHECK_EQ(mkfifo(in_dir("fifo"), 0600), 0);
	begin = bw_now_ms();
	CHECK_EQ(get(in_dir("fifo")), -EINVAL);
	CHECK_EQ(get("/dev/zero"), -EINVAL);
	CHECK_EQ(get(dir), -EISDIR);
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, in_dir("fifo")), 1);
	CHECK_EQ(file_read(&c, 1, 1, BW_OFFSET_CURRENT, 10), 0);
	CHECK_EQ(file_open(&c, 1, BW_O_WRONLY, in_dir("fifo")), 2);
	CHECK_EQ(file_read(&c, 1, 1, BW_OFFSET_CURRENT, 10), -EAGAIN);
	CHECK(bw_now_ms() - begin < 5000);
	stop();
}

TEST("a file too long for the host is refused, not cut")
{
	int fd;

	start();
	fd = open(in_dir("big"), O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(ftruncate(fd, (65 << 20)), 0);
	close(fd);
	CHECK_EQ(get(in_dir("big")), -EFBIG);
	stop();
}

TEST("errors are the kernel's own")
{
	char deep[5000];

	start();
	CHECK_EQ(get(in_dir("none")), -ENOENT);
	CHECK_EQ(get("relative"), -EINVAL);
	CHECK_EQ(get(""), -ENOENT);
	put_file("f", "x", 1);
	CHECK_EQ(get(in_dir("f/g")), -ENOTDIR);
	memset(deep, 'a', sizeof(deep));
	deep[0] = '/';
	deep[300] = 0;
	CHECK_EQ(get(deep), -ENAMETOOLONG);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_STAT, 0xf0000, 0, "/"), -EINVAL);
	stop();
}

TEST("stat, access, readlink, realpath and statfs answer as here")
{
	struct bw_statfs fs;
	struct bw_stat st;
	struct bw_reader r;
	struct bw_str s;

	start();
	put_file("f", "x", 1);
	CHECK_EQ(symlink("f", in_dir("l")), 0);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_STAT, 0, 0, in_dir("l")), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK(!bw_get_stat(&r, &st) && st.type == BW_FT_REG);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_STAT, BW_FILE_NOFOLLOW, 0, in_dir("l")), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK(!bw_get_stat(&r, &st) && st.type == BW_FT_LNK);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_STAT, 0, 0, "/dev/null"), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK(!bw_get_stat(&r, &st) && st.type == BW_FT_CHR && st.rdev_major == 1 && st.rdev_minor == 3);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_ACCESS, 0, R_OK, in_dir("f")), 0);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_ACCESS, BW_FILE_EACCESS, X_OK, in_dir("f")), -EACCES);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_ACCESS, 0, F_OK, in_dir("none")), -ENOENT);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_READLINK, 0, 0, in_dir("l")), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	s = bw_get_str(&r, BW_PATH_MAX);
	CHECK(bw_str_eq(s, "f"));
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_REALPATH, 0, 0, in_dir("l")), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	s = bw_get_str(&r, BW_PATH_MAX);
	CHECK(bw_str_eq(s, in_dir("f")));
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_STATFS, 0, 0, "/proc"), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK(!bw_get_statfs(&r, &fs) && fs.type == 0x9fa0);
	stop();
}

static int count_entries(const char *want, bool *found)
{
	struct bw_reader r;
	int n = 0;

	bw_reader_init(&r, c.reply.data, c.reply.len);
	for (*found = false; r.left && !r.err; n++) {
		struct bw_dirent d;

		CHECK_EQ(bw_get_dirent(&r, &d), 0);
		*found |= bw_str_eq(d.name, want);
	}
	return n;
}

TEST("a directory is listed, and its tree on request, without following links")
{
	bool found;

	start();
	CHECK_EQ(mkdir(in_dir("a"), 0700), 0);
	CHECK_EQ(mkdir(in_dir("a/b"), 0700), 0);
	put_file("a/b/f", "x", 1);
	CHECK_EQ(symlink("/proc", in_dir("a/loop")), 0);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_LIST, 0, 0, dir), 0);
	CHECK_EQ(count_entries("a", &found), 1);
	CHECK(found);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_LIST, BW_FILE_RECURSE, 0, dir), 0);
	CHECK_EQ(count_entries("a/b/f", &found), 4);
	CHECK(found);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_LIST, BW_FILE_RECURSE, 1, dir), 0);
	CHECK_EQ(count_entries("a/b", &found), 3);
	CHECK(found);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_LIST, 0, 0, in_dir("a/b/f")), -ENOTDIR);
	CHECK_EQ(file_call(&c, 1, BW_MSG_FILE_LIST, 0, 0, in_dir("none")), -ENOENT);
	stop();
}

TEST("a handle reads and writes, at its place and elsewhere")
{
	struct bw_handle_write m = { .handle = 1, .offset = 2, .len = 2, .data = (const uint8_t *)"XY" };
	struct bw_buf b = { 0 };

	start();
	CHECK_EQ(file_open(&c, 1, BW_O_RDWR | BW_O_CREAT | BW_O_EXCL, in_dir("f")), 1);
	CHECK_EQ(file_open(&c, 1, BW_O_RDWR | BW_O_CREAT | BW_O_EXCL, in_dir("f")), -EEXIST);
	CHECK_EQ(file_write(&c, 1, 1, "hello"), 0);
	CHECK(c.reply.len == 4 && c.reply.data[0] == 5);
	bw_put_handle_write(&b, &m);
	CHECK_EQ(call(&c, 1, BW_MSG_HANDLE_WRITE, &b), 0);
	CHECK_EQ(file_read(&c, 1, 1, 0, 100), 0);
	CHECK(c.reply.len == 5 && !memcmp(c.reply.data, "heXYo", 5));
	CHECK_EQ(file_read(&c, 1, 1, BW_OFFSET_CURRENT, 100), 0);
	CHECK_EQ(c.reply.len, 0);
	CHECK_EQ(file_read(&c, 1, 9, 0, 100), -EBADF);
	CHECK_EQ(file_write(&c, 1, 9, "x"), -EBADF);
	CHECK_EQ(handle_call(&c, 1, BW_MSG_HANDLE_INFO, 1), 0);
	CHECK(memmem(c.reply.data, c.reply.len, in_dir("f"), strlen(in_dir("f"))) && memmem(c.reply.data, c.reply.len, "pos:", 4));
	CHECK_EQ(file_open(&c, 1, 1u << 30, in_dir("f")), -EINVAL);
	stop();
}

static int change(uint32_t what, const char *a, const char *b2)
{
	struct bw_file_change m = { what, 0700, { a, (uint32_t)strlen(a) }, { b2, (uint32_t)strlen(b2) } };
	struct bw_buf b = { 0 };

	bw_put_file_change(&b, &m);
	return call(&c, 1, BW_MSG_FILE_CHANGE, &b);
}

TEST("names are made, moved and removed")
{
	start();
	CHECK_EQ(change(BW_CHANGE_MKDIR, in_dir("d"), ""), 0);
	CHECK_EQ(change(BW_CHANGE_MKDIR, in_dir("d"), ""), -EEXIST);
	CHECK_EQ(change(BW_CHANGE_RENAME, in_dir("d"), in_dir("e")), 0);
	CHECK_EQ(access(in_dir("e"), F_OK), 0);
	CHECK_EQ(change(BW_CHANGE_RMDIR, in_dir("e"), ""), 0);
	CHECK_EQ(change(BW_CHANGE_UNLINK, in_dir("e"), ""), -ENOENT);
	CHECK_EQ(change(99, in_dir("e"), ""), -EINVAL);
	stop();
}

int main(void)
{
	rmdir(run_dir);
	return check_done();
}
