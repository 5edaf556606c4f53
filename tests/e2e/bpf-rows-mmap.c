// SPDX-License-Identifier: Apache-2.0
/* Maps in memory: arrays with BPF_F_MMAPABLE and user ring buffers, written here and by programs. */
#include "bpf-rows.h"

#define MMAPABLE	(1u << 10)
#define WORDS		32

static size_t page;

static void map_row(const char *name, int fd, size_t len, int prot, int flags, off_t off)
{
	void *at = mmap(NULL, len, prot, flags, fd, off);

	printf("mmap %s: %d\n", name, at == MAP_FAILED ? errno : 0);
	if (at != MAP_FAILED)
		munmap(at, len);
}

static void lookup(const char *name, int map)
{
	uint64_t v[WORDS] = { 0 };
	uint32_t k = 0;
	union bpf_attr attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&k), .value = PTR(v));

	row(name, BPF_MAP_LOOKUP_ELEM, &attr, FIELD(flags) + 8);
	dump("value", v, sizeof(v));
}

static void run(const char *name, int prog)
{
	union bpf_attr attr = ATTR(.test = { .prog_fd = (uint32_t)prog });

	mask(FIELD(test.duration));
	row(name, BPF_PROG_TEST_RUN, &attr, sizeof(attr.test));
}

/* A program that adds 1 to the first word. */
static int counter(int map)
{
	return LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, LD_FD(1, BPF_PSEUDO_MAP_VALUE, map), LDX(BPF_DW, 2, 1, 0), ADD_IMM(2, 1), STX(BPF_DW, 1, 2, 0),
		    MOV_IMM(0, 0), EXIT);
}

static void shared_array(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8 * WORDS, 1, MMAPABLE), prog = counter(map), link;
	volatile uint64_t *m = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0), *again, seen;
	union bpf_attr attr;
	uint64_t v[WORDS] = { 1000, 1 };
	uint32_t k = 0;

	printf("array: map %d program %d memory %d\n", map >= 0, prog >= 0, m != MAP_FAILED);
	if (m == MAP_FAILED)
		return;
	m[0] = 100;
	m[9] = 7;
	((volatile uint8_t *)m)[100] = 0xee;
	run("run what counts", prog);
	printf("after a run: %llu\n", (unsigned long long)m[0]);
	lookup("lookup of what was written to memory", map);
	attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&k), .value = PTR(v));
	row("update", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	printf("in memory: %llu %llu %llu\n", (unsigned long long)m[0], (unsigned long long)m[1], (unsigned long long)m[9]);
	again = mmap(NULL, page, PROT_READ, MAP_SHARED, map, 0);
	m[3] = 33;
	printf("mapped twice: %llu\n", again == MAP_FAILED ? 0ull : (unsigned long long)again[3]);
	attr = ATTR(.map_fd = (uint32_t)map);
	row("freeze what is mapped to be written", BPF_MAP_FREEZE, &attr, FIELD(map_fd) + 4);
	/* A program that runs by itself, and a tool that sleeps. */
	m[0] = 0;
	attr = ATTR(.raw_tracepoint = { .name = PTR("sched_switch"), .prog_fd = (uint32_t)prog });
	link = (int)row_fd("attach it", BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr.raw_tracepoint));
	usleep(500000);
	seen = m[0];
	usleep(1000000);
	printf("counted: %d, and on: %d\n", seen > 0, m[0] > seen);
	close(link);
	usleep(200000);
	seen = m[0];
	usleep(300000);
	printf("stopped: %d\n", m[0] == seen);
	close(map);
	m[0] = 50;
	run("run it when the map's descriptor is closed", prog);
	printf("in memory: %llu\n", (unsigned long long)m[0]);
	printf("munmap: %d\n", munmap((void *)(uintptr_t)m, page));
	run("run it when the memory is gone", prog);
	printf("the other mapping: %llu\n", again == MAP_FAILED ? 0ull : (unsigned long long)again[0]);
	munmap((void *)(uintptr_t)again, page);
	close(prog);
}

