// SPDX-License-Identifier: Apache-2.0
#include "protocol/wirecode.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/sysmacros.h>

/*
 * include/uapi/asm-generic/errno.h: wire number to this architecture's name. Numbers up to 34 (errno-base.h) are the same on every
 * architecture, and MIPS, Alpha, SPARC and PA-RISC differ above.
 */
static const struct { int wire, here; } errnos[] = {
	{ 35, EDEADLK }, { 36, ENAMETOOLONG }, { 37, ENOLCK }, { 38, ENOSYS }, { 39, ENOTEMPTY }, { 40, ELOOP }, { 42, ENOMSG },
	{ 43, EIDRM }, { 44, ECHRNG }, { 45, EL2NSYNC }, { 46, EL3HLT }, { 47, EL3RST }, { 48, ELNRNG }, { 49, EUNATCH }, { 50, ENOCSI },
	{ 51, EL2HLT }, { 52, EBADE }, { 53, EBADR }, { 54, EXFULL }, { 55, ENOANO }, { 56, EBADRQC }, { 57, EBADSLT }, { 59, EBFONT },
	{ 60, ENOSTR }, { 61, ENODATA }, { 62, ETIME }, { 63, ENOSR }, { 64, ENONET }, { 65, ENOPKG }, { 66, EREMOTE }, { 67, ENOLINK },
	{ 68, EADV }, { 69, ESRMNT }, { 70, ECOMM }, { 71, EPROTO }, { 72, EMULTIHOP }, { 73, EDOTDOT }, { 74, EBADMSG }, { 75, EOVERFLOW },
	{ 76, ENOTUNIQ }, { 77, EBADFD }, { 78, EREMCHG }, { 79, ELIBACC }, { 80, ELIBBAD }, { 81, ELIBSCN }, { 82, ELIBMAX },
	{ 83, ELIBEXEC }, { 84, EILSEQ }, { 85, ERESTART }, { 86, ESTRPIPE }, { 87, EUSERS }, { 88, ENOTSOCK }, { 89, EDESTADDRREQ },
	{ 90, EMSGSIZE }, { 91, EPROTOTYPE }, { 92, ENOPROTOOPT }, { 93, EPROTONOSUPPORT }, { 94, ESOCKTNOSUPPORT }, { 95, EOPNOTSUPP },
	{ 96, EPFNOSUPPORT }, { 97, EAFNOSUPPORT }, { 98, EADDRINUSE }, { 99, EADDRNOTAVAIL }, { 100, ENETDOWN }, { 101, ENETUNREACH },
	{ 102, ENETRESET }, { 103, ECONNABORTED }, { 104, ECONNRESET }, { 105, ENOBUFS }, { 106, EISCONN }, { 107, ENOTCONN },
	{ 108, ESHUTDOWN }, { 109, ETOOMANYREFS }, { 110, ETIMEDOUT }, { 111, ECONNREFUSED }, { 112, EHOSTDOWN }, { 113, EHOSTUNREACH },
	{ 114, EALREADY }, { 115, EINPROGRESS }, { 116, ESTALE }, { 117, EUCLEAN }, { 118, ENOTNAM }, { 119, ENAVAIL }, { 120, EISNAM },
	{ 121, EREMOTEIO }, { 122, EDQUOT }, { 123, ENOMEDIUM }, { 124, EMEDIUMTYPE }, { 125, ECANCELED }, { 126, ENOKEY },
	{ 127, EKEYEXPIRED }, { 128, EKEYREVOKED }, { 129, EKEYREJECTED }, { 130, EOWNERDEAD }, { 131, ENOTRECOVERABLE },
	{ 132, ERFKILL }, { 133, EHWPOISON },
};
#define ERRNOS (sizeof(errnos) / sizeof(errnos[0]))

static int magnitude_to_wire(int err)
{
	for (size_t i = 0; i < ERRNOS; i++)
		if (errnos[i].here == err)
			return errnos[i].wire;
	return err;
}

static int magnitude_from_wire(int err)
{
	for (size_t i = 0; i < ERRNOS; i++)
		if (errnos[i].wire == err)
			return errnos[i].here;
	return err;
}

