/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside libbpfwire-remote.so: what its files share.
 *
 * The library is preloaded into every program below `bpfwire run`. Each exported wrapper decides in a few instructions whether a call is the
 * board's (a placeholder descriptor, a path that docs/paths.md gives to the board); if not it calls libc's function and nothing else. What is
 * the board's becomes messages on the process's one connection to the bridge.
 *
 * Rules for all files here
 *  - Our own code never calls a wrapped symbol by name: libc's is bw_real.NAME, or a raw system call by bw_sys.
 *  - Internal functions return 0 or a negative errno of this machine; bw_ret turns that into -1 and errno, in wrappers alone.
 *  - A wrapper leaves errno as it was when it succeeds.
 *  - The pass-through path takes no lock and allocates nothing.
 *  - The tool's memory is only read and written by bw_copy_in and bw_copy_out where the tool may pass a bad pointer and expect EFAULT.
 *
 * Processes. A connection and the handles on it belong to the process that made them (bw_pid). In a child made by fork the wrappers find
 * another pid: placeholders inherited are not the child's, closing them is local, and a call that needs the board opens a connection of
 * the child's own. A vfork child shares our memory: it only ever closes, dups and execs, so those compare the real pid before they change the table.
 *
 * Locks, in order: bw_placeholders_lock (table of placeholders), then a ring's lock, then the connection's send lock. The receiving thread takes
 * a ring's lock and the connection's, never the table's.
 */
#ifndef BW_REMOTE_REMOTE_H
#define BW_REMOTE_REMOTE_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "protocol/buf.h"
#include "protocol/msg.h"
#include "protocol/wire.h"

#define BW_EXPORT __attribute__((visibility("default")))

static inline int bw_ret(long r)
{
	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	return (int)r;
}

static inline bool bw_is_err(const void *p) { return (uintptr_t)p > (uintptr_t)-4096; }
static inline void *bw_err(long negative_errno) { return (void *)negative_errno; }

/* ---- environment (set by `bpfwire run`; docs/bpfwire.1) ---- */
/*
 * BPFWIRE_SOCKET	path of the board's Unix socket; without it the library does nothing at all
 * BPFWIRE_MAIN		pid of the program that `bpfwire run` became: it is a front end from the start
 * BPFWIRE_BOARD_PATHS, BPFWIRE_LOCAL_PATHS	colon-separated additions to the table of paths (--board, --local)
 * BPFWIRE_ALLOW_KILL	set: kill(2) of a process of the board goes there
 * BPFWIRE_STATS	file to count in (stats.h)
 * BPFWIRE_VERBOSE	1: say on stderr which paths went to the board; 2: every call
 */

/* The process, for our own code: getpid(2) as the tool sees it may be its number on the board (identity.c). */
pid_t bw_getpid(void);

/* ---- conn.c: the connection ---- */
struct bw_reply {
	int status;			/* 0 or negative errno of this machine */
	const uint8_t *data;		/* payload of the whole message */
	size_t len;
	uint8_t *owned;			/* freed by bw_reply_free */
};

/* What HELLO said; strings are NUL-terminated and live for ever. Valid after bw_conn_ready returned 0. */
struct bw_board {
	char serial[65];
	char sysname[65], nodename[65], release[65], version[65], machine[65];
	char cpus_possible[256], cpus_online[256];
	unsigned int ncpus_possible, ncpus_online;	/* how many, as the kernel's num_possible_cpus(); see conn.c */
	char build_id[65], boot_id[65];
	uint8_t arch, lockdown;
	uint32_t page_size, pmu_kprobe, pmu_uprobe, msg_max;
	uint32_t pid;				/* of this session's worker there, 0 unknown; of the owner's connection only (bw_is_owner) */
};

/* True if the library is to do anything in this process (BPFWIRE_SOCKET is set, and we are not inside our own thread). */
bool bw_active(void);
/*
 * Makes the connection of this process if there is none. 0, or a negative errno after one line on stderr that says why (said once). A connection
 * that was lost is not made again: -ENODEV, see disconnect.c.
 */
int bw_conn_ready(void);
const struct bw_board *bw_board(void);
/* The pid the connection belongs to; 0 none. bw_is_owner compares it with the real one. */
bool bw_is_owner(void);
/*
 * Send a request and wait for its reply. Any thread but the receiving one; a signal does not end the wait. Returns the reply's status, or
 * -ENODEV when the connection is gone; *reply is always safe to free. reply may be NULL.
 */
