/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the command: a temporary directory, a fake bridge with fake boards in it, and running the real command there.
 * Everything has a limit, and everything ends with the test.
 */
#ifndef BW_TESTS_COMMAND_FAKE_H
#define BW_TESTS_COMMAND_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/frame.h"
#include "protocol/io.h"
#include "protocol/msg.h"
#include "protocol/wirecode.h"
#include "tests/unit/check.h"

#define FAKE_LIMIT_MS 20000

enum fake_manner { FAKE_GREETS, FAKE_SILENT, FAKE_GARBAGE, FAKE_CLOSES, FAKE_STALE, FAKE_OPENS_LATER, FAKE_SERVES };

struct fake_board {
	const char *serial;
	enum fake_manner manner;
	int status;			/* errno of the greeting, negative */
	const char *reason;
	uint16_t major;			/* 0: ours */
	uint8_t arch;			/* 0: arm64 */
	const char *release;		/* NULL: 6.1.0-56-arm64 */
	const char *build_id;
	const char *path, *contents;	/* SERVES: one file, whose contents are those of the file here */
	const struct bw_check *checks;	/* SERVES: the answer to CHECK, nchecks of them; NULL: it knows no such request */
	size_t nchecks;
};

static char fake_dir[64];		/* of this test's sockets; removed by fake_end */
static pid_t fake_pid;

static inline struct bw_str fake_str(const char *s) { return (struct bw_str) { .p = s ? s : "", .len = s ? (uint32_t)strlen(s) : 0 }; }

static inline void fake_greet(int fd, const struct fake_board *f, int status)
{
	struct bw_hello h = {
		.major = f->major ? f->major : BW_VERSION_MAJOR, .window = BW_WINDOW, .msg_max = BW_MSG_MAX,
		.role_version = fake_str("bpfwired 0.1.0"), .serial = fake_str(f->serial), .release = fake_str(f->release ? f->release : "6.1.0-56-arm64"),
		.machine = fake_str("aarch64"), .sysname = fake_str("Linux"), .nodename = fake_str("board"), .version = fake_str("#1 SMP"),
		.arch = f->arch ? f->arch : BW_ARCH_ARM64, .page_size = 4096, .cpus_possible = fake_str("0-3"), .cpus_online = fake_str("0-3"),
		.build_id = fake_str(f->build_id), .boot_id = fake_str(""), .reason = fake_str(f->reason),
	};
	struct bw_frame head = { .type = BW_MSG_HELLO, .status = bw_errno_to_wire(status) };
	struct bw_buf payload = { 0 }, b = { 0 };

	bw_put_hello(&payload, &h);
	bw_frame_put_msg(&b, &head, payload.data, payload.len);
	(void)!write(fd, b.data, b.len);
	bw_buf_free(&b);
	bw_buf_free(&payload);
}

static inline int fake_listen(const char *dir, const char *serial)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, serial);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
		_exit(99);
	return fd;
}

static inline void fake_reply(int fd, const struct bw_frame *to, int status, const struct bw_buf *payload)
{
	struct bw_frame head = { .type = to->type, .flags = BW_F_REPLY, .request = to->request, .status = bw_errno_to_wire(status) };
	struct bw_buf b = { 0 };

	bw_frame_put_msg(&b, &head, payload->data, payload->len);
	(void)!bw_write_full(fd, b.data, b.len);
	bw_buf_free(&b);
}

