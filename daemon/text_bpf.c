// SPDX-License-Identifier: Apache-2.0
/* Maps and programs of the text protocol: each command is one or several bpf(2) of the binary protocol (op_bpf.c). */
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/op.h"
#include "daemon/text.h"
#include "protocol/base64.h"
#include "protocol/bpfattr.h"
#include "protocol/io.h"

#define LOG_SIZE	(1u << 20)
#define NO_NAME		"__none__"
#define NAME_MAX_LEN	(BPF_OBJ_NAME_LEN - 1)

#define AT(field)	((uint16_t)offsetof(union bpf_attr, field))
#define ATTR_END(field)	((uint32_t)(offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field)))
#define IN(field, p, n)	((struct bw_bpf_buf){ .where = AT(field), .dir = BW_BUF_IN, .len = (uint32_t)(n), .data = (const uint8_t *)(p) })
#define OUT(field, n)	((struct bw_bpf_buf){ .where = AT(field), .dir = BW_BUF_OUT, .len = (uint32_t)(n) })

int bw_text_bpf(struct bw_text *t, uint32_t cmd, const void *attr, uint32_t attr_size, const struct bw_bpf_buf *bufs, uint32_t nbufs,
		struct bw_bpf_reply *reply)
{
	struct bw_bpf m = { .cmd = cmd, .attr_size = attr_size, .attr = attr, .nbufs = nbufs };
	struct bw_request q = { .type = BW_MSG_BPF };
	struct bw_buf b = { 0 };
	struct bw_reader r;
	int status;

	for (uint32_t i = 0; i < nbufs; i++)
		m.bufs[i] = bufs[i];
	bw_put_bpf(&b, &m);
	if (b.err)
		return b.err;
	bw_reader_init(&q.r, b.data, b.len);
	bw_buf_reset(&t->w.reply);
	status = bw_op_bpf(&t->w, &q);
	bw_buf_free(&b);
	bw_reader_init(&r, t->w.reply.data, t->w.reply.len);
	if (status == BW_OP_MALFORMED || t->w.reply.err || bw_get_bpf_reply(&r, reply))
		return status < 0 ? status : -EINVAL;
	return status;
}

const struct bw_bpf_buf *bw_text_out(const struct bw_bpf_reply *reply, uint16_t where)
{
	for (uint32_t i = 0; i < reply->nbufs; i++)
		if (reply->bufs[i].where == where)
			return &reply->bufs[i];
	return NULL;
}

/* A decoded argument, or NULL without memory. */
static uint8_t *decode(const struct bw_text_value *v)
{
	uint8_t *p = malloc(v->num ? v->num : 1);

	if (p)
		bw_base64_decode(v->text.p, v->text.len, p);
	return p;
}

static const struct bw_map_info *map_of(struct bw_text *t, uint64_t num)
{
	struct bw_handle *h = bw_handle_get(&t->w.handles, bw_text_handle(t, num));

	return h && h->object == BW_OBJ_MAP ? &h->map : NULL;
}

/* Where a map of maps, of programs or of events holds a descriptor, the client's number becomes the handle. 0 and -1 may mean none there. */
static void number_to_handle(struct bw_text *t, uint8_t *p, uint64_t len, int off)
{
	uint32_t v;

	if (off < 0 || (uint64_t)off + 4 > len)
		return;
	memcpy(&v, p + off, sizeof(v));
	v = v ? bw_text_handle(t, v) : BW_HANDLE_NONE;
	memcpy(p + off, &v, sizeof(v));
}

/* ---- creation ---- */

/* Kernels before 4.15 know no names and refuse an attr that is longer than theirs with something in it: then once more without. */
static bool set_name(const struct bw_text_line *l, char *to)
{
	const struct bw_str *name = &l->v[1].text;

	if (!l->named || bw_str_eq(*name, NO_NAME))
		return false;
	for (uint32_t i = 0; i < name->len && i < NAME_MAX_LEN; i++) {
		char c = name->p[i];

		to[i] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ? c : '_';
	}
	return true;
}

static int number_or_error(int r, const struct bw_bpf_reply *reply)
{
	return r ? r : bw_text_number(reply->handle);
}

