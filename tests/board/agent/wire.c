// SPDX-License-Identifier: Apache-2.0
/* Bytes, frames and the names of sockets. */
#include "agent.h"

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t read_some(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n;
}

bool frame_send(int fd, char tag, const void *data, uint32_t len)
{
	struct frame f = { .tag = tag, .len = htole32(len) };

	return !bw_write_full(fd, &f, sizeof(f)) && !bw_write_full(fd, data, len);
}

bool frame_recv(int fd, char *tag, void *buf, uint32_t *len)
{
	struct frame f;

	if (bw_read_full(fd, &f, sizeof(f)))
		return false;
	*tag = f.tag;
	*len = le32toh(f.len);
	return *len <= BUF_SIZE && !bw_read_full(fd, buf, *len);
}

void *buffer(void)
{
	void *p = malloc(BUF_SIZE);

	if (!p)
		err(1, "malloc");
	return p;
}

bool unix_addr(struct sockaddr_un *addr, const char *dir, const char *name)
{
	*addr = (struct sockaddr_un) { .sun_family = AF_UNIX };
	return snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, name) < (int)sizeof(addr->sun_path);
}

bool name_ok(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@+,-";
	size_t len = strlen(name);

	return len && len < NAME_SIZE && name[0] != '.' && strspn(name, plain) == len && strcmp(name, "bridge.lock");
}

int unix_connect(const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un addr;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (unix_addr(&addr, dir, name) && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

int unix_listen(const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (!unix_addr(&addr, dir, name)) {
		warnx("%s/%s: too long a path", dir, name);
	} else {
		unlink(addr.sun_path);
		if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 128))
			return fd;
		warn("%s", addr.sun_path);
	}
	close(fd);
	return -1;
}
