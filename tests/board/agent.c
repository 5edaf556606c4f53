// SPDX-License-Identifier: Apache-2.0
/*
 * The way into the virtual board that is not bpfwire: one program for both ends of a TCP connection.
 *
 *   in the VM     agent serve PORT TOKENFILE DIR        answers the requests below; DIR holds the bridge's sockets
 *   on the host   agent port                            prints a TCP port of 127.0.0.1 that is free now
 *                 agent exec [-i] PORT TOKENFILE CMD    runs CMD there (-i: with our stdin), exits with its status
 *                 agent carry PORT TOKENFILE DIR        mirrors the VM's sockets into DIR until the VM goes away
 *
 * A connection is one request: a line "TOKEN VERB ARGUMENT", where the token keeps other users of the host out.
 *
 *   EXEC LENGTH     LENGTH bytes of shell command follow; from then on frames in both directions: 'i' stdin (empty: its
 *                   end) to the VM; 'h' the command has started, 'o' stdout, 'e' stderr, 'x' exit status from it. Closing
 *                   the connection kills the command. What it left in the background lives on.
 *   CONNECT NAME    the bytes of the socket DIR/NAME, both ways
 *   ABORT PORT      ends the connection that comes from that port; what it still has in flight is lost
 *   WATCH -         the names of all sockets in DIR, one a line, then an empty line; again after each change
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUF_SIZE	(256 * 1024)
#define CMD_MAX		(1024 * 1024)
#define LINE_SIZE	512
#define LIST_SIZE	8192
#define NAMES_MAX	64
#define NAME_SIZE	64
#define SERVED_MAX	256
#define START_LIMIT_MS	15000		/* from EXEC to 'h' */
#define GONE_LIMIT_S	5		/* from an end's death to that of its relay, if the other does not read on */
#define STATUS_LOST	255

struct frame {
	uint8_t tag;
	uint8_t zero[3];
	uint32_t len;			/* little-endian, at most BUF_SIZE */
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

/* Byte by byte, so that nothing behind the line is swallowed. */
static bool read_line(int fd, char *line, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!read_full(fd, &line[i], 1))
			return false;
		if (line[i] == '\n') {
			line[i] = '\0';
			return true;
		}
	}
	return false;
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

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static struct sockaddr_in tcp_addr(in_addr_t host, const char *port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(host),
	};
}

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

static void token_read(const char *path, char *token, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !read_line(fd, token, size))
		err(1, "%s", path);
	close(fd);
}

