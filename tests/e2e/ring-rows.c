// SPDX-License-Identifier: Apache-2.0
/*
 * How rings wake who waits for them: each way to wait, on a perf buffer and on a BPF ring buffer, and what is in the ring then. A program on a raw
 * tracepoint, run by PROG_TEST_RUN on CPU 0, writes a record when it is told. Prints lines that are the same on the board itself and under
 * `bpfwire run` elsewhere; a record has SETTLE_MS to arrive before what must not wait for it is asked.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>

#include "tests/e2e/bpf-rows.h"

#define SETTLE_MS	150
#define PATIENT_MS	5000
#define PAGE		4096u
#define RECORD		24u	/* of 8 bytes in a perf buffer: header, length, data, padding */

enum { PERF, RINGBUF };

unsigned int ncpus;
static int kind, map_fd, prog_fd, event_fd, epoll_fd;
static uint8_t *ring, *control;		/* perf: one mapping; BPF ring buffer: data behind the producer's page, and the consumer's */
static uint64_t next, lost;

static long call(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	union bpf_attr a = ATTR(.map_type = type, .key_size = key, .value_size = value, .max_entries = entries, .map_flags = flags);

	return (int)call(BPF_MAP_CREATE, &a);
}

static void nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- the writer ---- */

static int load_writer(void)
{
	struct bpf_insn perf[] = {
		MOV_REG(6, 1), LDX(BPF_DW, 1, 6, 0), STX(BPF_DW, 10, 1, -8), MOV_REG(1, 6), LD_FD(2, BPF_PSEUDO_MAP_FD, map_fd),
		INSN(BPF_ALU | BPF_MOV | BPF_K, 3, 0, 0, -1), MOV_REG(4, 10), ADD_IMM(4, -8), MOV_IMM(5, 8), CALL(BPF_FUNC_perf_event_output), EXIT,
	}, ringbuf[] = {
		LDX(BPF_DW, 4, 1, 8), LDX(BPF_DW, 1, 1, 0), STX(BPF_DW, 10, 1, -8), LD_FD(1, BPF_PSEUDO_MAP_FD, map_fd), MOV_REG(2, 10), ADD_IMM(2, -8),
		MOV_IMM(3, 8), CALL(BPF_FUNC_ringbuf_output), EXIT,
	};
	union bpf_attr a = ATTR(.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = PTR(kind == PERF ? perf : ringbuf),
				.insn_cnt = kind == PERF ? COUNT(perf) : COUNT(ringbuf), .license = PTR("GPL"));

	return (int)call(BPF_PROG_LOAD, &a);
}

static void write_records(int n, uint64_t flags)
{
	while (n--) {
		uint64_t ctx[2] = { next++, flags };
		union bpf_attr a = ATTR(.test = { .prog_fd = (uint32_t)prog_fd, .ctx_in = PTR(ctx), .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_RUN_ON_CPU });

		if (call(BPF_PROG_TEST_RUN, &a))
			printf("cannot write: %s\n", strerror(errno));
	}
}

/* ---- the reader ---- */

static uint64_t load64(const void *p) { return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE); }
static void store64(void *p, uint64_t v) { __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE); }

static int read_perf(int most, uint64_t *seen)
{
	struct perf_event_mmap_page *page = (void *)ring;
	uint64_t tail = load64(&page->data_tail), head = load64(&page->data_head);
	uint8_t record[64];
	int n = 0;

	while (tail < head && n < most) {
		struct perf_event_header h;

		for (size_t i = 0; i < sizeof(record); i++)
			record[i] = ring[PAGE + (tail + i) % PAGE];
		memcpy(&h, record, sizeof(h));
		if (h.type == PERF_RECORD_SAMPLE)
			memcpy(&seen[n++], record + 12, 8);
		else if (h.type == PERF_RECORD_LOST)
			lost += *(uint64_t *)(record + 16);
		tail += h.size;
	}
	store64(&page->data_tail, tail);
	return n;
}

static int read_ringbuf(int most, uint64_t *seen)
{
	uint64_t at = load64(control), end = load64(ring);
	int n = 0;

	for (; at < end && n < most; at += 16)
		memcpy(&seen[n++], ring + PAGE + at % PAGE + 8, 8);
	store64(control, at);
	return n;
}

