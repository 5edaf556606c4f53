// SPDX-License-Identifier: Apache-2.0
/*
 * The way into the virtual board that is not bpfwire: one program for both ends of a virtio-serial port.
 *
 *   in the VM     agent serve PORT DIR                  PORT is /dev/vport...; DIR holds the bridge's sockets
 *   on the host   agent carry QEMUSOCKET CONTROL DIR    mirrors the VM's sockets into DIR until the VM goes away, and
 *                                                       listens on CONTROL for:
 *                 agent exec [-i] CONTROL CMD           runs CMD there (-i: with our stdin), exits with its status
 *
 * Not over TCP: QEMU's user network loses connections and bytes under load, and what runs on the board would see it.
 *
 * The port carries messages. A stream is one connection to a socket of DIR, or one command. Either direction of a stream
 * may have WINDOW bytes in flight that the other side has not passed on, so that none can hold up another.
 *
 * The stream of a command carries frames: 'c' the command, then 'i' stdin (empty: its end) to the VM; 'h' the command has
 * started, 'o' stdout, 'e' stderr, 'x' exit status from it. Closing the connection kills the command. What it left in the
 * background lives on.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUF_SIZE	(256 * 1024)
#define WINDOW		(256 * 1024)
#define CHUNK		(32 * 1024)
#define QUEUE_MAX	(512 * 1024)		/* waiting for the port: then nothing more is read */
#define PORT_READS	16			/* before streams are looked at again */
#define STREAMS_MAX	128
#define LIST_SIZE	8192
#define NAMES_MAX	64
#define NAME_SIZE	64
#define START_LIMIT_MS	15000			/* from the command to 'h' */
#define GONE_LIMIT_MS	5000			/* from an end's death to that of its stream, if its data does not move */
#define STATUS_LOST	255

struct frame {
	uint8_t tag;
	uint8_t zero[3];
	uint32_t len;				/* little-endian, at most BUF_SIZE */
};

enum message_type {
	MSG_OPEN = 1,				/* host to VM: the name of a socket, or nothing for a command */
	MSG_DATA,
	MSG_EOF,				/* no more data from the sender of this */
	MSG_GONE,				/* nor is any wanted; the stream's number is free of meaning from now on */
	MSG_CREDIT,				/* 4 bytes: so many have been passed on */
	MSG_LIST,				/* VM to host: the names of all sockets, one a line; first of all, and on change */
};

struct message {
	uint32_t type, id, len;			/* little-endian; then len bytes, at most CHUNK */
};

/* ---- bytes ---- */

