/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libc's functions behind our wrappers, resolved once (constructor of real.c; lazily before that). One list, so that the wrappers, the version
 * script's test and the dlsym wrapper agree: X(return type, name, parameters). Functions that libc may lack (old or new ones) stay NULL.
 */
#ifndef BW_REMOTE_REAL_H
#define BW_REMOTE_REAL_H

#include <dirent.h>
#include <ftw.h>
#include <fts.h>
#include <glob.h>
#include <linux/capability.h>
#include <mntent.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sched.h>
#include <time.h>

struct statx;

/* libc has them, no header of its own declares them. */
int capget(cap_user_header_t h, cap_user_data_t d);
int capset(cap_user_header_t h, const cap_user_data_t d);

/*
 * For the few functions that a sanitizer's runtime calls before it has set itself up (they are wrappers too), and for those that read arguments
 * that nobody gave.
 */
#define BW_UNSANITIZED __attribute__((no_sanitize("address", "thread", "undefined")))

/* Descriptors: fd.c, wait.c, syscall.c */
#define BW_REAL_FD(X) \
	X(int, close, (int)) X(int, close_range, (unsigned int, unsigned int, int)) X(void, closefrom, (int)) \
	X(int, dup, (int)) X(int, dup2, (int, int)) X(int, dup3, (int, int, int)) \
	X(int, fcntl, (int, int, ...)) X(int, fcntl64, (int, int, ...)) X(int, ioctl, (int, unsigned long, ...)) \
	X(ssize_t, read, (int, void *, size_t)) X(ssize_t, write, (int, const void *, size_t)) \
	X(ssize_t, pread, (int, void *, size_t, off_t)) X(ssize_t, pread64, (int, void *, size_t, off64_t)) \
	X(ssize_t, pwrite, (int, const void *, size_t, off_t)) X(ssize_t, pwrite64, (int, const void *, size_t, off64_t)) \
	X(ssize_t, readv, (int, const struct iovec *, int)) X(ssize_t, writev, (int, const struct iovec *, int)) \
	X(void *, mmap, (void *, size_t, int, int, int, off_t)) X(void *, mmap64, (void *, size_t, int, int, int, off64_t)) \
	X(int, munmap, (void *, size_t)) \
	X(int, poll, (struct pollfd *, nfds_t, int)) X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *)) \
	X(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *)) \
	X(int, pselect, (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *)) \
	X(int, epoll_ctl, (int, int, int, struct epoll_event *)) X(int, epoll_wait, (int, struct epoll_event *, int, int)) \
	X(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *)) \
	X(int, epoll_pwait2, (int, struct epoll_event *, int, const struct timespec *, const sigset_t *)) \
	X(ssize_t, __read_chk, (int, void *, size_t, size_t)) X(ssize_t, __pread_chk, (int, void *, size_t, off_t, size_t)) \
	X(ssize_t, __pread64_chk, (int, void *, size_t, off64_t, size_t)) X(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t)) \
	X(int, __ppoll_chk, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t)) \
	X(long, syscall, (long, ...)) X(int, fclose, (FILE *)) \
	X(off_t, lseek, (int, off_t, int)) X(off64_t, lseek64, (int, off64_t, int)) X(int, fflush, (FILE *))

