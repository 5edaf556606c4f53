// SPDX-License-Identifier: Apache-2.0
/* The life of the link, event by event. ep0 is one end of a socket pair, whose messages are events and the data of control transfers. */
#include "tests/unit/check.h"
#include "tests/unit/gadget/fake_aio.h"

#include <endian.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gadget/ffs.h"
#include "protocol/io.h"

#define DEPTH 2

static struct bw_ffs f;
static int kernel;		/* the other end of ep0 */
static char buf[256];

static void begin(void)
{
	int fds[2];

	memset(&f, 0, sizeof(f));
	fake_init(&f.aio, 4 * DEPTH);
	f.out = f.in = -1;
	bw_rx_init(&f.rx, &f.aio, 3, DEPTH, 1024);
	bw_tx_init(&f.tx, &f.aio, 4, DEPTH, 1024);
	(void)!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds);
	kernel = fds[1];
	bw_ep0_init(&f.ep0, fds[0]);
}

static void end(void)
{
	fake_complete_all(&f.aio, -ESHUTDOWN);
	bw_ffs_fini(&f, 0);
	close(kernel);
}

static void send_event(uint8_t type)
{
	struct usb_functionfs_event e = { .type = type };

	(void)!write(kernel, &e, sizeof(e));
}

static void send_reset(char c)
{
	struct usb_functionfs_event e = { .type = FUNCTIONFS_SETUP };
	uint8_t nonce[BW_NONCE_SIZE];

	memset(nonce, c, sizeof(nonce));
	e.u.setup.bRequestType = 0x41;
	e.u.setup.bRequest = BW_USB_REQ_RESET;
	e.u.setup.wLength = htole16(BW_NONCE_SIZE);
	(void)!write(kernel, &e, sizeof(e));
	(void)!write(kernel, nonce, sizeof(nonce));
}

/* One round of the owner's loop, with ep0 readable. */
static unsigned int round_(void)
{
	struct pollfd fd = { .fd = f.ep0.fd, .revents = POLLIN };

	return bw_ffs_dispatch(&f, &fd, 1);
}

static unsigned int enable(void)
{
	send_event(FUNCTIONFS_ENABLE);
	return round_();
}

static void link_up(void)
{
	enable();
	send_reset('a');
	round_();
}

TEST("nothing is posted before ENABLE, everything after")
{
	begin();
	send_event(FUNCTIONFS_BIND);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(fake_count, 0);
	CHECK_EQ(enable(), 0);
	CHECK_EQ(fake_pending(), DEPTH);
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), -ENOTCONN);
	CHECK_EQ(bw_ffs_send(&f, "x", 1), -ENOTCONN);
	end();
}

TEST("RESET brings the link up, with the host's nonce")
{
	begin();
	enable();
	send_reset('q');
	CHECK_EQ(round_(), BW_PIPE_RESET);
	CHECK(f.nonce[0] == 'q' && f.nonce[15] == 'q');
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), -EAGAIN);
	CHECK_EQ(bw_ffs_send(&f, "x", 1), 1);
	end();
}

TEST("what the host sent before RESET is dropped, what it sends after is not")
{
	begin();
	enable();
	fake_bring(&f.aio, 0, "old", 3);
	send_reset('a');
	round_();
	fake_bring(&f.aio, 1, "new", 3);
	CHECK_EQ(round_(), BW_PIPE_READABLE);
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), 3);
	CHECK(!memcmp(buf, "new", 3));
	end();
}

TEST("before the first RESET data is dropped and reads are posted again")
{
	begin();
	enable();
	for (unsigned int i = 0; i < 10; i++) {
		fake_bring(&f.aio, i, "junk", 4);
		CHECK_EQ(round_(), 0);
	}
	CHECK_EQ(fake_pending(), DEPTH);
	end();
}

