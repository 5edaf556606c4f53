// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/check.h"
#include "tests/unit/gadget/fake_aio.h"

#include "gadget/ffs_rx.h"

static struct bw_aio aio;
static struct bw_rx rx;
static char buf[4096];

static void begin(unsigned int depth, size_t size)
{
	fake_init(&aio, 4 * depth);
	bw_rx_init(&rx, &aio, 3, depth, size);
	bw_rx_post(&rx);
}

static void end(void)
{
	fake_complete_all(&aio, -ESHUTDOWN);
	bw_rx_fini(&rx);
	bw_aio_fini(&aio);
}

TEST("all reads are posted at once, each of the full size")
{
	begin(4, 2048);
	CHECK_EQ(fake_count, 4);
	CHECK_EQ(fake_len(3), 2048);
	CHECK_EQ(bw_rx_recv(&rx, buf, sizeof(buf)), -EAGAIN);
	CHECK(!bw_rx_ready(&rx));
	end();
}

TEST("data comes in the order of submission, whatever the order of completion")
{
	begin(3, 1024);
	fake_bring(&aio, 2, "ghi", 3);
	fake_bring(&aio, 1, "def", 3);
	CHECK_EQ(bw_rx_recv(&rx, buf, sizeof(buf)), -EAGAIN);
	fake_bring(&aio, 0, "abc", 3);
	CHECK(bw_rx_ready(&rx));
	CHECK_EQ(bw_rx_recv(&rx, buf, sizeof(buf)), 9);
	CHECK(!memcmp(buf, "abcdefghi", 9));
	CHECK_EQ(rx.bytes, 9);
	CHECK_EQ(rx.transfers, 3);
	end();
}

TEST("a read that is taken in pieces is posted again only when it is empty")
{
	begin(1, 1024);
	fake_bring(&aio, 0, "abcdef", 6);
	CHECK_EQ(bw_rx_recv(&rx, buf, 4), 4);
	CHECK_EQ(fake_count, 1);
	CHECK_EQ(bw_rx_recv(&rx, buf + 4, 4), 2);
	CHECK(!memcmp(buf, "abcdef", 6));
	CHECK_EQ(fake_count, 2);
	end();
}

TEST("order holds when reads are posted again out of turn")
{
	begin(2, 1024);
	fake_bring(&aio, 0, "a", 1);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 1);
	fake_bring(&aio, 2, "c", 1);		/* the first request, posted again behind the second */
	fake_bring(&aio, 1, "b", 1);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 2);
	CHECK(!memcmp(buf, "bc", 2));
	end();
}

TEST("an empty transfer is no data and no end")
{
	begin(2, 1024);
	fake_complete(&aio, 0, 0);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EAGAIN);
	CHECK_EQ(fake_count, 3);
	end();
}

TEST("after a shutdown nothing is posted until the endpoint is up again")
{
	begin(2, 1024);
	fake_complete_all(&aio, -ESHUTDOWN);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EAGAIN);
	bw_rx_post(&rx);
	CHECK_EQ(fake_count, 2);
	bw_rx_clear(&rx);
	bw_rx_post(&rx);
	CHECK_EQ(fake_count, 4);
	end();
}

TEST("-EAGAIN in the completion (endpoint not enabled) is a shutdown too")
{
	begin(2, 1024);
	fake_complete_all(&aio, -EAGAIN);
	CHECK(!bw_rx_ready(&rx));
	CHECK_EQ(rx.error, 0);
	CHECK_EQ(fake_count, 2);
	end();
}

TEST("what came before a shutdown is still readable")
{
	begin(2, 1024);
	fake_bring(&aio, 0, "abc", 3);
	fake_complete(&aio, 1, -ESHUTDOWN);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 3);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EAGAIN);
	end();
}

TEST("reads that end because the host cleared a halt are posted again, but not for ever")
{
	begin(1, 1024);
	for (unsigned int i = 0; i < fake_count && i < 100; i++) {
		fake_complete(&aio, i, -EPIPE);
		bw_rx_ready(&rx);
	}
	CHECK_EQ(rx.error, -EPIPE);
	CHECK(fake_count > 10 && fake_count < 100);
	bw_rx_drop(&rx);
	CHECK_EQ(fake_pending(), 1);
	end();
}

TEST("an error is given after the data before it, and stays until a drop")
{
	begin(3, 1024);
	fake_bring(&aio, 0, "abc", 3);
	fake_complete(&aio, 1, -EIO);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 3);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EIO);
	CHECK(bw_rx_ready(&rx));
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EIO);
	bw_rx_drop(&rx);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EAGAIN);
	CHECK_EQ(fake_pending(), 3);
	end();
}

TEST("a drop forgets what has come and posts again")
{
	begin(2, 1024);
	fake_bring(&aio, 0, "old", 3);
	bw_rx_drop(&rx);
	fake_bring(&aio, 1, "new", 3);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 3);
	CHECK(!memcmp(buf, "new", 3));
	end();
}

TEST("without memory reads become smaller")
{
	begin(1, 4096);
	fake_complete(&aio, 0, -ENOMEM);
	CHECK(!bw_rx_ready(&rx));
	CHECK_EQ(fake_len(1), 2048);
	fake_complete(&aio, 1, -ENOMEM);
	CHECK(!bw_rx_ready(&rx));
	CHECK_EQ(fake_len(2), 1024);
	fake_complete(&aio, 2, -ENOMEM);
	CHECK(bw_rx_ready(&rx));
	CHECK_EQ(rx.error, -ENOMEM);
	end();
}

TEST("a refused submission is no endless loop")
{
	begin(2, 1024);
	fake_complete_all(&aio, 0);
	fake_refuse = -EINVAL;
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), -EINVAL);
	fake_refuse = 0;
	bw_rx_drop(&rx);
	CHECK_EQ(fake_pending(), 2);
	end();
}

TEST("abandoned reads are replaced, and freed when they come back after all")
{
	begin(2, 1024);
	CHECK_EQ(bw_rx_abandon(&rx), 0);
	CHECK(!bw_rx_busy(&rx));
	CHECK_EQ(aio.lost, 2);
	bw_rx_clear(&rx);
	bw_rx_post(&rx);
	fake_bring(&aio, 0, "lost", 4);
	fake_bring(&aio, 2, "new", 3);
	CHECK_EQ(aio.lost, 1);
	CHECK_EQ(bw_rx_recv(&rx, buf, 8), 3);
	end();
	CHECK_EQ(aio.lost, 0);
}

TEST("a controller that loses everything is given up")
{
	int ret = 0;

	begin(2, 1024);
	for (int i = 0; i < 3 && !ret; i++) {
		ret = bw_rx_abandon(&rx);
		if (!ret) {
			bw_rx_clear(&rx);
			bw_rx_post(&rx);
		}
	}
	CHECK_EQ(ret, -EIO);
	CHECK_EQ(aio.lost, 4);
	end();
}

int main(void) { return check_done(); }
