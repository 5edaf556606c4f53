// SPDX-License-Identifier: Apache-2.0
/* io.h and log.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "tests/unit/check.h"

/* A file with this text; the path is valid until the next call. */
static const char *temp(const char *text, size_t len)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/bw-test-XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0 && bw_write_full(fd, text, len) == 0);
	close(fd);
	return path;
}

TEST("a whole file is read with a NUL behind it that its length does not count")
{
	const char *path = temp("a\0b\n", 4);
	char *data = NULL;
	size_t len = 0;

	CHECK_EQ(bw_read_file(path, 4, &data, &len), 0);
	CHECK_EQ(len, 4);
	CHECK(data && !memcmp(data, "a\0b\n\0", 5));
	free(data);
	unlink(path);
}

TEST("a file over the maximum is -EFBIG, a missing one -ENOENT, and nothing is left to free")
{
	const char *path = temp("12345", 5);
	char *data = NULL;
	size_t len;

	CHECK_EQ(bw_read_file(path, 4, &data, &len), -EFBIG);
	CHECK_EQ(bw_read_file("/no/such/file", 4, &data, &len), -ENOENT);
	CHECK_EQ(bw_read_file("/proc/self", 4, &data, &len), -EISDIR);
	CHECK(!data);
	unlink(path);
}

TEST("a pseudo file of size 0 and a file larger than any first guess are read whole")
{
	static char big[300000];
	char *data = NULL;
	size_t len = 0;
	const char *path;

	CHECK_EQ(bw_read_file("/proc/self/status", 1 << 20, &data, &len), 0);
	CHECK(len > 100 && strlen(data) == len && strstr(data, "Pid:"));
	free(data);
	memset(big, 'x', sizeof(big));
	path = temp(big, sizeof(big));
	CHECK_EQ(bw_read_file(path, sizeof(big), &data, &len), 0);
	CHECK_EQ(len, sizeof(big));
	CHECK(!memcmp(data, big, len) && !data[len]);
	free(data);
	unlink(path);
}

TEST("a line loses its newline, and one that does not fit is -ENOSPC")
{
	static const struct { const char *text; size_t size; ssize_t want; } cases[] = {
		{ "hello\n", 6, 5 }, { "hello", 6, 5 }, { "hello\n", 5, -ENOSPC }, { "hello\n", 7, 5 }, { "", 1, 0 }, { "\n", 1, 0 }, { "x", 1, -ENOSPC },
		{ "hello\nx", 6, -ENOSPC }, { "hello", 0, -ENOSPC },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = temp(cases[i].text, strlen(cases[i].text));
		char buf[16] = "..............";

		CHECK_EQ(bw_read_line(path, buf, cases[i].size), cases[i].want);
		if (cases[i].want >= 0)
			CHECK_EQ(strlen(buf), cases[i].want);
		unlink(path);
	}
}

TEST("a file is written only where it exists")
{
	const char *path = temp("", 0);
	char buf[16];

	CHECK_EQ(bw_write_file(path, "1"), 0);
	CHECK(bw_read_line(path, buf, sizeof(buf)) == 1 && buf[0] == '1');
	unlink(path);
	CHECK_EQ(bw_write_file(path, "1"), -ENOENT);
	CHECK_EQ(bw_write_file("/dev/full", "1"), -ENOSPC);
}

TEST("a read of more than there is before the end is -ENODATA")
{
	int fds[2];
	char buf[8];

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(bw_write_full(fds[1], "1234", 4), 0);
	CHECK_EQ(bw_read_full(fds[0], buf, 3), 0);
	close(fds[1]);
	CHECK_EQ(bw_read_full(fds[0], buf, 2), -ENODATA);
	close(fds[0]);
	CHECK_EQ(bw_read_full(fds[0], buf, 1), -EBADF);
}

TEST("scratch descriptors and memory are given back at the end of their scope, unless stolen")
{
	int stolen = -1, closed;

	{
		bw_cleanup_fd int a = open("/dev/null", O_RDONLY | O_CLOEXEC), b = open("/dev/null", O_RDONLY | O_CLOEXEC);
		bw_cleanup_free char *p = malloc(10);
		char *q = bw_steal_ptr(&p);

		CHECK(!p && q);
		free(q);
		stolen = bw_steal_fd(&a);
		closed = b;
	}
	CHECK(fcntl(stolen, F_GETFD) >= 0);
	CHECK(fcntl(closed, F_GETFD) < 0);
	close(stolen);
}

TEST("random bytes differ, and time goes on")
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };
	int64_t before = bw_now_ms();

	CHECK_EQ(bw_random(a, sizeof(a)), 0);
	CHECK_EQ(bw_random(b, sizeof(b)), 0);
	CHECK(memcmp(a, b, sizeof(a)));
	CHECK(bw_now_ms() >= before);
}

/* What bw_log writes to stderr. */
static ssize_t logged(char *out, size_t size, enum bw_log_level level, const char *text)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n = -1;

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(bw_set_nonblock(fds[0], true), 0);
	dup2(fds[1], STDERR_FILENO);
	errno = ENOENT;
	bw_log(level, "%s: %m", text);
	CHECK_EQ(errno, ENOENT);
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], out, size - 1);
	out[n > 0 ? n : 0] = 0;
	close(fds[0]);
	close(fds[1]);
	close(saved);
	return n;
}

TEST("a message is one line with the program's name, and keeps errno")
{
	char out[4096];

	bw_log_init("bpfwired", BW_LOG_WARN);
	CHECK_EQ(bw_log_level(), BW_LOG_WARN);
	logged(out, sizeof(out), BW_LOG_ERROR, "open");
	CHECK(!strcmp(out, "bpfwired: open: No such file or directory\n"));
	CHECK(logged(out, sizeof(out), BW_LOG_INFO, "quiet") < 0);
}

TEST("text from the other side can neither make a second line nor reach the terminal's controls")
{
	char out[4096];

	logged(out, sizeof(out), BW_LOG_WARN, "a\nb\033[2Jc");
	CHECK(!strcmp(out, "bpfwired: a b?[2Jc: No such file or directory\n"));
}

TEST("a message of any length is cut to one line")
{
	char out[8192], text[5000];

	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = 0;
	CHECK(logged(out, sizeof(out), BW_LOG_WARN, text) == 1023);
	CHECK(out[1022] == '\n' && out[1021] == 'y');
}

int main(void)
{
	return check_done();
}
