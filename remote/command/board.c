// SPDX-License-Identifier: Apache-2.0
#include "remote/command/board.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"

const char *bw_board_state_name(enum bw_board_state state)
{
	switch (state) {
	case BW_BOARD_READY:		return "device";
	case BW_BOARD_OPENING:		return "opening";
	case BW_BOARD_OFFLINE:		return "offline";
	case BW_BOARD_INCOMPATIBLE:	return "incompatible";
	case BW_BOARD_FORBIDDEN:	return "no permissions";
	case BW_BOARD_GONE:		return "gone";
	}
	return "?";
}

const char *bw_arch_name(uint8_t arch)
{
	switch (arch) {
	case BW_ARCH_X86_64:	return "x86_64";
	case BW_ARCH_ARM64:	return "arm64";
	case BW_ARCH_ARM:	return "arm";
	case BW_ARCH_RISCV64:	return "riscv64";
	default:		return "other";
	}
}

static enum bw_board_state state_of(int err)
{
	switch (-err) {
	case EAGAIN:
		return BW_BOARD_OPENING;
	case EPROTO:
		return BW_BOARD_INCOMPATIBLE;
	case EACCES:
	case EPERM:
		return BW_BOARD_FORBIDDEN;
	case ECONNREFUSED:
	case ENOENT:
		return BW_BOARD_GONE;
	default:
		return BW_BOARD_OFFLINE;
	}
}

static int refuse(struct bw_board *b, int err, const char *why)
{
	b->state = state_of(err);
	if (!*b->reason)
		snprintf(b->reason, sizeof(b->reason), "%s", why ? why : strerror(-err));
	return err;
}

/* What a board says goes to terminals and into paths: printable ASCII alone. */
static void copy_text(char *out, size_t size, struct bw_str s)
{
	size_t i, n = s.len < size - 1 ? s.len : size - 1;

	for (i = 0; i < n; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
	out[n] = 0;
}

static int connect_to(const char *path, int timeout_ms)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	bw_cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	/* A bridge that hangs lets its backlog fill up, and then connect waits as long as the send timeout says. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	memset(&limit, 0, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return bw_steal_fd(&fd);
}

/* Up to len bytes more, until the deadline: -ETIMEDOUT, -ENODATA at the end. Bytes behind the greeting are never taken. */
static int read_until(int fd, uint8_t *buf, size_t len, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (len) {
		int64_t left = deadline - bw_now_ms();
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);

		if (!ready)
			return -ETIMEDOUT;
		n = ready < 0 ? -1 : recv(fd, buf, len, MSG_DONTWAIT);
		if (!n)
			return -ENODATA;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0)
			buf += n, len -= (size_t)n;
	}
	return 0;
}

static int read_frame(int fd, uint8_t *buf, struct bw_frame *f, int timeout_ms)
{
	int64_t deadline = bw_now_ms() + timeout_ms;
	struct bw_reader r;
	uint32_t length;
	int err;

	err = read_until(fd, buf, BW_FRAME_HEADER, deadline);
	if (err)
		return err;
	bw_reader_init(&r, buf, 4);
	length = bw_get_u32(&r);
	if (length < BW_FRAME_HEADER || length > BW_FRAME_MAX)
		return -EBADMSG;
	err = read_until(fd, buf + BW_FRAME_HEADER, length - BW_FRAME_HEADER, deadline);
	if (err)
		return err;
	return bw_frame_parse(buf, length, f) == 1 && f->type == BW_MSG_HELLO && !f->session && !(f->flags & BW_F_MORE) ? 0 : -EBADMSG;
}

static int take_hello(struct bw_board *b, const struct bw_frame *f)
{
	struct bw_hello h;
	struct bw_reader r;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	if (bw_get_hello(&r, &h))
		return refuse(b, f->status == 0 ? -EPROTO : bw_errno_from_wire(f->status), "its greeting cannot be read; is the bridge of another version?");
	b->major = h.major;
	b->minor = h.minor;
	b->arch = h.arch;
	b->lockdown = h.lockdown;
	b->page_size = h.page_size;
	b->window = h.window;
	copy_text(b->machine, sizeof(b->machine), h.machine);
	copy_text(b->release, sizeof(b->release), h.release);
	copy_text(b->daemon, sizeof(b->daemon), h.role_version);
	copy_text(b->cpus_online, sizeof(b->cpus_online), h.cpus_online);
	copy_text(b->build_id, sizeof(b->build_id), h.build_id);
	copy_text(b->reason, sizeof(b->reason), h.reason);
	if (f->status < 0)
		return refuse(b, bw_errno_from_wire(f->status), NULL);
	if (h.major != BW_VERSION_MAJOR) {
		snprintf(b->reason, sizeof(b->reason), "it speaks protocol %u, this bpfwire %u: update the older one", h.major, BW_VERSION_MAJOR);
		return refuse(b, -EPROTO, NULL);
	}
	b->state = BW_BOARD_READY;
	b->reason[0] = 0;
	return 0;
}

int bw_board_greet(struct bw_board *b, int timeout_ms)
{
	bw_cleanup_free uint8_t *buf = malloc(BW_FRAME_MAX);
	bw_cleanup_fd int fd = -1;
	struct bw_frame f;
	int err;

	b->reason[0] = 0;
	if (!buf)
		return refuse(b, -ENOMEM, NULL);
	fd = connect_to(b->path, timeout_ms);
	if (fd == -EACCES)
		return refuse(b, fd, "you may not use its socket; a bridge with --group GROUP serves the members of GROUP");
	if (fd < 0)
		return refuse(b, fd, fd == -ETIMEDOUT ? "the bridge does not answer" : NULL);
	err = read_frame(fd, buf, &f, timeout_ms);
	if (err == -ETIMEDOUT)
		return refuse(b, err, "the bridge does not answer");
	if (err == -EBADMSG)
		return refuse(b, err, "what answers at its socket is not a bpfwire bridge");
	if (err)
		return refuse(b, -EIO, "the bridge closed the connection without a greeting");
	err = take_hello(b, &f);
	return err ? err : bw_steal_fd(&fd);
}
