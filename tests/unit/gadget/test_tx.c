// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/check.h"
#include "tests/unit/gadget/fake_aio.h"

#include "gadget/ffs_tx.h"
#include "protocol/frame.h"

static struct bw_aio aio;
static struct bw_tx tx;
static char data[65536];

static void begin(unsigned int depth, size_t size, size_t packet)
{
	fake_init(&aio, 4 * depth);
	bw_tx_init(&tx, &aio, 4, depth, size);
	tx.packet = packet;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
}

static void end(void)
{
	fake_complete_all(&aio, -ESHUTDOWN);
	bw_tx_fini(&tx);
	bw_aio_fini(&aio);
}

TEST("bytes are gathered until a flush")
{
	begin(2, 4096, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 100), 100);
	CHECK_EQ(bw_tx_send(&tx, data + 100, 200), 200);
	CHECK_EQ(fake_count, 0);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(fake_count, 1);
	CHECK_EQ(fake_len(0), 300);
	CHECK(!memcmp(fake_out[0]->data, data, 300));
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(fake_count, 1);
	end();
}

TEST("full transfers go out by themselves, and take what they can")
{
	begin(2, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 5000), 2048);
	CHECK_EQ(fake_count, 2);
	CHECK_EQ(bw_tx_send(&tx, data + 2048, 1), -EAGAIN);
	CHECK(!bw_tx_progress(&tx));
	fake_complete(&aio, 0, 1024);
	CHECK(bw_tx_progress(&tx));
	CHECK(!bw_tx_progress(&tx));
	CHECK_EQ(bw_tx_send(&tx, data + 2048, 100), 100);
	end();
}

/* What the host's bulk IN gets must end short of a packet. */
static void pad_case(size_t len, size_t packet)
{
	struct bw_frame f;
	size_t total = 0, last;

	begin(8, 16384, packet);
	CHECK_EQ(bw_tx_send(&tx, data, len), (ssize_t)len);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	for (unsigned int i = 0; i < fake_count; i++)
		total += fake_len(i);
	last = fake_len(fake_count - 1);
	CHECK(last % packet != 0);
	if (len % packet) {
		CHECK_EQ(total, len);
	} else {
		size_t in_last = len % 16384;

		CHECK_EQ(bw_frame_parse(fake_out[fake_count - 1]->data + in_last, last - in_last, &f), 1);
		CHECK_EQ(f.type, BW_MSG_PAD);
		CHECK_EQ(f.length, total - len);
	}
	end();
}

TEST("a flush never leaves a transfer that ends on a packet boundary: a PAD frame follows")
{
	static const size_t packets[] = { 64, 512, 1024 };
	static const size_t lens[] = { 1, 63, 64, 65, 511, 512, 513, 1024, 1536, 16320, 15360, 16383, 16384, 16385, 32768, 65536 };

	for (size_t p = 0; p < 3; p++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			pad_case(lens[i], packets[p]);
}

TEST("a flush that finds no free transfer goes on when there is one")
{
	begin(1, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 1024), 1024);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(fake_count, 1);
	fake_complete(&aio, 0, 1024);
	bw_tx_progress(&tx);
	CHECK_EQ(fake_count, 2);
	CHECK_EQ(fake_len(1), BW_FRAME_HEADER);
	end();
}

TEST("a flush that waits is forgotten when a frame follows, so that no PAD falls into it")
{
	begin(1, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 1024), 1024);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(bw_tx_send(&tx, data, 10), -EAGAIN);
	fake_complete(&aio, 0, 1024);
	CHECK(bw_tx_progress(&tx));
	CHECK_EQ(fake_count, 1);
	CHECK_EQ(bw_tx_send(&tx, data, 10), 10);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(fake_len(1), 10);
	end();
}

TEST("a failed write stops the stream until it is cleared")
{
	begin(4, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 1030), 1030);
	fake_complete(&aio, 0, -EIO);
	bw_tx_progress(&tx);
	CHECK_EQ(bw_tx_send(&tx, data, 10), -EIO);
	CHECK_EQ(bw_tx_flush(&tx), -EIO);
	bw_tx_clear(&tx);
	CHECK_EQ(bw_tx_send(&tx, data, 10), 10);
	CHECK_EQ(bw_tx_flush(&tx), 0);
	CHECK_EQ(fake_len(fake_count - 1), 10);
	end();
}

TEST("a short write is a failed one")
{
	begin(2, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 1024), 1024);
	fake_complete(&aio, 0, 512);
	bw_tx_progress(&tx);
	CHECK_EQ(bw_tx_send(&tx, data, 10), -EIO);
	end();
}

TEST("nothing is submitted behind a refused write")
{
	begin(4, 1024, 512);
	fake_refuse = -ENOMEM;
	CHECK_EQ(bw_tx_send(&tx, data, 4096), -ENOMEM);
	CHECK_EQ(fake_count, 0);
	CHECK(!bw_tx_busy(&tx));
	end();
}

TEST("cancel asks once for each write, the newest first; abandon gives new ones")
{
	begin(4, 1024, 512);
	CHECK_EQ(bw_tx_send(&tx, data, 4096), 4096);
	bw_tx_cancel(&tx);
	bw_tx_cancel(&tx);
	CHECK_EQ(fake_cancels, 4);
	fake_complete(&aio, 1, -ECONNRESET);
	CHECK(bw_tx_busy(&tx));
	CHECK_EQ(bw_tx_abandon(&tx), 0);
	CHECK(!bw_tx_busy(&tx));
	bw_tx_clear(&tx);
	CHECK_EQ(bw_tx_send(&tx, data, 4096), 4096);
	CHECK_EQ(aio.lost, 3);
	end();
	CHECK_EQ(aio.lost, 0);
}

int main(void) { return check_done(); }
