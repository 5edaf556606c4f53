// SPDX-License-Identifier: Apache-2.0
#include "daemon/text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/log.h"

#define FLUSH_AT	(48u << 10)
#define READ_ROOM	(64u << 10)
#define KEEP		(256u << 10)	/* a line's buffer that is longer is not kept */

static bw_text_fn set_option;

static bw_text_fn *const verbs[BW_TEXT_VERBS] = {
	[BW_TEXT_KALLSYMS] = bw_text_kallsyms,
	[BW_TEXT_BLACKLIST] = bw_text_blacklist,
	[BW_TEXT_FILTER_FUNCS] = bw_text_filter_funcs,
	[BW_TEXT_CATEGORIES] = bw_text_categories,
	[BW_TEXT_EVENTS] = bw_text_events,
	[BW_TEXT_COMM] = bw_text_comm,
	[BW_TEXT_CREATE_MAP] = bw_text_create_map,
	[BW_TEXT_PROG_LOAD] = bw_text_prog_load,
	[BW_TEXT_ATTACH_KPROBE] = bw_text_attach_kprobe,
	[BW_TEXT_DETACH_KPROBE] = bw_text_detach_kprobe,
	[BW_TEXT_ATTACH_UPROBE] = bw_text_attach_uprobe,
	[BW_TEXT_DETACH_UPROBE] = bw_text_detach_uprobe,
	[BW_TEXT_ATTACH_TRACEPOINT] = bw_text_attach_tracepoint,
	[BW_TEXT_DETACH_TRACEPOINT] = bw_text_detach_tracepoint,
	[BW_TEXT_ATTACH_PERF_EVENT] = bw_text_attach_perf_event,
	[BW_TEXT_CLOSE_PERF_EVENT] = bw_text_close_perf_event,
	[BW_TEXT_OPEN_PERF_BUFFER] = bw_text_open_perf_buffer,
	[BW_TEXT_POLL] = bw_text_poll,
	[BW_TEXT_UPDATE] = bw_text_update,
	[BW_TEXT_LOOKUP] = bw_text_lookup,
	[BW_TEXT_FIRST_KEY] = bw_text_first_key,
	[BW_TEXT_NEXT_KEY] = bw_text_next_key,
	[BW_TEXT_DELETE] = bw_text_delete,
	[BW_TEXT_CLEAR] = bw_text_clear,
	[BW_TEXT_KSYM_NAME] = bw_text_ksym_name,
	[BW_TEXT_KSYM_ADDR] = bw_text_ksym_addr,
	[BW_TEXT_USYM_NAME] = bw_text_usym_name,
	[BW_TEXT_USYM_ADDR] = bw_text_usym_addr,
	[BW_TEXT_SET_OPTION] = set_option,
	[BW_TEXT_PROG_LOG] = bw_text_prog_log,
	[BW_TEXT_LOST] = bw_text_lost,
	[BW_TEXT_PIN] = bw_text_pin,
	[BW_TEXT_OBJ_GET] = bw_text_obj_get,
	[BW_TEXT_CLOSE] = bw_text_close,
	[BW_TEXT_KSYM_NAMES] = bw_text_ksym_names,
	[BW_TEXT_USYM_NAMES] = bw_text_usym_names,
};

/* ---- answers ---- */

static void flush(struct bw_text *t)
{
	if (t->out.err && !t->error)
		t->error = t->out.err;
	if (!t->error && t->out.len)
		t->error = t->io->write(t->io, t->out.data, t->out.len);
	bw_buf_reset(&t->out);
}

void bw_text_put(struct bw_text *t, const void *p, size_t len)
{
	bw_put_bytes(&t->out, p, len);
	if (t->out.len >= FLUSH_AT || t->out.err)
		flush(t);
}

void bw_text_printf(struct bw_text *t, const char *fmt, ...)
{
	char *line;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->error = t->error ? t->error : -ENOMEM;
		return;
	}
	bw_text_put(t, line, (size_t)n);
	free(line);
}

void bw_text_put_base64(struct bw_text *t, const void *p, size_t len)
{
	bw_base64_put(&t->out, p, len);
	bw_text_put(t, "\n", 1);
}