int bw_text_create_map(struct bw_text *t, const struct bw_text_line *l)
{
	const struct bw_text_value *v = l->v + (l->named ? 2 : 1);
	struct bw_bpf_reply reply;
	union bpf_attr attr;
	bool named;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = (uint32_t)l->v[0].num;
	attr.key_size = (uint32_t)v[0].num;
	attr.value_size = (uint32_t)v[1].num;
	attr.max_entries = (uint32_t)v[2].num;
	attr.map_flags = (uint32_t)v[3].num;
	named = set_name(l, attr.map_name);
	r = bw_text_bpf(t, BPF_MAP_CREATE, &attr, named ? ATTR_END(map_name) : ATTR_END(map_flags), NULL, 0, &reply);
	if (named && (r == -E2BIG || r == -EINVAL))
		r = bw_text_bpf(t, BPF_MAP_CREATE, &attr, ATTR_END(map_flags), NULL, 0, &reply);
	return bw_text_ret(t, "bpf_create_map", number_or_error(r, &reply));
}

static int insn_number(void *arg, uint32_t *fd)
{
	*fd = bw_text_handle(arg, *fd);
	return 0;
}

struct load {
	union bpf_attr attr;
	char *license;
	const uint8_t *insns;
	uint32_t len;
};

/* log: with the verifier's log, of which kernels differ in how long it may be. */
static int load(struct bw_text *t, struct load *d, bool named, bool log, struct bw_bpf_reply *reply)
{
	struct bw_bpf_buf bufs[3] = { IN(insns, d->insns, d->len), IN(license, d->license, strlen(d->license) + 1), OUT(log_buf, LOG_SIZE) };

	d->attr.log_level = log;
	d->attr.log_size = log ? LOG_SIZE : 0;
	return bw_text_bpf(t, BPF_PROG_LOAD, &d->attr, named ? ATTR_END(prog_name) : ATTR_END(kern_version), bufs, log ? 3 : 2, reply);
}

static void keep_log(struct bw_text *t, const struct bw_bpf_reply *reply)
{
	const struct bw_bpf_buf *b = bw_text_out(reply, AT(log_buf));

	free(t->prog_log);
	t->prog_log = b ? strndup((const char *)b->data, b->len) : NULL;
}

static int load_and_explain(struct bw_text *t, struct load *d, bool named)
{
	struct bw_bpf_reply reply;
	int r = load(t, d, named, false, &reply);

	if (named && r == -E2BIG) {
		named = false;
		r = load(t, d, false, false, &reply);
	}
	free(t->prog_log);
	t->prog_log = NULL;
	if (r) {
		int again = load(t, d, named, true, &reply);

		if (again)
			keep_log(t, &reply);
		r = again && again != -ENOSPC ? again : again ? r : 0;
	}
	return number_or_error(r, &reply);
}

int bw_text_prog_load(struct bw_text *t, const struct bw_text_line *l)
{
	const struct bw_text_value *v = l->v + (l->named ? 2 : 1);	/* length, license, version, instructions */
	bw_cleanup_free char *license = bw_str_dup(v[1].text);
	bw_cleanup_free uint8_t *insns = decode(&v[3]);
	struct load d = { .license = license, .insns = insns, .len = (uint32_t)v[0].num };
	bool named;

	if (!license || !insns)
		return bw_text_ret(t, "bpf_prog_load", -ENOMEM);
	/* The length is told twice; more than was sent there is not. */
	if (!d.len || d.len > v[3].num || d.len % sizeof(struct bpf_insn))
		return bw_text_ret(t, "bpf_prog_load", -EINVAL);
	bw_bpf_insn_fds(insns, d.len, insn_number, t, NULL);
	d.attr.prog_type = (uint32_t)l->v[0].num;
	d.attr.insn_cnt = d.len / (uint32_t)sizeof(struct bpf_insn);
	d.attr.kern_version = (uint32_t)v[2].num;
	named = set_name(l, d.attr.prog_name);
	return bw_text_ret(t, "bpf_prog_load", load_and_explain(t, &d, named));
}

