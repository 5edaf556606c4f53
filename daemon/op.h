/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations: one function per message type, called by the worker's table. Each reads q->r, appends its answer to w->reply and returns 0,
 * a negative errno of this architecture, or enum bw_op_result.
 */
#ifndef BW_DAEMON_OP_H
#define BW_DAEMON_OP_H

#include "daemon/worker.h"

#define BW_OP(name) int bw_op_##name(struct bw_worker *w __attribute__((unused)), struct bw_request *q)

BW_OP(bpf);
BW_OP(perf_open);
BW_OP(ioctl);
BW_OP(handle_close);
BW_OP(handle_read);
BW_OP(handle_write);
BW_OP(handle_info);
BW_OP(ring_map);
BW_OP(ring_unmap);
BW_OP(ring_flush);
BW_OP(file_get);
BW_OP(file_stat);
BW_OP(file_access);
BW_OP(file_readlink);
BW_OP(file_list);
BW_OP(file_open);
BW_OP(file_change);
BW_OP(file_statfs);
BW_OP(file_realpath);
BW_OP(clocks);
BW_OP(check);
BW_OP(kill);

/* A request whose whole payload is a u32 handle: false if it is malformed. */
bool bw_request_handle(struct bw_request *q, uint32_t *handle);

/*
 * A reply that is too long to be held: begun, appended to, ended with a status. Frames go out as they fill. An operation that uses it
 * returns BW_OP_REPLIED.
 */
struct bw_stream_reply {
	struct bw_channel *ch;
	struct bw_frame f;
	uint64_t total, max;		/* max: of the message; more is refused with -EFBIG */
	uint32_t used;
	uint8_t buf[BW_PAYLOAD_MAX];
};

struct bw_stream_reply *bw_stream_reply_new(struct bw_worker *w, const struct bw_request *q);	/* NULL without memory */
int bw_stream_reply_put(struct bw_stream_reply *s, const void *p, size_t len);	/* 0, -EFBIG, or the channel's error */
int bw_stream_reply_end(struct bw_stream_reply *s, int status);			/* and frees it; returns BW_OP_REPLIED */

#endif