static int take(int most, uint64_t *seen)
{
	return kind == PERF ? read_perf(most, seen) : read_ringbuf(most, seen);
}

static void show(int most)
{
	uint64_t seen[64];
	int n = take(most, seen);

	printf("  read %d:", n);
	for (int i = 0; i < n; i++)
		printf(" %llu", (unsigned long long)seen[i]);
	printf("\n");
}

/* ---- ways to wait ---- */

static int wait_fd(void) { return kind == PERF ? event_fd : map_fd; }

static int by_poll(int ms)
{
	struct pollfd p = { wait_fd(), POLLIN, 0 };
	int r = poll(&p, 1, ms);

	return r > 0 ? p.revents : r;
}

static int by_ppoll(int ms)
{
	struct pollfd p = { wait_fd(), POLLIN, 0 };
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	int r = ppoll(&p, 1, &t, NULL);

	return r > 0 ? p.revents : r;
}

static int by_select(int ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000L };
	fd_set in;
	int r;

	FD_ZERO(&in);
	FD_SET(wait_fd(), &in);
	r = select(wait_fd() + 1, &in, NULL, NULL, &t);
	return r > 0 ? POLLIN * !!FD_ISSET(wait_fd(), &in) : r;
}

static int by_epoll(int ms)
{
	struct epoll_event e = { 0 };
	int r = epoll_wait(epoll_fd, &e, 1, ms);

	return r > 0 ? (int)e.events : r;
}

static void watch(uint32_t events)
{
	struct epoll_event e = { .events = events };

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wait_fd(), &e))
		printf("epoll_ctl: %s\n", strerror(errno));
}

static const struct way {
	const char *name;
	int (*wait)(int ms);
	uint32_t epoll;
} ways[] = {
	{ "poll", by_poll, 0 }, { "ppoll", by_ppoll, 0 }, { "select", by_select, 0 }, { "epoll", by_epoll, EPOLLIN },
	{ "epoll, edges", by_epoll, EPOLLIN | EPOLLET },
};

/* ---- rings ---- */

static void open_perf(uint32_t wakeup_events)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_BPF_OUTPUT, .sample_type = PERF_SAMPLE_RAW,
				     .sample_period = 1, .wakeup_events = wakeup_events };
	uint32_t cpu = 0;
	union bpf_attr u;

	kind = PERF;
	map_fd = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, ncpus, 0);
	event_fd = (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	ring = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, event_fd, 0);
	u = ATTR(.map_fd = (uint32_t)map_fd, .key = PTR(&cpu), .value = PTR(&event_fd));
	if (ring == MAP_FAILED || call(BPF_MAP_UPDATE_ELEM, &u) || ioctl(event_fd, PERF_EVENT_IOC_ENABLE, 0))
		printf("no perf buffer: %s\n", strerror(errno));
	prog_fd = load_writer();
}

static void open_ringbuf(void)
{
	kind = RINGBUF;
	map_fd = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, PAGE, 0);
	control = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	ring = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, map_fd, PAGE);
	if (control == MAP_FAILED || ring == MAP_FAILED)
		printf("no ring buffer: %s\n", strerror(errno));
	prog_fd = load_writer();
}

static void close_ring(void)
{
	if (kind == PERF)
		munmap(ring, 2 * PAGE), close(event_fd);
	else
		munmap(control, PAGE), munmap(ring, 3 * PAGE);
	close(prog_fd);
	close(map_fd);
}

/* ---- what is asked ---- */

static void common(const struct way *w)
{
	printf("  nothing yet: %d\n", w->wait(SETTLE_MS));
	write_records(1, 0);
	printf("  one written: %d\n", w->wait(PATIENT_MS));
	printf("  asked again: %d\n", w->wait(0));
	show(64);
	printf("  all read: %d\n", w->wait(SETTLE_MS));
	write_records(3, 0);
	nap(SETTLE_MS);
	printf("  three written before: %d\n", w->wait(PATIENT_MS));
	show(1);
	printf("  one of them read: %d\n", w->wait(SETTLE_MS));
	show(64);
	printf("  all read: %d\n", w->wait(SETTLE_MS));
	write_records(1, 0);
	nap(SETTLE_MS);
	show(64);
	printf("  one read before it was asked: %d\n", w->wait(SETTLE_MS));
	printf("  and again: %d\n", w->wait(SETTLE_MS));
}