int bw_text_prog_log(struct bw_text *t, const struct bw_text_line *l __attribute__((unused)))
{
	const char *log = t->prog_log ? t->prog_log : "";
	size_t len = strlen(log);

	bw_text_ret(t, "get_prog_log", len ? 0 : -ENOENT);
	bw_text_put(t, log, len);
	if (len && log[len - 1] != '\n')
		bw_text_put(t, "\n", 1);
	return 0;
}

static int object(struct bw_text *t, uint32_t cmd, uint64_t num, struct bw_str path, struct bw_bpf_reply *reply)
{
	bw_cleanup_free char *name = bw_str_dup(path);
	struct bw_bpf_buf buf;
	union bpf_attr attr;

	if (!name)
		return -ENOMEM;
	if (cmd == BPF_OBJ_PIN && bw_text_handle(t, num) == BW_HANDLE_CLOSED)
		return -EBADF;
	memset(&attr, 0, sizeof(attr));
	attr.bpf_fd = cmd == BPF_OBJ_PIN ? bw_text_handle(t, num) : 0;
	buf = IN(pathname, name, path.len + 1);
	return bw_text_bpf(t, cmd, &attr, ATTR_END(bpf_fd), &buf, 1, reply);
}

static int pin(struct bw_text *t, uint64_t num, struct bw_str path)
{
	const struct bw_handle *h = bw_handle_get(&t->w.handles, bw_text_handle(t, num));
	bw_cleanup_free char *name = bw_str_dup(path);
	struct bw_bpf_reply reply;

	if (!name)
		return -ENOMEM;
	if (h && h->object == BW_OBJ_PERF)
		return bw_text_probe_pin(t, bw_text_handle(t, num), name);
	return object(t, BPF_OBJ_PIN, num, path, &reply);
}

int bw_text_pin(struct bw_text *t, const struct bw_text_line *l)
{
	return bw_text_ret(t, "bpf_obj_pin", pin(t, l->v[0].num, l->v[1].text));
}

int bw_text_obj_get(struct bw_text *t, const struct bw_text_line *l)
{
	struct bw_bpf_reply reply;
	int r = object(t, BPF_OBJ_GET, 0, l->v[0].text, &reply);

	return bw_text_ret(t, "bpf_obj_get", number_or_error(r, &reply));
}

/* ---- elements ---- */

static int elem(struct bw_text *t, uint32_t cmd, uint64_t num, uint64_t flags, const struct bw_bpf_buf *bufs, uint32_t n,
		struct bw_bpf_reply *reply)
{
	union bpf_attr attr;

	/* Without a map there are no lengths of keys and values to compare with; the kernel would say so first. */
	if (!map_of(t, num))
		return bw_text_handle(t, num) == BW_HANDLE_CLOSED ? -EBADF : -EINVAL;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = bw_text_handle(t, num);
	attr.flags = flags;
	return bw_text_bpf(t, cmd, &attr, ATTR_END(flags), bufs, n, reply);
}

static int next_key(struct bw_text *t, uint64_t num, const uint8_t *key, uint64_t len, uint8_t *next)
{
	struct bw_bpf_buf bufs[2] = { OUT(next_key, len), IN(key, key, len) };
	const struct bw_bpf_buf *b;
	struct bw_bpf_reply reply;
	int r = elem(t, BPF_MAP_GET_NEXT_KEY, num, 0, bufs, key ? 2 : 1, &reply);

	b = r ? NULL : bw_text_out(&reply, AT(next_key));
	if (b)
		memcpy(next, b->data, b->len < len ? b->len : len);
	return r;
}

static int delete_key(struct bw_text *t, uint64_t num, const uint8_t *key, uint64_t len)
{
	struct bw_bpf_buf buf = IN(key, key, len);
	struct bw_bpf_reply reply;

	return elem(t, BPF_MAP_DELETE_ELEM, num, 0, &buf, 1, &reply);
}

/* On success *value is in the reply. */
static int look_up(struct bw_text *t, uint64_t num, const uint8_t *key, uint64_t key_len, uint64_t value_len, const struct bw_bpf_buf **value)
{
	struct bw_bpf_buf bufs[2] = { IN(key, key, key_len), OUT(value, value_len) };
	static struct bw_bpf_reply reply;
	int r = elem(t, BPF_MAP_LOOKUP_ELEM, num, 0, bufs, 2, &reply);

	*value = r ? NULL : bw_text_out(&reply, AT(value));
	return r ? r : *value ? 0 : -EINVAL;
}

