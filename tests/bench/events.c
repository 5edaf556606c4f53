// SPDX-License-Identifier: Apache-2.0
/*
 * Events of 64 bytes, from a BPF program in the kernel through one of its rings to a client. Each carries a number, so that every one that was lost shows
 * as a hole; the holes must be what the program counted, and for a perf buffer what the kernel's PERF_RECORD_LOST say too.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/bench/generate.h"
#include "tests/bench/procs.h"
#include "tests/bench/session.h"

#define RECORD		64u
#define SETTLE_MS	20000		/* for what is on the way when the generator is done */
#define CPUS_MAX	16

struct ring {
	uint32_t handle, size, owed;
};

struct stream {
	struct client c;
	uint32_t kind;			/* enum bw_ring_kind */
	struct ring rings[CPUS_MAX];
	int nrings;
	uint64_t received, holes, told_lost, next, bytes, messages;
	int64_t last_ns;
};

/* ---- the program ---- */

static uint32_t put_output(struct bpf_insn *at, uint32_t kind, int64_t map)
{
	const struct bpf_insn ringbuf[] = {
		LD_MAP(1, map), MOV_REG(2, 10), ADD_IMM(2, -(int)RECORD), MOV_IMM(3, RECORD), MOV_IMM(4, 0), CALL(ringbuf_output),
	};
	const struct bpf_insn perf[] = {
		MOV_REG(1, 8), LD_MAP(2, map), LD_IMM64(3, BPF_F_CURRENT_CPU), MOV_REG(4, 10), ADD_IMM(4, -(int)RECORD), MOV_IMM(5, RECORD),
		CALL(perf_event_output),
	};

	memcpy(at, kind == BW_RING_BPF ? ringbuf : perf, kind == BW_RING_BPF ? sizeof(ringbuf) : sizeof(perf));
	return (kind == BW_RING_BPF ? sizeof(ringbuf) : sizeof(perf)) / sizeof(*at);
}

/* BATCH records, numbered from the argument on; returns how many were not taken. */
static int64_t load(struct client *c, uint32_t kind, int64_t map)
{
	const struct bpf_insn start[] = {
		MOV_REG(8, 1), INSN(BPF_LDX | BPF_MEM | BPF_DW, 6, 1, 0, 0), MOV_IMM(7, 0),
		ST_DW(10, -56, 0), ST_DW(10, -48, 0), ST_DW(10, -40, 0), ST_DW(10, -32, 0), ST_DW(10, -24, 0), ST_DW(10, -16, 0), ST_DW(10, -8, 0),
	};
	const struct bpf_insn before[] = { INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 6, -64, 0), ADD_IMM(6, 1) };
	const struct bpf_insn after[] = { INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0), ADD_IMM(7, 1) };
	const struct bpf_insn end[] = { MOV_REG(0, 7), EXIT() };
	struct bpf_insn insns[32 + BATCH * 16];
	uint32_t n = 0;

#define PUT(part) do { memcpy(insns + n, part, sizeof(part)); n += sizeof(part) / sizeof(*insns); } while (0)
	PUT(start);
	for (uint32_t i = 0; i < BATCH; i++) {
		PUT(before);
		n += put_output(insns + n, kind, map);
		PUT(after);
	}
	PUT(end);
#undef PUT
	return prog_load(c, 0, BPF_PROG_TYPE_RAW_TRACEPOINT, insns, n, 0);
}

static uint32_t prog_id(struct client *c, int64_t prog)
{
	struct bpf_prog_info info = { 0 };
	struct bw_bpf_buf buf = { offsetof(union bpf_attr, info.info), BW_BUF_INOUT, sizeof(info), (const uint8_t *)&info };
	const struct bw_bpf_buf *reply;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)prog;
	a.info.info_len = sizeof(info);
	MUST(!bpf(c, 0, BPF_OBJ_GET_INFO_BY_FD, &a, 16, &buf, 1));
	reply = got_buf(buf.where);
	MUST(reply && reply->len >= offsetof(struct bpf_prog_info, id) + 4);
	memcpy(&info, reply->data, reply->len < sizeof(info) ? reply->len : sizeof(info));
	return info.id;
}

