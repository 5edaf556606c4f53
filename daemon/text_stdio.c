// SPDX-License-Identifier: Apache-2.0
#include "daemon/text_stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/signals.h"
#include "daemon/spawn.h"
#include "daemon/text.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define PIECE	4096u		/* of a pipe that is ready for writing so much is taken without blocking */

struct stdio {
	struct bw_text_io io;
	int out;
};

static ssize_t stdio_read(struct bw_text_io *io, void *buf, size_t size)
{
	ssize_t n = read(io->fd, buf, size);

	/* The other side of a terminal that is gone is the end as well. */
	return n >= 0 ? n : errno == EIO ? 0 : -errno;
}

/* Never inside write(2) for long, or a signal would have to wait for a reader that has gone to sleep. */
static int stdio_write(struct bw_text_io *io, const void *p, size_t len)
{
	struct stdio *s = (struct stdio *)(void *)((char *)io - offsetof(struct stdio, io));
	struct pollfd fds[2] = { { .fd = s->out, .events = POLLOUT }, { .fd = io->stop_fd, .events = POLLIN } };
	const char *from = p;
	ssize_t n;

	while (len) {
		if (poll(fds, 2, -1) < 0)
			fds[0].revents = fds[1].revents = 0;
		if (fds[1].revents)
			return -EINTR;
		if (!fds[0].revents)
			continue;
		n = write(s->out, from, len < PIECE ? len : PIECE);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			from += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int serve(struct stdio *s, const char *run_dir)
{
	char journal[PATH_MAX];
	struct bw_worker_options o = { .in = -1, .out = -1, .journal = journal };
	struct termios before;
	bool raw;
	int r;

	bw_journal_recover(run_dir);
	if (!bw_journal_name(journal, sizeof(journal), run_dir, getpid(), 0))
		return -ENAMETOOLONG;
	raw = bw_tty_raw(s->io.fd, &before);
	r = bw_text_run(&s->io, &o);
	if (raw)
		tcsetattr(s->io.fd, TCSANOW, &before);
	bw_journal_undo(journal);
	return r;
}

/* Whoever starts it with SIGINT ignored keeps ^C for itself: it wants to read its maps then. */
static int catch_signals(void)
{
	bool ignored = signal(SIGINT, SIG_IGN) == SIG_IGN;
	int fd = bw_signals_init();

	if (ignored)
		signal(SIGINT, SIG_IGN);
	return fd;
}

int bw_text_stdio(const char *run_dir)
{
	struct stdio s = { .io = { .read = stdio_read, .write = stdio_write } };
	int r;

	bw_worker_limits();
	s.io.stop_fd = catch_signals();
	r = s.io.stop_fd < 0 ? s.io.stop_fd : bw_take_stdio(&s.io.fd, &s.out);
	if (!r)
		r = serve(&s, run_dir);
	/* Whoever read the answers has had enough, or said so by a signal. */
	if (r && r != -EPIPE && r != -EINTR && r != -EIO) {
		bw_log(BW_LOG_ERROR, "the text session ended: %s", strerror(-r));
		return 1;
	}
	return 0;
}