/* Returns a connection on which the request line has been sent, or -1. */
static int request(const char *port, const char *token, const char *verb, const char *arg)
{
	struct sockaddr_in addr = tcp_addr(INADDR_LOOPBACK, port);
	char line[LINE_SIZE];
	int fd = tcp_socket();
	int len = snprintf(line, sizeof(line), "%s %s %s\n", token, verb, arg);

	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || !write_full(fd, line, len)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- relay ---- */

struct half {
	int from, to;
	char *buf;
	size_t off, len;
	bool eof;			/* 'from' has ended */
	bool closed;			/* and 'to' has been told */
	bool discard;			/* 'to' is gone: keep reading, so that 'from' can finish */
};

static bool half_read(struct half *h)
{
	ssize_t n = read_some(h->from, h->buf, BUF_SIZE);

	if (n < 0)
		return errno == EAGAIN;
	h->eof = n == 0;
	h->off = 0;
	h->len = h->discard ? 0 : n;
	return true;
}

static bool half_write(struct half *h)
{
	ssize_t n = send(h->to, h->buf + h->off, h->len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	h->off += n;
	h->len -= n;
	return true;
}

static bool half_step(struct half *h, short from, short to)
{
	if (!h->len && !h->eof && (from & (POLLIN | POLLHUP | POLLERR)) && !half_read(h))
		return false;
	if (h->len && (to || from) && !half_write(h))
		return false;
	if (h->eof && !h->len && !h->closed) {
		shutdown(h->to, SHUT_WR);
		h->closed = true;
	}
	return true;
}

static volatile sig_atomic_t relay_expired;

static void relay_on_alarm(int sig)
{
	relay_expired = sig;
}

/*
 * Moves bytes both ways until both directions have ended. When one end is gone altogether, its last bytes are delivered
 * within GONE_LIMIT_S, or else the result is false. The process is the relay's own.
 */
static bool relay(int a, int b)
{
	struct half h[2] = {
		{ .from = a, .to = b, .buf = buffer() },
		{ .from = b, .to = a, .buf = buffer() },
	};
	bool gone[2] = { false, false };

	sigaction(SIGALRM, &(struct sigaction) { .sa_handler = relay_on_alarm }, NULL);
	nonblock(a);
	nonblock(b);
	while (!h[0].closed || !h[1].closed) {
		struct pollfd p[2] = { { .fd = a }, { .fd = b } };

		for (int i = 0; i < 2; i++) {
			p[i].events = (!h[i].len && !h[i].eof ? POLLIN : 0) | (h[!i].len ? POLLOUT : 0);
			if (gone[i] && !p[i].events)
				p[i].fd = -1;
		}
		if (poll(p, 2, -1) < 0) {
			if (relay_expired)
				return false;
			continue;
		}
		for (int i = 0; i < 2; i++) {
			if (p[i].revents & POLLHUP) {
				if (!gone[0] && !gone[1])
					alarm(GONE_LIMIT_S);
				gone[i] = true;
				h[!i].discard = true;
				h[!i].len = 0;
			}
		}
		if (!half_step(&h[0], p[0].revents, p[1].revents) || !half_step(&h[1], p[1].revents, p[0].revents))
			break;
	}
	return true;
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

static void serve_exec(int sock, const char *arg)
{
	size_t len = strtoul(arg, NULL, 10);
	char *cmd = len <= CMD_MAX ? calloc(1, len + 1) : NULL;
	int in[2], out[2], errfd[2], wstatus, pidfd;
	pid_t pid, pump;
	uint32_t status;
	bool ended;

	if (!cmd || !read_full(sock, cmd, len))
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
	waitpid(pump, NULL, 0);		/* it reads on to the end: closing with unread input would reset the connection */
}

static void serve_connect(int sock, const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;

	if (!name_ok(name) || !unix_addr(&addr, dir, name))
		return warnx("CONNECT: bad name");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return warn("CONNECT %s", addr.sun_path);
	relay(sock, fd);
}

/* The connections, so that ABORT can find one. */
static struct served {
	in_port_t port;
	pid_t pid;
} served[SERVED_MAX];
static unsigned int served_next;

static void served_add(in_port_t port, pid_t pid)
{
	for (int i = 0; i < SERVED_MAX; i++) {
		if (served[i].port == port)
			served[i].port = 0;
	}
	served[served_next++ % SERVED_MAX] = (struct served) { .port = port, .pid = pid };
}

/*
 * An orderly end waits behind the data that a stuck receiver does not take, and QEMU's network does not pass on a reset
 * in that state. So the host says it on a connection of its own.
 */
static void serve_abort(const char *arg)
{
	in_port_t port = htons(atoi(arg));

	for (int i = 0; port && i < SERVED_MAX; i++) {
		if (served[i].port == port)
			kill(served[i].pid, SIGKILL);
	}
}

static bool watch_send(int sock, const char *path, char *last)
{
	char list[LIST_SIZE];
	size_t len = 0;
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_type == DT_SOCK && name_ok(e->d_name) && len + NAME_SIZE + 2 < sizeof(list))
			len += sprintf(list + len, "%s\n", e->d_name);
	}
	if (dir)
		closedir(dir);
	strcpy(list + len, "\n");
	if (!strcmp(list, last))
		return true;
	strcpy(last, list);
	return write_full(sock, list, len + 1);
}

/*
 * By inotify rather than by polling: a board at rest must show no file opens of ours to those who trace it. An empty
 * directory is looked at again, as its removal is not reported while it is somebody's working directory.
 */
static void serve_watch(int sock, const char *dir)
{
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF;
	char last[LIST_SIZE] = "", events[4096];
	int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (;;) {
		int wd = inotify_add_watch(in, dir, mask);	/* again: the directory may be another one now */
		struct pollfd p[] = { { .fd = in, .events = POLLIN }, { .fd = sock, .events = POLLRDHUP } };

		if (!watch_send(sock, dir, last))
			return;
		if (poll(p, 2, wd < 0 || last[0] == '\n' ? 500 : -1) < 0 || p[1].revents)
			return;
		while (read_some(in, events, sizeof(events)) > 0)
			;
	}
}

static void serve_request(int sock, const char *token, const char *dir)
{
	char line[LINE_SIZE], *save, *given, *verb, *arg;

	if (!read_line(sock, line, sizeof(line)))
		return;
	given = strtok_r(line, " ", &save);
	verb = strtok_r(NULL, " ", &save);
	arg = strtok_r(NULL, " ", &save);
	if (!arg || strcmp(given, token))
		return warnx("request refused");
	if (!strcmp(verb, "EXEC"))
		serve_exec(sock, arg);
	else if (!strcmp(verb, "CONNECT"))
		serve_connect(sock, dir, arg);
	else if (!strcmp(verb, "ABORT"))
		serve_abort(arg);
	else if (!strcmp(verb, "WATCH"))
		serve_watch(sock, dir);
	else
		warnx("no verb %s", verb);
}

static int cmd_serve(char **arg)
{
	struct sockaddr_in addr = tcp_addr(INADDR_ANY, arg[0]), peer;
	int lfd = tcp_socket(), sock, one = 1;
	char token[LINE_SIZE];
	socklen_t len;
	pid_t pid;

	token_read(arg[1], token, sizeof(token));
	if (bind(lfd, (struct sockaddr *)&addr, sizeof(addr)) || listen(lfd, 256))
		err(1, "listen on port %s", arg[0]);
	signal(SIGCHLD, SIG_IGN);	/* as init: orphans vanish by themselves */
	for (;;) {
		len = sizeof(peer);
		sock = accept4(lfd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
		if (sock < 0)
			continue;
		pid = fork();
		if (!pid) {
			close(lfd);
			signal(SIGCHLD, SIG_DFL);
			setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			serve_request(sock, token, arg[2]);
			_exit(0);
		}
		served_add(peer.sin_port, pid);
		close(sock);
	}
}

/* ---- on the host ---- */

static int cmd_port(char **arg)
{
	struct sockaddr_in addr = tcp_addr(INADDR_LOOPBACK, "0");
	socklen_t len = sizeof(addr);
	int fd = tcp_socket();

	(void)arg;
	if (bind(fd, (struct sockaddr *)&addr, len) || getsockname(fd, (struct sockaddr *)&addr, &len))
		err(1, "bind");
	printf("%d\n", ntohs(addr.sin_port));
	return 0;
}

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
	char token[LINE_SIZE], length[24];
	pid_t pump = 0;
	int sock, ret;

	arg += with_stdin;
	token_read(arg[1], token, sizeof(token));
	snprintf(length, sizeof(length), "%zu", strlen(arg[2]));
	if (strlen(arg[2]) > CMD_MAX)
		return exec_lost("the command is too long");
	sock = request(arg[0], token, "EXEC", length);
	if (sock < 0 || !write_full(sock, arg[2], strlen(arg[2])))
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

struct carrier {
	const char *port, *dir;
	char token[LINE_SIZE];
	int lock, watch;
	int count;
	struct {
		char name[NAME_SIZE];
		int fd;
	} carried[NAMES_MAX];
};

static volatile sig_atomic_t carry_stop;

static void carry_on_signal(int sig)
{
	carry_stop = sig;
}

/* Our convention: whoever holds this lock is the bridge of the directory; its pid is in the file. */
static int carry_lock(const char *dir)
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
	return fd;
}

static void carry_add(struct carrier *c, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (c->count == NAMES_MAX || !unix_addr(&addr, c->dir, name)) {
		warnx("%s: not carried: too many names, or too long a path", name);
		close(fd);
		return;
	}
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 128)) {
		warn("%s", addr.sun_path);
		close(fd);
		return;
	}
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

