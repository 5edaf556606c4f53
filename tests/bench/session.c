// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/session.h"

#include <errno.h>
#include <string.h>

void session_open(struct client *c, const char *socket)
{
	int r = client_open_soon(c, socket, "bench", bw_now_ms() + BENCH_LIMIT_MS);

	if (r)
		DIE("no session on %s: %s", socket, strerror(-r));
}

int call(struct client *c, uint32_t session, uint16_t type, struct bw_buf *payload)
{
	int64_t until = bw_now_ms() + BENCH_LIMIT_MS;
	struct bw_frame f;
	uint32_t request;
	int r;

	(void)session;
	client_put(c, type, payload);
	request = c->request;
	bw_buf_free(payload);
	r = client_flush(c);
	while (!r && (r = client_frame(c, &f, until)) > 0) {
		client_account(c, &f);
		r = 0;
		if (f.type != type || !(f.flags & BW_F_REPLY) || f.request != request)
			continue;
		bw_buf_reset(&c->reply);
		bw_put_bytes(&c->reply, f.payload, bw_frame_payload_len(&f));
		return f.status;
	}
	return r ? -ENOTCONN : -ETIME;
}
