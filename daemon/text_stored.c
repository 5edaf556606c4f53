// SPDX-License-Identifier: Apache-2.0
#include "daemon/text_stored.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/signals.h"
#include "daemon/spawn.h"
#include "daemon/text.h"
#include "loader/loader.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define LOOK	(64u << 10)	/* how far the first command is looked for */

struct stored {
	struct bw_text_io io;
	const struct bw_load_options *o;
	const char *file;
	struct bw_pins pins;
	bool failed;
};

static struct stored *of(struct bw_text_io *io)
{
	return (struct stored *)(void *)((char *)io - offsetof(struct stored, io));
}

/* ---- the session's ends ---- */

static ssize_t stored_read(struct bw_text_io *io, void *buf, size_t size)
{
	ssize_t n = read(io->fd, buf, size);

	return n < 0 ? -errno : n;
}

static int stored_write(struct bw_text_io *io, const void *p, size_t len)
{
	struct pollfd stop = { .fd = io->stop_fd, .events = POLLIN };

	return poll(&stop, 1, 0) > 0 ? -EINTR : bw_write_full(1, p, len);
}

static const char *advice(const struct bw_text_line *l, int64_t ret)
{
	if (ret == -EPROTO)
		return "; docs/text-protocol.md has all commands";
	if (l->verb == BW_TEXT_PIN && ret == -EINVAL)
		return "; an attachment can be pinned from Linux 5.15 on, else attach it with --stay";
	if (l->verb == BW_TEXT_PIN && ret == -EEXIST)
		return "; unload what is there, or choose another place";
	return "";
}

static int answered(struct bw_text_io *io, struct bw_text *t, const struct bw_text_line *l, int64_t ret)
{
	struct stored *s = of(io);
	bw_cleanup_free char *path = NULL;

	if (ret < 0) {
		s->failed = true;
		if (l->verb == BW_TEXT_PROG_LOAD && t->prog_log)
			fputs(t->prog_log, stderr);
		bw_log(BW_LOG_ERROR, "%s: line %lu: %s%s%s", s->file, t->in.line, ret == -EPROTO ? "no command, or not its arguments" : "fails: ",
		       ret == -EPROTO ? "" : strerror((int)-ret), advice(l, ret));
		return -ECANCELED;
	}
	if (l->verb != BW_TEXT_PIN)
		return 0;
	path = bw_str_dup(l->v[1].text);
	return path ? bw_pins_remember(&s->pins, path) : -ENOMEM;
}

static void stay(struct stored *s)
{
	struct pollfd stop = { .fd = s->io.stop_fd, .events = POLLIN };

	bw_log(BW_LOG_INFO, "%s: done; stays until SIGTERM or SIGINT", s->file);
	while (poll(&stop, 1, -1) <= 0)
		;
}

static void ended(struct bw_text_io *io, struct bw_text *t)
{
	uint32_t left = bw_text_probe_unpinned(t);
	struct stored *s = of(io);

	if (s->o->stay) {
		stay(s);
	} else if (left != BW_HANDLE_CLOSED) {
		s->failed = true;
		bw_log(BW_LOG_ERROR, "%s: what it attached as number %d goes when it ends: pin it (BPF_OBJ_PIN %d NAME) at the end of the file, or give --stay",
		       s->file, bw_text_number(left), bw_text_number(left));
	}
}

/* ---- the whole ---- */

/* Its first command is one: not if it is a picture, or a script. What begins with 64 KiB of something else is for the session to tell. */
static int first_command(int fd)
{
	static char start[LOOK];
	ssize_t n = pread(fd, start, sizeof(start), 0);
	struct bw_text_line l;
	char *line, *end;
	int r = n < 0 ? -errno : n ? 0 : -ENOENT;

	for (line = start; !r && line < start + n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(start + n - line));
		if (!end && n == (ssize_t)LOOK)
			break;
		if (!end)
			end = start + n;
		r = bw_text_parse(line, (size_t)(end - line), &l);
		if (!r && l.verb != BW_TEXT_NONE)
			break;
	}
	return r;
}

static int check_commands(int fd, const char *file)
{
	int r = first_command(fd);

	if (r == -ENOENT)
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: it is neither a compiled BPF object (clang -g -O2 -target bpf -c) nor commands of the text protocol", file);
	else if (r && r != -EINVAL)
		bw_log(BW_LOG_ERROR, "%s: cannot be read: %s", file, strerror(-r));
	return r == -EINVAL ? 0 : r;
}

/* The session's working directory is where its pins go. */
static int take_dir(struct stored *s)
{
	char name[NAME_MAX + 1];
	int r;

	bw_pins_name(s->file, name, sizeof(name));
	r = bw_pins_init(&s->pins, s->o->pin ? s->o->pin : name);
	if (r)
		return r;
	return chdir(s->pins.dir) < 0 ? -errno : 0;
}

static int serve(struct stored *s)
{
	char journal[PATH_MAX];
	struct bw_worker_options o = { .in = -1, .out = -1, .journal = journal };
	int r;

	bw_journal_recover(BW_RUN_DIR);
	if (!bw_journal_name(journal, sizeof(journal), BW_RUN_DIR, getpid(), 0))
		return -ENAMETOOLONG;
	r = bw_text_run(&s->io, &o);
	bw_journal_undo(journal);
	return r;
}

static int run(struct stored *s)
{
	int r = check_commands(s->io.fd, s->file);

	if (!r)
		r = take_dir(s);
	if (r) {
		s->failed = true;
		return r;
	}
	bw_worker_limits();
	s->io.stop_fd = bw_signals_init();
	r = s->io.stop_fd < 0 ? s->io.stop_fd : serve(s);
	if (r && !s->failed)
		bw_log(BW_LOG_ERROR, "%s: not done to the end: %s; nothing of it stays", s->file, r == -EINTR ? "stopped by a signal" : strerror(-r));
	return r;
}

int bw_text_stored(const struct bw_load_options *o)
{
	struct stored s = {
		.io = { .read = stored_read, .write = stored_write, .answered = answered, .ended = ended },
		.o = o, .file = o->what[0],
	};
	bool good;

	if (o->attach || o->btf) {
		bw_log(BW_LOG_ERROR, "%s: --attach and --btf are for compiled objects, and this is a file of commands: it says itself what is attached", s.file);
		return 2;
	}
	s.io.fd = open(s.file, O_RDONLY | O_CLOEXEC);
	good = !run(&s) && !s.failed;
	if (good && s.pins.n)
		bw_log(BW_LOG_INFO, "%s: done; %zu pinned", s.file, s.pins.n);
	bw_pins_fini(&s.pins, good);
	close(s.io.fd);
	return good ? 0 : 1;
}