int bw_text_ret(struct bw_text *t, const char *name, int64_t ret)
{
	t->ret = ret;
	bw_text_printf(t, "%s: ret=%lld\n", name, (long long)ret);
	return 0;
}

static int set_option(struct bw_text *t, const struct bw_text_line *l)
{
	if (!bw_str_eq(l->v[0].text, "lost"))
		return bw_text_ret(t, "set_option", -ENOENT);
	if (l->v[1].num > 1)
		return bw_text_ret(t, "set_option", -EINVAL);
	t->lost_lines = l->v[1].num;
	return bw_text_ret(t, "set_option", 0);
}

static void answer(struct bw_text *t, const struct bw_text_line *l, int r)
{
	bw_text_printf(t, "START_BPFD_OUTPUT\n");
	t->ret = 0;
	if (!r)
		r = verbs[l->verb](t, l);
	if (r == -EMSGSIZE)
		bw_text_printf(t, BW_TEXT_REFUSED ": a line of more than %u bytes\n", BW_TEXT_LINE_MAX);
	else if (r)
		bw_text_printf(t, BW_TEXT_REFUSED "\n");
	bw_text_printf(t, "END_BPFD_OUTPUT\n");
	flush(t);
	if (!t->error && t->io->answered)
		t->error = t->io->answered(t->io, t, l, r ? -EPROTO : t->ret);
}

static void do_line(struct bw_text *t, const char *line, size_t len)
{
	struct bw_text_line l;
	int r = bw_text_parse(line, len, &l);

	if (!r && l.verb == BW_TEXT_NONE)
		return;
	bw_log(BW_LOG_DEBUG, "session %u: text command %d%s", t->w.ch.session, l.verb, r ? " (refused)" : "");
	if (!r && l.verb == BW_TEXT_EXIT)
		t->exit = true;
	else
		answer(t, &l, r);
}

/* ---- lines ---- */

static bool queued(const struct bw_text *t)
{
	return t->in.end || (t->io->queued && t->io->queued(t->io));
}

static bool sleep_for(struct bw_text *t, struct pollfd *fds, unsigned int n, int timeout_ms)
{
	fds[n] = (struct pollfd){ .fd = t->in.end ? -1 : t->io->fd, .events = POLLIN };
	fds[n + 1] = (struct pollfd){ .fd = t->io->stop_fd, .events = POLLIN };
	if (poll(fds, n + 2, timeout_ms) < 0)
		for (unsigned int i = 0; i < n + 2; i++)
			fds[i].revents = 0;
	if (fds[n + 1].revents && !t->error)
		t->error = -EINTR;
	return fds[n].revents || t->error;
}

bool bw_text_wait(struct bw_text *t, struct pollfd *fds, unsigned int n, int timeout_ms)
{
	bool more = t->in.start < t->in.len || queued(t);

	return sleep_for(t, fds, n, more ? 0 : timeout_ms) || more;
}

/* What is not taken yet moves to the front only when there is no room behind it, so that many short lines cost no more than one long one. */
static int make_room(struct bw_text *t)
{
	size_t left = t->in.len - t->in.start, cap = t->in.cap ? t->in.cap * 2 : READ_ROOM;
	char *p;

	if (t->in.cap - t->in.len >= READ_ROOM / 2)
		return 0;
	if (t->in.start) {
		memmove(t->in.buf, t->in.buf + t->in.start, left);
		t->in.seen -= t->in.start;
		t->in.len = left;
		t->in.start = 0;
	}
	if (!left && t->in.cap > KEEP) {
		free(t->in.buf);
		t->in.buf = NULL;
		t->in.cap = 0;
		cap = READ_ROOM;
	}
	if (t->in.cap - t->in.len >= READ_ROOM / 2)
		return 0;
	p = realloc(t->in.buf, cap);
	if (!p)
		return -ENOMEM;
	t->in.buf = p;
	t->in.cap = cap;
	return 0;
}

