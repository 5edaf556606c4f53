// SPDX-License-Identifier: Apache-2.0
/* On the host: the VM's sockets in a directory here, and the control socket. */
#include "agent.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

int cmd_carry(char **arg)
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
	bw_set_nonblock(m.port, true);
	carry_loop(c, &m);
	while (c->count)
		carry_remove(c, 0);
	snprintf(path, sizeof(path), "%s/bridge.lock", c->dir);
	unlink(path);
	unlink(c->control);
	return 0;
}