static void late_wakeups(const struct way *w)
{
	write_records(2, 0);
	printf("  two of three: %d\n", w->wait(SETTLE_MS));
	show(64);
	write_records(1, 0);
	printf("  the third: %d\n", w->wait(PATIENT_MS));
	show(64);
	write_records(2, 0);
	nap(SETTLE_MS);
	printf("  two more: %d\n", w->wait(SETTLE_MS));
	write_records(1, 0);
	printf("  and a third: %d\n", w->wait(PATIENT_MS));
	show(64);
}

/* Data that is there when the ring comes into an epoll set. */
static void watched_late(const struct way *w)
{
	write_records(2, BPF_RB_NO_WAKEUP);
	nap(SETTLE_MS);
	watch(w->epoll);
	printf("  written before: %d\n", w->wait(SETTLE_MS));
	printf("  asked again: %d\n", w->wait(SETTLE_MS));
	show(64);
	printf("  all read: %d\n", w->wait(SETTLE_MS));
	close(epoll_fd);
}

static void no_wakeups(const struct way *w)
{
	write_records(2, BPF_RB_NO_WAKEUP);
	nap(SETTLE_MS);
	show(64);
	printf("  two written in silence and read: %d\n", w->wait(SETTLE_MS));
	write_records(2, BPF_RB_NO_WAKEUP);
	nap(SETTLE_MS);
	printf("  two written in silence: %d\n", w->wait(SETTLE_MS));
	write_records(1, BPF_RB_FORCE_WAKEUP);
	nap(SETTLE_MS);
	printf("  one aloud: %d\n", w->wait(PATIENT_MS));
	show(64);
	printf("  all read: %d\n", w->wait(SETTLE_MS));
}

static void each(const char *what, void (*ask)(const struct way *w), uint32_t wakeup_events)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		if (ask == watched_late && !ways[i].epoll)
			continue;
		printf("== %s: %s\n", what, ways[i].name);
		next = 100;
		if (wakeup_events)
			open_perf(wakeup_events);
		else
			open_ringbuf();
		if (ways[i].epoll && ask != watched_late) {
			watch(ways[i].epoll);
			ask(&ways[i]);
			close(epoll_fd);
		} else {
			ask(&ways[i]);
		}
		close_ring();
	}
}

/* More than fits: what came and what the kernel counted as lost is what was written. */
static void overflow(void)
{
	uint64_t seen[64], got = 0, wrong = 0, want = 0, before;
	int n;

	printf("== a perf buffer that runs over\n");
	next = want = 0;
	open_perf(1);
	write_records(1000, 0);
	nap(SETTLE_MS);
	before = load64(&((struct perf_event_mmap_page *)ring)->data_head);
	printf("  the buffer is full: %d\n", before > PAGE - 2 * RECORD && before <= PAGE);
	for (int round = 0; round < 2; round++) {
		while (by_poll(SETTLE_MS) > 0 || load64(&((struct perf_event_mmap_page *)ring)->data_head) != load64(&((struct perf_event_mmap_page *)ring)->data_tail))
			for (n = take(64, seen); n > 0; n = take(64, seen))
				for (int i = 0; i < n; i++, got++) {
					wrong += seen[i] < want;
					want = seen[i] + 1;
				}
		if (!round)
			write_records(1, 0);	/* tells what was lost before it */
	}
	printf("  in order: %d, some were lost: %d, all accounted for: %d\n", !wrong, lost > 0, got + lost == 1001);
	close_ring();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ncpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	each("a perf buffer", common, 1);
	each("a perf buffer that wakes at each third", late_wakeups, 3);
	each("a ring buffer", common, 0);
	each("a ring buffer in silence", no_wakeups, 0);
	each("a ring buffer watched late", watched_late, 0);
	overflow();
	printf("== end\n");
	return 0;
}