static bool write_full(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool read_full(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static ssize_t read_some(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n;
}

static bool frame_send(int fd, char tag, const void *data, uint32_t len)
{
	struct frame f = { .tag = tag, .len = htole32(len) };

	return write_full(fd, &f, sizeof(f)) && write_full(fd, data, len);
}

/* buf holds BUF_SIZE bytes */
static bool frame_recv(int fd, char *tag, void *buf, uint32_t *len)
{
	struct frame f;

	if (!read_full(fd, &f, sizeof(f)))
		return false;
	*tag = f.tag;
	*len = le32toh(f.len);
	return *len <= BUF_SIZE && read_full(fd, buf, *len);
}

static void *buffer(void)
{
	void *p = malloc(BUF_SIZE);

	if (!p)
		err(1, "malloc");
	return p;
}

static void nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* ---- sockets ---- */

static bool unix_addr(struct sockaddr_un *addr, const char *dir, const char *name)
{
	*addr = (struct sockaddr_un) { .sun_family = AF_UNIX };
	return snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, name) < (int)sizeof(addr->sun_path);
}

/* Names come from the other side: nothing but a plain file name may ever reach a path. */
static bool name_ok(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@+,-";
	size_t len = strlen(name);

	return len && len < NAME_SIZE && name[0] != '.' && strspn(name, plain) == len && strcmp(name, "bridge.lock");
}

static int unix_connect(const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un addr;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (unix_addr(&addr, dir, name) && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

static int unix_listen(const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (!unix_addr(&addr, dir, name)) {
		warnx("%s/%s: too long a path", dir, name);
	} else {
		unlink(addr.sun_path);
		if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 128))
			return fd;
		warn("%s", addr.sun_path);
	}
	close(fd);
	return -1;
}

/* ---- streams over the port ---- */

struct stream {
	uint32_t id;				/* never used again */
	int fd;
	char *buf;				/* from the other side, not yet written to fd */
	size_t off, len;
	uint32_t credit;			/* what we may still send */
	uint32_t owed;				/* what we have passed on and not said so */
	bool sent_eof, got_eof;
	bool told;				/* fd knows of got_eof */
	bool hup;				/* fd's other end is gone */
	bool peer_gone;				/* the other side's is */
	bool dead;				/* to be freed */
	int64_t deadline;			/* ms, 0 for none */
};

struct mux {
	int port;
	struct stream *streams[STREAMS_MAX];
	int count;
	char in[sizeof(struct message) + CHUNK];
	size_t in_len;
	char *out;
	size_t out_off, out_len, out_size;
	void (*receive)(struct mux *m, const struct message *msg, const char *data);
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void mux_flush(struct mux *m)
{
	while (m->out_len) {
		ssize_t n = write(m->port, m->out + m->out_off, m->out_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;			/* full; or gone, which reading finds out */
		m->out_off += n;
		m->out_len -= n;
	}
	if (!m->out_len)
		m->out_off = 0;
}

static char *mux_room(struct mux *m, size_t len)
{
	if (m->out_off + m->out_len + len > m->out_size) {
		memmove(m->out, m->out + m->out_off, m->out_len);
		m->out_off = 0;
	}
	if (m->out_len + len > m->out_size / 2) {
		m->out_size = (m->out_len + len) * 2;
		m->out = realloc(m->out, m->out_size);
		if (!m->out)
			err(1, "realloc");
	}
	return m->out + m->out_off + m->out_len;
}

static void mux_send(struct mux *m, enum message_type type, uint32_t id, const void *data, uint32_t len)
{
	struct message msg = { htole32(type), htole32(id), htole32(len) };
	char *end = mux_room(m, sizeof(msg) + len);

	memcpy(end, &msg, sizeof(msg));
	if (len)
		memcpy(end + sizeof(msg), data, len);
	m->out_len += sizeof(msg) + len;
}

static struct stream *stream_new(struct mux *m, uint32_t id, int fd)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		err(1, "calloc");
	nonblock(fd);
	s->id = id;
	s->fd = fd;
	s->buf = buffer();
	s->credit = WINDOW;
	m->streams[m->count++] = s;
	return s;
}

static void stream_end(struct mux *m, struct stream *s)
{
	if (!s->dead)
		mux_send(m, MSG_GONE, s->id, NULL, 0);
	s->dead = true;
}

static void stream_deadline(struct stream *s)
{
	if (!s->deadline)
		s->deadline = now_ms() + GONE_LIMIT_MS;
}

static bool stream_wants_read(const struct mux *m, const struct stream *s)
{
	return !s->sent_eof && s->credit && m->out_len < QUEUE_MAX;
}

static void stream_read(struct mux *m, struct stream *s)
{
	char chunk[CHUNK];
	ssize_t n = read_some(s->fd, chunk, s->credit < CHUNK ? s->credit : CHUNK);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		mux_send(m, MSG_DATA, s->id, chunk, n);
		s->credit -= n;
		s->deadline = 0;
		return;
	}
	mux_send(m, MSG_EOF, s->id, NULL, 0);
	s->sent_eof = true;
	if (n < 0)
		stream_end(m, s);
}

static void stream_passed(struct mux *m, struct stream *s, uint32_t n)
{
	uint32_t owed;

	s->owed += n;
	if (s->owed < WINDOW / 4)
		return;
	owed = htole32(s->owed);
	mux_send(m, MSG_CREDIT, s->id, &owed, sizeof(owed));
	s->owed = 0;
}

static void stream_write(struct mux *m, struct stream *s)
{
	ssize_t n = send(s->fd, s->buf + s->off, s->len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = s->len;			/* nobody wants it any more */
	s->off += n;
	s->len -= n;
	s->deadline = 0;
	stream_passed(m, s, n);
}

/* After anything has happened to the stream: passes on what can be passed on, and ends it when all is said. */
static void stream_settle(struct mux *m, struct stream *s)
{
	if (s->len)
		stream_write(m, s);
	if (s->got_eof && !s->len && !s->told) {
		shutdown(s->fd, SHUT_WR);
		s->told = true;
	}
	if (s->hup && s->sent_eof)
		stream_end(m, s);
	if (s->hup || s->peer_gone)
		stream_deadline(s);
	if (s->deadline && now_ms() >= s->deadline)
		stream_end(m, s);
	if ((s->peer_gone && !s->len) || (s->sent_eof && s->told))
		s->dead = true;
}

static void mux_sweep(struct mux *m)
{
	for (int i = m->count - 1; i >= 0; i--) {
		struct stream *s = m->streams[i];

		if (!s->dead)
			continue;
		close(s->fd);
		free(s->buf);
		free(s);
		m->streams[i] = m->streams[--m->count];
	}
}

static void stream_receive(struct stream *s, const struct message *msg, const char *data)
{
	uint32_t credit;

	switch (msg->type) {
	case MSG_DATA:
		if (s->off + s->len + msg->len > WINDOW) {
			memmove(s->buf, s->buf + s->off, s->len);
			s->off = 0;
		}
		if (s->len + msg->len > WINDOW)
			errx(1, "the other side sent more than it may");
		memcpy(s->buf + s->off + s->len, data, msg->len);
		s->len += msg->len;
		break;
	case MSG_EOF:
		s->got_eof = true;
		break;
	case MSG_GONE:
		s->peer_gone = true;
		break;
	case MSG_CREDIT:
		memcpy(&credit, data, sizeof(credit));
		s->credit += le32toh(credit);
		break;
	}
}

static void mux_receive(struct mux *m, const struct message *msg, const char *data)
{
	if (msg->type == MSG_OPEN || msg->type == MSG_LIST)
		return m->receive(m, msg, data);
	for (int i = 0; i < m->count; i++) {
		if (m->streams[i]->id == msg->id && !m->streams[i]->dead) {
			stream_receive(m->streams[i], msg, data);
			stream_settle(m, m->streams[i]);
		}
	}
}

/* False when the port is at its end. */
static bool mux_read(struct mux *m)
{
	ssize_t n = read_some(m->port, m->in + m->in_len, sizeof(m->in) - m->in_len);
	struct message msg;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	m->in_len += n;
	for (;;) {
		if (m->in_len < sizeof(msg))
			return true;
		memcpy(&msg, m->in, sizeof(msg));
		msg = (struct message) { le32toh(msg.type), le32toh(msg.id), le32toh(msg.len) };
		if (msg.len > CHUNK)
			errx(1, "a message of %u bytes", msg.len);
		if (m->in_len < sizeof(msg) + msg.len)
			return true;
		mux_receive(m, &msg, m->in + sizeof(msg));
		m->in_len -= sizeof(msg) + msg.len;
		memmove(m->in, m->in + sizeof(msg) + msg.len, m->in_len);
	}
}

/* One round: waits for anything, serves port and streams; the caller's own descriptors are in extra. False: no port. */
static bool mux_step(struct mux *m, struct pollfd *extra, int extras, const sigset_t *mask)
{
	struct pollfd p[1 + STREAMS_MAX + NAMES_MAX + 1];
	const struct timespec soon = { .tv_nsec = 100 * 1000 * 1000 };
	int i, count = m->count;
	bool timer = false, ok = true;

	mux_flush(m);
	p[0] = (struct pollfd) { .fd = m->port, .events = POLLIN | (m->out_len ? POLLOUT : 0) };
	for (i = 0; i < count; i++) {
		struct stream *s = m->streams[i];
		short events = (stream_wants_read(m, s) ? POLLIN : 0) | (s->len ? POLLOUT : 0);

		p[1 + i] = (struct pollfd) { .fd = s->hup && !events ? -1 : s->fd, .events = events };
		timer |= s->deadline;
	}
	memcpy(p + 1 + count, extra, extras * sizeof(*extra));
	if (ppoll(p, 1 + count + extras, timer ? &soon : NULL, mask) < 0)
		memset(p, 0, sizeof(p));
	memcpy(extra, p + 1 + count, extras * sizeof(*extra));
	for (i = 0; i < count; i++) {
		struct stream *s = m->streams[i];

		s->hup |= !!(p[1 + i].revents & (POLLHUP | POLLERR));
		if (p[1 + i].revents && stream_wants_read(m, s))
			stream_read(m, s);
		stream_settle(m, s);
	}
	for (i = 0; p[0].revents && ok && i < PORT_READS; i++)
		ok = mux_read(m);	/* Linux's port gives a page at a time */
	mux_sweep(m);
	return ok;
}

/* ---- in the VM ---- */

/* Runs in a process of its own, so that neither direction can hold up the other. */
static void exec_pump_stdin(int sock, int in)
{
	char *buf = buffer(), tag;
	uint32_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (frame_recv(sock, &tag, buf, &len)) {
		if (in >= 0 && (!len || !write_full(in, buf, len))) {
			close(in);
			in = -1;
		}
	}
	_exit(0);
}

static pid_t exec_start(const char *cmd, int in, int out, int errfd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	signal(SIGPIPE, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(errfd, 2);
	execl("/bin/sh", "sh", "-c", cmd, NULL);
	_exit(127);
}

static bool exec_forward(int sock, char tag, int *fd, char *buf, size_t max)
{
	ssize_t n = read_some(*fd, buf, max < BUF_SIZE ? max : BUF_SIZE);

	if (n > 0)
		return frame_send(sock, tag, buf, n);
	close(*fd);
	*fd = -1;
	return true;
}

/* What is in the pipe now; a process left in the background may hold it open for ever. */
static bool exec_drain(int sock, char tag, int *fd, char *buf)
{
	int n = 0;

	if (*fd < 0 || ioctl(*fd, FIONREAD, &n) || n <= 0)
		return true;
	return exec_forward(sock, tag, fd, buf, n);
}

/* True when the command has ended, false when the other side has. */
static bool exec_watch(int sock, int out, int errfd, int pidfd)
{
	char *buf = buffer();

	for (;;) {
		struct pollfd p[] = {
			{ .fd = out, .events = POLLIN }, { .fd = errfd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN }, { .fd = sock, .events = POLLRDHUP },
		};

		if (poll(p, 4, -1) < 0)
			continue;
		if (p[3].revents)
			return false;
		if (p[0].revents && !exec_forward(sock, 'o', &out, buf, BUF_SIZE))
			return false;
		if (p[1].revents && !exec_forward(sock, 'e', &errfd, buf, BUF_SIZE))
			return false;
		if (p[2].revents)
			return exec_drain(sock, 'o', &out, buf) && exec_drain(sock, 'e', &errfd, buf);
	}
}

static void serve_exec(int sock)
{
	char *cmd = calloc(1, BUF_SIZE + 1), tag;
	int in[2], out[2], errfd[2], wstatus, pidfd;
	pid_t pid, pump;
	uint32_t status, len;
	bool ended;

	if (!cmd || !frame_recv(sock, &tag, cmd, &len) || tag != 'c')
		return;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(errfd, O_CLOEXEC))
		return;
	pid = exec_start(cmd, in[0], out[1], errfd[1]);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	close(in[0]);
	close(out[1]);
	close(errfd[1]);
	pump = fork();
	if (!pump)
		exec_pump_stdin(sock, in[1]);
	close(in[1]);
	ended = frame_send(sock, 'h', NULL, 0) && exec_watch(sock, out[0], errfd[0], pidfd);
	if (!ended)
		kill(-pid, SIGKILL);
	waitpid(pid, &wstatus, 0);
	if (!ended)
		return;
	status = htole32(WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus));
	frame_send(sock, 'x', &status, sizeof(status));
	shutdown(sock, SHUT_WR);
	waitpid(pump, NULL, 0);			/* it reads on to the end: closing with unread input is an error there */
}

/* Returns our end of a connection to a process that runs a command. */
static int serve_command(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (!fork()) {
		dup2(pair[1], 3);
		fcntl(3, F_SETFD, FD_CLOEXEC);
		close_range(4, ~0U, 0);
		signal(SIGCHLD, SIG_DFL);
		serve_exec(3);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

static const char *serve_dir;

static void serve_open(struct mux *m, const struct message *msg, const char *data)
{
	char name[NAME_SIZE] = "";
	int fd = -1;

	if (msg->type != MSG_OPEN || msg->len >= sizeof(name))
		errx(1, "a message that should not come here");
	memcpy(name, data, msg->len);
	if (m->count < STREAMS_MAX && !name[0])
		fd = serve_command();
	else if (m->count < STREAMS_MAX && name_ok(name))
		fd = unix_connect(serve_dir, name);
	if (fd >= 0) {
		stream_new(m, msg->id, fd);
		return;
	}
	warn("cannot open %s", name[0] ? name : "a command");
	mux_send(m, MSG_GONE, msg->id, NULL, 0);
}

static void serve_list(struct mux *m, char *last)
{
	char list[LIST_SIZE] = "\n";
	size_t len = 0;
	DIR *dir = opendir(serve_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_type == DT_SOCK && name_ok(e->d_name) && len + NAME_SIZE + 2 < sizeof(list))
			len += sprintf(list + len, "%s\n", e->d_name);
	}
	if (dir)
		closedir(dir);
	if (!strcmp(list, last))
		return;
	strcpy(last, list);
	mux_send(m, MSG_LIST, 0, list, strlen(list));
}

/* Until the other side of the port is there (again). */
static void serve_wait(struct mux *m)
{
	struct pollfd p = { .fd = m->port };

	while (poll(&p, 1, 0) != 0)
		usleep(100 * 1000);
}

/*
 * The directory is watched by inotify rather than by polling: a board at rest must show no file opens of ours to those
 * who trace it. An empty one is looked at again, as its removal is not reported while somebody works in it.
 */
static void serve_port(struct mux *m)
{
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF;
	char last[LIST_SIZE] = "", events[4096];
	int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	const struct itimerspec often = { .it_interval.tv_nsec = 500000000, .it_value.tv_nsec = 500000000 }, never = { 0 };
	struct pollfd extra[2] = { { .fd = in, .events = POLLIN }, { .fd = timer, .events = POLLIN, .revents = POLLIN } };

	do {
		if (!extra[0].revents && !extra[1].revents)
			continue;
		while (read_some(in, events, sizeof(events)) > 0 || read_some(timer, events, 8) > 0)
			;
		inotify_add_watch(in, serve_dir, mask);		/* again: the directory may be another one now */
		serve_list(m, last);
		timerfd_settime(timer, 0, last[0] == '\n' ? &often : &never, NULL);
	} while (mux_step(m, extra, 2, NULL));
	close(in);
	close(timer);
}

static int cmd_serve(char **arg)
{
	static struct mux m = { .receive = serve_open };

	signal(SIGCHLD, SIG_IGN);		/* as init: orphans vanish by themselves */
	serve_dir = arg[1];
	m.port = open(arg[0], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (m.port < 0)
		err(1, "%s", arg[0]);
	for (;;) {
		serve_wait(&m);
		serve_port(&m);
		for (int i = 0; i < m.count; i++)
			m.streams[i]->dead = true;
		mux_sweep(&m);
		m.in_len = m.out_len = m.out_off = 0;
	}
}

/* ---- on the host ---- */

static void exec_send_stdin(int sock)
{
	char *buf = buffer();
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = read_some(0, buf, BUF_SIZE)) > 0) {
		if (!frame_send(sock, 'i', buf, n))
			_exit(1);
	}
	frame_send(sock, 'i', NULL, 0);
	_exit(0);
}

static int exec_lost(const char *why)
{
	warnx("%s", why);
	return STATUS_LOST;
}

static int exec_receive(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char *buf = buffer(), tag;
	uint32_t len;

	if (poll(&p, 1, START_LIMIT_MS) == 0)
		return exec_lost("the board does not answer");
	while (frame_recv(sock, &tag, buf, &len)) {
		if (tag == 'x' && len == sizeof(uint32_t))
			return buf[0] & 0xff;
		if ((tag == 'o' || tag == 'e') && !write_full(tag == 'o' ? 1 : 2, buf, len))
			return 128 + SIGPIPE;
	}
	return exec_lost("the board went away before the command ended");
}

static int cmd_exec(char **arg)
{
	bool with_stdin = !strcmp(arg[0], "-i");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
	pid_t pump = 0;

	arg += with_stdin;
	strncpy(addr.sun_path, arg[0], sizeof(addr.sun_path) - 1);
	if (strlen(arg[1]) > BUF_SIZE)
		return exec_lost("the command is too long");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) || !frame_send(sock, 'c', arg[1], strlen(arg[1])))
		return exec_lost("the board cannot be reached");
	if (with_stdin)
		pump = fork();
	else
		frame_send(sock, 'i', NULL, 0);
	if (with_stdin && !pump)
		exec_send_stdin(sock);
	ret = exec_receive(sock);
	if (pump > 0)
		kill(pump, SIGKILL);
	return ret;
}

