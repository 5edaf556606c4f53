// SPDX-License-Identifier: Apache-2.0
/*
 * Perf buffers of the text protocol: a ring of the kernel's that is read when the client asks, one line a sample. Of a sample the client gets the raw
 * part alone. What the kernel had to drop is counted, and told in lines only to a client that asked for them, since older ones cannot parse any.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/text.h"
#include "protocol/io.h"

#define PAGES_MAX	(1 << 16)

struct bw_text_ring {
	struct bw_text_ring *next;
	uint32_t handle;
	int fd;
	void *base;			/* a page of positions, then data */
	size_t size, page;		/* of data: a power of two */
	uint64_t lost;
	uint8_t record[UINT16_MAX + 1];	/* one that wraps round the end; its length is 16 bits */
};

static struct bw_text_ring *find(const struct bw_text *t, uint32_t handle)
{
	struct bw_text_ring *r = t->rings;

	while (r && r->handle != handle)
		r = r->next;
	return r;
}

static void free_ring(struct bw_text *t, struct bw_text_ring *r)
{
	t->lost += r->lost;
	munmap(r->base, r->page + r->size);
	free(r);
}

void bw_text_ring_drop(struct bw_text *t, uint32_t handle)
{
	for (struct bw_text_ring **at = &t->rings, *r; (r = *at); at = &r->next)
		if (r->handle == handle) {
			*at = r->next;
			free_ring(t, r);
			return;
		}
}

void bw_text_rings_fini(struct bw_text *t)
{
	while (t->rings)
		bw_text_ring_drop(t, t->rings->handle);
}

/* ---- birth ---- */

