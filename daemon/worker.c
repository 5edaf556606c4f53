// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/facts.h"
#include "daemon/op.h"
#include "protocol/log.h"
#include "protocol/wirecode.h"

static const struct bw_op {
	uint16_t type;
	int (*run)(struct bw_worker *w, struct bw_request *q);
} ops[] = {
	{ BW_MSG_BPF, bw_op_bpf },
	{ BW_MSG_PERF_OPEN, bw_op_perf_open },
	{ BW_MSG_IOCTL, bw_op_ioctl },
	{ BW_MSG_HANDLE_CLOSE, bw_op_handle_close },
	{ BW_MSG_HANDLE_READ, bw_op_handle_read },
	{ BW_MSG_HANDLE_WRITE, bw_op_handle_write },
	{ BW_MSG_HANDLE_INFO, bw_op_handle_info },
	{ BW_MSG_RING_MAP, bw_op_ring_map },
	{ BW_MSG_RING_UNMAP, bw_op_ring_unmap },
	{ BW_MSG_RING_FLUSH, bw_op_ring_flush },
	{ BW_MSG_FILE_GET, bw_op_file_get },
	{ BW_MSG_FILE_STAT, bw_op_file_stat },
	{ BW_MSG_FILE_ACCESS, bw_op_file_access },
	{ BW_MSG_FILE_READLINK, bw_op_file_readlink },
	{ BW_MSG_FILE_LIST, bw_op_file_list },
	{ BW_MSG_FILE_OPEN, bw_op_file_open },
	{ BW_MSG_FILE_CHANGE, bw_op_file_change },
	{ BW_MSG_FILE_STATFS, bw_op_file_statfs },
	{ BW_MSG_FILE_REALPATH, bw_op_file_realpath },
	{ BW_MSG_CLOCKS, bw_op_clocks },
	{ BW_MSG_CHECK, bw_op_check },
	{ BW_MSG_KILL, bw_op_kill },
};

static const struct bw_op *op_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].type == type)
			return &ops[i];
	return NULL;
}

static void ring_credit(void *arg, uint32_t handle, uint32_t bytes)
{
	bw_rings_credit(&((struct bw_worker *)arg)->rings, handle, bytes);
}

int bw_worker_init(struct bw_worker *w, const struct bw_worker_options *o)
{
	int r;

	memset(w, 0, sizeof(*w));
	r = bw_channel_init(&w->ch, o->in, o->out, o->session, o->send_window, o->receive_window);
	if (!r)
		r = bw_journal_init(&w->journal, o->journal);
	if (r)
		return r;
	bw_joiner_init(&w->joiner, BW_MSG_MAX);
	w->ch.ring_credit = ring_credit;
	w->ch.arg = w;
	w->msg_max = o->msg_max ? o->msg_max : BW_MSG_MAX;
	w->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	w->cpus = bw_cpus_possible();
	w->kernel = bw_kernel_version();
	bw_rings_init(&w->rings, &w->ch, w->page_size);
	return 0;
}

void bw_worker_fini(struct bw_worker *w)
{
	bw_rings_fini(&w->rings);
	bw_handles_fini(&w->handles);
	bw_journal_fini(&w->journal);
	bw_joiner_fini(&w->joiner);
	bw_buf_free(&w->reply);
	bw_channel_fini(&w->ch);
}

static int send_reply(struct bw_worker *w, const struct bw_request *q, int status)
{
	struct bw_frame f = { .type = q->type, .flags = BW_F_REPLY, .request = q->id, .status = bw_errno_to_wire(status) };

	if (w->reply.err) {
		f.status = bw_errno_to_wire(-ENOMEM);
		bw_buf_reset(&w->reply);
	}
	return q->id ? bw_channel_send_msg(&w->ch, &f, w->reply.data, w->reply.len) : 0;
}