static bool carry_sync(struct carrier *c, char *list)
{
	bool listed[NAMES_MAX] = { false };
	char *save, *name;
	int i, before = c->count;

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
	return true;
}

/* False when the VM is gone. */
static bool carry_watch(struct carrier *c)
{
	char list[LIST_SIZE];
	size_t len = 0;

	do {
		if (len + 1 >= sizeof(list) || !read_full(c->watch, &list[len], 1))
			return false;
		len++;
	} while (list[len - 1] != '\n' || (len > 1 && list[len - 2] != '\n'));
	list[len] = '\0';
	return carry_sync(c, list);
}

static void carry_relay(struct carrier *c, int client, const char *name)
{
	int sock = request(c->port, c->token, "CONNECT", name);
	struct sockaddr_in self;
	socklen_t len = sizeof(self);
	char port[8];

	if (sock < 0 || relay(client, sock) || getsockname(sock, (struct sockaddr *)&self, &len))
		return;
	snprintf(port, sizeof(port), "%d", ntohs(self.sin_port));
	request(c->port, c->token, "ABORT", port);
}

static void carry_accept(struct carrier *c, int i)
{
	int client = accept4(c->carried[i].fd, NULL, NULL, SOCK_CLOEXEC);
	pid_t parent = getpid();

	if (client < 0)
		return;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(c->lock);
		close(c->watch);
		for (int k = 0; k < c->count; k++)
			close(c->carried[k].fd);
		carry_relay(c, client, c->carried[i].name);
		_exit(0);
	}
	close(client);
}

