// SPDX-License-Identifier: Apache-2.0
/*
 * Files that never end (trace_pipe): a thread asks the board for what is new and writes it into a pipe, whose other end the tool
 * reads, polls and sets O_NONBLOCK on as it likes. The daemon's reads never block, so the thread asks again: soon while text comes, ten
 * times a second when none does. It ends when the tool has closed its end or the board is gone. The handle is the thread's, not the
 * placeholder's: closed there, its number could be another object's by the time of the next question.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "remote/files.h"

#define ASK_FIRST_MS	10
#define ASK_LAST_MS	100
#define CHUNK		(64u << 10)

struct tail {
	uint32_t handle;
	int wfd;
};

/* True once nobody can read the pipe. */
static bool abandoned(int wfd, int wait_ms)
{
	struct pollfd p = { .fd = wfd };

	return BW_REAL(poll)(&p, 1, wait_ms) > 0 && (p.revents & (POLLERR | POLLNVAL));
}

static int pass_on(int wfd, const uint8_t *p, size_t len)
{
	while (len) {
		long n = bw_sys(SYS_write, wfd, p, len);

		if (n <= 0)
			return n ? (int)n : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int ask(struct tail *t, size_t *got)
{
	struct bw_handle_read m = { .handle = t->handle, .offset = BW_OFFSET_CURRENT, .len = CHUNK };
	struct bw_reply reply = { 0 };
	struct bw_buf b = { 0 };
	int err;

	bw_put_handle_read(&b, &m);
	err = b.err ? b.err : bw_call(BW_MSG_HANDLE_READ, &b, &reply);
	*got = err ? 0 : reply.len;
	if (!err && reply.len)
		err = pass_on(t->wfd, reply.data, reply.len);
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return err == -EAGAIN ? 0 : err;
}

static void close_handle(uint32_t handle)
{
	struct bw_buf b = { 0 };

	bw_put_u32(&b, handle);
	if (!b.err)
		bw_post(BW_MSG_HANDLE_CLOSE, &b);
	bw_buf_free(&b);
}

static void *run(void *arg)
{
	struct tail *t = arg;
	int wait_ms = 0;
	size_t got;

	/* End of file is no end here: trace_pipe says it while tracing is off. */
	while (!abandoned(t->wfd, wait_ms) && !ask(t, &got)) {
		if (got)
			wait_ms = 0;
		else if (wait_ms < ASK_LAST_MS)
			wait_ms += ASK_FIRST_MS;
	}
	BW_REAL(close)(t->wfd);
	close_handle(t->handle);
	free(t);
	return NULL;
}

static int start(uint32_t handle, int wfd)
{
	struct tail *t = malloc(sizeof(*t));
	sigset_t all, old;
	pthread_attr_t a;
	pthread_t id;
	int err;

	if (!t)
		return -ENOMEM;
	*t = (struct tail){ handle, wfd };
	sigfillset(&all);
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 128u << 10);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&id, &a, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&a);
	if (err)
		free(t);
	return -err;
}

static int tail_fstat(struct bw_placeholder *o, struct stat *st)
{
	return bw_dir_ops.fstat(o, st);
}

const struct bw_placeholder_ops bw_tail_ops = { .fstat = tail_fstat };

int bw_tail_open(const char *path, int oflags)
{
	struct bw_placeholder_new n = { .ops = &bw_tail_ops, .object = BW_OBJ_FILE, .cloexec = oflags & O_CLOEXEC, .path = path, .oflags = oflags };
	int64_t handle = bw_file_handle(path, oflags | O_NONBLOCK, 0);
	int ends[2], fd, err;

	if (handle < 0)
		return (int)handle;
	err = (int)bw_sys(SYS_pipe2, ends, O_CLOEXEC);
	if (err < 0) {
		close_handle((uint32_t)handle);
		return err;
	}
	if (!(oflags & O_CLOEXEC))
		BW_REAL(fcntl)(ends[0], F_SETFD, 0);
	if (oflags & O_NONBLOCK)
		BW_REAL(fcntl)(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK);
	n.fd = ends[0];
	fd = bw_placeholder_open(&n, NULL);
	err = fd < 0 ? fd : start((uint32_t)handle, ends[1]);
	if (err) {
		close_handle((uint32_t)handle);
		BW_REAL(close)(ends[1]);
		if (fd >= 0)
			bw_fd_close(fd);
		return err;
	}
	return fd;
}
