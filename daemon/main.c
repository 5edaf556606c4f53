// SPDX-License-Identifier: Apache-2.0
/* bpfwired: the daemon on the board. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/check.h"
#include "daemon/link.h"
#include "daemon/options.h"
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

/* The link gets descriptors of its own, and nothing else can write into it: standard input and output become /dev/null. */
static int open_stdio(struct bw_pipe **pipe)
{
	int in = fcntl(0, F_DUPFD_CLOEXEC, 3), out = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = in < 0 || out < 0 || null < 0 ? -errno : 0;

	if (!r)
		r = dup2(null, 0) < 0 || dup2(null, 1) < 0 ? -errno : bw_pipe_fd_open(in, out, "stdio", pipe);
	if (null > 2)
		close(null);
	return r;
}

static int serve(struct bw_pipe *pipe, struct bw_link_options *o)
{
	int r = bw_link_serve(pipe, o);

	pipe->ops->close(pipe);
	if (r)
		bw_log(BW_LOG_ERROR, "ended: %s", strerror(-r));
	return r ? 1 : 0;
}

static int serve_stdio(struct bw_link_options *l)
{
	struct bw_pipe *pipe;
	int r = open_stdio(&pipe);

	if (r) {
		bw_log(BW_LOG_ERROR, "standard input and output cannot be used: %s", strerror(-r));
		return 1;
	}
	return serve(pipe, l);
}

static int serve_usb(const struct bw_options *o, struct bw_link_options *l)
{
	char err[BW_GADGET_ERR] = "";
	struct bw_gadget_options g = o->gadget;
	struct bw_pipe *pipe;

	g.serial = l->serial;
	if (bw_gadget_open(&g, &pipe, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	bw_log(BW_LOG_INFO, "serving %s on USB controller %s, without authentication", l->serial, bw_gadget_udc(pipe));
	l->on_sessions = on_usb_sessions;
	l->arg = pipe;
	return serve(pipe, l);
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

int main(int argc, char **argv)
{
	char serial[BW_SERIAL_MAX + 1], err[BW_GADGET_ERR] = "";
	struct bw_link_options l = { .serial = serial };
	struct bw_options o;
	int r;

	open_standard();
	r = bw_options_parse(argc, argv, &o);
	if (r >= 0)
		return r;
	bw_log_init("bpfwired", o.level);
	if (geteuid()) {
		bw_log(BW_LOG_ERROR, "not root: BPF and tracing files need it; start it as root");
		return 1;
	}
	if (o.check)
		return bw_check_main(o.gadget.udc);
	if (bw_mounts_prepare(!o.stdio, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	if (find_serial(&o, serial))
		return 1;
	l.run_dir = o.run_dir;
	return o.stdio ? serve_stdio(&l) : serve_usb(&o, &l);
}
