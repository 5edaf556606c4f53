// SPDX-License-Identifier: Apache-2.0
/* bpfwire ls: names and facts of the board's files, as ls -1 and ls -ln would print them there. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/command/command.h"
#include "remote/command/escape.h"
#include "remote/command/look.h"
#include "remote/command/ls_line.h"

/* Of a directory: a name and what stat(2) says of it are about 150 bytes. */
#define LIST_MAX	BW_MSG_MAX

/* coreutils' exit statuses: 1 is about what was found in a directory, 2 about what was asked for. */
enum { MINOR = 1, SERIOUS = 2 };

struct ls {
	struct bw_look l;
	bool is_long, all, as_is;	/* as_is: a directory is listed itself */
	bool terminal;
	bool headed, printed;		/* directories have a line above; something was printed */
	int status;
	struct bw_ls_widths widths;	/* at least */
};

struct listing {
	struct bw_ls_entry *v;
	size_t n, room;
};

static void complain(struct ls *ls, const char *what, const char *dir, const char *name, int err, int status)
{
	fprintf(stderr, "ls: cannot %s '", what);
	if (dir) {
		bw_escape(stderr, dir, strlen(dir), "");
		if (!*dir || dir[strlen(dir) - 1] != '/')
			putc('/', stderr);
	}
	bw_escape(stderr, name, strlen(name), "");
	fprintf(stderr, "': %s\n", strerror(-err));
	if (ls->status < status)
		ls->status = status;
}

/* ---- listings ---- */

static int add(struct listing *g, struct bw_str name, const struct bw_stat *st)
{
	struct bw_ls_entry *v = g->v;

	if (g->n == g->room) {
		g->room = g->room ? g->room * 2 : 64;
		v = reallocarray(g->v, g->room, sizeof(*v));
	}
	if (!v)
		return -ENOMEM;
	g->v = v;
	v[g->n] = (struct bw_ls_entry) { .name = bw_str_dup(name), .st = *st };
	return v[g->n].name ? (g->n++, 0) : -ENOMEM;
}

static void listing_free(struct listing *g)
{
	while (g->n--) {
		free(g->v[g->n].name);
		free(g->v[g->n].link);
	}
	free(g->v);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct bw_ls_entry *)a)->name, ((const struct bw_ls_entry *)b)->name);
}

/* DIR/NAME, to be freed; dir NULL: the name alone. */
static char *join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", dir ? dir : "", dir && *dir && dir[strlen(dir) - 1] == '/' ? "" : dir ? "/" : "", name) < 0)
		return NULL;
	return path;
}

static int get_stat(const struct bw_question *q, struct bw_stat *st)
{
	struct bw_reader r;

	bw_reader_init(&r, q->reply.data, q->reply.len);
	return bw_get_stat(&r, st);
}

/* What the symbolic links of a listing hold. */
static int read_links(struct ls *ls, struct listing *g, const char *dir)
{
	struct bw_question *q = calloc(g->n ? g->n : 1, sizeof(*q));
	size_t i, n = 0;
	int err = q ? 0 : -ENOMEM;

	for (i = 0; !err && i < g->n; i++) {
		if (g->v[i].st.type != BW_FT_LNK)
			continue;
		q[n] = (struct bw_question) { .type = BW_MSG_FILE_READLINK, .path = join(dir, g->v[i].name) };
		err = q[n++].path ? 0 : -ENOMEM;
	}
	if (!err)
		err = bw_questions_ask(&ls->l.session, q, n);
	for (i = 0, n = 0; q && i < g->n; i++) {
		struct bw_reader r;

		if (g->v[i].st.type != BW_FT_LNK)
			continue;
		bw_reader_init(&r, q[n].reply.data, q[n].reply.len);
		if (!err && !q[n].status)
			g->v[i].link = bw_str_dup(bw_get_str(&r, BW_PATH_MAX));
		else if (!err)
			complain(ls, "read symbolic link", NULL, q[n].path, q[n].status, MINOR);
		free((char *)(uintptr_t)q[n].path);
		bw_buf_free(&q[n++].reply);
	}
	free(q);
	return err;
}