TEST("a RESET on a link with writes out waits until they are back")
{
	begin();
	link_up();
	CHECK_EQ(bw_ffs_send(&f, "hello", 5), 5);
	CHECK_EQ(bw_ffs_flush(&f), 0);
	send_reset('b');
	CHECK_EQ(round_(), 0);
	CHECK_EQ(f.state, BW_FFS_RESETTING);
	CHECK_EQ(fake_cancels, 1);
	CHECK_EQ(bw_ffs_send(&f, "x", 1), -EAGAIN);
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), -EAGAIN);
	fake_complete(&f.aio, DEPTH, -ECONNRESET);
	CHECK_EQ(round_(), BW_PIPE_RESET);
	CHECK_EQ(f.nonce[0], 'b');
	CHECK_EQ(bw_ffs_send(&f, "x", 1), 1);
	end();
}

TEST("data of the new link that comes while writes are being cancelled is kept")
{
	begin();
	link_up();
	bw_ffs_send(&f, "hello", 5);
	bw_ffs_flush(&f);
	send_reset('b');
	round_();
	fake_bring(&f.aio, 0, "preamble", 8);
	round_();
	fake_complete(&f.aio, DEPTH, -ECONNRESET);
	CHECK(round_() & BW_PIPE_RESET);
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), 8);
	end();
}

TEST("a write that never comes back holds RESET up for a limited time only")
{
	struct pollfd fds[2];
	int timeout = -1;

	begin();
	link_up();
	bw_ffs_send(&f, "hello", 5);
	bw_ffs_flush(&f);
	send_reset('b');
	round_();
	CHECK_EQ(bw_ffs_pollfds(&f, fds, 2, &timeout), 2);
	CHECK(timeout > 0 && timeout <= BW_FFS_DRAIN_MS);
	f.deadline = bw_now_ms() - 1;
	CHECK_EQ(bw_ffs_dispatch(&f, NULL, 0), BW_PIPE_RESET);
	CHECK_EQ(f.aio.lost, 1);
	CHECK_EQ(bw_ffs_send(&f, "x", 1), 1);
	end();
}

TEST("a second RESET before the first was served counts alone")
{
	begin();
	link_up();
	bw_ffs_send(&f, "hello", 5);
	bw_ffs_flush(&f);
	send_reset('b');
	send_reset('c');
	CHECK_EQ(round_(), 0);
	fake_complete(&f.aio, DEPTH, -ECONNRESET);
	CHECK_EQ(round_(), BW_PIPE_RESET);
	CHECK_EQ(f.nonce[0], 'c');
	CHECK_EQ(round_(), 0);
	end();
}

TEST("DISABLE and UNBIND end the link once, and only a link that was up")
{
	begin();
	enable();
	send_event(FUNCTIONFS_DISABLE);
	CHECK_EQ(round_(), 0);
	fake_complete_all(&f.aio, -ESHUTDOWN);
	link_up();
	CHECK_EQ(f.state, BW_FFS_UP);
	send_event(FUNCTIONFS_DISABLE);
	send_event(FUNCTIONFS_UNBIND);
	CHECK_EQ(round_(), BW_PIPE_DOWN);
	CHECK_EQ(bw_ffs_recv(&f, buf, sizeof(buf)), -ENOTCONN);
	end();
}

TEST("completions of a shutdown may come before and after its event")
{
	begin();
	link_up();
	fake_complete(&f.aio, 0, -ESHUTDOWN);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(fake_count, DEPTH);
	send_event(FUNCTIONFS_DISABLE);
	CHECK_EQ(round_(), BW_PIPE_DOWN);
	send_event(FUNCTIONFS_ENABLE);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(f.state, BW_FFS_STARTING);
	CHECK_EQ(fake_count, DEPTH);
	fake_complete(&f.aio, 1, -ESHUTDOWN);
	round_();
	CHECK_EQ(f.state, BW_FFS_WAITING);
	CHECK_EQ(fake_pending(), DEPTH);
	end();
}

TEST("ENABLE without DISABLE (FunctionFS folds events) starts over")
{
	begin();
	link_up();
	CHECK_EQ(enable(), BW_PIPE_DOWN);
	fake_complete_all(&f.aio, -ESHUTDOWN);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(f.state, BW_FFS_WAITING);
	CHECK_EQ(fake_pending(), DEPTH);
	CHECK_EQ(enable(), 0);
	CHECK_EQ(enable(), 0);
	fake_complete_all(&f.aio, -ESHUTDOWN);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(fake_pending(), DEPTH);
	end();
}

