// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-bridge/greeting.h"
#include "host-bridge/keeper.h"
#include "host-bridge/worker.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define STEADY_MS	10000	/* a process that ran this long starts the count of failures anew */
#define PAUSE_MS	250	/* before the second try, twice as long before each after that */
#define PAUSE_MAX_MS	4000
#define LEAVE_MS	3000

static void stop_listening(struct bw_keeper *k)
{
	if (k->listen_fd >= 0) {
		bw_directory_remove(k->dir, k->name);
		close(bw_steal_fd(&k->listen_fd));
	}
	if (k->text_fd >= 0) {
		bw_directory_remove(k->dir, k->text_name);
		close(bw_steal_fd(&k->text_fd));
	}
}

void bw_keeper_free(struct bw_keeper *k)
{
	if (!k)
		return;
	stop_listening(k);
	if (k->report_fd >= 0)
		close(k->report_fd);
	free(k);
}

struct bw_keeper *bw_keeper_new(struct bw_directory *dir, const char *name, const struct bw_found *found, const char *command)
{
	struct bw_keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->dir = dir;
	k->command = command;
	k->report_fd = -1;
	k->status = -EAGAIN;
	if (found)
		k->found = *found;
	snprintf(k->name, sizeof(k->name), "%s", name);
	snprintf(k->reason, sizeof(k->reason), "board %s is being opened", name);
	snprintf(k->text_name, sizeof(k->text_name), "%s" BW_NAME_TEXT, name);
	k->text_fd = -1;
	k->listen_fd = bw_directory_listen(dir, name);
	if (k->listen_fd >= 0)
		k->text_fd = bw_directory_listen(dir, k->text_name);
	if (k->text_fd >= 0)
		return k;
	bw_keeper_free(k);
	return NULL;
}

static void keeper_start(struct bw_keeper *k, int64_t now)
{
	struct bw_worker_options o = { .name = k->name, .found = k->command ? NULL : &k->found, .command = k->command,
					.listen_fd = k->listen_fd, .text_fd = k->text_fd };
	int fds[2];

	k->started_at = now;
	k->told = false;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		bw_keeper_ended(k, 0, now);
		return;
	}
	if (k->report_fd >= 0)
		close(k->report_fd);
	k->report_fd = fds[0];
	k->line_len = 0;
	o.report_fd = fds[1];
	k->pid = bw_worker_start(&o);
	close(fds[1]);
	if (k->pid > 0)
		return;
	bw_log(BW_LOG_ERROR, "board %s: start its process: %s", k->name, strerror(-k->pid));
	bw_keeper_ended(k, 0, now);
}

void bw_keeper_tick(struct bw_keeper *k, int64_t now, int *timeout_ms)
{
	int64_t at = 0;

	if (k->leaving && k->pid && k->kill_at) {
		if (now >= k->kill_at) {
			kill(k->pid, SIGKILL);
			k->kill_at = 0;
		}
		at = k->kill_at;
	} else if (!k->leaving && !k->pid) {
		if (now >= k->start_at)
			keeper_start(k, now);
		at = k->pid ? 0 : k->start_at;
	}
	if (at && (*timeout_ms < 0 || at - now < *timeout_ms))
		*timeout_ms = at > now ? (int)(at - now) : 0;
}

/* ---- what the process says ---- */

static void keeper_line(struct bw_keeper *k, const char *line)
{
	int err, at = 0;

	if (sscanf(line, "clients %u", &k->clients) == 1)
		return;
	if (sscanf(line, "failed %d %n", &err, &at) == 1 && at && err < 0) {
		k->told = true;
		k->status = err;
		snprintf(k->reason, sizeof(k->reason), "%s", line + at);
	}
}

static void keeper_read(struct bw_keeper *k)
{
	char *end;
	ssize_t n;

	while (k->report_fd >= 0) {
		n = read(k->report_fd, k->line + k->line_len, sizeof(k->line) - 1 - k->line_len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(bw_steal_fd(&k->report_fd));
			return;
		}
		k->line_len += (size_t)n;
		k->line[k->line_len] = 0;
		while ((end = strchr(k->line, '\n'))) {
			*end = 0;
			keeper_line(k, k->line);
			k->line_len -= (size_t)(end + 1 - k->line);
			memmove(k->line, end + 1, k->line_len + 1);
		}
		if (k->line_len == sizeof(k->line) - 1)		/* not ours: forget it */
			k->line_len = 0;
	}
}

/* A board that is gone anyway is no news; the same reason again is none either. */
static void keeper_log(struct bw_keeper *k)
{
	if (k->leaving || (k->status == -ENODEV && !k->command) || !strcmp(k->reason, k->logged))
		return;
	bw_log(BW_LOG_ERROR, "%s", k->reason);
	snprintf(k->logged, sizeof(k->logged), "%s", k->reason);
}

void bw_keeper_ended(struct bw_keeper *k, int wait_status, int64_t now)
{
	bool steady = now - k->started_at >= STEADY_MS;
	unsigned int shift;

	if (steady)
		k->logged[0] = 0;
	keeper_read(k);
	if (!k->told) {
		k->status = -EIO;
		snprintf(k->reason, sizeof(k->reason), "board %s: its process %s %d", k->name, WIFSIGNALED(wait_status) ?
			 "was ended by signal" : "ended with exit status",
			 WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
	}
	keeper_log(k);
	k->pid = 0;
	k->clients = 0;
	k->failures = steady ? 1 : k->failures + 1;
	shift = k->failures < 6 ? k->failures - 1 : 5;
	k->start_at = now + (PAUSE_MS << shift < PAUSE_MAX_MS ? PAUSE_MS << shift : PAUSE_MAX_MS);
}

void bw_keeper_leave(struct bw_keeper *k, int64_t now)
{
	if (k->leaving)
		return;
	k->leaving = true;
	k->kill_at = now + LEAVE_MS;
	stop_listening(k);
	if (k->pid)
		kill(k->pid, SIGTERM);
}

/* ---- the loop ---- */

int bw_keeper_pollfds(struct bw_keeper *k, struct pollfd fds[BW_KEEPER_POLLFDS])
{
	bool refusing = !k->pid && !k->leaving;

	fds[0] = (struct pollfd) { .fd = k->report_fd, .events = POLLIN };
	fds[1] = (struct pollfd) { .fd = refusing ? k->listen_fd : -1, .events = POLLIN };
	fds[2] = (struct pollfd) { .fd = refusing && k->status != -EAGAIN ? k->text_fd : -1, .events = POLLIN };	/* as in clients.c */
	return BW_KEEPER_POLLFDS;
}

static void refuse_all(struct bw_keeper *k, const struct pollfd *p)
{
	if (p->revents && !k->pid && !k->leaving)
		while (bw_greeting_refuse_next(p->fd, p->fd == k->text_fd, k->name, k->status, k->reason) >= 0)
			;
}

void bw_keeper_input(struct bw_keeper *k, const struct pollfd fds[BW_KEEPER_POLLFDS])
{
	if (fds[0].revents)
		keeper_read(k);
	refuse_all(k, &fds[1]);
	refuse_all(k, &fds[2]);
}