static void print(struct ls *ls, const struct listing *g)
{
	struct bw_ls_widths w = ls->widths;
	size_t i;

	for (i = 0; i < g->n; i++)
		bw_ls_measure(&w, &g->v[i].st);
	for (i = 0; i < g->n; i++)
		bw_ls_print(stdout, &g->v[i], ls->is_long ? &w : NULL, ls->terminal);
}

/* Sorted, with the links where they are shown. */
static int show(struct ls *ls, struct listing *g, const char *dir)
{
	int err = 0;

	qsort(g->v, g->n, sizeof(*g->v), by_name);
	if (ls->is_long)
		err = read_links(ls, g, dir);
	if (!err)
		print(ls, g);
	return err;
}

/* ---- directories ---- */

/* The entries of FILE_LIST's answer. */
static int take_entries(struct ls *ls, struct listing *g, const struct bw_question *q, const char *dir)
{
	struct bw_dirent d;
	struct bw_reader r;
	int err = 0;

	bw_reader_init(&r, q->reply.data, q->reply.len);
	while (!err && r.left) {
		if (bw_get_dirent(&r, &d))
			return -EPROTO;
		if (!d.name.len || (!ls->all && *d.name.p == '.'))
			continue;
		err = add(g, d.name, &d.st);
		if (!err && d.st.type == BW_FT_NONE && ls->is_long)
			complain(ls, "access", dir, g->v[g->n - 1].name, -ENOENT, MINOR);
	}
	return err;
}

/* "." and "..", which FILE_LIST leaves out. */
static int take_dots(struct listing *g, const struct bw_question *q)
{
	static const char *const names[] = { ".", ".." };
	struct bw_stat st = { 0 };
	int i, err = 0;

	for (i = 0; !err && i < 2; i++) {
		if (!q[i].status && get_stat(&q[i], &st))
			return -EPROTO;
		err = add(g, (struct bw_str) { .p = names[i], .len = (uint32_t)strlen(names[i]) }, &st);
	}
	return err;
}

static void print_total(const struct listing *g)
{
	uint64_t blocks = 0;
	size_t i;

	for (i = 0; i < g->n; i++)
		blocks += g->v[i].st.blocks;
	printf("total %" PRIu64 "\n", (blocks + 1) / 2);
}

static void print_head(struct ls *ls, const char *dir)
{
	if (ls->printed)
		putchar('\n');
	ls->printed = true;
	if (!ls->headed)
		return;
	if (ls->terminal)
		bw_escape(stdout, dir, strlen(dir), "");
	else
		fputs(dir, stdout);
	puts(":");
}

static int list(struct ls *ls, const char *dir)
{
	char *dot = join(dir, "."), *dotdot = join(dir, "..");
	struct bw_question q[] = {
		{ .type = BW_MSG_FILE_LIST, .path = dir, .max = LIST_MAX },
		{ .type = BW_MSG_FILE_STAT, .path = dot }, { .type = BW_MSG_FILE_STAT, .path = dotdot },
	};
	struct listing g = { 0 };
	int err = dot && dotdot ? bw_questions_ask(&ls->l.session, q, ls->all ? 3 : 1) : -ENOMEM;

	if (!err && q[0].status && !q[0].reply.len) {
		complain(ls, "open directory", NULL, dir, q[0].status, SERIOUS);
		goto out;
	}
	if (!err)
		err = take_entries(ls, &g, &q[0], dir);
	if (!err && ls->all)
		err = take_dots(&g, &q[1]);
	if (err)
		goto out;
	if (q[0].status)
		complain(ls, "read all of", NULL, dir, q[0].status, SERIOUS);
	print_head(ls, dir);
	if (ls->is_long)
		print_total(&g);
	err = show(ls, &g, dir);
out:
	listing_free(&g);
	bw_questions_free(q, 3);
	free(dot);
	free(dotdot);
	return err;
}