int bw_text_update(struct bw_text *t, const struct bw_text_line *l)
{
	const struct bw_map_info *map = map_of(t, l->v[0].num);
	bw_cleanup_free uint8_t *key = decode(&l->v[1]), *value = decode(&l->v[3]);
	struct bw_bpf_buf bufs[2] = { IN(key, key, l->v[1].num), IN(value, value, l->v[3].num) };
	struct bw_bpf_reply reply;

	if (!key || !value)
		return bw_text_ret(t, "bpf_update_elem", -ENOMEM);
	if (l->v[1].num != l->v[2].num || l->v[3].num != l->v[4].num)
		return bw_text_ret(t, "bpf_update_elem", -EINVAL);
	if (map) {
		number_to_handle(t, key, l->v[1].num, bw_map_key_fd(map));
		number_to_handle(t, value, l->v[3].num, bw_map_value_fd(map));
	}
	return bw_text_ret(t, "bpf_update_elem", elem(t, BPF_MAP_UPDATE_ELEM, l->v[0].num, l->v[5].num, bufs, 2, &reply));
}

/* -EINVAL in place of a key that is not as long as it was said to be. */
static int take_key(const struct bw_text_line *l, uint8_t **key)
{
	*key = decode(&l->v[1]);
	return !*key ? -ENOMEM : l->v[1].num != l->v[2].num ? -EINVAL : 0;
}

int bw_text_lookup(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free uint8_t *key = NULL;
	const struct bw_bpf_buf *value;
	int r = take_key(l, &key);

	if (!r)
		r = look_up(t, l->v[0].num, key, l->v[1].num, l->v[3].num, &value);
	if (r)
		return bw_text_ret(t, "bpf_lookup_elem", r);
	bw_text_put_base64(t, value->data, value->len);
	return 0;
}

int bw_text_next_key(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free uint8_t *key = NULL;
	int r = take_key(l, &key);

	if (!r)
		r = next_key(t, l->v[0].num, key, l->v[1].num, key);
	if (r)
		return bw_text_ret(t, "bpf_get_next_key", r);
	bw_text_put_base64(t, key, l->v[1].num);
	return 0;
}

int bw_text_delete(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free uint8_t *key = NULL;
	int r = take_key(l, &key);

	return bw_text_ret(t, "bpf_delete_elem", r ? r : delete_key(t, l->v[0].num, key, l->v[1].num));
}

/* The key after is asked for before a key is deleted, or the kernel would search all buckets anew. Not for ever: somebody may be filling it. */
static int64_t clear(struct bw_text *t, uint64_t num, const struct bw_map_info *map, uint8_t *key, uint8_t *next)
{
	uint64_t most = map->max_entries, size = map->key_size;
	int64_t deleted = 0;
	int r = next_key(t, num, NULL, size, key), after = 0;

	if (r)
		return r == -ENOENT ? 0 : r;
	for (uint64_t i = 0; i < most && !after; i++) {
		after = next_key(t, num, key, size, next);
		r = delete_key(t, num, key, size);
		if (r && r != -ENOENT)
			return r;
		deleted += !r;
		memcpy(key, next, size);
	}
	return deleted;
}

int bw_text_clear(struct bw_text *t, const struct bw_text_line *l)
{
	const struct bw_map_info *known = map_of(t, l->v[0].num);
	bw_cleanup_free uint8_t *key = NULL, *next = NULL;
	struct bw_map_info map;

	if (!known)
		return bw_text_ret(t, "bpf_clear_map", bw_text_handle(t, l->v[0].num) == BW_HANDLE_CLOSED ? -EBADF : -EINVAL);
	map = *known;
	if (l->v[1].num != map.key_size)
		return bw_text_ret(t, "bpf_clear_map", -EINVAL);
	key = malloc(map.key_size + 1u);
	next = malloc(map.key_size + 1u);
	return bw_text_ret(t, "bpf_clear_map", key && next ? clear(t, l->v[0].num, &map, key, next) : -ENOMEM);
}
