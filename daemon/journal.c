// SPDX-License-Identifier: Apache-2.0
#include "daemon/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/probe_line.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define FILE_MAX	(16u << 20)
#define BUSY_TRIES	50		/* of 20 ms: an event is busy until the last perf event on it is gone */
#define BUSY_NS		20000000

int bw_journal_init(struct bw_journal *j, const char *file)
{
	memset(j, 0, sizeof(*j));
	j->fd = -1;
	j->file = strdup(file);
	return j->file ? 0 : -ENOMEM;
}

static void forget_last(struct bw_journal *j)
{
	j->count--;
	free(j->undo[j->count].path);
	free(j->undo[j->count].text);
}

void bw_journal_fini(struct bw_journal *j)
{
	while (j->count)
		forget_last(j);
	free(j->undo);
	free(j->file);
	if (j->fd >= 0)
		close(j->fd);
	memset(j, 0, sizeof(*j));
	j->fd = -1;
}

bool bw_journal_watches(const char *path)
{
	static const char *const names[] = { "kprobe_events", "uprobe_events", "dynamic_events" };
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(base, names[i]))
			return true;
	return false;
}

bool bw_journal_name(char *out, size_t size, const char *dir, pid_t pid, unsigned int session)
{
	int n = snprintf(out, size, "%s/%d-%u", dir, (int)pid, session);

	return n > 0 && (size_t)n < size;
}

/* ---- the session's side ---- */

static int add_undo(struct bw_journal *j, const char *path, const char *text)
{
	struct bw_undo *u;

	if (j->count == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 16;

		u = realloc(j->undo, cap * sizeof(*u));
		if (!u)
			return -ENOMEM;
		j->undo = u;
		j->cap = cap;
	}
	u = &j->undo[j->count];
	u->path = strdup(path);
	u->text = strdup(text);
	if (!u->path || !u->text) {
		free(u->path);
		free(u->text);
		return -ENOMEM;
	}
	j->count++;
	return 0;
}

static ssize_t find_undo(const struct bw_journal *j, const char *path, const char *text)
{
	for (size_t i = j->count; i--; )
		if (!strcmp(j->undo[i].path, path) && !strcmp(j->undo[i].text, text))
			return (ssize_t)i;
	return -1;
}

static void drop_undo(struct bw_journal *j, size_t i)
{
	free(j->undo[i].path);
	free(j->undo[i].text);
	memmove(&j->undo[i], &j->undo[i + 1], (j->count - i - 1) * sizeof(*j->undo));
	j->count--;
}