/* Opens sessions, has one file and may know what a check finds, until the client leaves. */
static inline void fake_session(int fd, const struct fake_board *f)
{
	struct bw_stream s;
	struct bw_frame q;
	ssize_t n = 1;
	int r;

	bw_stream_init(&s);
	while (n > 0) {
		size_t room;
		uint8_t *at = bw_stream_room(&s, &room);

		n = read(fd, at, room);
		bw_stream_fed(&s, n > 0 ? (size_t)n : 0);
		while ((r = bw_stream_next(&s, &q)) > 0) {
			struct bw_buf payload = { 0 };
			struct bw_stat st = { .type = BW_FT_REG };
			struct bw_file file = { 0 };
			struct bw_reader in;
			char *data = NULL;
			size_t len = 0;
			int status = 0;

			if (!q.request)
				continue;
			bw_reader_init(&in, q.payload, bw_frame_payload_len(&q));
			if (q.type == BW_MSG_FILE_STAT) {
				status = bw_get_file(&in, &file) || !bw_str_eq(file.path, f->path) ? -ENOENT : 0;
				bw_put_stat(&payload, &st);
			}
			if (q.type == BW_MSG_FILE_GET) {
				status = bw_get_file(&in, &file) || !bw_str_eq(file.path, f->path) || bw_read_file(f->contents, 64 << 20, &data, &len) ? -ENOENT : 0;
				bw_put_stat(&payload, &st);
				bw_put_bytes(&payload, data, len);
				payload.len = status ? 0 : payload.len;
			}
			if (q.type == BW_MSG_CHECK && !f->checks)
				status = -EOPNOTSUPP;
			for (size_t i = 0; q.type == BW_MSG_CHECK && i < f->nchecks; i++)
				bw_put_check(&payload, &f->checks[i]);
			fake_reply(fd, &q, status, &payload);
			bw_buf_free(&payload);
			free(data);
		}
	}
	bw_stream_fini(&s);
}

static inline void fake_answer(int listener, const struct fake_board *f, int64_t since)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	switch (f->manner) {
	case FAKE_GREETS:
		fake_greet(fd, f, f->status);
		break;
	case FAKE_OPENS_LATER:
		fake_greet(fd, f, bw_now_ms() - since < 500 ? -EAGAIN : 0);
		break;
	case FAKE_GARBAGE:
		(void)!write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		break;
	case FAKE_SERVES:
		fake_greet(fd, f, f->status);
		fake_session(fd, f);
		break;
	case FAKE_SILENT:
		return;		/* keeps it open */
	case FAKE_CLOSES:
	case FAKE_STALE:
		break;
	}
	close(fd);
}

/* Does not return. Holds the lock as a bridge does; ready gets a byte when all sockets are there. */
static inline void fake_serve(const char *dir, const struct fake_board *f, size_t n, int ready)
{
	int64_t since = bw_now_ms();
	struct pollfd p[8];
	char path[128];
	int lock;
	size_t i;

	snprintf(path, sizeof(path), "%s/bridge.lock", dir);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		_exit(1);
	dprintf(lock, "%d\n", (int)getpid());
	for (i = 0; i < n; i++) {
		p[i] = (struct pollfd) { .fd = fake_listen(dir, f[i].serial), .events = POLLIN };
		if (f[i].manner == FAKE_STALE)
			close(p[i].fd), p[i].fd = -1;
	}
	if (ready >= 0)
		(void)!write(ready, "", 1);
	for (;;) {
		if (poll(p, n, FAKE_LIMIT_MS) <= 0)
			_exit(0);
		for (i = 0; i < n; i++)
			if (p[i].revents & POLLIN)
				fake_answer(p[i].fd, &f[i], since);
	}
}

static inline void fake_begin_empty(void)
{
	snprintf(fake_dir, sizeof(fake_dir), "/tmp/bpfwire-test.XXXXXX");
	if (!mkdtemp(fake_dir))
		abort();
	fake_pid = 0;
}

static inline void fake_begin(const struct fake_board *f, size_t n)
{
	int pipefd[2];
	char c;

	fake_begin_empty();
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		abort();
	fake_pid = fork();
	if (!fake_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_serve(fake_dir, f, n, pipefd[1]);
	}
	close(pipefd[1]);
	if (read(pipefd[0], &c, 1) != 1)
		abort();
	close(pipefd[0]);
}

