// SPDX-License-Identifier: Apache-2.0
/* Archives from a board: what is taken, and that nothing leads out of the directory they are unpacked into. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/io.h"
#include "remote/command/extract.h"
#include "tests/unit/check.h"
#include "tests/unit/command/archive.h"

struct source {
	const uint8_t *p;
	size_t left, step;
};

static ssize_t take(void *arg, void *buf, size_t len)
{
	struct source *s = arg;

	len = len < s->left ? len : s->left;
	len = len < s->step ? len : s->step;
	memcpy(buf, s->p, len);
	s->p += len;
	s->left -= len;
	return (ssize_t)len;
}

static char top[64], dir[80], why[512];

/* A new directory `in` inside one that shows if anything went beside it. */
static int begin(void)
{
	snprintf(top, sizeof(top), "/tmp/bpfwire-test.XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(dir, sizeof(dir), "%s/in", top);
	if (mkdir(dir, 0700))
		abort();
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int end(int fd)
{
	char command[256];
	int clean;

	close(fd);
	snprintf(command, sizeof(command), "test \"$(ls -A %s)\" = in; r=$?; rm -rf %s; exit $r", top, top);
	clean = !system(command);
	return clean;
}

static int unpack(int fd, struct bw_buf *b)
{
	struct source s = { b->data, b->len, 700 };

	why[0] = 0;
	return bw_extract(fd, take, &s, why, sizeof(why));
}

static int holds(const char *name, const char *text)
{
	bw_cleanup_free char *got = NULL;
	char path[1300];
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !bw_read_file(path, 1 << 20, &got, &len) && !strcmp(got, text);
}

/* One member, refused with these words; the archive is freed. */
static int refused(struct bw_buf *b, const char *words)
{
	int fd = begin(), err, ok;

	archive_end(b);
	err = unpack(fd, b);
	ok = end(fd) && err == -EBADMSG && strstr(why, words);
	if (!ok)
		printf("# %d: %s\n", err, why);
	bw_buf_free(b);
	return ok;
}

static int refused_member(char type, const char *name, const char *target, const char *words)
{
	struct bw_buf b = { 0 };

	archive_file(&b, "include/first.h", "1");
	archive_add(&b, type, name, target, "");
	return refused(&b, words);
}

TEST("files and directories of a plain archive are made, with modes of ours")
{
	struct bw_buf b = { 0 };
	char path[128];
	struct stat st;
	int fd = begin();

	archive_add(&b, '5', "./", "", "");
	archive_add(&b, '5', "./include/", "", "");
	archive_file(&b, "./include/linux/kconfig.h", "#define X\n");
	archive_file(&b, "empty", "");
	archive_add(&b, '2', "include/link.h", "linux/kconfig.h", "");
	archive_end(&b);
	CHECK_EQ(unpack(fd, &b), 0);
	CHECK(holds("include/linux/kconfig.h", "#define X\n"));
	CHECK(holds("include/link.h", "#define X\n"));
	CHECK(holds("empty", ""));
	snprintf(path, sizeof(path), "%s/empty", dir);
	CHECK(!stat(path, &st) && (st.st_mode & 07777) == (0644 & ~022));
	bw_buf_free(&b);
	CHECK(end(fd));
}

TEST("long names come by GNU's way, by pax and by the prefix")
{
	struct bw_buf b = { 0 };
	char name[300], with_nul[301];
	int fd = begin();

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	name[100] = name[200] = '/';
	memcpy(with_nul, name, sizeof(name));
	name[0] = 'g';
	archive_raw(&b, "ustar  ", 'L', "././@LongLink", "", name, strlen(name) + 1, strlen(name) + 1);
	archive_raw(&b, "ustar  ", '0', "ggg", "", "gnu", 3, 3);
	with_nul[0] = 'p';
	archive_pax(&b, "mtime", "1.5");
	archive_pax(&b, "path", with_nul);
	archive_file(&b, "ppp", "pax");
	archive_file(&b, "short", "its own");
	archive_end(&b);
	CHECK_EQ(unpack(fd, &b), 0);
	CHECK(holds(name, "gnu"));
	CHECK(holds(with_nul, "pax"));
	CHECK(holds("short", "its own"));
	bw_buf_reset(&b);
	archive_file(&b, "file", "prefixed");
	memcpy(b.data + 345, "pre/fix", 7);
	archive_sum(b.data);
	archive_end(&b);
	CHECK_EQ(unpack(fd, &b), 0);
	CHECK(holds("pre/fix/file", "prefixed"));
	bw_buf_free(&b);
	CHECK(end(fd));
}

TEST("names that lead out are refused")
{
	CHECK(refused_member('0', "/tmp/x", "", "an absolute name (/tmp/x)"));
	CHECK(refused_member('0', "../x", "", "a name with '..' (../x)"));
	CHECK(refused_member('0', "a/../../x", "", "a name with '..'"));
	CHECK(refused_member('5', "a/..", "", "a name with '..'"));
	CHECK(refused_member('2', "..", "x", "a name with '..'"));
	CHECK(refused_member('0', "a\033[2Jb", "", "a name with control characters (a?[2Jb)"));
}

TEST("symbolic links that lead out are refused, also as a chain")
{
	CHECK(refused_member('2', "l", "/etc/passwd", "a symbolic link that leads out (l)"));
	CHECK(refused_member('2', "l", "..", "a symbolic link that leads out"));
	CHECK(refused_member('2', "a/b/l", "../../../x", "a symbolic link that leads out"));
	CHECK(refused_member('2', "a/b/l", "x/../y", "a symbolic link that leads out"));
	CHECK(refused_member('2', "l", "", "a symbolic link that leads out"));
}

TEST("nothing is written through a link of the archive, and nothing is replaced")
{
	struct bw_buf b = { 0 };

	archive_add(&b, '5', "real/", "", "");
	archive_add(&b, '2', "link", "real", "");
	archive_file(&b, "link/file", "x");
	CHECK(refused(&b, "a member in the way of another"));
	archive_add(&b, '2', "file", "other", "");
	archive_file(&b, "file", "x");
	CHECK(refused(&b, "a member in the way of another (file)"));
	archive_file(&b, "file", "x");
	archive_file(&b, "file", "y");
	CHECK(refused(&b, "a member in the way of another"));
	archive_file(&b, "file", "x");
	archive_file(&b, "file/below", "y");
	CHECK(refused(&b, "a member in the way of another"));
}

TEST("hard links, devices, pipes and unknown members are refused")
{
	CHECK(refused_member('1', "h", "/etc/shadow", "a hard link (h)"));
	CHECK(refused_member('1', "h", "include/first.h", "a hard link"));
	CHECK(refused_member('3', "dev", "", "a device or pipe"));
	CHECK(refused_member('4', "dev", "", "a device or pipe"));
	CHECK(refused_member('6', "pipe", "", "a device or pipe"));
	CHECK(refused_member('S', "sparse", "", "a member of an unknown kind"));
	CHECK(refused_member('V', "label", "", "a member of an unknown kind"));
}

TEST("sizes that kernel headers never have are refused before anything is read")
{
	struct bw_buf b = { 0 };
	unsigned int i;

	archive_raw(&b, "ustar", '0', "huge", "", "", 0, BW_TAR_FILE_MAX + 1);
	CHECK(refused(&b, "more than fits kernel headers (huge)"));
	archive_raw(&b, "ustar", '0', "binary", "", "", 0, 0);
	b.data[124] = 0x80;
	b.data[130] = 0x7f;
	archive_sum(b.data);
	CHECK(refused(&b, "a broken header"));
	archive_pax(&b, "size", "99999999999");
	archive_file(&b, "x", "x");
	CHECK(refused(&b, "a sparse or huge file"));
	archive_raw(&b, "ustar", 'L', "x", "", "", 0, 1 << 20);
	CHECK(refused(&b, "a name that is too long"));
	archive_raw(&b, "ustar", 'x', "x", "", "", 0, 1 << 20);
	CHECK(refused(&b, "a pax header that is too long"));
	archive_raw(&b, "ustar", '5', "dir", "", "data", 4, 4);
	CHECK(refused(&b, "a directory or link with contents"));
	for (i = 0; i < BW_TAR_MEMBERS_MAX / 64; i++)
		archive_add(&b, '5', "same", "", "");
	for (i = 0; i < 6; i++) {
		size_t len = b.len;
		uint8_t *second = bw_put_room(&b, len);

		memcpy(second, b.data, len);
	}
	archive_add(&b, '5', "same", "", "");
	CHECK(refused(&b, "more members than fit kernel headers"));
}

TEST("a member that lies in very many directories does not make them without end")
{
	struct bw_buf b = { 0 };
	char name[1024], number[16];
	unsigned int i, k;

	for (i = 0; i < 50; i++) {
		name[0] = 0;
		snprintf(number, sizeof(number), "%u/", i);
		strcat(name, number);
		for (k = 0; k < 500; k++)
			strcat(name, "d/");
		archive_raw(&b, "ustar  ", 'L', "x", "", name, strlen(name) + 1, strlen(name) + 1);
		archive_add(&b, '5', "x", "", "");
	}
	CHECK(refused(&b, "more directories than fit kernel headers"));
}

TEST("an archive that ends early is refused, wherever it ends")
{
	struct bw_buf b = { 0 };
	size_t at, wrong = 0;
	int fd;

	archive_add(&b, '5', "d/", "", "");
	archive_file(&b, "d/file", "some text");
	for (at = 0; at < b.len; at += 37) {
		struct bw_buf cut = { .data = b.data, .len = at };

		fd = begin();
		wrong += unpack(fd, &cut) != -EBADMSG || !strstr(why, "an end in the middle");
		wrong += !end(fd);
	}
	CHECK_EQ(wrong, 0);
	bw_buf_free(&b);
}

TEST("what is no tar archive is refused")
{
	struct bw_buf b = { 0 };

	memset(bw_put_room(&b, 2048), 'x', 2048);
	CHECK(refused(&b, "a broken header"));
	archive_file(&b, "x", "");
	b.data[3] ^= 1;		/* not what the checksum says */
	CHECK(refused(&b, "a broken header"));
}

TEST("an .xz file is unpacked by a child, and one that is none is refused")
{
	struct bw_buf b = { 0 };
	bw_cleanup_free char *packed = NULL;
	char path[160], command[512];
	size_t len = 0;
	int fd = begin(), out;

	archive_file(&b, "include/linux/kconfig.h", "K");
	archive_end(&b);
	snprintf(path, sizeof(path), "%s/a.tar", dir);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(!bw_write_full(out, b.data, b.len));
	close(out);
	snprintf(command, sizeof(command), "xz %s", path);
	CHECK_EQ(system(command), 0);
	strcat(path, ".xz");
	CHECK(!bw_read_file(path, 1 << 20, &packed, &len));
	CHECK_EQ(bw_extract_xz(fd, packed, len, why, sizeof(why)), 0);
	CHECK(holds("include/linux/kconfig.h", "K"));
	CHECK(end(fd));

	fd = begin();
	CHECK_EQ(bw_extract_xz(fd, b.data, b.len, why, sizeof(why)), -EBADMSG);
	CHECK(strstr(why, "it is no xz file, or a broken one"));
	CHECK_EQ(bw_extract_xz(fd, packed, len / 2, why, sizeof(why)), -EBADMSG);
	CHECK(end(fd));
	fd = begin();
	packed[len - 20] ^= 0x55;	/* the index behind the data */
	CHECK_EQ(bw_extract_xz(fd, packed, len, why, sizeof(why)), -EBADMSG);
	CHECK(end(fd));
	bw_buf_free(&b);
}

int main(void)
{
	return check_done();
}
