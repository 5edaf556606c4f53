// SPDX-License-Identifier: Apache-2.0
/* bpfwire ps: the board's processes, from its /proc. One question for the list, then two for each process, many at a time. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "remote/command/command.h"
#include "remote/command/look.h"
#include "remote/command/process.h"

#define STAT_MAX	(BW_STAT_SIZE + 4096)
#define CMDLINE_MAX	(BW_STAT_SIZE + (16u << 10))	/* of a longer one its beginning */

struct ps {
	struct bw_look l;
	struct row {
		uint32_t pid, uid;
		char stat[32], cmdline[32];	/* paths */
	} *v;
	size_t n, room;
};

static int by_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct row *)a)->pid, y = ((const struct row *)b)->pid;

	return (x > y) - (x < y);
}

/* A directory of /proc that is a number; its owner is the process's effective user (proc(5)). */
static int add(struct ps *ps, const struct bw_dirent *d)
{
	struct row *v = ps->v;
	uint32_t i, pid = 0;

	if (d->name.len > 9)
		return 0;
	for (i = 0; i < d->name.len; i++) {
		if (d->name.p[i] < '0' || d->name.p[i] > '9')
			return 0;
		pid = pid * 10 + (uint32_t)(d->name.p[i] - '0');
	}
	if (!pid || d->st.type != BW_FT_DIR)
		return 0;
	if (ps->n == ps->room) {
		ps->room = ps->room ? ps->room * 2 : 256;
		v = reallocarray(ps->v, ps->room, sizeof(*v));
	}
	if (!v)
		return -ENOMEM;
	ps->v = v;
	v += ps->n++;
	v->pid = pid;
	v->uid = d->st.uid;
	snprintf(v->stat, sizeof(v->stat), "/proc/%" PRIu32 "/stat", pid);
	snprintf(v->cmdline, sizeof(v->cmdline), "/proc/%" PRIu32 "/cmdline", pid);
	return 0;
}

static int take_list(struct ps *ps, const struct bw_question *q)
{
	struct bw_dirent d;
	struct bw_reader r;
	int err = 0;

	bw_reader_init(&r, q->reply.data, q->reply.len);
	while (!err && r.left)
		err = bw_get_dirent(&r, &d) ? -EPROTO : add(ps, &d);
	qsort(ps->v, ps->n, sizeof(*ps->v), by_pid);
	return err;
}

/* The contents in the answer to FILE_GET; none where it says that there are none. */
static const char *contents(const struct bw_question *q, size_t *len)
{
	bool any = (!q->status || q->status == -EMSGSIZE) && q->reply.len > BW_STAT_SIZE;

	*len = any ? q->reply.len - BW_STAT_SIZE : 0;
	return any ? (const char *)q->reply.data + BW_STAT_SIZE : "";
}

/* q: stat, cmdline. One that ended meanwhile has none (ENOENT, ESRCH), and is left out. */
static int print(const struct ps *ps, const struct row *row, const struct bw_question *q)
{
	struct bw_process p;
	const char *stat;
	size_t len;

	if (q[0].status == -ENOENT || q[0].status == -ESRCH)
		return BW_EXIT_OK;
	stat = contents(&q[0], &len);
	if (bw_process_parse(&p, stat, len)) {
		fprintf(stderr, "ps: cannot read '%s': %s\n", row->stat, strerror(q[0].status ? -q[0].status : EPROTO));
		return BW_EXIT_FAILED;
	}
	p.pid = row->pid;
	p.uid = row->uid;
	p.cmdline = contents(&q[1], &p.cmdline_len);
	bw_process_print(stdout, &p, ps->l.board.page_size);
	return BW_EXIT_OK;
}

/* Exit status, or a negative errno of the link. */
static int show(struct ps *ps)
{
	struct bw_question *q = calloc(ps->n ? 2 * ps->n : 1, sizeof(*q));
	int err = q ? 0 : -ENOMEM, status = BW_EXIT_OK;
	size_t i;

	for (i = 0; q && i < ps->n; i++) {
		q[2 * i] = (struct bw_question) { .type = BW_MSG_FILE_GET, .path = ps->v[i].stat, .max = STAT_MAX };
		q[2 * i + 1] = (struct bw_question) { .type = BW_MSG_FILE_GET, .path = ps->v[i].cmdline, .max = CMDLINE_MAX };
	}
	if (!err)
		err = bw_questions_ask(&ps->l.session, q, 2 * ps->n);
	if (!err)
		bw_process_print_head(stdout);
	for (i = 0; !err && i < ps->n; i++)
		status |= print(ps, &ps->v[i], &q[2 * i]);
	if (q)
		bw_questions_free(q, 2 * ps->n);
	free(q);
	return err ? err : status;
}

static int list(struct ps *ps)
{
	struct bw_question q = { .type = BW_MSG_FILE_LIST, .path = "/proc", .max = BW_MSG_MAX };
	int r = bw_questions_ask(&ps->l.session, &q, 1);

	if (!r && q.status) {
		fprintf(stderr, "ps: cannot open directory '/proc': %s\n", strerror(-q.status));
		r = BW_EXIT_FAILED;
	}
	if (!r)
		r = take_list(ps, &q);
	bw_questions_free(&q, 1);
	return r ? r : show(ps);
}

int bw_cmd_ps(int argc, char **argv)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { 0 } };
	const char *serial = NULL;
	struct ps ps = { 0 };
	int opt, r;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":s:", options, NULL)) != -1) {
		if (opt != 's')
			return bw_option_error(opt, argv);
		serial = optarg;
	}
	if (optind < argc)
		return bw_usage_error("ps takes no argument '%s'", argv[optind]);
	r = bw_look_open(&ps.l, "ps", serial);
	if (r)
		return r;
	r = list(&ps);
	if (r < 0)
		r = bw_session_complain(&ps.l.board, "ps", r);
	bw_look_close(&ps.l);
	free(ps.v);
	return bw_look_flush("ps", r);
}
