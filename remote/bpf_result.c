// SPDX-License-Identifier: Apache-2.0
/* What the kernel wrote goes to where the tool's pointers say; its own pointers and descriptors in attr and info stay as they were. */
#include "remote/bpf.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* now: as it came back, with pointers and descriptors 0. They become the tool's again. */
static void keep_private(uint8_t *now, const uint8_t *given, uint32_t size, const struct bw_bpf_field *f)
{
	for (; f && f->kind != BW_FIELD_END; f++)
		if (bw_bpf_field_applies(f, given, size))
			memcpy(now + f->off, given + f->off, f->kind == BW_FIELD_FD || f->kind == BW_FIELD_FD_OR_NONE ? 4 : 8);
}

/* Written only where it changed: a tool's attr may be constant. */
static int put_attr(const struct bw_bpf_request *q, const struct bw_bpf_reply *p)
{
	uint8_t now[BW_BPF_ATTR_MAX];

	if (p->attr_size != q->size)
		return 0;
	memcpy(now, p->attr, q->size);
	keep_private(now, q->given, q->size, q->row->fields);
	if (!memcmp(now, q->given, q->size))
		return 0;
	if (q->pid_changed)
		memcpy(now + offsetof(union bpf_attr, task_fd_query.pid), &q->own_pid, sizeof(q->own_pid));
	return bw_copy_out(q->user_attr, now, q->size);
}

static int put_info(const struct bw_bpf_request *q, const struct bw_bpf_arg *a, const uint8_t *data, uint32_t len)
{
	uint8_t *now = malloc(q->info_len + 1);
	int r;

	if (!now)
		return -ENOMEM;
	memcpy(now, q->info, q->info_len);
	memcpy(now, data, len);
	/* A pointer that the kernel did not reach is as it was anyway. */
	keep_private(now, q->info, q->info_len, bw_bpf_info_fields(q->object));
	r = bw_copy_out(a->user, now, len);
	free(now);
	return r;
}

static const struct bw_bpf_arg *arg_at(const struct bw_bpf_request *q, uint16_t where)
{
	unsigned int i;

	for (i = 0; i < q->nargs; i++)
		if (q->args[i].where == where && (q->args[i].dir == BW_BUF_OUT || q->args[i].dir == BW_BUF_INOUT))
			return &q->args[i];
	return NULL;
}

int bw_bpf_result(const struct bw_bpf_request *q, const struct bw_bpf_reply *p)
{
	unsigned int i;
	int r = put_attr(q, p);

	for (i = 0; i < p->nbufs && !r; i++) {
		const struct bw_bpf_buf *b = &p->bufs[i];
		const struct bw_bpf_arg *a = arg_at(q, b->where);
		uint32_t len;

		if (!a)
			continue;
		len = b->len < a->len ? b->len : a->len;
		if (q->info && a->dir == BW_BUF_INOUT)
			r = put_info(q, a, b->data, len);
		else
			r = bw_copy_out(a->user, b->data, len);
	}
	return r;
}
