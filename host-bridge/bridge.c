// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-bridge/bridge.h"
#include "host-bridge/finder.h"
#include "host-bridge/hotplug.h"
#include "host-bridge/keeper.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define SCAN_MS		1000	/* a look for boards where there are no events */
#define SETTLE_MS	200	/* after an event: a device's interfaces come a moment after the device */
#define STOP_MS		4000

struct bridge {
	const struct bw_bridge_options *o;
	struct bw_finder finder;
	int hotplug;			/* -1: no events */
	struct bw_keeper *boards;
	int signal_fd;
	int64_t scan_at;
	int64_t idle_since;		/* 0: there are clients */
	bool stopping;
	int64_t stop_by;
	struct pollfd fds[2 + BW_BOARDS_MAX * 2 * BW_KEEPER_POLLFDS];
};

/* ---- boards come and go ---- */

static bool name_taken(struct bridge *b, const char *name)
{
	struct bw_keeper *k;

	for (k = b->boards; k; k = k->next)
		if (!k->leaving && !strcmp(k->name, name))
			return true;
	return false;
}

/* False where it cannot be served now. */
static bool board_add(struct bridge *b, const char *serial, const struct bw_found *found)
{
	char name[BW_BOARD_NAME_SIZE], first[BW_BOARD_NAME_SIZE], where[80];
	struct bw_keeper *k;
	unsigned int n = 1;

	snprintf(where, sizeof(where), "usb-%s", found ? found->path : "");
	bw_name_from_serial(name, serial, where);
	memcpy(first, name, sizeof(first));
	while (name_taken(b, name)) {
		if (++n > 99)
			return false;
		memcpy(name, first, sizeof(name));
		bw_name_number(name, n);
	}
	k = bw_keeper_new(b->o->dir, name, found, b->o->command);
	if (!k)
		return false;
	if (n > 1)
		bw_log(BW_LOG_WARN, "board %s: another board has the serial number %s too: this one, on %s, is called %s", name, first,
		       found ? found->path : "a command", name);
	if (found)
		bw_log(BW_LOG_INFO, "board %s: found on USB port %s (%s, %u Mbit/s)", name, found->path, found->node, found->speed);
	k->seen = true;
	k->next = b->boards;
	b->boards = k;
	return true;
}

static struct bw_keeper *board_of(struct bridge *b, const struct bw_found *found)
{
	struct bw_keeper *k;

	for (k = b->boards; k; k = k->next)
		if (!k->leaving && !strcmp(k->found.node, found->node) && k->found.interface == found->interface)
			return k;
	return NULL;
}

static void scan(struct bridge *b, int64_t now)
{
	struct bw_found found[BW_BOARDS_MAX];
	struct bw_keeper *k;
	int i, n;

	b->scan_at = b->hotplug < 0 ? now + SCAN_MS : INT64_MAX;
	n = bw_finder_scan(&b->finder, found, BW_BOARDS_MAX);
	for (k = b->boards; k; k = k->next)
		k->seen = false;
	for (i = 0; i < n; i++)
		if ((k = board_of(b, &found[i])))
			k->seen = true;
	/* Those that went first: the same board, plugged in again, is to have its name back. */
	for (k = b->boards; k; k = k->next) {
		if (k->seen || k->leaving)
			continue;
		bw_log(BW_LOG_INFO, "board %s: gone from USB port %s", k->name, k->found.path);
		bw_keeper_leave(k, now);
	}
	for (i = 0; i < n; i++)
		if (!board_of(b, &found[i]) && !board_add(b, found[i].serial, &found[i]))
			b->scan_at = now + SCAN_MS;
}

static void reap(struct bridge *b, int64_t now)
{
	struct bw_keeper *k;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (k = b->boards; k; k = k->next)
			if (k->pid == pid)
				bw_keeper_ended(k, status, now);
	if (!b->o->command)
		b->scan_at = now;	/* the likely reason is that the board is gone */
}

static void bury(struct bridge *b)
{
	struct bw_keeper **at = &b->boards, *k;

	while ((k = *at)) {
		if (!k->leaving || k->pid) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		bw_keeper_free(k);
	}
}

/* ---- the loop ---- */