/* ---- the rings ---- */

static void add_ring(struct stream *s, int64_t handle, uint32_t size)
{
	struct ring *r = &s->rings[s->nrings++];

	MUST(handle > 0);
	*r = (struct ring){ (uint32_t)handle, size, 0 };
	MUST(ring_map(&s->c, 0, r->handle, s->kind, size) > 0);
}

static int64_t open_ringbuf(struct stream *s, uint32_t size)
{
	int64_t map = map_create(&s->c, 0, BPF_MAP_TYPE_RINGBUF, 0, 0, size);

	add_ring(s, map, size);
	return map;
}

/* As libbpf and BCC open them: each record is to wake the reader. */
static int64_t open_perf(struct stream *s, uint32_t size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_BPF_OUTPUT, .sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW, .wakeup_events = 1,
	};
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	int64_t map;

	MUST(cpus <= CPUS_MAX);
	map = map_create(&s->c, 0, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, cpus);
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		int64_t event = perf_open(&s->c, 0, &attr, -1, (int)cpu);
		uint32_t value = (uint32_t)event;

		add_ring(s, event, size);
		MUST(!map_update(&s->c, 0, map, &cpu, sizeof(cpu), &value, sizeof(value)));
		MUST(!do_ioctl(&s->c, 0, value, BW_IOC_PERF_ENABLE, 0, NULL, 0));
	}
	return map;
}

/* ---- what comes ---- */

static void take_record(struct stream *s, const uint8_t *record)
{
	uint64_t number;

	memcpy(&number, record, sizeof(number));
	MUST(number >= s->next);
	s->holes += number - s->next;
	s->next = number + 1;
	s->received++;
}

/* Lengths of what is at p, of which left bytes are there. */
static uint32_t take_ringbuf(struct stream *s, const uint8_t *p, size_t left)
{
	uint32_t len;

	memcpy(&len, p, sizeof(len));
	MUST(len == RECORD && left >= BPF_RINGBUF_HDR_SZ + RECORD);
	take_record(s, p + BPF_RINGBUF_HDR_SZ);
	return BPF_RINGBUF_HDR_SZ + RECORD;
}

static uint32_t take_perf(struct stream *s, const uint8_t *p, size_t left)
{
	struct perf_event_header h;
	uint64_t lost;

	memcpy(&h, p, sizeof(h));
	MUST(h.size >= sizeof(h) + 16 && h.size <= left);
	if (h.type == PERF_RECORD_LOST) {
		memcpy(&lost, p + sizeof(h) + 8, sizeof(lost));
		s->told_lost += lost;
	} else {
		MUST(h.type == PERF_RECORD_SAMPLE);
		take_record(s, p + sizeof(h) + 4);
	}
	return h.size;
}

static void give_credit(struct stream *s, uint32_t handle, uint32_t bytes)
{
	struct bw_ring_credit credit = { 0 };
	struct bw_buf b = { 0 };

	for (struct ring *r = s->rings; r < s->rings + s->nrings; r++) {
		if (r->handle != handle)
			continue;
		r->owed += bytes;
		if (r->owed < r->size / 4)
			return;
		credit = (struct bw_ring_credit){ handle, r->owed };
		r->owed = 0;
	}
	bw_put_ring_credit(&b, &credit);
	client_put(&s->c, BW_MSG_RING_CREDIT, &b);
	bw_buf_free(&b);
}