static void carry_loop(struct carrier *c)
{
	struct pollfd p[NAMES_MAX + 1];
	sigset_t none;
	int i, n;

	sigemptyset(&none);
	while (!carry_stop) {
		n = c->count;
		p[n] = (struct pollfd) { .fd = c->watch, .events = POLLIN };
		for (i = 0; i < n; i++)
			p[i] = (struct pollfd) { .fd = c->carried[i].fd, .events = POLLIN };
		if (ppoll(p, n + 1, NULL, &none) < 0)
			continue;
		for (i = 0; i < n; i++) {
			if (p[i].revents)
				carry_accept(c, i);
		}
		if (p[n].revents && !carry_watch(c))
			return warnx("the board went away");
	}
}

static int cmd_carry(char **arg)
{
	static struct carrier c;
	struct sigaction stop = { .sa_handler = carry_on_signal };
	char path[PATH_MAX];
	sigset_t block;

	c.port = arg[0];
	c.dir = arg[2];
	token_read(arg[1], c.token, sizeof(c.token));
	umask(0177);
	c.lock = carry_lock(c.dir);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, NULL);	/* delivered in ppoll alone */
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	signal(SIGCHLD, SIG_IGN);
	c.watch = request(c.port, c.token, "WATCH", "-");
	if (c.watch < 0)
		err(1, "cannot reach the board");
	carry_loop(&c);
	while (c.count)
		carry_remove(&c, 0);
	snprintf(path, sizeof(path), "%s/bridge.lock", c.dir);
	unlink(path);
	return 0;
}

static const struct command {
	const char *name, *args;
	int least;
	int (*run)(char **arg);
} commands[] = {
	{ "serve", "PORT TOKENFILE DIR", 3, cmd_serve },
	{ "port", "", 0, cmd_port },
	{ "exec", "[-i] PORT TOKENFILE CMD", 3, cmd_exec },
	{ "carry", "PORT TOKENFILE DIR", 3, cmd_carry },
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
	errx(2, "usage: agent serve|port|exec|carry ...");
}
