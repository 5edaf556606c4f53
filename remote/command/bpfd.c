// SPDX-License-Identifier: Apache-2.0
/* bpfwire bpfd: the board's text protocol on standard input and output. What the lines say is between the user and the board. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "protocol/wirecode.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/session.h"

#define PIECE	(32u << 10)

static struct termios cooked;	/* the terminal before it was made raw, for on_signal */

struct stream {
	struct bw_session s;
	struct bw_window up;	/* what the board still takes */
	bool ended;		/* standard input has */
	int status;		/* of the board's CLOSE */
};

/* 0, 1: the board has closed the session, or a negative errno. */
static int take(struct stream *t, const struct bw_frame *f)
{
	switch (f->type) {
	case BW_MSG_DATA:
		return bw_write_full(1, f->payload, bw_frame_payload_len(f));
	case BW_MSG_CREDIT:
		return bw_window_credited(&t->up, f);
	case BW_MSG_CLOSE:
		return f->status ? bw_errno_from_wire(f->status) : 1;
	default:
		return 0;
	}
}

/* All that has come: the greeting may have come with the answer to OPEN already. */
static int take_all(struct stream *t)
{
	struct bw_frame f;
	int r, done = 0;

	while (!done && (r = bw_session_take(&t->s, &f)))
		done = r < 0 ? r : take(t, &f);
	return done;
}

/* At the end of input an empty frame says so, and the board answers what it still has. */
static int from_user(struct stream *t)
{
	char buf[PIECE];
	ssize_t n = read(0, buf, sizeof(buf));
	int r;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		t->ended = true;
	r = bw_window_receive(&t->up, (uint32_t)(BW_FRAME_HEADER + (n > 0 ? n : 0)));
	if (!r)
		r = bw_session_post(&t->s, BW_MSG_DATA, buf, n > 0 ? (size_t)n : 0, NULL);
	/* After `exit` the board may have closed already, and that is what is still to be read. */
	return t->ended && r == -ECONNRESET ? 0 : r;
}

static int pass(struct stream *t)
{
	int r;

	while (!(r = take_all(t))) {
		bool room = t->up.avail >= (int64_t)(PIECE + BW_FRAME_HEADER);
		struct pollfd p[2] = { { .fd = t->s.fd, .events = POLLIN }, { .fd = t->ended || !room ? -1 : 0, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			r = from_user(t);
		if (!r && p[0].revents)
			r = bw_session_receive(&t->s);
		if (r)
			break;
	}
	return r;
}

static int say_why(const struct bw_board *b, int err)
{
	if (err != -EPROTO)
		return bw_session_complain(b, "the text session", err);
	bw_log(BW_LOG_ERROR, "board %s: %s does not speak the text protocol: update it", b->serial, b->daemon);
	return BW_EXIT_USAGE;
}

/* Ends us as it would have, but not with the terminal raw: a shell that does not mend it itself would be without an echo. */
static void on_signal(int sig)
{
	tcsetattr(0, TCSANOW, &cooked);
	raise(sig);		/* blocked until we return, and by SA_RESETHAND its own again */
}

static bool make_raw(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }, was;

	if (!isatty(0) || tcgetattr(0, &cooked))
		return false;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!sigaction(ends[i], NULL, &was) && was.sa_handler == SIG_DFL)
			sigaction(ends[i], &sa, NULL);
	return bw_tty_raw(0, &cooked);
}

static int talk(struct bw_board *b)
{
	struct stream t = { 0 };
	bool raw;
	int r = bw_session_open_service(&t.s, b, BW_SERVICE_TEXT);

	if (r)
		return say_why(b, r);
	bw_window_init(&t.up, b->window);
	raw = make_raw();
	r = pass(&t);
	if (raw)
		tcsetattr(0, TCSANOW, &cooked);
	bw_session_close(&t.s);
	/* Whoever read the answers has had enough. */
	return r == 1 || r == -EPIPE ? BW_EXIT_OK : bw_session_complain(b, "the text session", r);
}

int bw_cmd_bpfd(int argc, char **argv)
{
	struct bw_board b;
	int status = bw_board_from_args("bpfd", argc, argv, &b);

	return status ? status : talk(&b);
}