static int open_event(int pid, int cpu)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_BPF_OUTPUT, .sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1, .wakeup_events = 1,
	};
	int fd = (int)syscall(__NR_perf_event_open, &a, pid, cpu, -1, (unsigned long)PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int map_ring(struct bw_text_ring *r, uint64_t pages)
{
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->size = r->page * (size_t)pages;
	r->base = mmap(NULL, r->page + r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->base == MAP_FAILED)
		return -errno;
	if (!ioctl(r->fd, PERF_EVENT_IOC_ENABLE, 0))
		return 0;
	munmap(r->base, r->page + r->size);
	return -errno;
}

static int open_ring(struct bw_text *t, int pid, int cpu, int64_t pages)
{
	bw_cleanup_free struct bw_text_ring *r = NULL;
	int e;

	if (pages < 1 || pages > PAGES_MAX || pages & (pages - 1))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fd = open_event(pid, cpu);
	if (r->fd < 0)
		return r->fd;
	e = map_ring(r, (uint64_t)pages);
	if (e) {
		close(r->fd);
		return e;
	}
	e = bw_handle_add(&t->w.handles, BW_OBJ_PERF, r->fd);
	if (e < 0) {
		munmap(r->base, r->page + r->size);
		return e;
	}
	r->handle = (uint32_t)e;
	r->next = t->rings;
	t->rings = bw_steal_ptr(&r);
	return bw_text_number((uint32_t)e);
}

int bw_text_open_perf_buffer(struct bw_text *t, const struct bw_text_line *l)
{
	int r = open_ring(t, (int)l->v[0].num, (int)l->v[1].num, (int64_t)l->v[2].num);

	return bw_text_ret(t, "bpf_open_perf_buffer", r);
}

/* ---- records ---- */

static void sample(struct bw_text *t, struct bw_text_ring *r, const uint8_t *p, uint32_t len)
{
	uint32_t size;

	if (len < sizeof(size))
		return;
	memcpy(&size, p, sizeof(size));
	if (size > len - sizeof(size))
		return;
	bw_text_printf(t, "%d %u ", bw_text_number(r->handle), size);
	bw_text_put_base64(t, p + sizeof(size), size);
}

static void lost(struct bw_text *t, struct bw_text_ring *r, const uint8_t *p, uint32_t len)
{
	uint64_t n;

	if (len < 2 * sizeof(n))
		return;
	memcpy(&n, p + sizeof(n), sizeof(n));		/* behind the id */
	r->lost += n;
	if (t->lost_lines)
		bw_text_printf(t, "%d lost %" PRIu64 "\n", bw_text_number(r->handle), n);
}

static void record(struct bw_text *t, struct bw_text_ring *r, const struct perf_event_header *h, const uint8_t *p, uint32_t len)
{
	if (h->type == PERF_RECORD_SAMPLE)
		sample(t, r, p, len);
	else if (h->type == PERF_RECORD_LOST)
		lost(t, r, p, len);
}

/* What is there now, and no more: a kernel that is quicker than the cable would never let go. True if there was any. */
static bool drain(struct bw_text *t, struct bw_text_ring *r)
{
	struct perf_event_mmap_page *meta = r->base;
	const uint8_t *data = (uint8_t *)r->base + r->page, *p;
	uint64_t head = __atomic_load_n(&meta->data_head, __ATOMIC_ACQUIRE), tail = meta->data_tail;
	struct perf_event_header h;
	bool any = tail != head;

	while (head - tail >= sizeof(h) && !t->error) {
		size_t off = tail & (r->size - 1), first;

		memcpy(&h, data + off, sizeof(h));	/* aligned to 8, so that it never wraps */
		if (h.size < sizeof(h) || h.size > head - tail)
			break;
		first = r->size - off < h.size ? r->size - off : h.size;
		p = data + off;
		if (first < h.size) {
			memcpy(r->record, p, first);
			memcpy(r->record + first, data, h.size - first);
			p = r->record;
		}
		record(t, r, &h, p + sizeof(h), h.size - (uint32_t)sizeof(h));
		tail += h.size;
		__atomic_store_n(&meta->data_tail, tail, __ATOMIC_RELEASE);
	}
	return any;
}

static bool drain_all(struct bw_text *t, struct bw_text_ring *const *rings, unsigned int n)
{
	bool any = false;

	for (unsigned int i = 0; i < n; i++)
		any |= drain(t, rings[i]);
	return any;
}

/* ---- the command ---- */

static int take_rings(struct bw_text *t, const struct bw_text_line *l, struct bw_text_ring **rings, unsigned int n)
{
	struct bw_str list = l->v[2].text;
	uint64_t num;

	for (unsigned int i = 0; i < n; i++) {
		if (bw_text_next(&list, &num))
			return -EPROTO;
		rings[i] = find(t, bw_text_handle(t, num));
		if (!rings[i])
			return bw_text_handle(t, num) == BW_HANDLE_CLOSED ? -EBADF : -EINVAL;
	}
	return 0;
}

static void wait_and_drain(struct bw_text *t, struct bw_text_ring *const *rings, struct pollfd *fds, unsigned int n, int timeout)
{
	int64_t end = bw_now_ms() + (timeout < 0 ? 0 : timeout);

	while (!drain_all(t, rings, n) && !t->error) {
		int64_t left = end - bw_now_ms();

		if (timeout >= 0 && left <= 0)
			return;
		for (unsigned int i = 0; i < n; i++)
			fds[i] = (struct pollfd){ .fd = rings[i]->fd, .events = POLLIN };
		if (bw_text_wait(t, fds, n, timeout < 0 ? -1 : (int)left)) {
			drain_all(t, rings, n);
			return;
		}
		/* The process that a buffer was for is gone: it would be ready for ever. */
		for (unsigned int i = 0; i < n; i++)
			if (fds[i].revents & (POLLHUP | POLLERR) && !(fds[i].revents & POLLIN))
				timeout = 0, end = 0;
	}
}

int bw_text_poll(struct bw_text *t, const struct bw_text_line *l)
{
	int64_t want = (int64_t)l->v[1].num;
	unsigned int n = (unsigned int)want;
	bw_cleanup_free struct bw_text_ring **rings = NULL;
	bw_cleanup_free struct pollfd *fds = NULL;
	int r;

	if (want < 0 || want > BW_TEXT_POLL_MAX)
		return bw_text_ret(t, "perf_reader_poll", -EINVAL);
	rings = calloc(n + 1u, sizeof(*rings));
	fds = calloc(n + 2u, sizeof(*fds));
	r = rings && fds ? take_rings(t, l, rings, n) : -ENOMEM;
	if (r)
		return r == -EPROTO ? r : bw_text_ret(t, "perf_reader_poll", r);
	wait_and_drain(t, rings, fds, n, (int)l->v[0].num);
	return 0;
}

int bw_text_lost(struct bw_text *t, const struct bw_text_line *l)
{
	uint64_t n = t->lost;
	struct bw_text_ring *r;

	if (l->v[0].text.len) {
		r = find(t, bw_text_handle(t, l->v[0].num));
		if (!r)
			return bw_text_ret(t, "get_lost", -EBADF);
		n = r->lost;
	} else {
		for (r = t->rings; r; r = r->next)
			n += r->lost;
	}
	bw_text_ret(t, "get_lost", 0);
	bw_text_printf(t, "%" PRIu64 "\n", n);
	return 0;
}
