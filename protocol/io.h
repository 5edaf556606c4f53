/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers of I/O and cleanup that every room needs, so that EINTR and short counts are handled in one place. */
#ifndef BW_PROTOCOL_IO_H
#define BW_PROTOCOL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

/* All of len bytes or a negative errno; bw_read_full: -ENODATA where the file ends before. For blocking descriptors. */
int bw_read_full(int fd, void *buf, size_t len);
int bw_write_full(int fd, const void *buf, size_t len);
/*
 * A whole file (also a pseudo file of size 0), at most max bytes, with a NUL behind that *len does not count. *out is the caller's to free.
 * -EFBIG over max, -ENOMEM, or the errno of open or read.
 */
int bw_read_file(const char *path, size_t max, char **out, size_t *len);
/* The same for short text into buf, ended and without its trailing newline. Returns its length, or a negative errno; -ENOSPC if cut. */
ssize_t bw_read_line(const char *path, char *buf, size_t size);
/* Writes all of text to an existing file by one write(2). */
int bw_write_file(const char *path, const char *text);
int bw_set_nonblock(int fd, bool on);
int64_t bw_now_ms(void);				/* CLOCK_MONOTONIC */
/* In its canonical mode a terminal cuts lines at 4095 bytes, and echoes them into the answers. False: none, or not to be changed; before: how it was. What was typed ahead stays. */
bool bw_tty_raw(int fd, struct termios *before);
/* Descriptors of one's own for standard input and output, which become /dev/null: nothing else can write into what goes there. Or a negative errno. */
int bw_take_stdio(int *in, int *out);
int bw_random(void *buf, size_t len);			/* getrandom(2); never short */

static inline void bw_freep(void *p) { free(*(void **)p); }
static inline void bw_closep(int *fd) { if (*fd >= 0) close(*fd); }
#define bw_cleanup_free __attribute__((cleanup(bw_freep)))
#define bw_cleanup_fd __attribute__((cleanup(bw_closep)))
#define bw_steal_fd(fdp) ({ int bw_fd_ = *(fdp); *(fdp) = -1; bw_fd_; })
#define bw_steal_ptr(pp) ({ __typeof__(*(pp)) bw_p_ = *(pp); *(pp) = NULL; bw_p_; })

#endif