int bw_errno_to_wire(int err)
{
	return err < 0 ? -magnitude_to_wire(-err) : magnitude_to_wire(err);
}

int bw_errno_from_wire(int err)
{
	/* A hostile peer's INT_MIN has no positive counterpart. */
	if (err == INT32_MIN)
		return -EPROTO;
	return err < 0 ? -magnitude_from_wire(-err) : magnitude_from_wire(err);
}

static const struct { uint32_t wire; int here; } oflags[] = {
	{ BW_O_CREAT, O_CREAT }, { BW_O_EXCL, O_EXCL }, { BW_O_TRUNC, O_TRUNC }, { BW_O_APPEND, O_APPEND }, { BW_O_NONBLOCK, O_NONBLOCK },
	{ BW_O_DIRECTORY, O_DIRECTORY }, { BW_O_NOFOLLOW, O_NOFOLLOW }, { BW_O_PATH, O_PATH },
};
#define OFLAGS (sizeof(oflags) / sizeof(oflags[0]))

/* The access mode is 0, 1, 2 (and Linux's odd 3) on every architecture. */
_Static_assert(O_RDONLY == BW_O_RDONLY && O_WRONLY == BW_O_WRONLY && O_RDWR == BW_O_RDWR && O_ACCMODE == BW_O_ACCMODE, "access modes");

uint32_t bw_oflags_to_wire(int flags)
{
	uint32_t out = (uint32_t)flags & BW_O_ACCMODE;

	for (size_t i = 0; i < OFLAGS; i++)
		if ((flags & oflags[i].here) == oflags[i].here)
			out |= oflags[i].wire;
	return out;
}

int bw_oflags_from_wire(uint32_t flags)
{
	int out = (int)(flags & BW_O_ACCMODE);

	if (flags & ~(uint32_t)BW_O_ALL)
		return -EINVAL;
	for (size_t i = 0; i < OFLAGS; i++)
		if (flags & oflags[i].wire)
			out |= oflags[i].here;
	return out;
}

