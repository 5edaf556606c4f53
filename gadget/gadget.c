// SPDX-License-Identifier: Apache-2.0
#include "gadget/gadget.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gadget/compose.h"
#include "gadget/fail.h"
#include "gadget/ffs.h"
#include "gadget/ffs_desc.h"
#include "gadget/handed.h"
#include "gadget/join.h"
#include "gadget/mounts.h"
#include "gadget/udc.h"
#include "protocol/io.h"
#include "protocol/log.h"

#define TRANSFERS	8
#define TRANSFERS_MAX	64
#define TRANSFER_SIZE	16384
#define TRANSFER_UNIT	1024	/* the greatest packet */
#define TRANSFER_MAX	(1u << 20)

struct bw_gadget {
	struct bw_pipe pipe;
	struct bw_compose *compose;	/* our own gadget, or */
	struct bw_join *join;		/* an existing one, or neither: somebody else's matter */
	struct bw_ffs ffs;
	bool has_ffs, mounted;
	int lock;			/* of a FunctionFS that somebody else mounted: one daemon for it; or -1 */
	char udc[NAME_MAX + 1];
	char name[BW_GADGET_NAME_MAX + 1];
	char dir[PATH_MAX];
	char product[128];
	char serial[BW_SERIAL_MAX + 1];
};

static struct bw_gadget *to_gadget(const struct bw_pipe *p) { return (struct bw_gadget *)p; }

static int pipe_pollfds(struct bw_pipe *p, struct pollfd *fds, int max, int *timeout_ms)
{
	return bw_ffs_pollfds(&to_gadget(p)->ffs, fds, max, timeout_ms);
}

static void copy_counters(struct bw_pipe *p)
{
	const struct bw_ffs *f = &to_gadget(p)->ffs;

	p->bytes_in = f->rx.bytes;
	p->bytes_out = f->tx.bytes;
	p->transfers_in = f->rx.transfers;
	p->transfers_out = f->tx.transfers;
}

static unsigned int pipe_dispatch(struct bw_pipe *p, const struct pollfd *fds, int n)
{
	struct bw_ffs *f = &to_gadget(p)->ffs;
	unsigned int events = bw_ffs_dispatch(f, fds, n);

	memcpy(p->nonce, f->nonce, sizeof(p->nonce));
	p->error = f->error;
	copy_counters(p);
	return events;
}

static ssize_t pipe_recv(struct bw_pipe *p, void *buf, size_t len) { return bw_ffs_recv(&to_gadget(p)->ffs, buf, len); }
static ssize_t pipe_send(struct bw_pipe *p, const void *buf, size_t len) { return bw_ffs_send(&to_gadget(p)->ffs, buf, len); }
static int pipe_flush(struct bw_pipe *p) { return bw_ffs_flush(&to_gadget(p)->ffs); }

static int pipe_reset(struct bw_pipe *p, const uint8_t nonce[BW_NONCE_SIZE])
{
	(void)nonce;		/* the board does not choose it */
	return bw_ffs_reset(&to_gadget(p)->ffs);
}

static void restore_join(struct bw_join *j)
{
	int ret = bw_join_restore(j);

	if (ret)
		bw_log(BW_LOG_ERROR, "gadget '%s': bind to %s as it was before: %s; bind it by hand: echo %s > %s/UDC", j->gadget, j->udc, strerror(-ret),
		       j->udc, j->dir);
}

static void gadget_free(struct bw_gadget *g)
{
	int64_t deadline = bw_now_ms() + BW_PIPE_CLOSE_MS / 2;

	/* In this order: unbinding gives the requests back, closing FunctionFS while bound would unbind in a less orderly way. */
	if (g->compose)
		bw_compose_unbind(g->compose);
	if (g->join)
		bw_join_unbind(g->join);
	if (g->has_ffs)
		bw_ffs_fini(&g->ffs, deadline);
	if (g->join)
		restore_join(g->join);
	if (g->mounted)
		bw_ffs_umount(g->dir);
	if (g->join)
		bw_join_remove(g->join);
	bw_compose_free(g->compose);
	if (g->lock >= 0)
		close(g->lock);
	free(g);
}

static void pipe_close(struct bw_pipe *p) { gadget_free(to_gadget(p)); }

static const struct bw_pipe_ops functionfs_ops = {
	.name = "functionfs",
	.has_reset = 1,
	.pollfds = pipe_pollfds,
	.dispatch = pipe_dispatch,
	.recv = pipe_recv,
	.send = pipe_send,
	.flush = pipe_flush,
	.reset = pipe_reset,
	.close = pipe_close,
};

