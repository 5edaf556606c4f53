/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of each message, as a struct with its encoder and decoder. Fields travel in the order of the struct, in the
 * width of their types, little-endian; struct bw_str as u32 length and bytes; an array of bytes with a length field as
 * just the bytes where its length field stands before it. Strings and byte pointers of a decoded message point into the payload.
 *
 * bw_put_NAME appends to a buffer (its sticky error says if memory ran out). bw_get_NAME returns 0 or -EPROTO; it checks every length
 * against what is there and against the limits of wire.h, and refuses a tail that is not zero.
 */
#ifndef BW_PROTOCOL_MSG_H
#define BW_PROTOCOL_MSG_H

#include "protocol/buf.h"
#include "protocol/wire.h"

/* HELLO. Host to board: only the first five, `role_version` and empty or zero for the rest (the encoder writes all of it). */
struct bw_hello {
	uint16_t major, minor;
	uint32_t caps;			/* enum bw_cap */
	uint32_t window;		/* this side's receive window for each session */
	uint32_t msg_max;		/* longest message this side takes */
	struct bw_str role_version;	/* "bpfwired 0.1.0", "bpfwire-bridge 0.1.0" */
	/* the board */
	struct bw_str serial;
	struct bw_str sysname, nodename, release, version, machine;	/* uname(2) */
	uint8_t arch;			/* enum bw_arch */
	uint8_t lockdown;		/* enum bw_lockdown */
	uint8_t big_endian;		/* always 0: a big-endian peer is refused */
	uint8_t reserved;
	uint32_t page_size;
	struct bw_str cpus_possible, cpus_online;	/* as /sys/devices/system/cpu/{possible,online}, without newline */
	struct bw_str build_id;		/* of the kernel, lower-case hex; "" unknown */
	struct bw_str boot_id;		/* /proc/sys/kernel/random/boot_id, or made by the daemon */
	uint32_t pmu_kprobe, pmu_uprobe;	/* perf event types of these PMUs, 0xffffffff: none */
	int64_t clock_realtime, clock_monotonic, clock_boottime;	/* ns, when the frame was made */
	struct bw_str reason;		/* with a negative status: a sentence for the user */
};

struct bw_open {
	uint32_t pid, uid;		/* of the client, on the host, for the daemon's log */
	struct bw_str comm;		/* its name, BW_NAME_MAX */
	uint32_t window;		/* the client's receive window */
	uint32_t service;		/* enum bw_service; travels only if it is not 0 */
};

/* BPF */
struct bw_bpf_buf {
	uint16_t where;			/* see BW_BUF_INFO */
	uint16_t dir;			/* enum bw_buf_dir */
	uint32_t len;
	const uint8_t *data;		/* len bytes for IN and INOUT; in a reply always; else NULL and nothing travels */
};

struct bw_bpf {
	uint32_t cmd;			/* enum bpf_cmd, the same number on every architecture */
	uint32_t attr_size;		/* as the tool gave it; at most BW_BPF_ATTR_MAX */
	const uint8_t *attr;		/* raw union bpf_attr: pointers 0, descriptors as handles */
	uint32_t nbufs;			/* at most BW_BPF_BUFS_MAX, no `where` twice */
	struct bw_bpf_buf bufs[BW_BPF_BUFS_MAX];
};

/* What daemon and client must know of a map to know the sizes of keys and values; all 0 where the object is no map. */
struct bw_map_info {
	uint32_t type, key_size, value_size, max_entries, flags, id;
};

struct bw_bpf_reply {			/* also with a negative status: the log, counts */
	int32_t value;			/* what bpf(2) returned, when it is no descriptor */
	uint32_t object;		/* enum bw_object */
	uint32_t handle;		/* of the new object, else 0 */
	struct bw_map_info map;
	uint32_t attr_size;
	const uint8_t *attr;		/* as the kernel left it: pointers 0; descriptors 0 */
	uint32_t nbufs;
	struct bw_bpf_buf bufs[BW_BPF_BUFS_MAX];
};

struct bw_perf_open {
	int32_t pid;			/* on the board; a handle (cgroup directory) with PERF_FLAG_PID_CGROUP in flags */
	int32_t cpu;
	uint32_t group;			/* handle, or BW_HANDLE_BAD for -1 */
	uint64_t flags;			/* PERF_FLAG_*, the same everywhere */
	uint32_t attr_size;		/* bytes of perf_event_attr that follow: the tool's attr.size, but 64 or more and 1024 at most */
	const uint8_t *attr;		/* raw; config1 is 0 where config1 is a pointer (kprobe_func, uprobe_path) */
	uint8_t has_target;		/* target stands for config1 */
	struct bw_str target;		/* name of the function or path of the file, on the board */
};

struct bw_handle_reply {		/* PERF_OPEN, FILE_OPEN */
	uint32_t object;
	uint32_t handle;		/* PERF_OPEN that failed with E2BIG: the size that the kernel wrote into the attr */
};

struct bw_ioctl {
	uint32_t handle;
	uint32_t code;			/* enum bw_ioctl_code */
	uint64_t value;			/* by value, or a handle, or the room for ids */
	uint32_t len;
	const uint8_t *data;		/* what an argument pointer points to */
};

struct bw_ioctl_reply {
	int64_t value;			/* PERF_MODIFY_ATTRIBUTES that failed with E2BIG: the size that the kernel wrote */
	uint32_t len;
	const uint8_t *data;
};