static struct carrier {
	const char *dir, *control;
	uint32_t next_id;
	int control_fd;				/* -1 until the VM has sent its first list */
	int count;
	struct {
		char name[NAME_SIZE];
		int fd;
	} carried[NAMES_MAX];
} carrier = { .control_fd = -1 };

static volatile sig_atomic_t carry_stop;

static void carry_on_signal(int sig)
{
	carry_stop = sig;
}

/* Our convention: whoever holds this lock is the bridge of the directory; its pid is in the file. */
static void carry_lock(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/bridge.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		errx(1, "%s: another bridge runs there", dir);
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
		err(1, "%s", path);
}

static void carry_add(struct carrier *c, const char *name)
{
	int fd = c->count < NAMES_MAX ? unix_listen(c->dir, name) : -1;

	if (fd < 0)
		return warnx("%s is not carried", name);
	strcpy(c->carried[c->count].name, name);
	c->carried[c->count++].fd = fd;
}

static void carry_remove(struct carrier *c, int i)
{
	struct sockaddr_un addr;

	if (unix_addr(&addr, c->dir, c->carried[i].name))
		unlink(addr.sun_path);
	close(c->carried[i].fd);
	c->carried[i] = c->carried[--c->count];
}

static void carry_list(struct mux *m, const struct message *msg, const char *data)
{
	struct carrier *c = &carrier;
	char list[LIST_SIZE] = "", *save, *name;
	bool listed[NAMES_MAX] = { false };
	int i, before = c->count;

	if (msg->type != MSG_LIST || msg->len >= sizeof(list))
		errx(1, "a message that should not come here");
	(void)m;
	memcpy(list, data, msg->len);
	for (name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		if (!name_ok(name))
			continue;
		for (i = 0; i < before && strcmp(c->carried[i].name, name); i++)
			;
		if (i < before)
			listed[i] = true;
		else
			carry_add(c, name);
	}
	for (i = before - 1; i >= 0; i--) {
		if (!listed[i])
			carry_remove(c, i);
	}
	if (c->control_fd < 0)
		c->control_fd = unix_listen("", c->control);
}

