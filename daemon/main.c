// SPDX-License-Identifier: Apache-2.0
/* bpfwired: the daemon on the board. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/check.h"
#include "daemon/init.h"
#include "daemon/link.h"
#include "daemon/load.h"
#include "daemon/options.h"
#include "daemon/signals.h"
#include "daemon/supervise.h"
#include "daemon/text_stdio.h"
#include "gadget/join.h"
#include "protocol/io.h"

static void on_usb_sessions(void *pipe, uint32_t sessions)
{
	bw_gadget_set_status(pipe, sessions);
}

/* Descriptors 0 to 2 must be open, or a pipe of ours becomes somebody's standard error. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* Where frames go as lines, messages go between them. -1: they go elsewhere, or cannot. A burst that does not fit is cut rather than waited with. */
static int take_messages(void)
{
	int fds[2];

	if (!isatty(2) || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	dup2(fds[1], 2);
	close(fds[1]);
	return fds[0];
}

static int open_stdio(bool lines, struct bw_pipe **pipe)
{
	int in, out, r = bw_take_stdio(&in, &out);

	return r ? r : bw_pipe_stdio_open(in, out, lines, lines ? take_messages() : -1, pipe);
}

static int serve(struct bw_pipe *pipe, struct bw_link_options *o)
{
	int r = bw_link_serve(pipe, o);

	if (r)
		bw_log(BW_LOG_ERROR, "ended: %s", strerror(-r));
	pipe->ops->close(pipe);		/* which takes what was said with it */
	return r ? 1 : 0;
}

static int serve_stdio(struct bw_link_options *l)
{
	bool lines = isatty(0) || isatty(1), raw;
	bw_cleanup_fd int tty = -1;
	struct termios before;
	struct bw_pipe *pipe;
	int r;

	if (lines)
		bw_log(BW_LOG_INFO, "this is a terminal, so frames go through it as lines of base64; ^C ends them, --text is for people");
	raw = bw_signals_init() >= 0 && bw_tty_raw(0, &before);	/* from here on ^C must not end us before it is cooked again */
	if (raw)
		tty = fcntl(0, F_DUPFD_CLOEXEC, 3);
	r = open_stdio(lines, &pipe);
	if (r)
		bw_log(BW_LOG_ERROR, "standard input and output cannot be used: %s", strerror(-r));
	else
		r = serve(pipe, l);
	if (raw)
		tcsetattr(tty, TCSANOW, &before);
	return r ? 1 : 0;
}

/* ready: where a byte says that the gadget is bound, or -1. */
static int serve_usb(const struct bw_gadget_options *g, struct bw_link_options *l, int ready)
{
	char err[BW_GADGET_ERR] = "";
	struct bw_pipe *pipe;

	if (bw_gadget_open(g, &pipe, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	if (ready >= 0) {
		bw_write_full(ready, "", 1);
		close(ready);
	}
	if (g->functionfs)
		bw_log(BW_LOG_INFO, "serving %s on %s, without authentication; the gadget may be bound now", l->serial, g->functionfs);
	else
		bw_log(BW_LOG_INFO, "serving %s on USB controller %s%s%s, without authentication", l->serial, bw_gadget_udc(pipe),
		       g->join ? " in gadget " : "", g->join ? g->join->gadget : "");
	l->on_sessions = on_usb_sessions;
	l->arg = pipe;
	return serve(pipe, l);
}

/* ---- in a gadget that is somebody else's, under a supervisor ---- */

struct joined {
	struct bw_gadget_options g;
	struct bw_link_options l;
};

static int serve_joined(void *arg, int ready)
{
	struct joined *j = arg;

	return serve_usb(&j->g, &j->l, ready);
}

static void mend_joined(void *arg)
{
	bw_gadget_mend(((struct joined *)arg)->g.join);
}

static int supervise(const struct bw_gadget_options *g, const struct bw_link_options *l)
{
	struct joined j = { *g, *l };
	const struct bw_supervised s = { .serve = serve_joined, .mend = mend_joined, .arg = &j };
	int r = bw_supervise(&s);

	bw_join_forget(g->join);
	return r;
}

/* The gadget's own serial number is what its host sees. */
static int join(struct bw_options *o, struct bw_join *j, char serial[BW_SERIAL_MAX + 1])
{
	char err[BW_GADGET_ERR] = "";

	if (bw_join_find(j, "", o->join, NULL, o->gadget.udc, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return -1;
	}
	if (!o->gadget.serial && !bw_join_serial(j, serial, BW_SERIAL_MAX + 1))
		o->gadget.serial = serial;
	o->gadget.join = j;
	return 0;
}

/* Over stdio the name matters to nobody but people, so a board without a serial number is called by its host name. */
static int find_serial(const struct bw_options *o, char serial[BW_SERIAL_MAX + 1])
{
	char err[BW_GADGET_ERR] = "";
	struct utsname u;

	if (!bw_gadget_serial(o->gadget.serial, serial, err, sizeof(err)))
		return 0;
	if (o->stdio && !o->gadget.serial && !uname(&u) && !bw_gadget_serial(u.nodename, serial, err, sizeof(err)))
		return 0;
	bw_log(BW_LOG_ERROR, "%s", err);
	return -ENODATA;
}

static int run(int argc, char **argv)
{
	char serial[BW_SERIAL_MAX + 1], joined_serial[BW_SERIAL_MAX + 1], err[BW_GADGET_ERR] = "";
	struct bw_link_options l = { .serial = serial };
	struct bw_options o;
	struct bw_join j;
	int r;

	r = bw_options_parse(argc, argv, &o);
	if (r >= 0)
		return r;
	/* A client of the text protocol may have started it on a terminal, where standard error is among the answers. */
	bw_log_init("bpfwired", o.text && o.level == BW_LOG_INFO ? BW_LOG_ERROR : o.level);
	if (geteuid()) {
		bw_log(BW_LOG_ERROR, "not root: BPF and tracing files need it; start it as root");
		return 1;
	}
	if (o.check)
		return bw_check_main(o.gadget.udc);
	if (bw_mounts_prepare(!o.stdio && !o.text, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	if (o.text)
		return bw_text_stdio(o.run_dir);
	if (o.join && !o.stdio && join(&o, &j, joined_serial))
		return 1;
	if (find_serial(&o, serial))
		return 1;
	l.run_dir = o.run_dir;
	o.gadget.serial = serial;
	if (o.stdio)
		return serve_stdio(&l);
	return o.gadget.join ? supervise(&o.gadget, &l) : serve_usb(&o.gadget, &l, -1);
}

int main(int argc, char **argv)
{
	open_standard();
	if (bw_load_wanted(argc, argv))
		return bw_load_main(argc - 1, argv + 1);
	if (bw_init_wanted(argc, argv))
		bw_init(argc, argv, run);
	return run(argc, argv);
}
