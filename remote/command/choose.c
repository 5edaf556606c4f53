// SPDX-License-Identifier: Apache-2.0
#include "remote/command/choose.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/bridge.h"
#include "remote/command/command.h"
#include "remote/command/place.h"

#define STEP_MS		50
/* A bridge that was just started finds boards one after the other: none for so long means that all are there. */
#define SETTLE_MS	300

static bool any_bridge(const struct bw_dirs *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (bw_bridge_runs(d->v[i]))
			return true;
	return false;
}

static const struct bw_board *find(const struct bw_boards *l, const char *serial)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].serial, serial))
			return &l->v[i];
	return NULL;
}

static bool any_opening(const struct bw_boards *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].state == BW_BOARD_OPENING)
			return true;
	return false;
}

struct wait {
	const char *serial;		/* the one that is enough, or NULL */
	const struct bw_bridge *started;	/* by us, just now, or NULL */
	size_t seen;
	int64_t changed;		/* when the number of boards last changed */
};

static bool is_settled(struct wait *w, const struct bw_boards *l)
{
	const struct bw_board *b = w->serial ? find(l, w->serial) : NULL;
	int64_t now = bw_now_ms();

	if (b && b->state == BW_BOARD_READY)
		return true;
	if (l->n != w->seen) {
		w->seen = l->n;
		w->changed = now;
	}
	if (any_opening(l))
		return false;
	if (!w->started)
		return true;
	return l->n && !w->serial ? now - w->changed >= SETTLE_MS : false;
}

/* When nothing was found: the most useful thing that is known. */
static void explain(const struct bw_boards *l, const struct bw_bridge *started, int err, char *why, size_t size)
{
	char words[512];

	if (l->unreadable)
		snprintf(why, size, "%s cannot be read: %s (a system-wide bridge serves the members of its --group)", l->unreadable, strerror(-err));
	else if (!started)
		snprintf(why, size, "plug one in and start bpfwired on it; 'lsusb -d 1d6b:0104' shows if this machine sees it");
	else {
		bw_bridge_last_words(started, words, sizeof(words));
		snprintf(why, size, *words ? "the bridge says: %s" : "plug one in and start bpfwired on it%s", words);
	}
}

int bw_boards_await(const char *serial, struct bw_boards *out, char *why, size_t size)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int64_t deadline = bw_now_ms() + BW_BOARDS_WAIT_MS;
	struct wait w = { .serial = serial };
	struct bw_bridge bridge;
	struct bw_dirs dirs;
	int err;

	*why = 0;
	memset(out, 0, sizeof(*out));
	err = bw_dirs_init(&dirs);
	if (err)
		return err;
	err = bw_boards_find(dirs.v, dirs.n, out);
	if (!out->n && !any_bridge(&dirs)) {
		err = bw_bridge_start(dirs.own, &bridge);
		if (err)
			return err;
		w.started = &bridge;
	}
	while (!is_settled(&w, out) && bw_now_ms() < deadline) {
		/* It may have ended since another was quicker, and that one has the boards then. */
		if (w.started && !bw_bridge_alive(&bridge) && !any_bridge(&dirs))
			break;
		nanosleep(&step, NULL);
		bw_boards_free(out);
		err = bw_boards_find(dirs.v, dirs.n, out);
	}
	if (!out->n)
		explain(out, w.started, err, why, size);
	return 0;
}

/* "A, B (offline), C" */
static const char *names(const struct bw_boards *l, char *out, size_t size)
{
	size_t i, n = 0;

	*out = 0;
	for (i = 0; i < l->n && n < size; i++) {
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", l->v[i].serial);
		if (l->v[i].state != BW_BOARD_READY && n < size)
			n += (size_t)snprintf(out + n, size - n, " (%s)", bw_board_state_name(l->v[i].state));
	}
	return out;
}

static int pick(const struct bw_boards *l, const char *serial, const char *why, struct bw_board *out)
{
	const struct bw_board *b = serial ? find(l, serial) : l->v;
	char list[1024];

	if (!b && serial && l->n) {
		bw_log(BW_LOG_ERROR, "no board '%s'; there %s %s", serial, l->n > 1 ? "are" : "is", names(l, list, sizeof(list)));
		return -ENODEV;
	}
	if (!b && serial) {
		bw_log(BW_LOG_ERROR, "no board '%s', nor any other: %s", serial, why);
		return -ENODEV;
	}
	if (!b) {
		bw_log(BW_LOG_ERROR, "no board: %s", why);
		return -ENODEV;
	}
	if (!serial && l->n > 1) {
		bw_log(BW_LOG_ERROR, "there are %zu boards, choose one by -s SERIAL or BPFWIRE_SERIAL: %s", l->n, names(l, list, sizeof(list)));
		return -ENOTUNIQ;
	}
	if (b->state != BW_BOARD_READY) {
		bw_log(BW_LOG_ERROR, "board %s: %s: %s", b->serial, bw_board_state_name(b->state), b->reason);
		return -EHOSTDOWN;
	}
	*out = *b;
	return 0;
}

int bw_board_choose(const char *serial, struct bw_board *out)
{
	struct bw_boards l;
	char why[1024];
	int err;

	if (!serial)
		serial = getenv("BPFWIRE_SERIAL");
	if (serial && !*serial)
		serial = NULL;
	err = bw_boards_await(serial, &l, why, sizeof(why));
	if (!err)
		err = pick(&l, serial, why, out);
	bw_boards_free(&l);
	return err;
}

int bw_board_from_args(const char *command, int argc, char **argv, struct bw_board *out)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { 0 } };
	const char *serial = NULL;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:s:", options, NULL)) != -1) {
		if (opt != 's')
			return bw_option_error(opt, argv);
		serial = optarg;
	}
	if (optind < argc)
		return bw_usage_error("%s takes no argument '%s'", command, argv[optind]);
	return bw_board_choose(serial, out) ? BW_EXIT_USAGE : BW_EXIT_OK;
}