static void carry_accept(struct mux *m, int lfd, const char *name)
{
	int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (m->count == STREAMS_MAX) {
		warnx("%s: refused, there are %d connections", name, m->count);
		close(fd);
		return;
	}
	mux_send(m, MSG_OPEN, ++carrier.next_id, name, strlen(name));
	stream_new(m, carrier.next_id, fd);
}

static void carry_loop(struct carrier *c, struct mux *m)
{
	struct pollfd p[NAMES_MAX + 1];
	int fds[NAMES_MAX + 1];
	sigset_t none;
	int i, k, n;

	sigemptyset(&none);
	while (!carry_stop) {
		n = c->count;
		for (i = 0; i < n; i++)
			p[i] = (struct pollfd) { .fd = c->carried[i].fd, .events = POLLIN };
		p[n] = (struct pollfd) { .fd = c->control_fd, .events = POLLIN };
		for (i = 0; i <= n; i++)
			fds[i] = p[i].fd;
		if (!mux_step(m, p, n + 1, &none))
			return warnx("the board went away");
		if (p[n].revents)
			carry_accept(m, fds[n], "");
		for (i = 0; i < n; i++) {
			/* by now the list may be another */
			for (k = 0; p[i].revents && k < c->count; k++) {
				if (c->carried[k].fd == fds[i])
					carry_accept(m, fds[i], c->carried[k].name);
			}
		}
	}
}

