// SPDX-License-Identifier: Apache-2.0
/* A direction of a pipe: scan, frames, windows, joined messages. First byte: what preamble to expect; second: how much comes at once. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)
#define MAX (256u << 10)

static void take(struct bw_joiner *j, struct bw_window *w, const struct bw_stream *s, const struct bw_frame *f)
{
	const uint8_t *payload = NULL;
	size_t len = 0;
	int r;

	REQUIRE(f->length >= BW_FRAME_HEADER && f->length <= BW_FRAME_MAX);
	REQUIRE(f->payload >= s->data && f->payload + bw_frame_payload_len(f) <= s->data + s->end);
	REQUIRE(f->type != BW_MSG_INVALID && f->status <= 0);
	if (bw_frame_counts(f->type) && !bw_window_receive(w, f->length))
		bw_window_consume(w, f->length);
	REQUIRE(w->avail >= 0 && w->avail <= w->size && w->owed <= w->size);
	r = bw_joiner_add(j, f, &payload, &len);
	REQUIRE(r == 0 || r == 1 || r == -EPROTO || r == -EMSGSIZE);
	REQUIRE(r < 1 || (payload && len <= MAX));
	if (r == 1)
		free(memcpy(malloc(len ? len : 1), payload, len));	/* all of it can be read */
	REQUIRE(j->b.len <= MAX);
	if (r < 0) {
		bw_joiner_fini(j);
		bw_joiner_init(j, MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_window w;
	struct bw_joiner j;
	struct bw_stream s;
	struct bw_frame f;
	size_t step;
	int r = 0;

	if (size < 2)
		return 0;
	step = data[1] ? data[1] * 97u : 1;
	REQUIRE(!bw_stream_init(&s));
	if (data[0] & 1)
		bw_stream_expect(&s, data[0] & 2 ? NULL : (const uint8_t *)"0123456789abcdef");
	bw_joiner_init(&j, MAX);
	bw_window_init(&w, BW_WINDOW_MIN);
	for (data += 2, size -= 2; size && r >= 0;) {
		size_t room, n = size < step ? size : step;
		uint8_t *to = bw_stream_room(&s, &room);

		REQUIRE(room > 0);
		if (n > room)
			n = room;
		memcpy(to, data, n);
		bw_stream_fed(&s, n);
		data += n;
		size -= n;
		while ((r = bw_stream_next(&s, &f)) > 0)
			take(&j, &w, &s, &f);
	}
	bw_joiner_fini(&j);
	bw_stream_fini(&s);
	return 0;
}