/* The options with their defaults filled in, checked. */
static int complete(struct bw_gadget *g, struct bw_gadget_options *o, char *err, size_t errlen)
{
	char host[64] = "";

	o->vid = o->vid ? o->vid : BW_USB_VID;
	o->pid = o->pid ? o->pid : BW_USB_PID;
	o->manufacturer = o->manufacturer ? o->manufacturer : "bpfwire";
	o->transfers = o->transfers ? o->transfers : TRANSFERS;
	o->transfer_size = o->transfer_size ? o->transfer_size : TRANSFER_SIZE;
	if (!o->product) {
		gethostname(host, sizeof(host) - 1);
		snprintf(g->product, sizeof(g->product), "bpfwire on %s", host[0] ? host : "a board");
		o->product = g->product;
	}
	if (o->transfers > TRANSFERS_MAX || o->transfer_size > TRANSFER_MAX || o->transfer_size % TRANSFER_UNIT)
		return bw_fail(err, errlen, -EINVAL, "%u transfers of %u bytes: at most %u, of a multiple of %u bytes up to %u", o->transfers,
			       o->transfer_size, TRANSFERS_MAX, TRANSFER_UNIT, TRANSFER_MAX);
	return bw_gadget_serial(o->serial, g->serial, err, errlen);
}

/* The controller, and the names that may depend on it. */
static int choose_names(struct bw_gadget *g, struct bw_gadget_options *o, char *err, size_t errlen)
{
	int udcs = o->join ? 1 : bw_udc_choose("", o->udc, g->udc, err, errlen), n;

	if (udcs < 0)
		return udcs;
	if (o->name && (!*o->name || strchr(o->name, '/') || strlen(o->name) > BW_GADGET_NAME_MAX))
		return bw_fail(err, errlen, -EINVAL, "gadget name '%s': 1 to %d characters without '/'", o->name, BW_GADGET_NAME_MAX);
	if (o->join) {
		snprintf(g->udc, sizeof(g->udc), "%s", o->join->udc);
		snprintf(g->name, sizeof(g->name), "%.*s", BW_GADGET_NAME_MAX, o->join->instance);
	} else if (o->name || udcs == 1)
		snprintf(g->name, sizeof(g->name), "%s", o->name ? o->name : BW_GADGET_NAME);
	else
		snprintf(g->name, sizeof(g->name), BW_GADGET_NAME ".%.*s", BW_GADGET_NAME_MAX - (int)sizeof(BW_GADGET_NAME), g->udc);
	n = o->dir ? snprintf(g->dir, sizeof(g->dir), "%s", o->dir) : snprintf(g->dir, sizeof(g->dir), BW_FFS_PARENT "/%s", g->name);
	if (n >= (int)sizeof(g->dir))
		return bw_fail(err, errlen, -ENAMETOOLONG, "%.64s...: path too long", o->dir);
	return 0;
}