int bw_call(uint16_t type, const struct bw_buf *payload, struct bw_reply *reply);
/* The same without an answer (HANDLE_CLOSE, RING_CREDIT). */
int bw_post(uint16_t type, const struct bw_buf *payload);
void bw_reply_free(struct bw_reply *r);
static inline struct bw_reader bw_reply_reader(const struct bw_reply *r)
{
	struct bw_reader rd = { .p = r->data, .left = r->len, .err = 0 };
	return rd;
}

/* ---- placeholder.c: placeholders ---- */
struct bw_placeholder;
struct bw_ring;

/* What a wrapper does with a placeholder. A NULL operation: libc's function on the placeholder itself. Returns as in the system call, negative errno. */
struct bw_placeholder_ops {
	const char *name;		/* what readlink("/proc/self/fd/N") says: "anon_inode:bpf-map"; NULL: ask `link` */
	ssize_t (*read)(struct bw_placeholder *o, void *buf, size_t len, int64_t offset);	/* offset -1: current */
	ssize_t (*write)(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset);
	int (*ioctl)(struct bw_placeholder *o, unsigned long request, unsigned long arg);
	/* Maps as mmap does: returns the address or a negative errno as a pointer value (bw_is_err). fd: the number it was asked by. */
	void *(*mmap)(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset);
	int (*fstat)(struct bw_placeholder *o, struct stat *st);
	void (*free)(struct bw_placeholder *o);	/* last reference gone, in the owner; the handle is closed by placeholder.c after it */
};

struct bw_placeholder {
	const struct bw_placeholder_ops *ops;
	atomic_int refs;		/* one for each descriptor number, one for each call under way */
	pid_t owner;			/* process whose connection has the handle */
	uint32_t handle;		/* 0: nothing on the board (a fetched file) */
	uint32_t object;		/* enum bw_object */
	struct bw_map_info map;		/* BW_OBJ_MAP */
	struct bw_ring *ring;		/* mapped ring, or NULL */
	dev_t dev;			/* identity of the placeholder, to see that a number was taken over behind our back */
	ino_t ino;
	char *path;			/* board path it was opened by (files, directories), or NULL */
	struct stat st;			/* BW_OBJ_FILE: the board's stat at open */
	int oflags;			/* O_* it was opened with */
	_Atomic int64_t pos;		/* BW_OBJ_FILE: where the tool's lseek(2) put it, -1: wherever the board's kernel has it */
	int epfd;			/* epoll set it was last added to, -1: none (wait.c) */
	bool epoll_edges;		/* and the tool asked for EPOLLET itself */
	void *priv;
};

/*
 * A new object with one descriptor: placeholder is made here (eventfd for what is polled, memfd for files given by the caller in fd >= 0) or taken
 * over. Returns the descriptor number, close-on-exec as cloexec says, or a negative errno (then the handle is closed and fd too).
 */
struct bw_placeholder_new {
	const struct bw_placeholder_ops *ops;
	uint32_t object, handle;
	int fd;				/* -1: make an eventfd */
	bool cloexec;
	const char *path;		/* copied */
	const struct stat *st;		/* copied */
	const struct bw_map_info *map;
	int oflags;
	void *priv;
};
int bw_placeholder_open(const struct bw_placeholder_new *n, struct bw_placeholder **out);	/* *out: borrowed, valid until the number is closed */

/* stdio.c: dup2 and dup3 gave this number another object. */
void bw_stdout_redirected(int fd);

/* The object behind a descriptor with a reference, or NULL: not ours. The fast path is one load. */
struct bw_placeholder *bw_placeholder_get(int fd);
void bw_placeholder_put(struct bw_placeholder *o);
/* Cheap question for wrappers: may fd be ours? */
bool bw_placeholder_maybe(int fd);
/* Same object under a new number (dup family); and forget a number (close). forget does not close the descriptor. */
void bw_placeholder_dup(int oldfd, int newfd);
void bw_placeholder_forget(int fd);
/* For attributes: the handle of a descriptor; BW_HANDLE_BAD if it is not a placeholder of this process. */
uint32_t bw_handle_of(int fd);

/* ---- user memory (copy.c) ---- */
int bw_copy_in(void *dst, const void *user, size_t len);	/* 0 or -EFAULT */
int bw_copy_out(void *user, const void *src, size_t len);
/* Length of a string at user with its NUL, at most max (then not ended); -EFAULT. dst holds max bytes. */
ssize_t bw_copy_in_string(char *dst, const char *user, size_t max);