/* Files: file.c, stat.c, dir.c */
#define BW_REAL_FILE(X) \
	X(int, open, (const char *, int, ...)) X(int, open64, (const char *, int, ...)) \
	X(int, openat, (int, const char *, int, ...)) X(int, openat64, (int, const char *, int, ...)) \
	X(int, __open_2, (const char *, int)) X(int, __open64_2, (const char *, int)) \
	X(int, __openat_2, (int, const char *, int)) X(int, __openat64_2, (int, const char *, int)) \
	X(int, creat, (const char *, mode_t)) X(int, creat64, (const char *, mode_t)) \
	X(FILE *, fopen, (const char *, const char *)) X(FILE *, fopen64, (const char *, const char *)) \
	X(FILE *, freopen, (const char *, const char *, FILE *)) X(FILE *, freopen64, (const char *, const char *, FILE *)) \
	X(FILE *, fdopen, (int, const char *)) X(FILE *, setmntent, (const char *, const char *)) \
	X(int, access, (const char *, int)) X(int, faccessat, (int, const char *, int, int)) \
	X(int, eaccess, (const char *, int)) X(int, euidaccess, (const char *, int)) \
	X(int, stat, (const char *, struct stat *)) X(int, stat64, (const char *, struct stat64 *)) \
	X(int, lstat, (const char *, struct stat *)) X(int, lstat64, (const char *, struct stat64 *)) \
	X(int, fstat, (int, struct stat *)) X(int, fstat64, (int, struct stat64 *)) \
	X(int, fstatat, (int, const char *, struct stat *, int)) X(int, fstatat64, (int, const char *, struct stat64 *, int)) \
	X(int, statx, (int, const char *, int, unsigned int, struct statx *)) \
	X(int, __xstat, (int, const char *, struct stat *)) X(int, __xstat64, (int, const char *, struct stat64 *)) \
	X(int, __lxstat, (int, const char *, struct stat *)) X(int, __lxstat64, (int, const char *, struct stat64 *)) \
	X(int, __fxstat, (int, int, struct stat *)) X(int, __fxstat64, (int, int, struct stat64 *)) \
	X(int, __fxstatat, (int, int, const char *, struct stat *, int)) X(int, __fxstatat64, (int, int, const char *, struct stat64 *, int)) \
	X(int, statfs, (const char *, struct statfs *)) X(int, statfs64, (const char *, struct statfs64 *)) \
	X(int, fstatfs, (int, struct statfs *)) X(int, fstatfs64, (int, struct statfs64 *)) \
	X(int, statvfs, (const char *, struct statvfs *)) X(int, statvfs64, (const char *, struct statvfs64 *)) \
	X(int, fstatvfs, (int, struct statvfs *)) X(int, fstatvfs64, (int, struct statvfs64 *)) \
	X(ssize_t, readlink, (const char *, char *, size_t)) X(ssize_t, readlinkat, (int, const char *, char *, size_t)) \
	X(ssize_t, __readlink_chk, (const char *, char *, size_t, size_t)) \
	X(ssize_t, __readlinkat_chk, (int, const char *, char *, size_t, size_t)) \
	X(char *, realpath, (const char *, char *)) X(char *, __realpath_chk, (const char *, char *, size_t)) \
	X(char *, canonicalize_file_name, (const char *)) \
	X(int, mkdir, (const char *, mode_t)) X(int, rmdir, (const char *)) X(int, unlink, (const char *)) X(int, unlinkat, (int, const char *, int)) \
	X(int, rename, (const char *, const char *)) X(int, remove, (const char *)) X(int, mkdirat, (int, const char *, mode_t)) \
	X(int, chdir, (const char *)) X(int, fchdir, (int)) \
	X(char *, getcwd, (char *, size_t)) X(char *, __getcwd_chk, (char *, size_t, size_t)) X(char *, get_current_dir_name, (void)) \
	X(DIR *, opendir, (const char *)) X(DIR *, fdopendir, (int)) X(int, closedir, (DIR *)) X(int, dirfd, (DIR *)) \
	X(struct dirent *, readdir, (DIR *)) X(struct dirent64 *, readdir64, (DIR *)) \
	X(int, readdir_r, (DIR *, struct dirent *, struct dirent **)) X(int, readdir64_r, (DIR *, struct dirent64 *, struct dirent64 **)) \
	X(void, rewinddir, (DIR *)) X(void, seekdir, (DIR *, long)) X(long, telldir, (DIR *)) \
	X(int, scandir, (const char *, struct dirent ***, int (*)(const struct dirent *), int (*)(const struct dirent **, const struct dirent **))) \
	X(int, scandir64, (const char *, struct dirent64 ***, int (*)(const struct dirent64 *), int (*)(const struct dirent64 **, const struct dirent64 **))) \
	X(int, glob, (const char *, int, int (*)(const char *, int), glob_t *)) \
	X(int, glob64, (const char *, int, int (*)(const char *, int), glob64_t *)) \
	X(int, nftw, (const char *, __nftw_func_t, int, int)) X(int, nftw64, (const char *, __nftw64_func_t, int, int)) \
	X(FTS *, fts_open, (char *const *, int, int (*)(const FTSENT **, const FTSENT **))) X(FTSENT *, fts_read, (FTS *)) \
	X(FTSENT *, fts_children, (FTS *, int)) X(int, fts_set, (FTS *, FTSENT *, int)) X(int, fts_close, (FTS *)) \
	X(FTS64 *, fts64_open, (char *const *, int, int (*)(const FTSENT64 **, const FTSENT64 **))) X(FTSENT64 *, fts64_read, (FTS64 *)) \
	X(FTSENT64 *, fts64_children, (FTS64 *, int)) X(int, fts64_set, (FTS64 *, FTSENT64 *, int)) X(int, fts64_close, (FTS64 *)) \
	X(int, ftw, (const char *, __ftw_func_t, int)) X(int, ftw64, (const char *, __ftw64_func_t, int)) \
	X(int, dprintf, (int, const char *, ...)) X(int, vdprintf, (int, const char *, va_list)) \
	X(int, __dprintf_chk, (int, int, const char *, ...)) X(int, __vdprintf_chk, (int, int, const char *, va_list))

