// SPDX-License-Identifier: Apache-2.0
#include "remote/bpf.h"
#include "remote/conn.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* One read is one message; a longer one comes back short, as read(2) may. */
#define READ_MAX	(1u << 20)

ssize_t bw_handle_read(struct bw_placeholder *o, void *buf, size_t len, int64_t offset)
{
	struct bw_handle_read m = { o->handle, offset < 0 ? BW_OFFSET_CURRENT : (uint64_t)offset, len < READ_MAX ? (uint32_t)len : READ_MAX };
	struct bw_reply reply;
	struct bw_buf b = { 0 };
	ssize_t r;

	bw_put_handle_read(&b, &m);
	r = bw_call(BW_MSG_HANDLE_READ, &b, &reply);
	if (!r && reply.len > len)
		r = -EPROTO;
	if (!r)
		r = bw_copy_out(buf, reply.data, reply.len);
	if (!r)
		r = (ssize_t)reply.len;
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return r;
}

static ssize_t no_read(struct bw_placeholder *o, void *buf, size_t len, int64_t offset)
{
	(void)o, (void)buf, (void)len, (void)offset;
	return -EINVAL;
}

static ssize_t no_write(struct bw_placeholder *o, const void *buf, size_t len, int64_t offset)
{
	(void)o, (void)buf, (void)len, (void)offset;
	return -EINVAL;
}

/* Names as anon_inode_getfd() is called with in kernel/bpf: a new link's and that of a link got by id or pin differ, and bpftool knows the second. */
const struct bw_placeholder_ops bw_map_ops = { .name = "anon_inode:bpf-map", .read = no_read, .write = no_write, .mmap = bw_map_mmap };
const struct bw_placeholder_ops bw_prog_ops = { .name = "anon_inode:bpf-prog", .read = no_read, .write = no_write };
const struct bw_placeholder_ops bw_link_ops = { .name = "anon_inode:bpf_link", .read = no_read, .write = no_write };
static const struct bw_placeholder_ops got_link_ops = { .name = "anon_inode:bpf-link", .read = no_read, .write = no_write };
const struct bw_placeholder_ops bw_btf_ops = { .name = "anon_inode:btf", .read = no_read, .write = no_write };
const struct bw_placeholder_ops bw_iter_ops = { .name = "anon_inode:bpf_iter", .read = bw_handle_read, .write = no_write };
const struct bw_placeholder_ops bw_other_ops = { .name = "anon_inode:[bpf]", .read = no_read, .write = no_write };

static const struct bw_placeholder_ops *ops_of(uint32_t object, uint32_t cmd)
{
	switch (object) {
	case BW_OBJ_MAP:
		return &bw_map_ops;
	case BW_OBJ_PROG:
		return &bw_prog_ops;
	case BW_OBJ_LINK:
		return cmd == BPF_OBJ_GET || cmd == BPF_LINK_GET_FD_BY_ID ? &got_link_ops : &bw_link_ops;
	case BW_OBJ_BTF:
		return &bw_btf_ops;
	case BW_OBJ_ITER:
		return &bw_iter_ops;
	default:
		return &bw_other_ops;
	}
}

/* How long its keys and values are a tool knows that made the map; its memory is for that, whatever a board says. */
static void keep_sizes(struct bw_map_info *m, const struct bw_bpf_request *q)
{
	m->type = bw_attr_u32(q->given, q->size, offsetof(union bpf_attr, map_type));
	m->key_size = bw_attr_u32(q->given, q->size, offsetof(union bpf_attr, key_size));
	m->value_size = bw_attr_u32(q->given, q->size, offsetof(union bpf_attr, value_size));
}

static int new_descriptor(const struct bw_bpf_reply *p, uint32_t cmd)
{
	struct bw_placeholder_new n = { .ops = ops_of(p->object, cmd), .object = p->object, .handle = p->handle, .fd = -1, .cloexec = true,
					.map = &p->map };

	return bw_placeholder_open(&n, NULL);
}

void bw_bpf_request_put(struct bw_buf *b, const struct bw_bpf_request *q)
{
	struct bw_bpf m = { .cmd = q->row->cmd, .attr_size = q->size, .attr = q->attr, .nbufs = q->nargs };
	unsigned int i;

	for (i = 0; i < q->nargs; i++) {
		const struct bw_bpf_arg *a = &q->args[i];
		bool sent = a->dir == BW_BUF_IN || a->dir == BW_BUF_INOUT;

		m.bufs[i] = (struct bw_bpf_buf){ a->where, a->dir, a->len, sent ? a->data : NULL };
	}
	bw_put_bpf(b, &m);
}