/* ---- what was asked for ---- */

/* Follows links to directories, as ls does without -l and -d, and falls back to the link. */
static int ask_about(struct ls *ls, struct bw_question *q, char **paths, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		q[2 * i] = (struct bw_question) { .type = BW_MSG_FILE_STAT, .path = paths[i], .flags = BW_FILE_NOFOLLOW };
		q[2 * i + 1] = (struct bw_question) { .type = BW_MSG_FILE_STAT, .path = paths[i] };
	}
	return bw_questions_ask(&ls->l.session, q, 2 * n);
}

/* Files go to g; a directory that is to be listed keeps its place in paths, and the others become NULL there. */
static int sort_out(struct ls *ls, struct bw_question *q, char **paths, size_t n, struct listing *g)
{
	struct bw_stat st, target;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < n; i++) {
		char *path = paths[i];

		if (q[2 * i].status) {
			complain(ls, "access", NULL, path, q[2 * i].status, SERIOUS);
			paths[i] = NULL;
			continue;
		}
		if (get_stat(&q[2 * i], &st))
			return -EPROTO;
		if (!ls->as_is && (st.type == BW_FT_DIR || (!ls->is_long && st.type == BW_FT_LNK && !q[2 * i + 1].status && !get_stat(&q[2 * i + 1], &target) &&
							    target.type == BW_FT_DIR))) {
			bw_ls_measure(&ls->widths, &st);
			continue;
		}
		err = add(g, (struct bw_str) { .p = path, .len = (uint32_t)strlen(path) }, &st);
		paths[i] = NULL;
	}
	return err;
}

static int path_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_all(struct ls *ls, char **paths, size_t n)
{
	struct bw_question *q = calloc(2 * n, sizeof(*q));
	struct listing files = { 0 };
	size_t i, dirs = 0;
	int err = q ? ask_about(ls, q, paths, n) : -ENOMEM;

	ls->headed = n > 1;
	if (!err)
		err = sort_out(ls, q, paths, n, &files);
	if (!err)
		err = show(ls, &files, NULL);
	ls->printed = files.n > 0;
	ls->widths = (struct bw_ls_widths) { 0 };
	for (i = 0; i < n; i++)
		if (paths[i])
			paths[dirs++] = paths[i];
	qsort(paths, dirs, sizeof(*paths), path_order);
	for (i = 0; !err && i < dirs; i++)
		err = list(ls, paths[i]);
	listing_free(&files);
	if (q)
		bw_questions_free(q, 2 * n);
	free(q);
	return err;
}

static int parse(int argc, char **argv, struct ls *ls, const char **serial)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { "all", no_argument, NULL, 'a' },
						 { "directory", no_argument, NULL, 'd' }, { 0 } };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":s:lad", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			*serial = optarg;
			break;
		case 'l':
			ls->is_long = true;
			break;
		case 'a':
			ls->all = true;
			break;
		case 'd':
			ls->as_is = true;
			break;
		default:
			return bw_option_error(opt, argv);
		}
	}
	return BW_EXIT_OK;
}

int bw_cmd_ls(int argc, char **argv)
{
	char root[] = "/", *top[] = { root };
	const char *serial = NULL;
	struct ls ls = { 0 };
	size_t n;
	int err = parse(argc, argv, &ls, &serial);

	if (!err)
		err = bw_look_open(&ls.l, "ls", serial);
	if (err)
		return err;
	ls.terminal = isatty(STDOUT_FILENO);
	n = (size_t)(argc - optind);
	err = list_all(&ls, n ? argv + optind : top, n ? n : 1);
	if (err)
		ls.status = bw_session_complain(&ls.l.board, "ls", err);
	bw_look_close(&ls.l);
	return bw_look_flush("ls", ls.status);
}