static void stop(struct bridge *b, int64_t now)
{
	struct bw_keeper *k;

	if (b->stopping)
		return;
	b->stopping = true;
	b->stop_by = now + STOP_MS;
	for (k = b->boards; k; k = k->next)
		bw_keeper_leave(k, now);
}

static void read_signals(struct bridge *b, int64_t now)
{
	struct signalfd_siginfo si;

	while (read(b->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(b, now);
		else
			stop(b, now);
	}
}

static void check_idle(struct bridge *b, int64_t now, int *timeout_ms)
{
	int64_t left, limit = (int64_t)b->o->idle_s * 1000;
	unsigned int clients = 0;
	struct bw_keeper *k;

	if (!limit || b->stopping)
		return;
	for (k = b->boards; k; k = k->next)
		clients += k->clients;
	if (clients)
		b->idle_since = now;
	left = b->idle_since + limit - now;
	if (left <= 0) {
		bw_log(BW_LOG_INFO, "no client for %d s: ending", b->o->idle_s);
		stop(b, now);
		left = 0;
	}
	if (*timeout_ms < 0 || left < *timeout_ms)
		*timeout_ms = (int)left;
}

static int timers(struct bridge *b, int64_t now)
{
	struct bw_keeper *k;
	int timeout = -1;

	if (!b->o->command && !b->stopping) {
		if (now >= b->scan_at)
			scan(b, now);
		timeout = b->scan_at == INT64_MAX ? -1 : (int)(b->scan_at - now);
	}
	for (k = b->boards; k; k = k->next)
		bw_keeper_tick(k, now, &timeout);
	check_idle(b, now, &timeout);
	if (b->stopping && (timeout < 0 || b->stop_by - now < timeout))
		timeout = b->stop_by > now ? (int)(b->stop_by - now) : 0;
	return timeout;
}

static int wait_for_events(struct bridge *b, int timeout, int *first_board)
{
	struct bw_keeper *k;
	int n = 0;

	b->fds[n++] = (struct pollfd) { .fd = b->signal_fd, .events = POLLIN };
	b->fds[n++] = (struct pollfd) { .fd = b->hotplug, .events = POLLIN };
	*first_board = n;
	for (k = b->boards; k && n + BW_KEEPER_POLLFDS <= (int)(sizeof(b->fds) / sizeof(*b->fds)); k = k->next)
		n += bw_keeper_pollfds(k, b->fds + n);
	if (poll(b->fds, (nfds_t)n, timeout) < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

static int turn(struct bridge *b)
{
	int first, n, i, timeout = timers(b, bw_now_ms());
	struct bw_keeper *k;
	int64_t now;

	n = wait_for_events(b, timeout, &first);
	if (n <= 0)
		return n;
	now = bw_now_ms();
	for (k = b->boards, i = first; k && i < n; k = k->next, i += BW_KEEPER_POLLFDS)
		bw_keeper_input(k, b->fds + i);
	if (b->fds[1].revents && bw_hotplug_input(b->hotplug) && b->scan_at > now + SETTLE_MS)
		b->scan_at = now + SETTLE_MS;
	if (b->fds[0].revents)
		read_signals(b, now);
	bury(b);
	return 0;
}

static int watch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int bw_bridge_run(const struct bw_bridge_options *o)
{
	struct bridge *b = calloc(1, sizeof(*b));
	struct bw_keeper *k;
	int r = 0;

	if (!b)
		return -ENOMEM;
	b->o = o;
	b->finder = (struct bw_finder) { .sysfs = o->sysfs, .node = o->node };
	b->idle_since = bw_now_ms();
	b->hotplug = -1;
	b->signal_fd = watch_signals();
	if (b->signal_fd < 0) {
		r = -errno;
		free(b);
		return r;
	}
	if (o->command)
		board_add(b, o->serial, NULL);
	else if (!strcmp(o->sysfs, BW_FINDER_SYSFS))	/* of a made-up one the kernel tells nothing */
		b->hotplug = bw_hotplug_open();
	while (!r && !(b->stopping && (!b->boards || bw_now_ms() >= b->stop_by)))
		r = turn(b);
	while ((k = b->boards)) {
		b->boards = k->next;
		if (k->pid > 0)
			kill(k->pid, SIGKILL);
		bw_keeper_free(k);
	}
	if (b->hotplug >= 0)
		close(b->hotplug);
	close(b->signal_fd);
	free(b);
	return r;
}
