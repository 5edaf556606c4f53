/* SPDX-License-Identifier: Apache-2.0 */
/* The library: perf events and rings, and waiting for them, against a fake board. */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>

#include "tests/unit/check.h"
#include "tests/unit/remote/fake_objects.h"

/* ---- perf rings ---- */

#define PAGES	4u

static uint64_t *ring_word(char *ring, size_t off) { return (uint64_t *)(ring + off); }

TEST("a kprobe's name travels as a string, and SET_BPF's argument as a handle")
{
	int fd = perf_open(6, 0, "vfs_read"), prog;

	CHECK(fd >= 0);
	prog = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);
	CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog), bw_handle_of(prog));
	CHECK_EQ(ioctl(fd, 0x1234, 0), -1);
	CHECK_EQ(errno, ENOTTY);
	close(fd);
	close(prog);
}

TEST("measuring the tool itself is refused")
{
	struct perf_event_attr a = { .type = 1 };

	CHECK_EQ(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0), -1);
	CHECK_EQ(errno, ESRCH);
}

static int perf_fd;
static char *perf_ring;

TEST("a perf ring shows samples alone, after the wake-up, which is reported once")
{
	size_t page = (size_t)getpagesize(), len = page * (PAGES + 1);

	perf_fd = perf_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT, NULL);
	CHECK(mmap(NULL, page * PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, perf_fd, 0) == MAP_FAILED && errno == EINVAL);
	perf_ring = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, perf_fd, 0);
	CHECK(perf_ring != MAP_FAILED);
	CHECK_EQ(*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_size)), page * PAGES);
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 3), 0);
	CHECK_EQ(readable(perf_fd), 1);
	CHECK_EQ(readable(perf_fd), 0);
	CHECK_EQ(*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head)), 3 * 64);
	CHECK_EQ(*ring_word(perf_ring, page + 2 * 64 + 16), 2);
}

static int64_t credit_after(int ms, int64_t want)
{
	int64_t got = counts().raw;

	for (; got < want && ms > 0; ms -= 10) {
		usleep(10000);
		got = counts().raw;
	}
	return got;
}

TEST("what the tool read is given back, and what the filter took, soon and without a wait")
{
	CHECK_EQ(counts().raw, 64);		/* at the wait that began after the dropped record */
	*ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail)) = 3 * 64;
	CHECK_EQ(credit_after(3000, 4 * 64), 4 * 64);
}

TEST("a ring that wraps keeps its records whole, and one that is full is never overwritten")
{
	size_t page = (size_t)getpagesize(), size = page * PAGES, i;
	uint64_t *tail = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail));
	uint64_t *head = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head));

	for (i = 0; i < 2; i++) {
		CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, size / 64 - 10), 0);
		CHECK_EQ(readable(perf_fd), 1);
		CHECK_EQ(*head - *tail, size - 640);
		CHECK_EQ(*ring_word(perf_ring, page + (*head - 64) % size + 16), size / 64 - 11);
		if (!i)
			*tail = *head;
	}
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 20), 0);	/* more than is free: the board is not that of the contract */
	CHECK_EQ(*head - *tail, size);
	CHECK_EQ(*ring_word(perf_ring, page + *tail % size + 16), 0);
	*tail = *head;
}

TEST("what is no record is never shown, and a tail that no reader can have written makes no room")
{
	uint64_t *tail = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_tail)), at;
	uint64_t *head = ring_word(perf_ring, offsetof(struct perf_event_mmap_page, data_head)), was = *head;

	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_RESET, 0), 0);
	CHECK_EQ(*head, was);
	at = *tail;
	*tail = was + 64;
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 3), 0);
	CHECK_EQ(*head, was);
	*tail = at;
	CHECK_EQ(ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 1), 0);
	CHECK_EQ(*head, was + 64);
	*tail = *head;
}