static inline void fake_end(void)
{
	char command[128];

	if (fake_pid > 0) {
		kill(fake_pid, SIGKILL);
		waitpid(fake_pid, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", fake_dir);
	(void)!system(command);
}

/* A file in fake_dir with that text; returns its path, valid until the fourth next call. */
static inline const char *fake_file(const char *name, const char *text, mode_t mode)
{
	static char paths[4][160];
	static unsigned int turn;
	char *path = paths[turn++ % 4];
	int fd;

	snprintf(path, sizeof(paths[0]), "%s/%s", fake_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
	return path;
}

/* ---- the command ---- */

static int got_status;			/* exit status; -1: did not end in time, -2: by a signal */
static char got_out[65536], got_err[8192];

/* Beside the tests' own tree: O/unit/command/test_x and O/bpfwire. */
static inline const char *fake_command(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int up;

	path[n > 0 ? n : 0] = 0;
	for (up = 0; up < 3 && strrchr(path, '/'); up++)
		*strrchr(path, '/') = 0;
	strcat(path, "/bpfwire");
	return path;
}

static inline void fake_environ(void)
{
	static const char *const gone[] = { "BPFWIRE_SERIAL", "BPFWIRE_SOCKET", "BPFWIRE_VERBOSE", "BPFWIRE_BOARD_PATHS", "BPFWIRE_LOCAL_PATHS",
		"XDG_RUNTIME_DIR", "LD_PRELOAD", "BCC_KERNEL_SOURCE", "ARCH" };
	const char *given = getenv("ASAN_OPTIONS");
	char options[512];
	size_t i;

	for (i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		unsetenv(gone[i]);
	setenv("BPFWIRE_DIR", fake_dir, 1);
	setenv("BPFWIRE_CACHE", fake_dir, 1);
	/* In a build with sanitizers, programs of ours start below a preloaded library. */
	if (!given || !strstr(given, "verify_asan_link_order")) {
		snprintf(options, sizeof(options), "%s:verify_asan_link_order=0", given ? given : "");
		setenv("ASAN_OPTIONS", options, 1);
	}
	/* No real bridge is ever started by a test. */
	setenv("BPFWIRE_BRIDGE", "/bin/false", 0);
}

static inline void fake_collect(int fd, char *buf, size_t size, size_t *len)
{
	char drop[512];
	ssize_t n = *len < size - 1 ? read(fd, buf + *len, size - 1 - *len) : read(fd, drop, sizeof(drop));

	if (n > 0 && *len < size - 1)
		*len += (size_t)n;
	buf[*len] = 0;
}

/*
 * Runs `bpfwire ARG...` (up to a NULL) with what fake_environ says and, before it, VARIABLE=VALUE arguments. Fills got_*. Output is read
 * until both pipes end or the command does: a bridge that it leaves behind holds neither.
 */
static inline void run_command(const char *first, ...)
{
	const char *args[32] = { "bpfwire" };
	int out[2], err[2], n = 1, status;
	int64_t deadline = bw_now_ms() + FAKE_LIMIT_MS;
	size_t nout = 0, nerr = 0;
	va_list ap;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		abort();
	got_out[0] = got_err[0] = 0;
	pid = fork();
	if (!pid) {
		const char *a = first;

		fake_environ();
		va_start(ap, first);
		for (; a && n < 31; a = va_arg(ap, const char *)) {
			if (n == 1 && strchr(a, '=') && a[0] != '-')
				putenv((char *)(uintptr_t)a);
			else
				args[n++] = a;
		}
		va_end(ap);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv(fake_command(), (char **)(uintptr_t)args);
		_exit(98);
	}
	close(out[1]);
	close(err[1]);
	while (bw_now_ms() < deadline) {
		struct pollfd p[2] = { { .fd = out[0], .events = POLLIN }, { .fd = err[0], .events = POLLIN } };
		int ended = 0;

		poll(p, 2, 100);
		if (p[0].revents)
			fake_collect(out[0], got_out, sizeof(got_out), &nout);
		if (p[1].revents)
			fake_collect(err[0], got_err, sizeof(got_err), &nerr);
		ended = (p[0].revents & (POLLHUP | POLLIN)) == POLLHUP && (p[1].revents & (POLLHUP | POLLIN)) == POLLHUP;
		if (ended)
			break;
	}
	got_status = -1;
	while (bw_now_ms() < deadline && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	if (kill(pid, 0) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} else {
		got_status = WIFEXITED(status) ? WEXITSTATUS(status) : -2;
	}
	close(out[0]);
	close(err[0]);
}

static inline size_t count_lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* One line, "bpfwire: ...", that holds this. */
static inline int one_line_with(const char *what)
{
	int ok = count_lines(got_err) == 1 && !strncmp(got_err, "bpfwire: ", 9) && strstr(got_err, what);

	if (!ok)
		printf("# exit %d, stderr: %s\n", got_status, got_err);
	return ok;
}

#endif