static void take_data(struct stream *s, const struct bw_frame *f)
{
	struct bw_ring_data data;
	struct bw_reader r;

	bw_reader_init(&r, f->payload, bw_frame_payload_len(f));
	MUST(!bw_get_ring_data(&r, &data));
	for (size_t at = 0; at < data.len; )
		at += (s->kind == BW_RING_BPF ? take_ringbuf : take_perf)(s, data.data + at, data.len - at);
	s->bytes += data.len;
	s->messages++;
	s->last_ns = now_ns();
	give_credit(s, data.handle, data.len);
}

static void receive(struct stream *s, const struct generated *g)
{
	int64_t until = bw_now_ms() + BENCH_LIMIT_MS;
	struct bw_frame f;
	bool done = false;
	int r;

	while (bw_now_ms() < until && !(g->done && s->received + s->holes == g->sent)) {
		if (g->done && !done)
			until = bw_now_ms() + SETTLE_MS;
		done = g->done;
		r = client_frame(&s->c, &f, bw_now_ms() + 100);
		MUST(r >= 0);
		if (!r)
			continue;
		client_account(&s->c, &f);
		if (f.type == BW_MSG_RING_DATA)
			take_data(s, &f);
		if (s->c.out.len)
			MUST(!client_flush(&s->c));
	}
}

static void tell(const struct stream *s, const struct generated *g, const char *prefix)
{
	double seconds = (double)(s->last_ns - g->start_ns) / 1e9;

	report((double)s->received / seconds, "per-s", "%s", prefix);
	report((double)s->received * RECORD / seconds / 1e6, "MB/s", "%s.payload", prefix);
	report((double)s->bytes / seconds / 1e6, "MB/s", "%s.ring", prefix);
	report((double)s->bytes / (double)s->messages, "bytes", "%s.message", prefix);
	report((double)g->sent, "events", "%s.sent", prefix);
	report((double)s->received, "events", "%s.received", prefix);
	report((double)g->failed, "events", "%s.lost", prefix);
	report((double)s->holes, "events", "%s.holes", prefix);
	if (s->kind == BW_RING_PERF)
		report((double)s->told_lost, "events", "%s.lost-records", prefix);
}

/* events NAME SOCKET ringbuf|perf RING-BYTES MS: as fast as they get through */
int bench_events(int argc, char **argv)
{
	struct stream s = { 0 };
	struct procs before, after;
	struct generated *g;
	char prefix[64];
	uint32_t size;
	int64_t map, prog;
	pid_t pid;

	if (argc != 6 || (strcmp(argv[3], "perf") && strcmp(argv[3], "ringbuf")))
		return 2;
	size = (uint32_t)atoi(argv[4]);
	g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(g != MAP_FAILED);
	snprintf(prefix, sizeof(prefix), "%s.events.%s", argv[1], argv[3]);
	session_open(&s.c, argv[2]);
	s.kind = strcmp(argv[3], "perf") ? BW_RING_BPF : BW_RING_PERF;
	map = s.kind == BW_RING_BPF ? open_ringbuf(&s, size) : open_perf(&s, size);
	MUST(map > 0);
	prog = load(&s.c, s.kind, map);
	if (prog <= 0)
		DIE("load the program: %s", strerror((int)-prog));
	procs_before(&before);
	pid = generate(prog_id(&s.c, prog), (uint32_t)atoi(argv[5]), g);
	receive(&s, g);
	procs_after(&after);
	MUST(waitpid(pid, NULL, 0) == pid && g->done);
	if (s.received + g->failed != g->sent || s.holes != g->failed || (s.kind == BW_RING_PERF && s.told_lost != s.holes))
		DIE("%s: of %llu events %llu came, %llu found no room, %llu are missing; the kernel's records tell of %llu", prefix,
		    (unsigned long long)g->sent, (unsigned long long)s.received, (unsigned long long)g->failed, (unsigned long long)s.holes,
		    (unsigned long long)s.told_lost);
	tell(&s, g, prefix);
	procs_report(&before, &after, prefix, (double)s.received);
	client_close(&s.c);
	return 0;
}
