// SPDX-License-Identifier: Apache-2.0
/*
 * On the virtual board: kills the bridge with both pipes full and in mid-frame, again and again, and measures how soon the next one serves.
 *
 *	reset-loop COUNT LIMIT_MS DAEMON_PID FILE	FILE: a big one, to be asked for
 *
 * Some clients write big frames (more of them than their windows would let the pipe hold), one asks for FILE over and over. Then the daemon is stopped, so that what is written piles up down to the
 * USB transfers; the bridge is killed; the daemon goes on, and fills its own transfers to nobody. Exit 0: each next bridge answered in time.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "protocol/io.h"
#include "protocol/msg.h"
#include "tests/e2e/socket_client.h"

#define DIR		"/run/reset-loop"
#define BOARD		DIR "/BOARD0001"
#define GIVE_UP_MS	30000
#define MOVED		(512u << 10)	/* bytes that both directions have carried before the daemon is stopped */
#define WRITERS		4
#define STUCK_MS	60		/* nothing could be written for so long: all is full */

static void client_take(struct client *c)
{
	struct bw_frame f;

	while (client_frame(c, &f, bw_now_ms()) > 0)
		client_account(c, &f);
}

static void put_write(struct client *c)
{
	static uint8_t data[60000];
	struct bw_handle_write m = { .handle = 77, .len = sizeof(data), .data = data };
	struct bw_buf payload = { 0 };

	bw_put_handle_write(&payload, &m);
	client_put(c, BW_MSG_HANDLE_WRITE, &payload);
	bw_buf_free(&payload);
}

static void put_get(struct client *c, const char *path)
{
	struct bw_file m = { .path = { path, (uint32_t)strlen(path) } };
	struct bw_buf payload = { 0 };

	bw_put_file(&payload, &m);
	client_put(c, BW_MSG_FILE_GET, &payload);
	bw_buf_free(&payload);
}

static int clients_open(struct client *writers, struct client *reader, int64_t until)
{
	int r = client_open_soon(reader, BOARD, "reset-loop", until);

	for (int i = 1; i < WRITERS && !r; i++)
		r = client_open_soon(&writers[i], BOARD, "reset-loop", until);
	return r;
}

/* What each writer has for the pipe; true if anything moved. *waits: how many have something that does not. */
static bool write_all(struct client *writers, int *waits)
{
	bool moved = false;

	*waits = 0;
	for (int i = 0; i < WRITERS; i++) {
		struct client *c = &writers[i];

		client_take(c);
		if (!c->out.len && c->up.avail >= BW_FRAME_MAX)
			put_write(c);
		moved |= client_give(c);
		*waits += c->out.len > c->sent;
	}
	return moved;
}

/* Both directions at work until they have moved enough, and from then on (the daemon stopped) until nothing moves. */
static bool stream(struct client *writers, struct client *reader, const char *path, pid_t daemon)
{
	int64_t until = bw_now_ms() + GIVE_UP_MS, moved = bw_now_ms();
	uint32_t asked = reader->request;
	bool stopped = false;
	int waits;

	while (bw_now_ms() < until) {
		if (reader->request - asked < 3 + reader->got / (1u << 20) && !reader->out.len)
			put_get(reader, path);
		if (write_all(writers, &waits))
			moved = bw_now_ms();
		client_give(reader);
		client_take(reader);
		usleep(500);
		if (!stopped && writers[1].wrote > MOVED && reader->got > MOVED) {
			kill(daemon, SIGSTOP);
			stopped = true;
			moved = bw_now_ms();
		}
		if (stopped && bw_now_ms() - moved > STUCK_MS)
			return waits > 0;
	}
	return false;
}

static pid_t bridge_start(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	execlp("bpfwire-bridge", "bpfwire-bridge", "--dir", DIR, (char *)NULL);
	_exit(127);
}

static void bridge_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct client writers[WRITERS] = { 0 }, reader = { 0 };
	int i, count, limit, full = 0, late = 0;
	int64_t start, took, first = 0, worst = 0, sum = 0;
	pid_t bridge, daemon;

	if (argc != 5)
		return 2;
	count = atoi(argv[1]);
	limit = atoi(argv[2]);
	daemon = atoi(argv[3]);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i <= count; i++) {
		start = bw_now_ms();
		bridge = bridge_start();
		if (client_open_soon(&writers[0], BOARD, "reset-loop", start + GIVE_UP_MS)) {
			printf("reset-loop: after %d resets no bridge comes up within %d ms\n", i, GIVE_UP_MS);
			bridge_kill(bridge);
			return 1;
		}
		took = bw_now_ms() - start;
		if (!i) {		/* after nothing: what a bridge takes by itself */
			first = took;
		} else {
			worst = took > worst ? took : worst;
			sum += took;
			late += took > limit;
		}
		if (i < count && !clients_open(writers, &reader, start + GIVE_UP_MS))
			full += stream(writers, &reader, argv[4], daemon);
		bridge_kill(bridge);
		kill(daemon, SIGCONT);
		for (int k = 0; k < WRITERS; k++)
			client_close(&writers[k]);
		client_close(&reader);
		usleep(30000);		/* for the daemon to fill its side */
	}
	printf("reset-loop: %d resets, %d of them with all full; in business after %lld ms on average, %lld ms at worst (%lld ms "
	       "with nothing to reset), %d later than %d ms\n",
	       count, full, (long long)(count ? sum / count : 0), (long long)worst, (long long)first, late, limit);
	return late > 0 || full < count;
}