/* Made and locked. A daemon that starts between the two takes it for a leftover and removes it: then another is made. */
static int open_file(struct bw_journal *j)
{
	struct stat st;

	while (j->fd < 0) {
		j->fd = open(j->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (j->fd < 0)
			return -errno;
		flock(j->fd, LOCK_EX);
		if (fstat(j->fd, &st) || st.st_nlink)
			break;
		close(j->fd);
		j->fd = -1;
	}
	return 0;
}

static int append(struct bw_journal *j, char sign, const char *path, const char *text)
{
	bw_cleanup_free char *line = NULL;
	int r = open_file(j), n;

	if (r)
		return r;
	n = asprintf(&line, "%c%s\t%s\n", sign, path, text);
	if (n < 0)
		return -ENOMEM;
	return bw_write_full(j->fd, line, (size_t)n);
}

static int remember(struct bw_journal *j, const char *path, const char *undo)
{
	int r = append(j, '+', path, undo);

	if (!r)
		r = add_undo(j, path, undo);
	if (r)
		bw_log(BW_LOG_ERROR, "journal %s: %s; nothing is written to %s, since it could not be undone (is the directory writable?)",
		       j->file, strerror(-r), path);
	return r;
}

static ssize_t write_once(int fd, const char *data, size_t len)
{
	ssize_t n;

	do
		n = write(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The line made an event that this session did not have yet, or is about to. */
static ssize_t write_new(struct bw_journal *j, int fd, const char *path, const char *line, size_t len, const struct bw_probe_line *p)
{
	char undo[BW_PROBE_NAME_MAX + 4];
	ssize_t n;
	int r;

	snprintf(undo, sizeof(undo), "-:%s", p->name);
	/* Somebody else's event of this name: whatever the kernel makes of that, it is not ours to remove. */
	if (find_undo(j, path, undo) >= 0 || bw_probe_exists(path, p->name))
		return write_once(fd, line, len);
	r = remember(j, path, undo);
	if (r)
		return r;
	n = write_once(fd, line, len);
	if (n < 0 && !append(j, '-', path, undo))
		forget_last(j);
	return n;
}

static ssize_t write_removal(struct bw_journal *j, int fd, const char *path, const char *line, size_t len, const struct bw_probe_line *p)
{
	char undo[BW_PROBE_NAME_MAX + 4];
	ssize_t n = write_once(fd, line, len), i;

	snprintf(undo, sizeof(undo), "-:%s", p->name);
	i = n < 0 ? -1 : find_undo(j, path, undo);
	if (i >= 0 && !append(j, '-', path, undo))
		drop_undo(j, (size_t)i);
	return n;
}

static ssize_t write_line(struct bw_journal *j, int fd, const char *path, const char *line, size_t len)
{
	struct bw_probe_line p;

	switch (bw_probe_parse(line, len, path, &p)) {
	case BW_PROBE_NEW:
		return write_new(j, fd, path, line, len, &p);
	case BW_PROBE_REMOVE:
		return write_removal(j, fd, path, line, len, &p);
	case BW_PROBE_NONE:
		break;
	}
	return write_once(fd, line, len);
}

ssize_t bw_journal_write(struct bw_journal *j, int fd, const char *path, const char *data, size_t len)
{
	for (size_t at = 0; at < len; ) {
		const char *nl = memchr(data + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl + 1 - (data + at)) : len - at;
		ssize_t r = write_line(j, fd, path, data + at, n);

		if (r < 0)
			return r;
		at += n;
	}
	return (ssize_t)len;
}

/* ---- the main process's side ---- */

static void undo_one(const struct bw_undo *u)
{
	const struct timespec pause = { .tv_nsec = BUSY_NS };
	int r = -EBUSY;

	for (int i = 0; i < BUSY_TRIES && r == -EBUSY; i++) {
		/* Without O_TRUNC, which would remove everybody's events. */
		bw_cleanup_fd int fd = open(u->path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);

		if (i)
			nanosleep(&pause, NULL);
		r = fd < 0 ? -errno : (int)write_once(fd, u->text, strlen(u->text));
	}
	if (r >= 0)
		bw_log(BW_LOG_INFO, "undone what a session left: '%s' to %s", u->text, u->path);
	else if (r != -ENOENT && r != -EINVAL)	/* both: there is no such event any more */
		bw_log(BW_LOG_ERROR, "%s: '%s' failed: %s; the event of a session that ended is still there (echo '%s' >> %s)", u->path, u->text,
		       strerror(-r), u->text, u->path);
}

/* Lines of the file into what is left to undo. Stops at a line that makes no sense: it was being written when its writer died. */
static void load(struct bw_journal *j, char *text)
{
	char *line, *end, *tab;
	ssize_t i;

	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		tab = strchr(line, '\t');
		if (!tab || (line[0] != '+' && line[0] != '-') || line[1] != '/')
			return;
		*tab = 0;
		i = line[0] == '-' ? find_undo(j, line + 1, tab + 1) : -1;
		if (i >= 0)
			drop_undo(j, (size_t)i);
		else if (line[0] == '+' && bw_journal_watches(line + 1))
			add_undo(j, line + 1, tab + 1);
	}
}

void bw_journal_undo(const char *file)
{
	struct bw_journal j = { .fd = -1 };
	bw_cleanup_free char *text = NULL;
	size_t len;
	int r = bw_read_file(file, FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return;
	if (r) {
		bw_log(BW_LOG_ERROR, "journal %s: cannot be read: %s", file, strerror(-r));
		return;
	}
	load(&j, text);
	for (; j.count; forget_last(&j))
		undo_one(&j.undo[j.count - 1]);
	bw_journal_fini(&j);
	unlink(file);
}

static bool is_number(const char *s, const char **end)
{
	const char *p = s;

	while (*p >= '0' && *p <= '9')
		p++;
	*end = p;
	return p > s;
}

static bool is_journal(const char *name)
{
	const char *end;

	return is_number(name, &end) && *end == '-' && is_number(end + 1, &end) && !*end;
}

static void recover_one(const char *dir, const char *name)
{
	char path[BUFSIZ];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	bw_cleanup_fd int fd = -1;

	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return;
	bw_journal_undo(path);
}

int bw_journal_recover(const char *dir)
{
	struct dirent *e;
	DIR *d;

	if (!strncmp(dir, "/run/", 5))
		mkdir("/run", 0755);	/* a bare initramfs may not have it */
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (is_journal(e->d_name))
			recover_one(dir, e->d_name);
	closedir(d);
	return 0;
}
