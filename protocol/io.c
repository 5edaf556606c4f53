// SPDX-License-Identifier: Apache-2.0
#include "protocol/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int bw_read_full(int fd, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n == 0)
			return -ENODATA;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int bw_write_full(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t read_some(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int bw_read_file(const char *path, size_t max, char **out, size_t *len)
{
	bw_cleanup_free char *data = NULL;
	size_t used = 0, cap = 0;
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		/* One byte over max tells a file that is too long; one more is for the NUL. Pseudo files like large reads. */
		if (cap - used < 4096 + 1) {
			size_t want = cap ? cap * 2 : 16384;
			char *bigger;

			if (want < cap || !(bigger = realloc(data, want)))
				return -ENOMEM;
			data = bigger;
			cap = want;
		}
		n = read_some(fd, data + used, cap - used - 1);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
	}
	data[used] = 0;
	*out = bw_steal_ptr(&data);
	*len = used;
	return 0;
}

ssize_t bw_read_line(const char *path, char *buf, size_t size)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;
	char more;

	if (fd < 0)
		return -errno;
	if (!size)
		return -ENOSPC;
	while (used < size - 1 && (n = read_some(fd, buf + used, size - 1 - used)) != 0) {
		if (n < 0)
			return n;
		used += (size_t)n;
	}
	buf[used] = 0;
	if (used == size - 1 && (n = read_some(fd, &more, 1)) != 0) {
		if (n < 0)
			return n;
		if (more != '\n' || read_some(fd, &more, 1) != 0)
			return -ENOSPC;
	}
	if (used && buf[used - 1] == '\n')
		buf[--used] = 0;
	return (ssize_t)used;
}

int bw_write_file(const char *path, const char *text)
{
	bw_cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int bw_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int64_t bw_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int bw_random(void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

bool bw_tty_raw(int fd, struct termios *before)
{
	struct termios raw;

	if (!isatty(fd) || tcgetattr(fd, before))
		return false;
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_iflag &= ~(tcflag_t)(IXON | IXOFF | ISTRIP | INLCR | IGNCR);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return !tcsetattr(fd, TCSANOW, &raw);
}

int bw_take_stdio(int *in, int *out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	*in = fcntl(0, F_DUPFD_CLOEXEC, 3);
	*out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	if (*in < 0 || *out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -errno;
	if (null > 2)
		close(null);
	return 0;
}
