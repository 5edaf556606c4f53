/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bridge and a board in a child process: greets, opens a session, and hands each request to the test's handler. Start it from a constructor
 * of priority 101, before the library looks at BPFWIRE_SOCKET. It ends with the test (PR_SET_PDEATHSIG).
 */
#ifndef BW_TESTS_FAKE_BRIDGE_H
#define BW_TESTS_FAKE_BRIDGE_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/frame.h"
#include "protocol/msg.h"

/* Puts a reply's payload into out, returns its status. */
typedef int fake_handler(uint16_t type, struct bw_reader *r, struct bw_buf *out);

/* The client's socket, in the child: for handlers that send by themselves. */
static int fake_fd __attribute__((unused)) = -1;

static inline struct bw_str fake_str(const char *s)
{
	return (struct bw_str){ s, (uint32_t)strlen(s) };
}

static inline void fake_send(int fd, uint16_t type, uint16_t flags, uint32_t request, int status, const struct bw_buf *payload)
{
	struct bw_frame h = { .type = type, .flags = flags, .request = request, .status = status };
	struct bw_buf b = { 0 };

	bw_frame_put_msg(&b, &h, payload ? payload->data : NULL, payload ? payload->len : 0);
	if (send(fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
		_exit(0);
	bw_buf_free(&b);
}

static inline void fake_greet(int fd)
{
	struct bw_hello h = {
		.major = BW_VERSION_MAJOR, .minor = BW_VERSION_MINOR, .window = BW_WINDOW, .msg_max = BW_MSG_MAX, .role_version = fake_str("fake"),
		.serial = fake_str("FAKE0001"), .sysname = fake_str("Linux"), .nodename = fake_str("fakeboard"), .release = fake_str("6.1.0-fake"),
		.version = fake_str("#1"), .machine = fake_str("aarch64"), .arch = BW_ARCH_ARM64, .page_size = 4096,
		.cpus_possible = fake_str("0-3"), .cpus_online = fake_str("0,2-3"), .build_id = fake_str("aa"), .boot_id = fake_str("b"),
		.pmu_kprobe = 6, .pmu_uprobe = 7, .reason = fake_str(""),
	};
	struct bw_buf b = { 0 };

	bw_put_hello(&b, &h);
	fake_send(fd, BW_MSG_HELLO, 0, 0, 0, &b);
	bw_buf_free(&b);
}

static inline void fake_answer(int fd, const struct bw_frame *f, fake_handler *handle)
{
	struct bw_reader r;
	struct bw_buf out = { 0 };
	int status = 0;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	if (f->type == BW_MSG_CREDIT || f->type == BW_MSG_PAD)
		return;
	if (f->type != BW_MSG_OPEN)
		status = handle(f->type, &r, &out);
	if (f->request)
		fake_send(fd, f->type, BW_F_REPLY, f->request, status, &out);
	bw_buf_free(&out);
}

static inline void fake_serve(int fd, fake_handler *handle)
{
	struct bw_stream s;
	struct bw_frame f;
	uint8_t *room;
	size_t len;
	ssize_t n;

	bw_stream_init(&s);
	fake_fd = fd;
	fake_greet(fd);
	for (;;) {
		while (bw_stream_next(&s, &f) > 0)
			fake_answer(fd, &f, handle);
		room = bw_stream_room(&s, &len);
		n = recv(fd, room, len, 0);
		if (n <= 0)
			_exit(0);
		bw_stream_fed(&s, (size_t)n);
	}
}

static inline void fake_bridge(fake_handler *handle)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	pid_t parent = getpid();
	char dir[] = "/tmp/bpfwire-fake.XXXXXX";

	if (l < 0 || !mkdtemp(dir) || snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", dir) < 0 ||
	    bind(l, (struct sockaddr *)&sa, sizeof(sa)) || listen(l, 8)) {
		perror("fake bridge");
		exit(1);
	}
	setenv("BPFWIRE_SOCKET", sa.sun_path, 1);
	if (fork()) {
		close(l);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(120);
	if (getppid() != parent)
		_exit(0);
	fd = accept(l, NULL, NULL);
	unlink(sa.sun_path);
	rmdir(dir);
	if (fd >= 0)
		fake_serve(fd, handle);
	_exit(0);
}

#endif