static int cmd_carry(char **arg)
{
	static struct mux m = { .receive = carry_list };
	struct sigaction stop = { .sa_handler = carry_on_signal };
	struct carrier *c = &carrier;
	char path[PATH_MAX];
	sigset_t block;

	c->control = arg[1];
	c->dir = arg[2];
	umask(0177);
	carry_lock(c->dir);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, NULL);	/* delivered in ppoll alone */
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	m.port = unix_connect("", arg[0]);
	if (m.port < 0)
		err(1, "cannot reach the board");
	nonblock(m.port);
	carry_loop(c, &m);
	while (c->count)
		carry_remove(c, 0);
	snprintf(path, sizeof(path), "%s/bridge.lock", c->dir);
	unlink(path);
	unlink(c->control);
	return 0;
}

static const struct command {
	const char *name, *args;
	int least;
	int (*run)(char **arg);
} commands[] = {
	{ "serve", "PORT DIR", 2, cmd_serve },
	{ "exec", "[-i] CONTROL CMD", 2, cmd_exec },
	{ "carry", "QEMUSOCKET CONTROL DIR", 3, cmd_carry },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (argc < 2 || strcmp(argv[1], c->name))
			continue;
		if (argc - 2 < c->least + (argc > 2 && !strcmp(argv[2], "-i")))
			errx(2, "usage: agent %s %s", c->name, c->args);
		return c->run(argv + 2);
	}
	errx(2, "usage: agent serve|exec|carry ...");
}