static void fill(struct bw_text *t)
{
	struct pollfd fds[2];
	ssize_t n;

	/* A signal ends the sleep with nothing to read yet: the next one finds what it says. */
	if (!queued(t) && !sleep_for(t, fds, 0, -1))
		return;
	if (!t->error)
		t->error = make_room(t);
	if (t->error)
		return;
	n = t->io->read(t->io, t->in.buf + t->in.len, t->in.cap - t->in.len);
	if (n > 0)
		t->in.len += (size_t)n;
	else if (n == 0)
		t->in.end = true;
	else if (n != -EAGAIN && n != -EINTR)
		t->error = (int)n;
}

/* The next line, without its newline; also the last one, which may have none. */
static bool take_line(struct bw_text *t, const char **line, size_t *len)
{
	char *end = t->in.seen < t->in.len ? memchr(t->in.buf + t->in.seen, '\n', t->in.len - t->in.seen) : NULL;
	size_t start = t->in.start;

	t->in.seen = t->in.len;
	if (!end && !(t->in.end && t->in.len > start))
		return false;
	*line = t->in.buf + start;
	*len = end ? (size_t)(end - *line) : t->in.len - start;
	t->in.start = end ? start + *len + 1 : t->in.len;
	t->in.seen = t->in.start;
	t->in.line++;
	return true;
}

static void refuse_long(struct bw_text *t)
{
	if (!t->in.skipping)
		answer(t, &(struct bw_text_line){ 0 }, -EMSGSIZE);
	t->in.skipping = true;
}

static void serve(struct bw_text *t)
{
	const char *line;
	size_t len;

	while (!t->error && !t->exit) {
		if (take_line(t, &line, &len)) {
			if (len > BW_TEXT_LINE_MAX)
				refuse_long(t);
			else if (!t->in.skipping)
				do_line(t, line, len);
			t->in.skipping = false;
		} else if (t->in.end) {
			return;
		} else {
			/* Of a line that is too long only the end is looked for. */
			if (t->in.len - t->in.start > BW_TEXT_LINE_MAX)
				refuse_long(t);
			if (t->in.skipping)
				t->in.start = t->in.seen = t->in.len;
			fill(t);
		}
	}
}

/* ---- handles ---- */

uint32_t bw_text_handle(const struct bw_text *t, uint64_t num)
{
	uint32_t handle = (uint32_t)num - (BW_TEXT_FIRST_FD - 1);

	if (num < BW_TEXT_FIRST_FD || num > INT32_MAX || !bw_handle_get(&t->w.handles, handle))
		return BW_HANDLE_CLOSED;
	return handle;
}

int bw_text_number(uint32_t handle)
{
	return (int)handle + BW_TEXT_FIRST_FD - 1;
}

int bw_text_close_handle(struct bw_text *t, uint32_t handle)
{
	int r;

	bw_text_ring_drop(t, handle);
	r = bw_handle_close(&t->w.handles, handle);
	bw_text_probe_drop(t, handle);
	return r;
}

int bw_text_close(struct bw_text *t, const struct bw_text_line *l)
{
	return bw_text_ret(t, "close_fd", bw_text_close_handle(t, bw_text_handle(t, l->v[0].num)));
}

/* ---- the whole ---- */

int bw_text_run(struct bw_text_io *io, const struct bw_worker_options *o)
{
	struct bw_text t;
	int r;

	memset(&t, 0, sizeof(t));
	t.io = io;
	r = bw_worker_init(&t.w, o);
	if (r) {
		bw_log(BW_LOG_ERROR, "session %u: cannot start: %s", o->session, strerror(-r));
		return r;
	}
	io->ch = &t.w.ch;
	bw_text_printf(&t, BW_TEXT_GREETING "\n");
	flush(&t);
	serve(&t);
	if (!t.error && io->ended)
		io->ended(io, &t);
	bw_text_rings_fini(&t);
	bw_handles_fini(&t.w.handles);
	bw_text_probes_fini(&t);
	bw_text_symbols_fini(&t);
	bw_worker_fini(&t.w);
	free(t.in.buf);
	free(t.prog_log);
	bw_buf_free(&t.out);
	return t.error;
}