static struct bw_time time_to_wire(struct timespec ts)
{
	return (struct bw_time){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

static struct timespec time_from_wire(struct bw_time t)
{
	return (struct timespec){ .tv_sec = (time_t)t.sec, .tv_nsec = (long)t.nsec };
}

void bw_stat_to_wire(const struct stat *st, struct bw_stat *out)
{
	*out = (struct bw_stat){
		.type = (st->st_mode & S_IFMT) >> 12, .perm = st->st_mode & 07777,
		.dev_major = major(st->st_dev), .dev_minor = minor(st->st_dev),
		.rdev_major = major(st->st_rdev), .rdev_minor = minor(st->st_rdev),
		.ino = st->st_ino, .nlink = st->st_nlink, .size = (uint64_t)st->st_size, .blocks = (uint64_t)st->st_blocks,
		.uid = st->st_uid, .gid = st->st_gid, .blksize = (uint32_t)st->st_blksize,
		.atime = time_to_wire(st->st_atim), .mtime = time_to_wire(st->st_mtim), .ctime = time_to_wire(st->st_ctim),
	};
}

void bw_stat_from_wire(const struct bw_stat *in, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = (mode_t)(in->type & 0xf) << 12 | (in->perm & 07777);
	st->st_dev = makedev(in->dev_major, in->dev_minor);
	st->st_rdev = makedev(in->rdev_major, in->rdev_minor);
	st->st_ino = in->ino;
	st->st_nlink = (nlink_t)in->nlink;
	st->st_size = (off_t)in->size;
	st->st_blocks = (blkcnt_t)in->blocks;
	st->st_uid = in->uid;
	st->st_gid = in->gid;
	st->st_blksize = (blksize_t)in->blksize;
	st->st_atim = time_from_wire(in->atime);
	st->st_mtim = time_from_wire(in->mtime);
	st->st_ctim = time_from_wire(in->ctime);
}

void bw_statfs_to_wire(const struct statfs *st, struct bw_statfs *out)
{
	*out = (struct bw_statfs){
		/* f_type is signed on some architectures: magics such as 0xcafe4a11 (bpf) must not be sign-extended. */
		.type = (uint32_t)st->f_type, .bsize = (uint64_t)st->f_bsize, .blocks = st->f_blocks, .bfree = st->f_bfree,
		.bavail = st->f_bavail, .files = st->f_files, .ffree = st->f_ffree, .namelen = (uint64_t)st->f_namelen,
		.frsize = (uint64_t)st->f_frsize, .flags = (uint64_t)st->f_flags,
	};
}

void bw_statfs_from_wire(const struct bw_statfs *in, struct statfs *st)
{
	memset(st, 0, sizeof(*st));
	st->f_type = (__typeof__(st->f_type))in->type;
	st->f_bsize = (__typeof__(st->f_bsize))in->bsize;
	st->f_blocks = in->blocks;
	st->f_bfree = in->bfree;
	st->f_bavail = in->bavail;
	st->f_files = in->files;
	st->f_ffree = in->ffree;
	st->f_namelen = (__typeof__(st->f_namelen))in->namelen;
	st->f_frsize = (__typeof__(st->f_frsize))in->frsize;
	st->f_flags = (__typeof__(st->f_flags))in->flags;
}

static const struct { uint32_t code; unsigned long request; } ioctls[] = {
	{ BW_IOC_PERF_ENABLE, PERF_EVENT_IOC_ENABLE },
	{ BW_IOC_PERF_DISABLE, PERF_EVENT_IOC_DISABLE },
	{ BW_IOC_PERF_REFRESH, PERF_EVENT_IOC_REFRESH },
	{ BW_IOC_PERF_RESET, PERF_EVENT_IOC_RESET },
	{ BW_IOC_PERF_PERIOD, PERF_EVENT_IOC_PERIOD },
	{ BW_IOC_PERF_SET_OUTPUT, PERF_EVENT_IOC_SET_OUTPUT },
	{ BW_IOC_PERF_SET_FILTER, PERF_EVENT_IOC_SET_FILTER },
	{ BW_IOC_PERF_ID, PERF_EVENT_IOC_ID },
	{ BW_IOC_PERF_SET_BPF, PERF_EVENT_IOC_SET_BPF },
	{ BW_IOC_PERF_PAUSE_OUTPUT, PERF_EVENT_IOC_PAUSE_OUTPUT },
	{ BW_IOC_PERF_QUERY_BPF, PERF_EVENT_IOC_QUERY_BPF },
	{ BW_IOC_PERF_MODIFY_ATTRIBUTES, PERF_EVENT_IOC_MODIFY_ATTRIBUTES },
};
#define IOCTLS (sizeof(ioctls) / sizeof(ioctls[0]))

uint32_t bw_ioctl_to_wire(unsigned long request)
{
	/* The kernel looks at 32 bits; glibc's ioctl takes a long, which callers with an int sign-extend. */
	for (size_t i = 0; i < IOCTLS; i++)
		if ((uint32_t)ioctls[i].request == (uint32_t)request)
			return ioctls[i].code;
	return BW_IOC_NONE;
}

unsigned long bw_ioctl_from_wire(uint32_t code)
{
	for (size_t i = 0; i < IOCTLS; i++)
		if (ioctls[i].code == code)
			return ioctls[i].request;
	return 0;
}

/* ---- names ---- */

const char *bw_msg_name(uint16_t type)
{
	switch (type) {
#define NAME(m) case BW_MSG_##m: return #m;
	NAME(HELLO) NAME(PING) NAME(PAD) NAME(OPEN) NAME(CLOSE) NAME(CREDIT) NAME(BPF) NAME(PERF_OPEN) NAME(IOCTL)
	NAME(HANDLE_CLOSE) NAME(HANDLE_READ) NAME(HANDLE_WRITE) NAME(HANDLE_INFO) NAME(RING_MAP) NAME(RING_UNMAP)
	NAME(RING_CREDIT) NAME(RING_DATA) NAME(RING_FLUSH) NAME(FILE_GET) NAME(FILE_STAT) NAME(FILE_ACCESS)
	NAME(FILE_READLINK) NAME(FILE_LIST) NAME(FILE_OPEN) NAME(FILE_CHANGE) NAME(FILE_STATFS) NAME(FILE_REALPATH)
	NAME(CLOCKS) NAME(CHECK) NAME(KILL) NAME(DATA)
#undef NAME
	}
	return "?";
}