/* A refusal for a reason of our own comes without the contents of a bpf reply. */
static long take_reply(const struct bw_bpf_request *q, const struct bw_reply *reply)
{
	struct bw_reader rd = bw_reply_reader(reply);
	struct bw_bpf_reply p;
	int r, copied;

	r = bw_get_bpf_reply(&rd, &p);
	if (r)
		return reply->status ? reply->status : r;
	copied = bw_bpf_result(q, &p);
	if (reply->status)
		return reply->status;
	if (q->row->object != BW_OBJ_NONE && p.handle) {
		int fd;

		if (q->row->cmd == BPF_MAP_CREATE)
			keep_sizes(&p.map, q);
		fd = new_descriptor(&p, q->row->cmd);

		if (fd >= 0 && copied) {	/* as in the kernel: nobody learns the number, it stays open */
			bw_verbose(1, "bpf %s: the result could not be written to the tool's memory", q->row->name);
		}
		return fd;
	}
	return copied ? copied : p.value;
}

/* See bw_lost. */
static long gone(unsigned int cmd)
{
	switch (cmd) {
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_LINK_DETACH:
	case BPF_PROG_DETACH:
		return 0;
	case BPF_MAP_GET_NEXT_KEY:
		return -ENOENT;
	default:
		bw_disconnect_refused();
		return -ENODEV;
	}
}

/* What the tool may see in a map's memory as soon as the call returns. */
static bool changes_memory(unsigned int cmd)
{
	return cmd == BPF_PROG_TEST_RUN || cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_UPDATE_BATCH;
}

long bw_bpf_call(unsigned int cmd, void *attr, unsigned int size)
{
	struct bw_bpf_request *q = malloc(sizeof(*q));
	struct bw_buf b = { 0 };
	struct bw_reply reply;
	long r, ahead;

	if (!q)
		return -ENOMEM;
	bw_front_end_now();
	r = bw_conn_ready();
	if (r) {
		free(q);
		return bw_lost() ? gone(cmd) : r;
	}
	bw_maps_push();
	ahead = bw_ahead_answer(cmd, attr, size);
	if (ahead != BW_AHEAD_ASK && ahead != BW_AHEAD_POST) {
		free(q);
		return ahead;
	}
	r = bw_bpf_request_gather(q, cmd, attr, size);
	if (!r)
		bw_bpf_request_put(&b, q);
	if (!r && ahead == BW_AHEAD_POST) {
		r = bw_post(BW_MSG_BPF, &b);
	} else if (!r) {
		if (!bw_probe_answer(q, &reply))
			bw_call(BW_MSG_BPF, &b, &reply);
		r = take_reply(q, &reply);
		bw_reply_free(&reply);
		if (!r && (cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_UPDATE_ELEM))
			bw_ahead_done(cmd, (int)bw_attr_u32(q->given, q->size, offsetof(union bpf_attr, map_fd)));
	}
	if (r >= 0 && changes_memory(cmd))
		bw_maps_pull(true);
	if (r == -ENODEV && bw_lost())
		r = gone(cmd);
	bw_verbose(2, "bpf %s: %ld", q->row ? q->row->name : "(unknown)", r);
	bw_bpf_request_free(q);
	bw_buf_free(&b);
	free(q);
	return r;
}

int bw_map_lookup(struct bw_placeholder *o, const void *key, void *value)
{
	union bpf_attr attr;
	struct bw_bpf m = { .cmd = BPF_MAP_LOOKUP_ELEM, .attr_size = sizeof(attr), .attr = (uint8_t *)&attr, .nbufs = 2 };
	uint32_t len = bw_map_value_len(&o->map, bw_board()->ncpus_possible, 0);
	struct bw_bpf_reply p;
	struct bw_reply reply;
	struct bw_buf b = { 0 };
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = o->handle;
	m.attr_size = offsetof(union bpf_attr, flags) + 8;
	m.bufs[0] = (struct bw_bpf_buf){ offsetof(union bpf_attr, key), BW_BUF_IN, o->map.key_size, key };
	m.bufs[1] = (struct bw_bpf_buf){ offsetof(union bpf_attr, value), BW_BUF_OUT, len, NULL };
	bw_put_bpf(&b, &m);
	r = bw_call(BW_MSG_BPF, &b, &reply);
	if (!r) {
		struct bw_reader rd = bw_reply_reader(&reply);

		r = bw_get_bpf_reply(&rd, &p);
		if (!r && (p.nbufs != 1 || p.bufs[0].len != len))
			r = -EPROTO;
		if (!r)
			memcpy(value, p.bufs[0].data, len);
	}
	bw_reply_free(&reply);
	bw_buf_free(&b);
	return r;
}
