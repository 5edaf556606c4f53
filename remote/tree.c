// SPDX-License-Identifier: Apache-2.0
/*
 * The tree of trace events, of some hundred directories with some thousand events. Tools list it directory by directory, and some read the format of
 * each event. The first question brings the whole tree, from which the directories below are answered while it is fresh; formats that are read in the
 * order of the tree are fetched ahead, more each time, in flight together.
 *
 * One tree at a time. The lock is only tried: who cannot have it asks the board.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "remote/conn.h"
#include "remote/files.h"

#define IN_FLIGHT	128u
#define FIRST		8u		/* formats fetched ahead; four times as many for each time that follows */
#define NONE		UINT32_MAX

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct bw_fresh fresh;
	char path[BW_PATH_MAX + 1];	/* of the directory `events`; "" none */
	uint8_t *data;			/* the listing, of two levels */
	size_t len, at;			/* at: where the directory that was listed last ended */
	struct bw_str *events;		/* CATEGORY/EVENT, in data */
	uint32_t n;
} tree;

static struct {
	struct bw_fresh fresh;
	uint32_t last;			/* event whose format was read last */
	uint32_t from, n;		/* those that are here */
	struct {
		int status;
		struct bw_buf reply;
	} got[IN_FLIGHT];
} formats = { .last = NONE };

/* ---- the tree ---- */

static void drop_formats(void)
{
	while (formats.n)
		bw_buf_free(&formats.got[--formats.n].reply);
	formats.last = NONE;
}

static void drop(void)
{
	drop_formats();
	free(tree.data);
	free(tree.events);
	memset(&tree, 0, sizeof(tree));
}

static bool is_events(const char *path)
{
	static const char name[] = "/tracing/events";
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return n >= sizeof(name) - 1 && !strncmp(path + n - (sizeof(name) - 1), name, sizeof(name) - 1);
}

static bool is_event(const struct bw_dirent *e)
{
	return e->st.type == BW_FT_DIR && e->name.len && memchr(e->name.p, '/', e->name.len);
}

