// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <sys/sysmacros.h>

#include "protocol/wirecode.h"
#include "tests/unit/check.h"

TEST("errno numbers travel as those of asm-generic, negative ones stay negative")
{
	static const struct { int here, wire; } cases[] = {
		{ 0, 0 }, { ENOENT, 2 }, { EINVAL, 22 }, { EDEADLK, 35 }, { ENOSYS, 38 }, { ENOTEMPTY, 39 }, { ELOOP, 40 }, { EOPNOTSUPP, 95 },
		{ ETIMEDOUT, 110 }, { ECANCELED, 125 }, { EHWPOISON, 133 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(bw_errno_to_wire(-cases[i].here), -cases[i].wire);
		CHECK_EQ(bw_errno_to_wire(cases[i].here), cases[i].wire);
		CHECK_EQ(bw_errno_from_wire(-cases[i].wire), -cases[i].here);
	}
}

TEST("every errno comes back as it went, also the kernel's own 524 and numbers nobody knows")
{
	for (int e = 1; e < 1000; e++)
		CHECK_EQ(bw_errno_from_wire(bw_errno_to_wire(-e)), -e);
	CHECK_EQ(bw_errno_to_wire(-524), -524);
}

TEST("no number of a hostile peer becomes success")
{
	CHECK(bw_errno_from_wire(INT_MIN) < 0);
	CHECK(bw_errno_from_wire(INT_MIN + 1) < 0);
}

TEST("open flags that travel come back, those that do not are dropped")
{
	static const int flags[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW,
		O_RDWR | O_CREAT | O_EXCL, O_RDONLY | O_NONBLOCK, O_PATH | O_DIRECTORY,
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		CHECK_EQ(bw_oflags_from_wire(bw_oflags_to_wire(flags[i] | O_CLOEXEC | O_NOCTTY)), flags[i]);
	CHECK_EQ(bw_oflags_to_wire(O_WRONLY | O_CREAT | O_DIRECTORY), BW_O_WRONLY | BW_O_CREAT | BW_O_DIRECTORY);
}

TEST("an open flag that the wire does not have is refused")
{
	CHECK(bw_oflags_from_wire(BW_O_ALL) >= 0);
	for (int bit = 0; bit < 32; bit++)
		if (!(BW_O_ALL >> bit & 1))
			CHECK_EQ(bw_oflags_from_wire(1u << bit), -EINVAL);
}

TEST("a file's stat comes back in all its fields")
{
	struct stat st, back;
	struct bw_stat wire;

	memset(&st, 0, sizeof(st));
	st.st_mode = S_IFCHR | S_ISVTX | 0640;
	st.st_dev = makedev(259, 0x12345);
	st.st_rdev = makedev(10, 229);
	st.st_ino = 0x123456789abcull;
	st.st_nlink = 2;
	st.st_size = 1ll << 40;
	st.st_blocks = 1ll << 31;
	st.st_uid = 65534;
	st.st_gid = 4294967294u;
	st.st_blksize = 4096;
	st.st_atim = (struct timespec){ -1, 5 };
	st.st_mtim = (struct timespec){ 1700000000, 999999999 };
	st.st_ctim = (struct timespec){ 1ll << 33, 0 };
	bw_stat_to_wire(&st, &wire);
	CHECK_EQ(wire.type, BW_FT_CHR);
	CHECK_EQ(wire.perm, 01640);
	CHECK_EQ(wire.dev_minor, 0x12345);
	bw_stat_from_wire(&wire, &back);
	CHECK(!memcmp(&st, &back, sizeof(st)));
}

TEST("file types are the upper bits of st_mode")
{
	static const struct { mode_t mode; int type; } types[] = {
		{ S_IFIFO, BW_FT_FIFO }, { S_IFCHR, BW_FT_CHR }, { S_IFDIR, BW_FT_DIR }, { S_IFBLK, BW_FT_BLK }, { S_IFREG, BW_FT_REG },
		{ S_IFLNK, BW_FT_LNK }, { S_IFSOCK, BW_FT_SOCK },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct stat st = { .st_mode = types[i].mode };
		struct bw_stat wire;

		bw_stat_to_wire(&st, &wire);
		CHECK_EQ(wire.type, types[i].type);
	}
}

TEST("a file system's magic is not sign-extended, and its numbers come back")
{
	struct statfs st, back;
	struct bw_statfs wire;

	memset(&st, 0, sizeof(st));
	st.f_type = (__typeof__(st.f_type))0xcafe4a11;
	st.f_bsize = 4096;
	st.f_blocks = 1ull << 40;
	st.f_bfree = 3;
	st.f_bavail = 2;
	st.f_files = 9;
	st.f_ffree = 8;
	st.f_namelen = 255;
	st.f_frsize = 512;
	st.f_flags = 0x20;
	bw_statfs_to_wire(&st, &wire);
	CHECK_EQ(wire.type, 0xcafe4a11);
	bw_statfs_from_wire(&wire, &back);
	CHECK(!memcmp(&st, &back, sizeof(st)));
}

TEST("every perf ioctl has a code of its own and comes back, also sign-extended; others have none")
{
	for (uint32_t code = BW_IOC_PERF_ENABLE; code <= BW_IOC_PERF_MODIFY_ATTRIBUTES; code++) {
		unsigned long request = bw_ioctl_from_wire(code);

		CHECK(request != 0);
		CHECK_EQ(bw_ioctl_to_wire(request), code);
		CHECK_EQ(bw_ioctl_to_wire((unsigned long)(long)(int)request), code);
	}
	CHECK_EQ(bw_ioctl_to_wire(PERF_EVENT_IOC_SET_BPF), BW_IOC_PERF_SET_BPF);
	CHECK_EQ(bw_ioctl_to_wire(0x5401), BW_IOC_NONE);
	CHECK_EQ(bw_ioctl_from_wire(BW_IOC_NONE), 0);
	CHECK_EQ(bw_ioctl_from_wire(13), 0);
}

int main(void)
{
	return check_done();
}