/* Sleeps: sleep.c */
#define BW_REAL_SLEEP(X) \
	X(int, nanosleep, (const struct timespec *, struct timespec *)) \
	X(int, clock_nanosleep, (clockid_t, int, const struct timespec *, struct timespec *)) \
	X(unsigned int, sleep, (unsigned int)) X(int, usleep, (useconds_t)) X(int, sched_yield, (void)) X(int, pause, (void))

/* The machine: identity.c, process.c, network.c, mount.c, clock.c */
#define BW_REAL_ID(X) \
	X(int, uname, (struct utsname *)) X(uid_t, getuid, (void)) X(uid_t, geteuid, (void)) \
	X(int, capget, (cap_user_header_t, cap_user_data_t)) X(int, capset, (cap_user_header_t, const cap_user_data_t)) \
	X(long, sysconf, (int)) X(int, get_nprocs, (void)) X(int, get_nprocs_conf, (void)) \
	X(int, sched_getaffinity, (pid_t, size_t, cpu_set_t *)) \
	X(int, setrlimit, (__rlimit_resource_t, const struct rlimit *)) X(int, setrlimit64, (__rlimit_resource_t, const struct rlimit64 *)) \
	X(int, prlimit, (pid_t, enum __rlimit_resource, const struct rlimit *, struct rlimit *)) \
	X(int, prlimit64, (pid_t, enum __rlimit_resource, const struct rlimit64 *, struct rlimit64 *)) \
	X(void *, dlsym, (void *, const char *)) \
	X(unsigned int, if_nametoindex, (const char *)) X(char *, if_indextoname, (unsigned int, char *)) \
	X(pid_t, getpid, (void)) X(int, kill, (pid_t, int)) X(int, pidfd_open, (pid_t, unsigned int)) \
	X(int, socket, (int, int, int)) X(int, setsockopt, (int, int, int, const void *, socklen_t)) \
	X(int, mount, (const char *, const char *, const char *, unsigned long, const void *)) \
	X(int, clock_gettime, (clockid_t, struct timespec *))

/* remote.map exports these, and a test compares. */
#define BW_REAL_WRAPPED(X) BW_REAL_FD(X) BW_REAL_FILE(X) BW_REAL_SLEEP(X) BW_REAL_ID(X)
#define BW_REAL_ALL(X) BW_REAL_WRAPPED(X)

struct bw_real {
#define BW_X(ret, name, args) ret (*name) args;
	BW_REAL_ALL(BW_X)
#undef BW_X
};

/* Every wrapper calls this before its first use of bw_real: constructors of other libraries run before ours. One load when done. */
extern struct bw_real bw_real;
void bw_real_init(void);
extern bool bw_real_ready;
#define BW_REAL(name) (__builtin_expect(bw_real_ready, 1) ? (void)0 : bw_real_init(), bw_real.name)

/* A raw system call that no wrapper sees: the result or a negative errno. */
long bw_sys(long nr, ...);

#endif