/* What is below `path`, as the tree is kept under it: "" itself. NULL: not in it. */
static const char *below_tree(const char *path)
{
	size_t n = strlen(tree.path);

	if (!n || !bw_is_fresh(&tree.fresh) || strncmp(path, tree.path, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n + strspn(path + n, "/");
}

static void read_entries(void)
{
	struct bw_reader r = { .p = tree.data, .left = tree.len };
	struct bw_dirent e;

	while (r.left && !bw_get_dirent(&r, &e)) {
		bw_stat_remember_entry(tree.path, e.name, &e.st);
		if (is_event(&e) && tree.events)
			tree.events[tree.n++] = e.name;
	}
}

static uint32_t count_entries(const struct bw_reply *reply)
{
	struct bw_reader r = bw_reply_reader(reply);
	struct bw_dirent e;
	uint32_t n = 0;

	while (r.left && !bw_get_dirent(&r, &e))
		n++;
	return n;
}

static void keep(const char *path, const struct bw_reply *reply)
{
	size_t n = strlen(path);

	drop();
	while (n && path[n - 1] == '/')
		n--;
	tree.data = malloc(reply->len + 1);
	tree.events = calloc(count_entries(reply) + 1, sizeof(*tree.events));
	if (!tree.data || !tree.events || n > BW_PATH_MAX) {
		drop();
		return;
	}
	memcpy(tree.data, reply->data, reply->len);
	tree.len = reply->len;
	memcpy(tree.path, path, n);
	tree.path[n] = 0;
	bw_fresh_from_now(&tree.fresh);
	read_entries();
}

/* The entries of the directory `name` from tree.at on, without its name; they lie together. */
static void copy_entries(const char *name, struct bw_buf *out)
{
	struct bw_reader r = { .p = tree.data + tree.at, .left = tree.len - tree.at };
	size_t n = strlen(name);
	struct bw_dirent e;

	while (r.left && !bw_get_dirent(&r, &e)) {
		if (e.name.len > n + 1 && !memcmp(e.name.p, name, n) && e.name.p[n] == '/') {
			e.name.p += n + 1;
			e.name.len -= (uint32_t)n + 1;
			bw_put_dirent(out, &e);
		} else if (out->len) {
			break;
		}
		tree.at = tree.len - r.left;
	}
}

/* Whoever walks asks what the next directory is before he lists it. */
static void remember_next(void)
{
	struct bw_reader r = { .p = tree.data + tree.at, .left = tree.len - tree.at };
	struct bw_dirent e;

	if (r.left && !bw_get_dirent(&r, &e))
		bw_stat_remember_entry(tree.path, e.name, &e.st);
}

/* A directory of the tree. One without entries the board is asked for: it may be one that could not be read. */
static bool list_known(const char *path, struct bw_reply *reply)
{
	const char *name = below_tree(path);
	struct bw_buf out = { 0 };

	if (!name || strchr(name, '/'))
		return false;
	if (*name) {
		copy_entries(name, &out);
		if (!out.len) {
			tree.at = 0;
			copy_entries(name, &out);
		}
	} else {
		bw_put_bytes(&out, tree.data, tree.len);
	}
	if (out.err || !out.len) {
		bw_buf_free(&out);
		return false;
	}
	remember_next();
	bw_fresh_again(&tree.fresh);
	reply->data = reply->owned = out.data;
	reply->len = out.len;
	return true;
}

int bw_tree_list(const char *path, struct bw_reply *reply)
{
	bool whole = is_events(path), locked = !pthread_mutex_trylock(&lock);
	int err = 0;

	memset(reply, 0, sizeof(*reply));
	if (!locked || !list_known(path, reply))
		err = bw_file_call(BW_MSG_FILE_LIST, path, whole ? BW_FILE_RECURSE : 0, whole, reply);
	if (!err && locked && whole && !below_tree(path))
		keep(path, reply);
	if (locked)
		pthread_mutex_unlock(&lock);
	return err;
}

/* ---- formats ---- */

/* Which event's format this path is, or NONE. Tools read them in order. */
static uint32_t event_of(const char *path)
{
	static const char file[] = "/format";
	const char *name = below_tree(path);
	size_t n = name ? strlen(name) : 0;
	uint32_t i, k;

	if (n < sizeof(file) || strcmp(name + n - (sizeof(file) - 1), file))
		return NONE;
	n -= sizeof(file) - 1;
	for (k = 0; k < tree.n; k++) {
		i = (k + (formats.last == NONE ? 0 : formats.last)) % tree.n;
		if (tree.events[i].len == n && !memcmp(tree.events[i].p, name, n))
			return i;
	}
	return NONE;
}

static int request(struct bw_waiter *w, uint32_t i)
{
	char path[BW_PATH_MAX + 1];
	struct bw_file m = { 0 };
	struct bw_buf b = { 0 };
	int n = snprintf(path, sizeof(path), "%s/%.*s/format", tree.path, (int)tree.events[i].len, tree.events[i].p), r;

	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	m.path = (struct bw_str){ path, (uint32_t)n };
	bw_put_file(&b, &m);
	r = b.err ? b.err : bw_request(w, BW_MSG_FILE_GET, b.data, b.len);
	bw_buf_free(&b);
	return r;
}

static void fetch(uint32_t from, uint32_t n)
{
	struct bw_waiter w[IN_FLIGHT];
	uint32_t i, sent = 0;

	drop_formats();
	if (n > tree.n - from)
		n = tree.n - from;
	if (bw_conn_ready())
		return;
	while (sent < n && !request(&w[sent], from + sent))
		sent++;
	for (i = 0; i < sent; i++) {
		bw_waiter_wait(&w[i]);
		formats.got[i].status = w[i].status;
		formats.got[i].reply = w[i].data;
	}
	formats.from = from;
	formats.n = sent;
	bw_fresh_from_now(&formats.fresh);
}

static bool here(uint32_t i)
{
	return formats.n && i - formats.from < formats.n && bw_is_fresh(&formats.fresh) && !formats.got[i - formats.from].status &&
	       formats.got[i - formats.from].reply.len;
}

static bool get_known(const char *path, struct bw_reply *reply)
{
	uint32_t i = event_of(path), n;
	struct bw_buf *got;

	if (i == NONE)
		return false;
	if (!here(i) && formats.last != NONE && i == formats.last + 1) {
		n = formats.n && i == formats.from + formats.n ? 4 * formats.n : FIRST;
		fetch(i, n < IN_FLIGHT ? n : IN_FLIGHT);
	}
	formats.last = i;
	bw_fresh_again(&tree.fresh);
	if (!here(i))
		return false;
	got = &formats.got[i - formats.from].reply;	/* given once */
	reply->data = reply->owned = got->data;
	reply->len = got->len;
	memset(got, 0, sizeof(*got));
	return true;
}

bool bw_tree_get(const char *path, struct bw_reply *reply)
{
	bool known;

	memset(reply, 0, sizeof(*reply));
	if (pthread_mutex_trylock(&lock))
		return false;
	known = get_known(path, reply);
	pthread_mutex_unlock(&lock);
	return known;
}