TEST("select and ppoll report and consume as poll does")
{
	struct timeval zero = { 0, 0 }, second = { 1, 0 };
	struct timespec none = { 0, 0 };
	struct pollfd p = { perf_fd, POLLIN, 0 };
	fd_set in;

	while (poll(&p, 1, 20) > 0)
		;
	ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 1);
	FD_ZERO(&in);
	FD_SET(perf_fd, &in);
	CHECK_EQ(select(perf_fd + 1, &in, NULL, NULL, &second), 1);
	FD_SET(perf_fd, &in);
	CHECK_EQ(select(perf_fd + 1, &in, NULL, NULL, &zero), 0);
	CHECK_EQ(ppoll(&p, 1, &none, NULL), 0);
}

TEST("an epoll set reports a perf ring once for each wake-up")
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 5 };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, perf_fd, &ev), 0);
	CHECK(!(ev.events & EPOLLET));
	while (epoll_wait(ep, &ev, 1, 20) > 0)
		;
	ioctl(perf_fd, PERF_EVENT_IOC_REFRESH, 2);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK_EQ(ev.data.u32, 5);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	close(ep);
}

TEST("the last mapping's end unmaps the board's ring; close closes the event")
{
	uint32_t h = bw_handle_of(perf_fd);

	CHECK_EQ(munmap(perf_ring, (size_t)getpagesize() * (PAGES + 1)), 0);
	CHECK_EQ(counts().boottime, h);
	CHECK_EQ(atomic_load(&bw_ring_count), 0);
	close(perf_fd);
	CHECK_EQ(counts().monotonic, h);
}

/* ---- BPF ring buffers ---- */

static void push_bpf(int fd, uint64_t n)
{
	struct bw_handle_write w = { bw_handle_of(fd), n, 0, (const uint8_t *)"" };
	struct bw_buf b = { 0 };

	bw_put_handle_write(&b, &w);
	CHECK_EQ(bw_call(BW_MSG_HANDLE_WRITE, &b, NULL), 0);
	bw_buf_free(&b);
}

TEST("a BPF ring buffer is readable as long as there is data, in poll and in epoll")
{
	size_t page = (size_t)getpagesize(), size = 4 * page, i;
	int fd = map_create(BPF_MAP_TYPE_RINGBUF, 0, (uint32_t)size), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	char *consumer, *producer;

	CHECK(mmap(NULL, page + 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page) == MAP_FAILED && errno == EPERM);
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	CHECK(consumer != MAP_FAILED && producer != MAP_FAILED);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	push_bpf(fd, 2);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK_EQ(*ring_word(producer, 0), 128);
	CHECK_EQ(*ring_word(producer, page + 64 + 16), 1);
	CHECK_EQ(*ring_word(producer, page + size + 64 + 16), 1);	/* and once more behind */
	*ring_word(consumer, 0) = 64;					/* one left: level-triggered */
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 1);
	CHECK_EQ(readable(fd), 1);
	CHECK_EQ(readable(fd), 1);
	*ring_word(consumer, 0) = 128;
	CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	CHECK_EQ(readable(fd), 0);
	for (i = 1; i < 4; i++) {					/* read before anybody waited */
		push_bpf(fd, 1);
		*ring_word(consumer, 0) = 128 + 64 * i;
		CHECK_EQ(i % 2 ? readable(fd) : epoll_wait(ep, &ev, 1, 20), 0);
	}
	push_bpf(fd, NO_RECORDS);
	CHECK_EQ(*ring_word(producer, 0), 320);
	for (i = 0; i < 5; i++) {					/* around the end */
		push_bpf(fd, size / 64 - 1);
		CHECK_EQ(*ring_word(producer, 0) - *ring_word(consumer, 0), size - 64);
		*ring_word(consumer, 0) = *ring_word(producer, 0);
	}
	munmap(consumer, page);
	munmap(producer, page + 2 * size);
	close(ep);
	close(fd);
	CHECK_EQ(atomic_load(&bw_ring_count), 0);
}

int main(void) { return check_done(); }