/* ---- bpf.c, perf.c: the two system calls; negative errno or the result ---- */
long bw_bpf_call(unsigned int cmd, void *attr, unsigned int size);
long bw_perf_event_open(void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags);
extern const struct bw_placeholder_ops bw_map_ops, bw_prog_ops, bw_link_ops, bw_btf_ops, bw_iter_ops, bw_other_ops, bw_perf_ops;

/* ---- ring.c: emulated rings ---- */
void bw_ring_data(const struct bw_ring_data *d);		/* receiving thread: publish */
/*
 * Receiving thread, when it has done all that came in, and before it wakes who waits for a reply: wake the readers. A reader of several rings
 * (one for each CPU) so finds what came together together, and takes it in its own order, as it would on the board.
 */
void bw_rings_signal(void);
void bw_rings_lost(void);					/* connection gone: wake every reader */
void bw_ring_before_wait(struct bw_placeholder *o);			/* give credit for what was consumed; re-arm where level-triggered */
void bw_ring_watched(struct bw_placeholder *o);				/* added to an epoll set, or changed there: one that has data is reported */
void bw_ring_after_wait(struct bw_placeholder *o);			/* perf: the wake-up is consumed */
void bw_ring_free(struct bw_ring *r);

/* ---- path.c: which paths are the board's ---- */
enum bw_where { BW_LOCAL = 0, BW_ON_BOARD = 1 };
/*
 * Decides for path as the tool gave it, relative to dirfd (AT_FDCWD, or a placeholder directory). On the board: *out (BW_PATH_MAX + 1 bytes) is the
 * absolute board path. Never touches the network or the file system; a plain local path is decided by looking at its first characters.
 */
enum bw_where bw_path_where(int dirfd, const char *path, char *out);
enum bw_where bw_path_of_object(const char *path, char *out);	/* of a program or library that libbcc opens by itself */
/* bw_path_where, and if `caller` (code, or NULL) is libbcc or bpftrace, bw_path_of_object. */
enum bw_where bw_path_for(const void *caller, int dirfd, const char *path, char *out);
bool bw_path_is_self_fd(const char *path, int *fd);		/* /proc/self/fd/N, /proc/PID/fd/N of ours, /dev/fd/N */

/* ---- file.c, dir.c, stat.c: negative errno or the result ---- */
int bw_file_open(const char *board_path, int oflags, mode_t mode);	/* a descriptor */
FILE *bw_file_fopen(const char *board_path, const char *mode);		/* sets errno, NULL */
int bw_file_stat(const char *board_path, bool follow, struct stat *st);
extern const struct bw_placeholder_ops bw_file_ops, bw_dir_ops;

/* ---- identity.c ---- */
/* True in the program that uses BPF (BPFWIRE_MAIN, or one that has loaded libbcc/libbpf, or has made a BPF call): uname, ids, clocks are the board's there. */
bool bw_is_front_end(void);
bool bw_opens_objects(const void *code);			/* whether this address is in libbcc.so, or of bpftrace's own */
bool bw_is_bpftrace(void);
#define BW_BPFTRACE_CALLER	(bw_is_bpftrace() ? __builtin_return_address(0) : NULL)	/* in a wrapper: whose call only matters there */
void bw_front_end_now(void);					/* a BPF call was made */
int bw_board_clock_gettime(clockid_t id, struct timespec *ts);	/* what dlsym gives out as clock_gettime */

/* ---- disconnect.c ---- */
void bw_disconnected(const char *why);				/* receiving thread, once: says it, wakes and ends the tool */
/*
 * The board was there and is gone, and with it all that the session made there. So what takes things down succeeds from then on (a tool's
 * way out, after SIGINT, is the same as ever), what reads finds nothing, and what makes things fails with ENODEV.
 */
bool bw_lost(void);
/* R2: call this first in the wrapper of kill(2) (Python ends itself by SIGINT). Does not return if the board is lost and it is that. */
void bw_disconnect_kill(pid_t pid, int sig);
/* A bpf(2) failed because the board is gone: whatever the tool makes of that, its exit status is ours. */
void bw_disconnect_refused(void);

/* ---- say.c ---- */
void bw_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* "bpfwire: ...\n" on stderr by raw write */
void bw_verbose(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- real.c: libc's own functions ---- */
#include "remote/real.h"

#endif
