// SPDX-License-Identifier: Apache-2.0
/*
 * A worker's operations, fed with arbitrary messages. The kernel calls are real but for what could change this machine: a seccomp
 * filter answers bpf(2), perf_event_open(2) and all that writes to files with EPERM, so the paths behind success of those stay to the unit
 * tests. Input: messages of u8 type index, u8 flags, u16 length, payload.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "protocol/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {
	BW_MSG_BPF, BW_MSG_PERF_OPEN, BW_MSG_IOCTL, BW_MSG_HANDLE_CLOSE, BW_MSG_HANDLE_READ, BW_MSG_HANDLE_WRITE, BW_MSG_HANDLE_INFO,
	BW_MSG_RING_MAP, BW_MSG_RING_UNMAP, BW_MSG_RING_FLUSH, BW_MSG_FILE_GET, BW_MSG_FILE_STAT, BW_MSG_FILE_ACCESS, BW_MSG_FILE_READLINK,
	BW_MSG_FILE_LIST, BW_MSG_FILE_OPEN, BW_MSG_FILE_CHANGE, BW_MSG_FILE_STATFS, BW_MSG_FILE_REALPATH, BW_MSG_CLOCKS, BW_MSG_CHECK, BW_MSG_KILL, 4711,
};

#define DENY(nr)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW()		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void forbid_harm(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		DENY(__NR_bpf), DENY(__NR_perf_event_open), DENY(__NR_mkdirat), DENY(__NR_unlinkat), DENY(__NR_renameat2), DENY(__NR_kill),
#ifdef __NR_mkdir
		DENY(__NR_mkdir), DENY(__NR_rmdir), DENY(__NR_unlink), DENY(__NR_rename),
#endif
#ifdef __NR_renameat
		DENY(__NR_renameat),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 1, 0), ALLOW(),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), ALLOW(),
	};
	struct sock_fprog prog = { sizeof(f) / sizeof(f[0]), f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		abort();
}

static int null = -1, ready[2];

static void once(void)
{
	if (null >= 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || pipe2(ready, O_CLOEXEC | O_NONBLOCK))
		abort();
	bw_log_init("fuzz", BW_LOG_ERROR);
	/* Artifacts cannot be written any more; libFuzzer prints the input of a crash as base64 too. */
	forbid_harm();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_worker_options o = {
		.in = 0, .out = null, .session = 1, .send_window = BW_WINDOW_MAX, .receive_window = BW_WINDOW, .msg_max = 1 << 20,
		.journal = "/nonexistent/journal",
	};
	struct bw_worker w;

	once();
	o.in = ready[0];
	o.out = null;
	if (bw_worker_init(&w, &o))
		return 0;
	while (size >= 4 && !w.ch.error) {
		size_t len = (size_t)data[2] | (size_t)data[3] << 8;
		struct bw_frame f = { .type = types[data[0] % (sizeof(types) / sizeof(types[0]))], .flags = data[1] & BW_F_MORE, .request = 1, .session = 1 };
		uint8_t *copy;

		if (len > size - 4)
			len = size - 4;
		if (len > BW_PAYLOAD_MAX)
			len = BW_PAYLOAD_MAX;
		copy = malloc(len ? len : 1);	/* of exactly its size, for the sanitizer */
		if (!copy)
			break;
		memcpy(copy, data + 4, len);
		f.payload = copy;
		f.length = (uint32_t)(BW_FRAME_HEADER + len);
		w.ch.credit = BW_WINDOW_MAX;
		bw_worker_frame(&w, &f);
		free(copy);
		data += 4 + len;
		size -= 4 + len;
	}
	bw_worker_fini(&w);
	return 0;
}