#define BW_OFFSET_CURRENT	UINT64_MAX	/* read(2), write(2) and not pread(2), pwrite(2) */
struct bw_handle_read {
	uint32_t handle;
	uint64_t offset;
	uint32_t len;			/* at most BW_MSG_MAX; the reply is the bytes */
};

struct bw_handle_write {
	uint32_t handle;
	uint64_t offset;
	uint32_t len;
	const uint8_t *data;		/* the reply is a u32: bytes written */
};

struct bw_ring_map {
	uint32_t handle;
	uint32_t kind;			/* enum bw_ring_kind */
	uint32_t size;			/* data bytes of the tool's ring: a power of two; the first RING_CREDIT is implied */
};

struct bw_ring_map_reply {
	uint32_t size;			/* data bytes of the kernel's ring */
};

struct bw_ring_credit {
	uint32_t handle, bytes;
};

/*
 * Records, whole, byte for byte as the kernel wrote them, in order. A record longer than a frame spans several RING_DATA frames with BW_F_MORE, so
 * that a message always ends at the end of a record.
 */
struct bw_ring_data {
	uint32_t handle;
	uint32_t flags;			/* enum bw_ring_flags */
	uint32_t len;
	const uint8_t *data;
};

/* FILE_GET, FILE_STAT, FILE_ACCESS, FILE_READLINK, FILE_LIST, FILE_OPEN, FILE_STATFS, FILE_REALPATH */
struct bw_file {
	uint32_t flags;			/* enum bw_file_flags; FILE_OPEN: enum bw_open_flags */
	uint32_t mode;			/* FILE_ACCESS: 0..7; FILE_OPEN with CREAT: permissions; FILE_LIST with RECURSE: levels, 0 all */
	struct bw_str path;		/* absolute, on the board, BW_PATH_MAX */
};

struct bw_file_change {
	uint32_t what;			/* enum bw_change */
	uint32_t mode;
	struct bw_str path, path2;
};

struct bw_time {
	int64_t sec;
	uint32_t nsec;
};

struct bw_stat {
	uint8_t type;			/* enum bw_file_type */
	uint16_t perm;			/* 07777 */
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
	uint64_t ino, nlink, size, blocks;
	uint32_t uid, gid, blksize;
	struct bw_time atime, mtime, ctime;
};
#define BW_STAT_SIZE	(1u + 2 + 16 + 32 + 12 + 36)

/* FILE_GET's reply: struct bw_stat, then the contents up to the end of the message. READLINK's, REALPATH's: a string. */

struct bw_dirent {			/* FILE_LIST's reply: these up to the end of the message */
	struct bw_stat st;		/* of the entry itself, links not followed; type BW_FT_NONE if it could not be had */
	struct bw_str name;
};

struct bw_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize, flags;
};

struct bw_clocks {
	int64_t realtime, monotonic, boottime, raw;	/* ns */
};

struct bw_opened {			/* OPEN's reply */
	uint32_t pid;			/* of the session's worker on the board: who the tool is there */
};

struct bw_kill {
	uint32_t pid;			/* of the board, 1 and up */
	uint32_t signal;		/* numbers of Linux on ARM64 and x86, 0 to ask if it is there */
};

struct bw_check {			/* CHECK's reply: these up to the end of the message */
	uint8_t verdict;		/* enum bw_verdict */
	struct bw_str item;		/* "kprobes": one word that never changes */
	struct bw_str text;		/* a sentence: what there is, or what is missing and what to do */
	struct bw_str kconfig;		/* lines of a kernel configuration that would help, with blanks between; "" none */
	struct bw_str snippet;		/* the file of Kconfig-snippets/ with these lines, or "" */
};

#define BW_MSG_CODEC(name) \
	void bw_put_##name(struct bw_buf *b, const struct bw_##name *m); \
	int bw_get_##name(struct bw_reader *r, struct bw_##name *m)

BW_MSG_CODEC(hello);
BW_MSG_CODEC(open);
BW_MSG_CODEC(bpf);
BW_MSG_CODEC(bpf_reply);
BW_MSG_CODEC(perf_open);
BW_MSG_CODEC(handle_reply);
BW_MSG_CODEC(ioctl);
BW_MSG_CODEC(ioctl_reply);
BW_MSG_CODEC(handle_read);
BW_MSG_CODEC(handle_write);
BW_MSG_CODEC(ring_map);
BW_MSG_CODEC(ring_map_reply);
BW_MSG_CODEC(ring_credit);
BW_MSG_CODEC(ring_data);
BW_MSG_CODEC(file);
BW_MSG_CODEC(file_change);
BW_MSG_CODEC(statfs);
BW_MSG_CODEC(clocks);
BW_MSG_CODEC(opened);
BW_MSG_CODEC(kill);
#undef BW_MSG_CODEC

/* These are parts of a message: no check of the tail. */
void bw_put_stat(struct bw_buf *b, const struct bw_stat *m);
int bw_get_stat(struct bw_reader *r, struct bw_stat *m);
void bw_put_dirent(struct bw_buf *b, const struct bw_dirent *m);
int bw_get_dirent(struct bw_reader *r, struct bw_dirent *m);
void bw_put_check(struct bw_buf *b, const struct bw_check *m);
int bw_get_check(struct bw_reader *r, struct bw_check *m);

#endif
