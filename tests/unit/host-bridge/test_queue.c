// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "host-bridge/queue.h"
#include "tests/unit/check.h"

TEST("bytes leave in the order in which they came, whatever the sizes of puts and takes")
{
	struct bw_queue q = { 0 };
	uint8_t chunk[5000], in = 0, out = 0;
	size_t i, n, held = 0;
	int round, bad = 0;

	srand(1);
	for (round = 0; round < 20000; round++) {
		n = (size_t)rand() % (rand() % 50 ? 100 : sizeof(chunk));
		if (rand() % 2 && held < 100000) {
			for (i = 0; i < n; i++)
				chunk[i] = in++;
			CHECK(!bw_queue_put(&q, chunk, n));
			held += n;
		} else {
			n = n < held ? n : held;
			for (i = 0; i < n; i++)
				bad += bw_queue_front(&q)[i] != out++;
			bw_queue_drop(&q, n);
			held -= n;
		}
		bad += bw_queue_len(&q) != held;
	}
	CHECK_EQ(bad, 0);
	bw_queue_clear(&q);
	CHECK_EQ(bw_queue_len(&q), 0);
}

TEST("a queue that is kept short never grows, and a big one that runs empty gives its memory back")
{
	struct bw_queue q = { 0 };
	uint8_t chunk[1000] = { 0 };
	int i;

	for (i = 0; i < 100000; i++) {
		bw_queue_put(&q, chunk, sizeof(chunk));
		if (i > 2)
			bw_queue_drop(&q, sizeof(chunk));
	}
	CHECK(q.cap <= 16384);
	for (i = 0; i < 1000; i++)
		bw_queue_put(&q, chunk, sizeof(chunk));
	bw_queue_drop(&q, bw_queue_len(&q));
	CHECK_EQ(q.cap, 0);
	bw_queue_clear(&q);
}

TEST("a frame is queued with its header and its payload")
{
	struct bw_frame f = { .length = BW_FRAME_HEADER + 3, .type = 80, .session = 7, .payload = (const uint8_t *)"abc" }, g;
	struct bw_queue q = { 0 };

	CHECK(!bw_queue_put_frame(&q, &f));
	CHECK_EQ(bw_frame_parse(bw_queue_front(&q), bw_queue_len(&q), &g), 1);
	CHECK(g.length == f.length && g.type == 80 && g.session == 7 && !memcmp(g.payload, "abc", 3));
	bw_queue_clear(&q);
}

int main(void) { return check_done(); }
