/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's files as tools see them: what path.c, file.c, tail.c, stdio.c, stat.c, statcache.c, dir.c, tree.c, walk.c and link.c share. The names that
 * the whole library uses are in remote.h.
 *
 * How each kind of file is answered
 *  - read:	fetched whole into a memfd, which is a real file from then on (bw_copy_ops: only fstat is the board's);
 *  - written:	a handle on the board; each write(2) is one message (bw_file_ops);
 *  - a stream (trace_pipe): a handle, and a thread that moves what comes into a local pipe (bw_tail_ops);
 *  - a directory: a handle, so that it can be an attribute of bpf(2) (a cgroup), listed by its path (bw_dir_ops).
 */
#ifndef BW_REMOTE_FILES_H
#define BW_REMOTE_FILES_H

#include <unistd.h>

#include "remote/remote.h"

_Static_assert(sizeof(struct stat) == sizeof(struct stat64) && sizeof(struct dirent) == sizeof(struct dirent64) &&
	       sizeof(struct statfs) == sizeof(struct statfs64) && sizeof(struct statvfs) == sizeof(struct statvfs64),
	       "a 32-bit host needs wrappers of its own for the 64 names");

/* "Not the board's: call libc" from the helpers of wrappers; no errno has this value. */
#define BW_NOT_OURS	INT32_MIN

/* End of a wrapper: the result, with errno as it was on success. */
#define BW_RET(expr) ({ int bw_errno_ = errno; long bw_r_ = (expr); if (bw_r_ >= 0) errno = bw_errno_; bw_ret(bw_r_); })

extern const struct bw_placeholder_ops bw_copy_ops, bw_tail_ops;

/* ---- path.c ---- */
/* As bw_path_is_self_fd, for /proc/self/fdinfo/N. */
bool bw_path_is_self_fdinfo(const char *path, int *fd);
/* Lexical: one slash between names, no "."; with dotdot also no "..". out holds BW_PATH_MAX + 1 bytes. A slash at the end stays. Length or -ENAMETOOLONG. */
int bw_path_clean(const char *path, bool dotdot, char *out);
/* For tests: read the additions anew. */
void bw_path_additions(const char *board, const char *local);

/* ---- cwd.c: the working directory ---- */
void bw_cwd_init(void);		/* path.c's constructor, when the table is complete */
void bw_cwd_look(void);		/* ask this machine's kernel where we are */
bool bw_cwd_is_root(void);	/* "/": a relative path is looked up as an absolute one */
bool bw_cwd_is_boards(void);	/* all relative paths are the board's, whose kernel resolves ".." */
/* The board's path of a relative one there, out as in bw_path_where. */
enum bw_where bw_cwd_below(const char *path, char *out);

/* ---- file.c ---- */
/* One file request; *reply as in bw_call. Connects first. */
int bw_file_call(uint16_t type, const char *board_path, uint32_t flags, uint32_t mode, struct bw_reply *reply);
/* FILE_OPEN: the handle, or a negative errno. */
int64_t bw_file_handle(const char *board_path, int oflags, mode_t mode);
/* Contents of a small text file of the board, without its last newline, NUL-terminated. Length or negative errno (-EFBIG: over size - 1). */
ssize_t bw_file_text(const char *board_path, char *buf, size_t size);
/* open of /proc/self/fd/N and /proc/self/fdinfo/N where N is a placeholder; BW_NOT_OURS for all other paths. */
int bw_self_open(const char *path, int oflags);
/* Forget and close a descriptor that is, or was, a placeholder. */
int bw_fd_close(int fd);

/* ---- cache.c: big files of the board, kept on this machine ---- */
struct bw_cached {
	char name[256];			/* of the file in the cache; "" : not one that is kept */
	bool stable_part;		/* kallsyms without what comes and goes */
};
/*
 * Whether board_path is kept, and under which name: asks the board what its identity hangs on. Then a descriptor of the kept
 * copy, opened with these flags; -ENOENT if that question showed that there is no such file; BW_NOT_OURS: it is to be fetched.
 */
int bw_cache_find(const char *board_path, int oflags, struct bw_cached *c);
/* After a fetch that followed a find: keeps data. Failures are silent: a cache is no duty. */
void bw_cache_keep(const struct bw_cached *c, const uint8_t *data, size_t len);

/* ---- link.c ---- */
int bw_file_realpath(const char *board_path, char *out);	/* of BW_PATH_MAX + 1 bytes; may be board_path. 0 or a negative errno */

/* ---- tail.c ---- */
int bw_tail_open(const char *board_path, int oflags);

/* ---- stdio.c ---- */
/* A stream on a placeholder, which it owns then (closed also on failure). NULL and errno. */
FILE *bw_file_stdio(int fd, const char *mode);

/* ---- statcache.c: stats of the last second ---- */
enum bw_stat_kind { BW_STAT_FOLLOW = 1, BW_STAT_NOFOLLOW = 2, BW_STAT_BOTH = 3 };
/* 1: *err and, where that is 0, *st are what the board said. 0: not known. st may be NULL. Never waits for a lock. */
int bw_stat_recall(const char *board_path, bool follow, struct stat *st, int *err);
void bw_stat_remember(const char *board_path, enum bw_stat_kind kind, const struct stat *st, int err);
/* An entry of a listing of dir. */
void bw_stat_remember_entry(const char *dir, struct bw_str name, const struct bw_stat *ws);
void bw_stat_forget(void);	/* something was changed: forget all */

/* The same second, for what others keep of the board's files. A walk through what is kept makes it another second each time, ten in all. */
struct bw_fresh {
	int64_t until, latest;
	unsigned int era;
};
void bw_fresh_from_now(struct bw_fresh *f);
void bw_fresh_again(struct bw_fresh *f);
bool bw_is_fresh(const struct bw_fresh *f);

/* ---- tree.c: as FILE_LIST and FILE_GET, answered from the tree of trace events if it is known ---- */
int bw_tree_list(const char *board_path, struct bw_reply *reply);	/* the board is asked else */
bool bw_tree_get(const char *board_path, struct bw_reply *reply);	/* false: not known; *reply is to be freed all the same */

/* ---- dir.c: directories of the board as DIR ---- */
struct bw_dir;
struct bw_dir *bw_dir_mine(DIR *d);				/* NULL: libc's */
int bw_dir_open(const char *board_path, struct bw_dir **out);
int bw_dir_close(struct bw_dir *d);
struct dirent64 *bw_dir_read(struct bw_dir *d);

/* ---- identity.c ---- */
bool bw_has_libbcc(void);	/* loaded in this process */
bool bw_in_python_bcc(void);	/* likewise, and the process is a Python */

/* ---- process.c: numbers of processes ---- */
bool bw_is_own_pid(pid_t pid);	/* of this process, here or on the board */
bool bw_is_child(pid_t pid);	/* a process of this machine that this one started, or a child's child */
bool bw_refuse_child(pid_t pid);	/* true, said once: it is one, and the tool takes it for a process of the board */

/* ---- usdt.c, for dlsym.c: what a tool shall get that asked for a symbol which was found ---- */
void *bw_usdt_symbol(const char *name, void *found);

/*
 * What dlsym.c answers for "clock_gettime": a front end compares the result with what bpf_ktime_get_ns says. It is never
 * exported, since a shifted clock must not reach the tool's own timers.
 */
int bw_board_clock_gettime(clockid_t id, struct timespec *ts);

#endif
