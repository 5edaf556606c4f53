// SPDX-License-Identifier: Apache-2.0
/* The least that a FunctionFS device can be, to have something to compare bpfwired with: it reads and writes its endpoints and does nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/usb/functionfs.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "gadget/compose.h"
#include "gadget/ffs_desc.h"
#include "gadget/gadget.h"
#include "gadget/mounts.h"
#include "gadget/udc.h"
#include "tests/bench/bench.h"
#include "tests/bench/raw.h"

#define NAME	"bench"
#define DIR	BW_FFS_PARENT "/" NAME

struct raw {
	int out, in;
	io_context_t aio;
	struct iocb reads[BENCH_DEPTH], writes[BENCH_DEPTH];
	uint8_t *in_data, *out_data;
};

static void on_stop(int sig) { (void)sig; }

/* ---- one at a time ---- */

static void ping_sync(struct raw *r, const struct raw_command *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		MUST(read(r->out, r->out_data, RAW_READ) == c->out_size);
		MUST(write(r->in, r->in_data, c->in_size) == c->in_size);
	}
}

static void stream_sync(struct raw *r, const struct raw_command *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		MUST(write(r->in, r->in_data, c->in_size) == c->in_size);
}

/* ---- several in flight ---- */

static void submit(struct raw *r, struct iocb *cb, bool write, uint32_t len)
{
	if (write)
		io_prep_pwrite(cb, r->in, r->in_data, len, 0);
	else
		io_prep_pread(cb, r->out, r->out_data, len, 0);
	MUST(io_submit(r->aio, 1, &cb) == 1);
}

/* The next completion; its length must be what was asked for. */
static struct iocb *wait_one(struct raw *r, uint32_t in_size, uint32_t out_size)
{
	struct io_event ev;

	MUST(io_getevents(r->aio, 1, 1, &ev, NULL) == 1);
	MUST(ev.res == (ev.obj->aio_lio_opcode == IO_CMD_PWRITE ? in_size : out_size));
	return ev.obj;
}

static void ping_aio(struct raw *r, const struct raw_command *c)
{
	uint32_t posted = 0, done = 0;

	/* Never more reads than messages that come: one too many would swallow the next command. */
	for (; posted < BENCH_DEPTH && posted < c->count; posted++)
		submit(r, &r->reads[posted], false, RAW_READ);
	while (done < 2 * c->count) {
		struct iocb *cb = wait_one(r, c->in_size, c->out_size);

		done++;
		if (cb->aio_lio_opcode == IO_CMD_PWRITE)
			continue;
		submit(r, &r->writes[cb - r->reads], true, c->in_size);
		if (posted < c->count) {
			submit(r, cb, false, RAW_READ);
			posted++;
		}
	}
}

static void stream_aio(struct raw *r, const struct raw_command *c)
{
	uint32_t posted = 0;

	for (; posted < c->depth && posted < c->count; posted++)
		submit(r, &r->writes[posted], true, c->in_size);
	for (uint32_t done = 0; done < c->count; done++) {
		struct iocb *cb = wait_one(r, c->in_size, 0);

		if (posted < c->count) {
			submit(r, cb, true, c->in_size);
			posted++;
		}
	}
}

static void serve(struct raw *r)
{
	struct raw_command c;

	while (read(r->out, r->out_data, RAW_READ) == sizeof(c)) {
		memcpy(&c, r->out_data, sizeof(c));
		MUST(c.in_size <= RAW_MAX && c.out_size <= RAW_READ && c.depth <= BENCH_DEPTH);
		switch (c.what) {
		case RAW_PING:
			(c.depth == 1 ? ping_sync : ping_aio)(r, &c);
			break;
		case RAW_STREAM:
			(c.depth == 1 ? stream_sync : stream_aio)(r, &c);
			break;
		default:
			DIE("command %u", c.what);
		}
	}
}

/* ---- the gadget ---- */

static int open_endpoint(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), DIR "/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		DIE("%s: %s", path, strerror(errno));
	return fd;
}

static void wait_enabled(int ep0)
{
	struct usb_functionfs_event ev;

	while (read(ep0, &ev, sizeof(ev)) == sizeof(ev))
		if (ev.type == FUNCTIONFS_ENABLE)
			return;
	DIE("no host configured the device");
}

static void run(struct bw_compose *gadget, const char *udc)
{
	struct raw r = { .in_data = calloc(1, RAW_MAX), .out_data = calloc(1, RAW_MAX) };
	char err[BW_GADGET_ERR];
	int ep0 = open_endpoint("ep0");

	MUST(r.in_data && r.out_data && !io_setup(4 * BENCH_DEPTH, &r.aio));
	MUST(!bw_ffs_write_descriptors(ep0));
	r.out = open_endpoint(BW_FFS_OUT);
	r.in = open_endpoint(BW_FFS_IN);
	if (bw_compose_bind(gadget, udc, err, sizeof(err)))
		DIE("%s", err);
	wait_enabled(ep0);
	serve(&r);
	bw_compose_unbind(gadget);
	close(r.in);
	close(r.out);
	close(ep0);
}

/* Until SIGTERM. */
int bench_raw_board(int argc, char **argv)
{
	const struct bw_identity id = { BW_USB_VID, BW_USB_PID, "bpfwire", "raw bulk", "RAW" };
	struct sigaction act = { .sa_handler = on_stop };	/* interrupts what waits */
	char err[BW_GADGET_ERR] = "", udc[NAME_MAX + 1];
	struct bw_compose *gadget;
	bool found;

	(void)argc;
	(void)argv;
	sigaction(SIGTERM, &act, NULL);
	if (bw_ffs_mounted(DIR))
		bw_ffs_umount(DIR);	/* of one that failed */
	if (bw_mounts_prepare(true, err, sizeof(err)) || bw_udc_choose("", NULL, udc, err, sizeof(err)) < 0 ||
	    bw_compose_new(NAME, &gadget, &found, err, sizeof(err)) || bw_compose_configure(gadget, &id, err, sizeof(err)) ||
	    bw_ffs_mount(NAME, DIR, err, sizeof(err)))
		DIE("%s", err);
	run(gadget, udc);
	bw_ffs_umount(DIR);
	bw_compose_free(gadget);
	return 0;
}
