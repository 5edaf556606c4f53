// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-bridge/greeting.h"
#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/msg.h"
#include "protocol/version.h"
#include "protocol/wirecode.h"

static struct bw_str str(const char *s)
{
	return (struct bw_str) { .p = s, .len = (uint32_t)strlen(s) };
}

void bw_greeting_put(struct bw_buf *b, const char *name, int status, const char *reason)
{
	struct bw_hello hello = {
		.major = BW_VERSION_MAJOR, .minor = BW_VERSION_MINOR,
		.window = BW_WINDOW, .msg_max = BW_MSG_MAX,
		.role_version = str("bpfwire-bridge " BW_VERSION),
		.serial = str(name), .reason = str(reason),
		.sysname = str(""), .nodename = str(""), .release = str(""), .version = str(""), .machine = str(""),
		.cpus_possible = str(""), .cpus_online = str(""), .build_id = str(""), .boot_id = str(""),
		.pmu_kprobe = UINT32_MAX, .pmu_uprobe = UINT32_MAX,
	};
	struct bw_frame head = { .type = BW_MSG_HELLO, .status = bw_errno_to_wire(status) };
	struct bw_buf payload = { 0 };

	bw_put_hello(&payload, &hello);
	if (payload.err)
		b->err = payload.err;
	else
		bw_frame_put_msg(b, &head, payload.data, payload.len);
	bw_buf_free(&payload);
}

int bw_greeting_refuse_next(int listen_fd, bool text, const char *name, int err, const char *reason)
{
	bw_cleanup_fd int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bw_buf b = { 0 };

	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? 0 : -errno;
	if (text) {
		bw_put_bytes(&b, reason, strlen(reason));
		bw_put_bytes(&b, "\n", 1);
	} else {
		bw_greeting_put(&b, name, err, reason);
	}
	/* Less than a new socket's buffer takes at once; a client that is gone already does not matter. */
	if (!b.err)
		(void)!send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	bw_buf_free(&b);
	return 0;
}