static int malformed(struct bw_worker *w, const struct bw_request *q, const char *name)
{
	bw_log(BW_LOG_WARN, "session %u: ended: malformed %s of %zu bytes", w->ch.session, name, q->len);
	w->ch.error = -EPROTO;
	return -EPROTO;
}

static int run(struct bw_worker *w, struct bw_request *q)
{
	const struct bw_op *op = op_of(q->type);
	int r;

	bw_buf_reset(&w->reply);
	if (!op) {
		/* A newer minor version may know more types; whoever waits for an answer gets one. */
		bw_log(BW_LOG_DEBUG, "session %u: message of unknown type %u", w->ch.session, q->type);
		return send_reply(w, q, -EOPNOTSUPP);
	}
	r = op->run(w, q);
	if (r == BW_OP_MALFORMED)
		return malformed(w, q, bw_msg_name(op->type));
	bw_log(BW_LOG_DEBUG, "session %u: %u %s: %s", w->ch.session, q->id, bw_msg_name(op->type),
	       r == BW_OP_REPLIED ? "streamed" : r < 0 ? strerror(-r) : "ok");
	return r == BW_OP_REPLIED ? w->ch.error : send_reply(w, q, r);
}

int bw_worker_frame(struct bw_worker *w, const struct bw_frame *f)
{
	struct bw_request q = { .type = f->type, .id = f->request };
	int r;

	if (f->flags & BW_F_REPLY) {
		bw_log(BW_LOG_DEBUG, "session %u: a reply that nobody asked for (type %u)", w->ch.session, f->type);
		return w->ch.error;
	}
	r = bw_joiner_add(&w->joiner, f, &q.payload, &q.len);
	if (r < 0) {
		bw_log(BW_LOG_WARN, "session %u: ended: %s", w->ch.session, r == -EPROTO ? "frames of two messages are mixed" :
		       r == -EMSGSIZE ? "a message of more than 32 MiB" : strerror(-r));
		w->ch.error = r == -EMSGSIZE ? -EPROTO : r;
		return w->ch.error;
	}
	if (r == 0)
		return w->ch.error;
	bw_reader_init(&q.r, q.payload, q.len);
	r = run(w, &q);
	if (w->joiner.b.cap > BW_FRAME_MAX)
		bw_buf_free(&w->joiner.b);	/* a program of megabytes is over; do not keep its room */
	if (w->reply.cap > BW_FRAME_MAX)
		bw_buf_free(&w->reply);
	return r;
}

/* Sleep until there is something to do. */
static void wait_for_work(struct bw_worker *w)
{
	int timeout = w->ch.head || w->ch.eof ? 0 : bw_rings_timeout(&w->rings);

	if (bw_rings_wait(&w->rings, timeout))
		bw_channel_fill(&w->ch);
}

static void serve(struct bw_worker *w)
{
	while (!w->ch.error) {
		struct bw_queued *q;

		wait_for_work(w);
		if (w->rings.list)
			bw_rings_service(&w->rings);
		q = bw_channel_pop(&w->ch);
		if (q && !w->ch.error)
			bw_worker_frame(w, &q->f);
		else if (w->ch.eof)
			w->ch.error = -EPIPE;
		free(q);
	}
}

int bw_worker_run(const struct bw_worker_options *o)
{
	struct bw_worker w;
	int r = bw_worker_init(&w, o);

	if (r) {
		bw_log(BW_LOG_ERROR, "session %u: cannot start: %s", o->session, strerror(-r));
		return BW_EXIT_FAILED;
	}
	serve(&w);
	r = w.ch.error;
	bw_worker_fini(&w);
	return r == -EPROTO ? BW_EXIT_PROTO : r == -ENOMEM ? BW_EXIT_MEMORY : BW_EXIT_OK;
}

bool bw_request_handle(struct bw_request *q, uint32_t *handle)
{
	*handle = bw_get_u32(&q->r);
	return !bw_get_end(&q->r);
}