TEST("a RESET that comes while the old requests come back is served afterwards")
{
	begin();
	link_up();
	CHECK_EQ(enable(), BW_PIPE_DOWN);
	send_reset('d');
	CHECK_EQ(round_(), 0);
	fake_complete_all(&f.aio, -ESHUTDOWN);
	CHECK_EQ(round_(), BW_PIPE_RESET);
	CHECK_EQ(f.nonce[0], 'd');
	CHECK_EQ(fake_pending(), DEPTH);
	end();
}

TEST("the end of a link and the next one are told one after the other")
{
	struct pollfd fds[2];
	int timeout = -1;

	begin();
	link_up();
	fake_complete_all(&f.aio, -ESHUTDOWN);
	send_event(FUNCTIONFS_ENABLE);
	send_reset('e');
	CHECK_EQ(round_(), BW_PIPE_DOWN);
	bw_ffs_pollfds(&f, fds, 2, &timeout);
	CHECK_EQ(timeout, 0);
	CHECK_EQ(bw_ffs_dispatch(&f, NULL, 0), BW_PIPE_RESET);
	CHECK_EQ(f.nonce[0], 'e');
	end();
}

TEST("old reads that never come back are replaced after a limited time")
{
	begin();
	link_up();
	enable();
	f.deadline = bw_now_ms() - 1;
	CHECK_EQ(bw_ffs_dispatch(&f, NULL, 0), 0);
	CHECK_EQ(f.state, BW_FFS_WAITING);
	CHECK_EQ(f.aio.lost, DEPTH);
	CHECK_EQ(fake_pending(), 2 * DEPTH);
	end();
}

TEST("a RESET and an unplug in one round leave nothing but the unplug of the old link")
{
	begin();
	link_up();
	send_reset('b');
	send_event(FUNCTIONFS_DISABLE);
	CHECK_EQ(round_(), BW_PIPE_DOWN);
	end();
}

TEST("SUSPEND and RESUME change nothing")
{
	begin();
	link_up();
	send_event(FUNCTIONFS_SUSPEND);
	send_event(FUNCTIONFS_RESUME);
	CHECK_EQ(round_(), 0);
	CHECK_EQ(f.state, BW_FFS_UP);
	end();
}

TEST("STATUS answers with sessions and nonce, in every state")
{
	struct usb_functionfs_event e = { .type = FUNCTIONFS_SETUP };
	uint8_t answer[64];

	begin();
	e.u.setup.bRequestType = 0xc1;
	e.u.setup.bRequest = BW_USB_REQ_STATUS;
	e.u.setup.wLength = htole16(BW_USB_STATUS_SIZE);
	f.sessions = 5;
	(void)!write(kernel, &e, sizeof(e));
	round_();
	CHECK_EQ(read(kernel, answer, sizeof(answer)), BW_USB_STATUS_SIZE);
	CHECK_EQ(answer[4], 5);
	link_up();
	(void)!write(kernel, &e, sizeof(e));
	round_();
	CHECK_EQ(read(kernel, answer, sizeof(answer)), BW_USB_STATUS_SIZE);
	CHECK_EQ(answer[8], 'a');
	end();
}

TEST("when ep0 fails the pipe has failed")
{
	begin();
	link_up();
	close(kernel);
	CHECK_EQ(round_(), BW_PIPE_FAILED);
	CHECK(f.error < 0);
	CHECK_EQ(bw_ffs_send(&f, "x", 1), -ENOTCONN);
	end();
}

TEST("a control transfer that the host does not finish ends after its limit")
{
	int fds[2];
	int64_t start = bw_now_ms();
	struct bw_ep0 ep0;
	uint8_t nonce[BW_NONCE_SIZE];

	(void)!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds);	/* blocking, as the data phase of ep0 is */
	bw_ep0_init(&ep0, fds[0]);
	CHECK_EQ(bw_ep0_read_nonce(&ep0, nonce), -ETIMEDOUT);
	CHECK(bw_now_ms() - start >= BW_EP0_LIMIT_MS - 50 && bw_now_ms() - start < BW_EP0_LIMIT_MS + 1000);
	bw_ep0_fini(&ep0);
	close(fds[1]);
}

int main(void) { return check_done(); }
