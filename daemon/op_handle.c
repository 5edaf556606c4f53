// SPDX-License-Identifier: Apache-2.0
/* Operations on anything that has a handle. No read or write blocks: all files are opened O_NONBLOCK. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/map_memory.h"
#include "daemon/op.h"
#include "protocol/io.h"

#define FDINFO_MAX	65536

BW_OP(handle_close)
{
	uint32_t handle;
	struct bw_handle *h;

	if (!bw_request_handle(q, &handle))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, handle);
	if (h)
		bw_ring_unmap(&w->rings, h);
	return bw_handle_close(&w->handles, handle);
}

/* As pread(2). */
static ssize_t map_read(struct bw_handle *h, uint64_t off, void *to, uint32_t len)
{
	int64_t n = bw_map_memory_read(h, off, to, len);

	if (n < 0)
		errno = (int)-n;
	return n < 0 ? -1 : (ssize_t)n;
}

BW_OP(handle_read)
{
	struct bw_handle_read m;
	struct bw_handle *h;
	bw_cleanup_free uint8_t *data = NULL;
	uint32_t len;
	ssize_t n;
	int fd;

	if (bw_get_handle_read(&q->r, &m))
		return BW_OP_MALFORMED;
	h = bw_handle_get(&w->handles, m.handle);
	fd = bw_handle_fd(&w->handles, m.handle);
	len = m.len < w->msg_max ? m.len : w->msg_max;
	data = malloc(len ? len : 1);
	if (!data)
		return -ENOMEM;
	do
		n = h && bw_map_memory_is(h) && m.offset != BW_OFFSET_CURRENT ? map_read(h, m.offset, data, len) :
		    m.offset == BW_OFFSET_CURRENT ? read(fd, data, len) : pread(fd, data, len, (off_t)m.offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	bw_put_bytes(&w->reply, data, (size_t)n);
	return 0;
}

static ssize_t write_at(struct bw_worker *w, struct bw_handle *h, const struct bw_handle_write *m)
{
	ssize_t n;

	if (!h)
		return -EBADF;
	if (bw_map_memory_is(h) && m->offset != BW_OFFSET_CURRENT)
		return (ssize_t)bw_map_memory_write(h, m->offset, m->data, m->len);
	if (h->journalled)
		return bw_journal_write(&w->journal, h->fd, h->journalled, (const char *)m->data, m->len);
	do
		n = m->offset == BW_OFFSET_CURRENT ? write(h->fd, m->data, m->len) : pwrite(h->fd, m->data, m->len, (off_t)m->offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

BW_OP(handle_write)
{
	struct bw_handle_write m;
	ssize_t n;

	if (bw_get_handle_write(&q->r, &m))
		return BW_OP_MALFORMED;
	n = write_at(w, bw_handle_get(&w->handles, m.handle), &m);
	if (n < 0)
		return (int)n;
	bw_put_u32(&w->reply, (uint32_t)n);
	return 0;
}

/* Reply: two strings, what /proc/self/fd/N links to and the text of /proc/self/fdinfo/N. */
BW_OP(handle_info)
{
	char path[64], link[BW_PATH_MAX + 1];
	bw_cleanup_free char *text = NULL;
	uint32_t handle;
	size_t len;
	ssize_t n;
	int fd, r;

	if (!bw_request_handle(q, &handle))
		return BW_OP_MALFORMED;
	fd = bw_handle_fd(&w->handles, handle);
	if (fd < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	if (n < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	r = bw_read_file(path, FDINFO_MAX, &text, &len);
	if (r)
		return r;
	bw_put_strn(&w->reply, link, (size_t)n);
	bw_put_strn(&w->reply, text, len);
	return 0;
}