static int open_ep0(const char *dir, char *err, size_t errlen)
{
	char path[PATH_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/ep0", dir);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? bw_fail(err, errlen, -errno, "open %s: %s", path, strerror(errno)) : fd;
}

/* FunctionFS at g->dir, mounted by us or by a daemon that was killed. */
static int mount_ffs(struct bw_gadget *g, bool found, char *err, size_t errlen)
{
	int ret;

	/* Somebody removed the gadget under a mounted FunctionFS: that one can not be bound any more. */
	if (!found && bw_ffs_mounted(g->dir))
		bw_ffs_umount(g->dir);
	ret = bw_ffs_mounted(g->dir) ? 0 : bw_ffs_mount(g->name, g->dir, err, errlen);
	g->mounted = !ret;
	return ret;
}

/* Descriptors and endpoints, of a FunctionFS at g->dir. */
static int open_ffs(struct bw_gadget *g, int ep0, const struct bw_gadget_options *o, char *err, size_t errlen)
{
	int ret = bw_ffs_write_descriptors(ep0);

	if (ret)
		bw_fail(err, errlen, ret, "FunctionFS refuses the descriptors: %s", strerror(-ret));
	else
		ret = bw_ffs_init(&g->ffs, ep0, g->dir, o->transfers, o->transfer_size, err, errlen);
	g->has_ffs = !ret;
	return ret;
}

static int open_function(struct bw_gadget *g, bool found, const struct bw_gadget_options *o, char *err, size_t errlen)
{
	const struct bw_identity id = {
		.vid = o->vid, .pid = o->pid,
		.manufacturer = o->manufacturer, .product = o->product, .serial = g->serial,
	};
	int ep0, ret;

	ret = mount_ffs(g, found, err, errlen);
	if (ret)
		return ret;
	ep0 = open_ep0(g->dir, err, errlen);
	if (ep0 < 0)
		return ep0;
	ret = bw_compose_configure(g->compose, &id, err, errlen);
	if (!ret)
		ret = open_ffs(g, ep0, o, err, errlen);
	if (ret)
		close(ep0);
	return ret;
}

/* In an existing gadget, which works on until all is ready. */
static int open_joined(struct bw_gadget *g, const struct bw_gadget_options *o, char *err, size_t errlen)
{
	int ep0, ret = bw_join_add(o->join, err, errlen);

	if (ret < 0)
		return ret;
	g->join = o->join;
	ret = mount_ffs(g, ret, err, errlen);
	if (ret)
		return ret;
	ep0 = open_ep0(g->dir, err, errlen);
	if (ep0 < 0)
		return ep0;
	ret = open_ffs(g, ep0, o, err, errlen);
	if (ret)
		close(ep0);
	return ret ? ret : bw_join_bind(o->join, err, errlen);
}

static int open_handed(struct bw_gadget *g, const struct bw_gadget_options *o, char *err, size_t errlen)
{
	int ep0, ret;

	/* Before the check, which writes to ep0. */
	g->lock = open(o->functionfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->lock < 0)
		return bw_fail(err, errlen, -errno, "--functionfs %s: %s", o->functionfs, strerror(errno));
	if (flock(g->lock, LOCK_EX | LOCK_NB))
		return bw_fail(err, errlen, -EBUSY, "another bpfwired serves %s; stop it first (fuser -v %s/ep0)", o->functionfs, o->functionfs);
	ret = bw_handed_check(o->functionfs, err, errlen);
	if (ret)
		return ret;
	if (snprintf(g->dir, sizeof(g->dir), "%s", o->functionfs) >= (int)sizeof(g->dir))
		return bw_fail(err, errlen, -ENAMETOOLONG, "--functionfs: path too long");
	ep0 = open_ep0(g->dir, err, errlen);
	if (ep0 < 0)
		return ep0;
	ret = open_ffs(g, ep0, o, err, errlen);
	if (ret)
		close(ep0);
	return ret;
}

static int open_gadget(struct bw_gadget *g, const struct bw_gadget_options *o, char *err, size_t errlen)
{
	bool found = false;
	int ret = bw_udc_check_free("", g->udc, g->name, err, errlen);

	if (!ret)
		ret = bw_compose_new(g->name, &g->compose, &found, err, errlen);
	if (!ret)
		ret = open_function(g, found, o, err, errlen);
	if (!ret)
		ret = bw_compose_bind(g->compose, g->udc, err, errlen);
	return ret;
}

int bw_gadget_open(const struct bw_gadget_options *options, struct bw_pipe **pipe, char *err, size_t errlen)
{
	struct bw_gadget *g = calloc(1, sizeof(*g));
	struct bw_gadget_options o = *options;
	int ret;

	if (!g)
		return bw_fail(err, errlen, -ENOMEM, "no memory");
	g->pipe.ops = &functionfs_ops;
	g->lock = -1;
	ret = complete(g, &o, err, errlen);
	if (!ret && o.functionfs)
		ret = open_handed(g, &o, err, errlen);
	else if (!ret && !(ret = choose_names(g, &o, err, errlen)))
		ret = o.join ? open_joined(g, &o, err, errlen) : open_gadget(g, &o, err, errlen);
	if (ret) {
		gadget_free(g);
		return ret;
	}
	*pipe = &g->pipe;
	return 0;
}

void bw_gadget_set_status(struct bw_pipe *pipe, uint32_t sessions) { to_gadget(pipe)->ffs.sessions = sessions; }

const char *bw_gadget_udc(const struct bw_pipe *pipe) { return to_gadget(pipe)->udc; }

void bw_gadget_mend(struct bw_join *join)
{
	char dir[PATH_MAX];

	restore_join(join);
	snprintf(dir, sizeof(dir), BW_FFS_PARENT "/%s", join->instance);
	if (bw_ffs_mounted(dir))
		bw_ffs_umount(dir);
	bw_join_remove(join);
}