static void array_errors(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 12, 1000, MMAPABLE), plain = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	union bpf_attr attr;
	uint64_t v[2] = { 0x1111, 0x2222 };
	uint32_t k = 777;
	uint8_t *m;

	map_row("an array", map, 16000, PROT_READ, MAP_SHARED, 0);
	map_row("more than there is", map, 5 * page, PROT_READ, MAP_SHARED, 0);
	map_row("its second page", map, page, PROT_READ, MAP_SHARED, (off_t)page);
	map_row("past its end", map, page, PROT_READ, MAP_SHARED, (off_t)(64 * page));
	map_row("an array by itself", map, page, PROT_READ, MAP_PRIVATE, 0);
	map_row("an array that cannot be", plain, page, PROT_READ, MAP_SHARED, 0);
	attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&k), .value = PTR(v));
	row("update the 777th", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	m = mmap(NULL, 16000, PROT_READ, MAP_SHARED, map, 0);
	if (m != MAP_FAILED)
		dump("its place", m + 16 * 776, 48);
	attr = ATTR(.map_fd = (uint32_t)map);
	row("freeze what is mapped to be read", BPF_MAP_FREEZE, &attr, FIELD(map_fd) + 4);
	map_row("a frozen array to write", map, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	map_row("a frozen array to read", map, page, PROT_READ, MAP_SHARED, 0);
	if (m != MAP_FAILED)
		munmap(m, 16000);
	close(map);
	close(plain);
}

/* ---- user ring buffers ---- */

/* "int", int (int x), a global function and a static one, as a callback must be. */
static const struct {
	struct btf_header h;
	uint32_t types[4 + 3 + 2 + 3 + 3];
	char strings[24];
} two_functions = {
	.h = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header), .type_len = sizeof(two_functions.types),
	       .str_off = sizeof(two_functions.types), .str_len = sizeof(two_functions.strings) },
	.types = { 1, 1u << 24, 4, 1u << 24 | 32, 0, 13u << 24 | 1, 1, 5, 1, 7, 12u << 24 | 1, 2, 12, 12u << 24, 2 },
	.strings = "\0int\0x\0main\0call",
};

/* Returns how many samples it took. */
static int drainer(int map)
{
	struct bpf_insn insns[] = {
		LD_FD(1, BPF_PSEUDO_MAP_FD, map), LD_FD(2, BPF_PSEUDO_FUNC, 5), MOV_IMM(3, 0), MOV_IMM(4, 0), CALL(209), EXIT, MOV_IMM(0, 0), EXIT,
	};
	struct bpf_func_info funcs[] = { { 0, 3 }, { 8, 4 } };
	union bpf_attr attr = ATTR(.btf = PTR(&two_functions), .btf_size = sizeof(two_functions));
	int btf = (int)quiet(BPF_BTF_LOAD, &attr, sizeof(attr)), prog;

	attr = ATTR(.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = PTR(insns), .insn_cnt = COUNT(insns), .license = PTR("GPL"),
		    .prog_btf_fd = (uint32_t)btf, .func_info = PTR(funcs), .func_info_cnt = 2, .func_info_rec_size = sizeof(*funcs));
	prog = (int)row_fd("load what drains a user ring buffer", BPF_PROG_LOAD, &attr, sizeof(attr));
	close(btf);
	return prog;
}

static void user_ring(void)
{
	int map = make_map(31, 0, 0, (uint32_t)page, 0), prog = drainer(map);
	volatile uint64_t *consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, map, 0);
	uint8_t *rest = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, map, (off_t)page), *data = rest + page;
	uint32_t header = 24, k;

	map_row("a user ring buffer's consumer to write", map, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	printf("user ring: map %d consumer %d rest %d\n", map >= 0, consumer != MAP_FAILED, rest != MAP_FAILED);
	if (consumer == MAP_FAILED || rest == MAP_FAILED)
		return;
	run("drain nothing", prog);
	for (k = 0; k < 300; k++) {	/* more than once around: 127 fit */
		uint64_t at = 32ull * k;

		if (k % 100 == 99) {
			run("drain", prog);
			printf("consumed: %llu\n", (unsigned long long)*consumer);
		}
		memset(data + at % page + 8, (int)k, 24);
		memcpy(data + at % page, &header, 4);
		memset(data + at % page + 4, 0, 4);
		__atomic_store_n((uint64_t *)(void *)rest, at + 32, __ATOMIC_RELEASE);
	}
	run("drain the rest", prog);
	printf("consumed: %llu, seen twice: %d\n", (unsigned long long)*consumer, !memcmp(data, data + page, page));
	munmap(rest, 3 * page);
	munmap((void *)(uintptr_t)consumer, page);
	close(prog);
	close(map);
}

void mmap_section(void)
{
	page = (size_t)getpagesize();
	shared_array();
	array_errors();
	user_ring();
}
