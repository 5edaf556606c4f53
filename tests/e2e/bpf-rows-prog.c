// SPDX-License-Identifier: Apache-2.0
/* Programs, BTF, links, iterators, pins and what is asked about them. */
#include <sys/wait.h>

#include "bpf-rows.h"

#define LOG_MAX		(16u << 20)
#define BASE_NAME	"/sys/fs/bpf/bw-rows"

/* ---- BTF ---- */

/* A header, "int" (1), struct "pair" { int a, b; } (2), a function of int (3, 4), and its parameter's name. */
static const struct small_btf {
	struct btf_header h;
	uint32_t types[3 + 1 + 3 + 2 * 3 + 3 + 2 + 3];
	char strings[24];
} small_btf = {
	.h = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header), .type_len = sizeof(small_btf.types),
	       .str_off = sizeof(small_btf.types), .str_len = sizeof(small_btf.strings) },
	.types = {
		1, 1u << 24, 4, 1u << 24 | 32,			/* int, signed, 32 bits */
		5, 4u << 24 | 2, 8, 10, 1, 0, 12, 1, 32,	/* struct pair */
		0, 13u << 24 | 1, 1, 14, 1,			/* int (int x) */
		16, 12u << 24 | 1, 3,				/* func, global */
	},
	.strings = "\0int\0pair\0a\0b\0x\0func",
};

int load_btf(void)
{
	union bpf_attr attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf));

	return (int)quiet(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static uint8_t *vmlinux;
static uint32_t *vmlinux_at, vmlinux_n;

static const char *vmlinux_string(uint32_t off)
{
	const struct btf_header *h = (const struct btf_header *)vmlinux;

	return (const char *)vmlinux + h->hdr_len + h->str_off + off;
}

static uint32_t behind(uint32_t info)
{
	uint32_t n = info & 0xffff;

	switch (info >> 24 & 0x1f) {
	case 1: case 14: case 17: return 4;
	case 3: return 12;
	case 4: case 5: case 15: case 19: return 12 * n;
	case 6: case 13: return 8 * n;
	default: return 0;
	}
}

static bool have_vmlinux(void)
{
	size_t cap = 32 << 20, len = 0;
	const struct btf_header *h;
	uint32_t off;
	ssize_t n;
	int fd;

	if (vmlinux_n)
		return true;
	fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	vmlinux = malloc(cap);
	while (fd >= 0 && len < cap && (n = read(fd, vmlinux + len, cap - len)) > 0)
		len += (size_t)n;
	close(fd);
	h = (const struct btf_header *)vmlinux;
	if (len < sizeof(*h))
		return false;
	vmlinux_at = malloc(sizeof(*vmlinux_at) << 19);
	for (off = 0; off < h->type_len && vmlinux_n < 1 << 19; vmlinux_n++) {
		uint32_t t[3];

		memcpy(t, vmlinux + h->hdr_len + h->type_off + off, sizeof(t));
		vmlinux_at[vmlinux_n] = h->hdr_len + h->type_off + off;
		off += 12 + behind(t[1]);
	}
	return vmlinux_n;
}

static const uint32_t *vmlinux_raw(uint32_t id)
{
	return id && id <= vmlinux_n ? (const uint32_t *)(const void *)(vmlinux + vmlinux_at[id - 1]) : NULL;
}

uint32_t vmlinux_type(const char *name, uint32_t kind)
{
	uint32_t id;

	for (id = 1; have_vmlinux() && id <= vmlinux_n; id++)
		if ((vmlinux_raw(id)[1] >> 24 & 0x1f) == kind && !strcmp(vmlinux_string(vmlinux_raw(id)[0]), name))
			return id;
	return 0;
}

uint32_t vmlinux_size(uint32_t id)
{
	const uint32_t *t = vmlinux_raw(id);

	return t ? t[2] : 0;
}

int vmlinux_member(uint32_t id, const char *name, uint32_t *off, uint32_t *type)
{
	const uint32_t *t = vmlinux_raw(id);
	int i;

	for (i = 0; t && i < (int)(t[1] & 0xffff); i++)
		if (!strcmp(vmlinux_string(t[3 + 3 * i]), name)) {
			*type = t[4 + 3 * i];
			*off = (t[1] >> 31 ? t[5 + 3 * i] & 0xffffff : t[5 + 3 * i]) / 8;
			return i;
		}
	return -1;
}

static uint64_t sum(const uint8_t *p, size_t len)
{
	uint64_t s = 14695981039346656037ull;

	while (len--)
		s = (s ^ *p++) * 1099511628211ull;
	return s;
}

void btf_section(void)
{
	struct small_btf bad = small_btf;
	char log[512], name[64];
	union bpf_attr attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf));
	struct bpf_btf_info info = { 0 };
	uint8_t *big = malloc(32 << 20);
	uint32_t id;
	int fd;

	fd = (int)row_fd("BTF_LOAD", BPF_BTF_LOAD, &attr, sizeof(attr));
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = sizeof(log), .btf_log_level = 1);
	row_fd("BTF_LOAD with a log", BPF_BTF_LOAD, &attr, sizeof(attr));
	printf("  log: %.*s\n", (int)strnlen(log, sizeof(log)), log);
	bad.types[1] = 31u << 24;
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&bad), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = sizeof(log), .btf_log_level = 1);
	row_fd("BTF_LOAD of what is wrong", BPF_BTF_LOAD, &attr, sizeof(attr));
	dump("log", log, sizeof(log));
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&bad), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = 130, .btf_log_level = 2);
	row_fd("BTF_LOAD of what is wrong with a short log", BPF_BTF_LOAD, &attr, sizeof(attr));
	dump("log", log, sizeof(log));
	attr = ATTR(.btf = BAD_PTR, .btf_size = sizeof(small_btf));
	row_fd("BTF_LOAD of a bad pointer", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = 17 << 20);
	row_fd("BTF_LOAD of too much", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_buf = BAD_PTR, .btf_log_size = 300, .btf_log_level = 1);
	row_fd("BTF_LOAD with a bad log", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_size = 300, .btf_log_level = 1);
	row_fd("BTF_LOAD without a log", BPF_BTF_LOAD, &attr, sizeof(attr));
	NEED(fd);
	memset(big, 0xa5, 4096);
	memset(name, 0xa5, sizeof(name));
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 4096, .name = PTR(name), .name_len = sizeof(name) };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of a BTF", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	printf("  size %u name_len %u kernel %u\n", info.btf_size, info.name_len, info.kernel_btf);
	dump("btf", big, 256);
	dump("name", name, sizeof(name));
	id = info.id;
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 20 };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	memset(big, 0xa5, 64);
	row("info of a BTF, cut", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	dump("btf", big, 64);
	close(fd);
	attr = ATTR(.btf_id = id + 100000);
	row("BTF of a bad id", BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
	/* vmlinux's, megabytes of it, is the first of all. */
	attr = ATTR(.btf_id = 1);
	fd = (int)row_fd("BTF of id 1", BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
	NEED(fd);
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 32 << 20, .name = PTR(name), .name_len = 5 };
	memset(name, 0xa5, sizeof(name));
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of vmlinux's BTF with a short name", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	dump("name", name, sizeof(name));
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 31 << 20, .name = PTR(name), .name_len = sizeof(name) };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of vmlinux's BTF", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	printf("  %u bytes, %llx, name %.8s\n", info.btf_size, (unsigned long long)sum(big, info.btf_size), name);
	close(fd);
	free(big);
}

/* ---- loading ---- */

/* Times and memory in the verifier's last lines are not the same twice. */
static void print_log(const char *log)
{
	const char *end;

	for (; *log; log = end) {
		end = strchrnul(log, '\n');
		end += *end == '\n';
		if (!strncmp(log, "verification time", 17))
			puts("  log: verification time *");
		else
			printf("  log: %.*s%s", (int)(end - log), log, end[-1] == '\n' ? "" : "\n");
	}
}

static long load_row(const char *name, const struct bpf_insn *insns, uint32_t n, uint32_t level, char *log, uint32_t log_size)
{
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(insns), .insn_cnt = n, .license = PTR("GPL"),
				   .log_level = level, .log_buf = PTR(log), .log_size = log_size);

	if (level & 4)
		mask(140);	/* log_true_size: a time is in it, with as many digits as it has */
	return row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void logs(void)
{
	struct bpf_insn good[] = { MOV_IMM(0, 7), EXIT }, wrong[] = { MOV_REG(0, 3), EXIT };
	struct bpf_insn *many;
	char *log = calloc(1, LOG_MAX + 8);
	uint32_t i, n = 60000;

	close((int)load_row("load with log level 1", good, 2, 1, log, 4096));
	print_log(log);
	close((int)load_row("load with log level 2", good, 2, 2, log, 4096));
	print_log(log);
	close((int)load_row("load with log level 4", good, 2, 4, log, 4096));
	print_log(log);
	memset(log, 0xa5, 300);
	load_row("load of what is wrong", wrong, 2, 1, log, 4096);
	log[4000] = 0;
	print_log(log);
	memset(log, 0xa5, 300);
	load_row("load of what is wrong with a short log", wrong, 2, 2, log, 140);
	dump("log", log, 200);
	load_row("load with a log that is too short to be one", wrong, 2, 1, log, 10);
	load_row("load with log level 1 and no log", wrong, 2, 1, NULL, 0);
	load_row("load with a log and no level", wrong, 2, 0, log, 4096);
	load_row("load with a bad level", good, 2, 77, log, 4096);
	load_row("load with a bad log", good, 2, 1, (char *)BAD_PTR, 4096);
	load_row("load of what is wrong with a bad log", wrong, 2, 1, (char *)BAD_PTR, 4096);
	/* A log of megabytes, in the largest buffer that every kernel takes, and in larger ones. */
	many = calloc(n, sizeof(*many));
	for (i = 0; i < n; i++)
		many[i] = MOV_IMM(0, (int)i);
	many[n - 1] = EXIT;
	close((int)load_row("load of a long program", many, n, 2, log, LOG_MAX - 1));
	printf("  log of %zu bytes, %llx\n", strlen(log), (unsigned long long)sum((uint8_t *)log, strlen(log) > 4000 ? strlen(log) - 200 : 0));
	close((int)load_row("load with 16 MiB of log", good, 2, 1, log, LOG_MAX));
	free(log);
	log = mmap(NULL, 1u << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (log != MAP_FAILED) {
		close((int)load_row("load with 64 MiB of log", good, 2, 2, log, 64u << 20));
		print_log(log);
		close((int)load_row("load with 1 GiB - 1 of log", good, 2, 2, log, (1u << 30) - 1));
		print_log(log);
		load_row("load with 1 GiB of log", good, 2, 2, log, 1u << 30);
		munmap(log, 1u << 30);
	}
	free(many);
}

static void descriptors(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), prog = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, 0, MOV_IMM(0, 0), EXIT);
	struct bpf_insn by_fd[] = { LD_FD(1, BPF_PSEUDO_MAP_FD, map), MOV_IMM(0, 0), EXIT };
	struct bpf_insn value[] = { LD_FD(1, BPF_PSEUDO_MAP_VALUE, map), MOV_IMM(0, 0), EXIT };
	struct bpf_insn by_index[] = { LD_FD(1, BPF_PSEUDO_MAP_IDX, 1), MOV_IMM(0, 0), EXIT };
	int array[2] = { 9999, map };
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(by_index), .insn_cnt = 4, .license = PTR("GPL"),
				   .fd_array = PTR(array));

	close((int)load_row("load with a map", by_fd, 4, 0, NULL, 0));
	by_fd[0].imm = 9999;
	load_row("load with a bad map", by_fd, 4, 0, NULL, 0);
	by_fd[0].imm = prog;
	load_row("load with a program for a map", by_fd, 4, 0, NULL, 0);
	by_fd[0].imm = -1;
	load_row("load with map -1", by_fd, 4, 0, NULL, 0);
	close((int)load_row("load with a map's value", value, 4, 0, NULL, 0));
	value[1].imm = 1000;
	load_row("load with what is outside a map's value", value, 4, 0, NULL, 0);
	close((int)row_fd("load with a map by index", BPF_PROG_LOAD, &attr, sizeof(attr)));
	attr.fd_array = PTR(&array[1]);
	row_fd("load with a map by an index too far", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr.fd_array = BAD_PTR;
	row_fd("load with a bad array of maps", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr.fd_array = 0;
	row_fd("load without an array of maps", BPF_PROG_LOAD, &attr, sizeof(attr));
	close(map);
	close(prog);
}

static void with_btf(void)
{
	struct bpf_insn insns[] = { MOV_IMM(0, 0), EXIT };
	struct bpf_func_info func = { 0, 4 };
	struct bpf_line_info lines[] = { { 0, 1, 5, 1 << 10 | 2 }, { 1, 5, 1, 2 << 10 } };
	int btf = load_btf();
	union bpf_attr good = ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"),
				   .prog_btf_fd = (uint32_t)btf, .func_info = PTR(&func), .func_info_cnt = 1, .func_info_rec_size = sizeof(func),
				   .line_info = PTR(lines), .line_info_cnt = 2, .line_info_rec_size = sizeof(*lines)), attr;

	attr = good;
	close((int)row_fd("load with functions and lines", BPF_PROG_LOAD, &attr, sizeof(attr)));
	attr = good, attr.prog_btf_fd = 9999;
	row_fd("load with a bad BTF", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr = good, attr.func_info = BAD_PTR;
	row_fd("load with bad functions", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr = good, attr.line_info = BAD_PTR;
	row_fd("load with bad lines", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr = good, attr.func_info_rec_size = 4;
	row_fd("load with short records", BPF_PROG_LOAD, &attr, sizeof(attr));
	attr = good, attr.line_info_cnt = 1u << 30;
	row_fd("load with too many lines", BPF_PROG_LOAD, &attr, sizeof(attr));
	close(btf);
}

void prog_section(void)
{
	struct bpf_insn insns[] = { MOV_IMM(0, 0), EXIT };
	union bpf_attr attr;
	char name[64], license[200];
	uint32_t type;

	for (type = 0; type < 36; type++) {
		attr = ATTR(.prog_type = type, .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"), .prog_name = "bw_rows");
		snprintf(name, sizeof(name), "load type %u", type);
		close((int)row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr)));
		attr = ATTR(.prog_type = type, .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"), .expected_attach_type = 24, .attach_btf_id = 1);
		snprintf(name, sizeof(name), "load type %u to attach to a type", type);
		close((int)row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr)));
		attr = ATTR(.prog_type = type, .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"), .attach_prog_fd = 9999, .attach_btf_id = 1);
		snprintf(name, sizeof(name), "load type %u to attach to a bad program", type);
		close((int)row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr)));
	}
#define LOAD_ROW(what, ...) attr = ATTR(.prog_type = 1, .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"), __VA_ARGS__); \
	close((int)row_fd("load " what, BPF_PROG_LOAD, &attr, sizeof(attr)))
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
	LOAD_ROW("of no instructions", .insn_cnt = 0);
	LOAD_ROW("of too many instructions", .insn_cnt = 5000000);
	LOAD_ROW("of a bad pointer", .insns = BAD_PTR);
	LOAD_ROW("of NULL", .insns = 0);
	LOAD_ROW("with a bad licence pointer", .license = BAD_PTR);
	LOAD_ROW("without a licence", .license = 0);
	LOAD_ROW("with a bad name", .prog_name = "no name");
	LOAD_ROW("with bad flags", .prog_flags = 1u << 30);
	LOAD_ROW("with a bad interface", .prog_ifindex = 9999);
	LOAD_ROW("with one instruction", .insn_cnt = 1);
	memset(license, 'G', sizeof(license));
	LOAD_ROW("with a long licence", .license = PTR(license));
#pragma GCC diagnostic pop
	logs();
	descriptors();
	with_btf();
}

/* ---- running ---- */

static void run(const char *name, int prog, const void *in, uint32_t in_len, uint32_t out_room, uint32_t ctx_in, uint32_t ctx_room, uint32_t repeat)
{
	uint8_t data[512], ctx[512];
	union bpf_attr attr;

	memset(data, 0xa5, sizeof(data));
	memset(ctx, 0, sizeof(ctx));
	attr = ATTR(.test = { .prog_fd = (uint32_t)prog, .data_in = PTR(in), .data_size_in = in_len, .data_out = out_room ? PTR(data) : 0,
			      .data_size_out = out_room, .ctx_in = ctx_in ? PTR(ctx) : 0, .ctx_size_in = ctx_in,
			      .ctx_out = ctx_room ? PTR(ctx + 256) : 0, .ctx_size_out = ctx_room, .repeat = repeat });
	mask(FIELD(test.duration));
	row(name, BPF_PROG_TEST_RUN, &attr, sizeof(attr.test));
	dump("data", data, sizeof(data));
	dump("context", ctx, sizeof(ctx));
}

void run_section(void)
{
	uint8_t packet[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x45, 0, 0, 50 };
	int filter = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, 0, MOV_IMM(0, 42), EXIT);
	int cls = LOAD(BPF_PROG_TYPE_SCHED_CLS, 0, LDX(BPF_W, 0, 1, 0), ST(BPF_W, 1, offsetof(struct __sk_buff, mark), 77), EXIT);
	int xdp = LOAD(BPF_PROG_TYPE_XDP, 0, MOV_IMM(0, 2), EXIT), tp = LOAD(BPF_PROG_TYPE_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT);
	int raw = LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, LDX(BPF_DW, 0, 1, 8), EXIT);
	struct bpf_insn syscall_insns[] = { LDX(BPF_W, 0, 1, 0), ADD_IMM(0, 5), STX(BPF_W, 1, 0, 4), EXIT };
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_SYSCALL, .insns = PTR(syscall_insns), .insn_cnt = 4, .license = PTR("GPL"), .prog_flags = 1u << 4);
	int sys = (int)row_fd("load a syscall program", BPF_PROG_LOAD, &attr, sizeof(attr));
	uint32_t words[8] = { 100, 0, 7, 8 };

	run("run a filter", filter, packet, sizeof(packet), 128, 0, 0, 3);
	run("run with little room", filter, packet, sizeof(packet), 20, 0, 0, 1);
	run("run without room", filter, packet, sizeof(packet), 0, 0, 0, 1);
	run("run with a short packet", filter, packet, 4, 64, 0, 0, 1);
	run("run a bad program", 9999, packet, sizeof(packet), 64, 0, 0, 1);
	run("run with a bad packet", filter, (void *)BAD_PTR, sizeof(packet), 64, 0, 0, 1);
	run("run a classifier with a context", cls, packet, sizeof(packet), 128, 192, 192, 1);
	run("run a classifier with little room for its context", cls, packet, sizeof(packet), 128, 192, 16, 1);
	run("run a classifier with a context too long", cls, packet, sizeof(packet), 128, 250, 192, 1);
	run("run xdp", xdp, packet, sizeof(packet), 256, 0, 0, 5);
	run("run a tracepoint's", tp, packet, sizeof(packet), 64, 0, 0, 1);
	run("run a raw tracepoint's", raw, NULL, 0, 0, 16, 0, 0);
	if (sys >= 0) {
		attr = ATTR(.test = { .prog_fd = (uint32_t)sys, .ctx_in = PTR(words), .ctx_size_in = 16 });
		row("run a syscall program", BPF_PROG_TEST_RUN, &attr, sizeof(attr.test));
		dump("its context", words, sizeof(words));
		attr = ATTR(.test = { .prog_fd = (uint32_t)sys, .ctx_in = PTR(words), .ctx_size_in = 1 << 20 });
		row("run a syscall program with too much", BPF_PROG_TEST_RUN, &attr, sizeof(attr.test));
	}
	close(filter); close(cls); close(xdp); close(tp); close(raw); close(sys);
}

/* ---- pins ---- */

void pin_section(void)
{
	int map = make_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0), prog = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, 0, MOV_IMM(0, 0), EXIT), fd;
	char *longest = malloc(5000);
	uint32_t k = 1;
	uint64_t v = 2;
	union bpf_attr attr;

	unlink(BASE_NAME "-map");
	unlink(BASE_NAME "-prog");
#define PIN(what, path, f) do { attr = ATTR(.pathname = PTR(path), .bpf_fd = (uint32_t)(f)); row(what, BPF_OBJ_PIN, &attr, FIELD(file_flags) + 4); } while (0)
#define GET(what, path, fl) ({ attr = ATTR(.pathname = PTR(path), .file_flags = (fl)); (int)row_fd(what, BPF_OBJ_GET, &attr, FIELD(file_flags) + 4); })
	PIN("pin a map", BASE_NAME "-map", map);
	PIN("pin again", BASE_NAME "-map", map);
	PIN("pin a program", BASE_NAME "-prog", prog);
	PIN("pin what is none", BASE_NAME "-bad", 9999);
	PIN("pin where there is no directory", "/sys/fs/bpf/not/there", map);
	PIN("pin outside of bpffs", "/tmp/bw-rows-pin", map);
	PIN("pin at a bad pointer", (char *)BAD_PTR, map);
	PIN("pin at nothing", "", map);
	memset(longest, 'x', 4999);
	longest[4999] = 0;
	memcpy(longest, "/sys/fs/bpf/", 12);
	PIN("pin at a path too long", longest, map);
	longest[300] = 0;
	PIN("pin at a name too long", longest, map);
	GET("get what is not there", BASE_NAME "-none", 0);
	GET("get what is no object", "/sys/fs/bpf", 0);
	GET("get what is not of bpffs", "/proc/version", 0);
	GET("get with bad flags", BASE_NAME "-map", 1 << 20);
	GET("get from a bad pointer", (char *)BAD_PTR, 0);
	close(GET("get the program", BASE_NAME "-prog", 0));
	fd = GET("get the map", BASE_NAME "-map", 0);
	attr = ATTR(.map_fd = (uint32_t)fd, .key = PTR(&k), .value = PTR(&v));
	row("update it", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	close(fd);
	fd = GET("get the map to read", BASE_NAME "-map", BPF_F_RDONLY);
	v = 0;
	attr = ATTR(.map_fd = (uint32_t)fd, .key = PTR(&k), .value = PTR(&v));
	row("look up in it", BPF_MAP_LOOKUP_ELEM, &attr, FIELD(flags) + 8);
	printf("  %llu\n", (unsigned long long)v);
	row("update it", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	close(fd);
	fd = GET("get the map to write", BASE_NAME "-map", BPF_F_WRONLY);
	attr = ATTR(.map_fd = (uint32_t)fd, .key = PTR(&k), .value = PTR(&v));
	row("look up in it", BPF_MAP_LOOKUP_ELEM, &attr, FIELD(flags) + 8);
	close(fd);
	/* The directory that a path is relative to. */
	fd = open("/sys/fs/bpf", O_RDONLY | O_DIRECTORY);
	{
		struct { uint64_t path; uint32_t bpf_fd, flags; int32_t dir, zero; } at = { PTR("bw-rows-at"), (uint32_t)map, 1u << 14, fd, 0 };
		union bpf_attr a = { 0 };

		memcpy(&a, &at, sizeof(at));
		row("pin below a directory", BPF_OBJ_PIN, &a, 20);
		at.bpf_fd = 0;
		memcpy(&a, &at, sizeof(at));
		close((int)row_fd("get below a directory", BPF_OBJ_GET, &a, 20));
		at.dir = 9999;
		memcpy(&a, &at, sizeof(at));
		row_fd("get below what is no directory", BPF_OBJ_GET, &a, 20);
	}
	close(fd);
	printf("unlink: %d %d %d\n", unlink(BASE_NAME "-map"), unlink(BASE_NAME "-prog"), unlink("/sys/fs/bpf/bw-rows-at") ? errno : 0);
	close(map);
	close(prog);
	free(longest);
}

/* ---- info, ids ---- */

static void info_row(const char *name, int fd, void *info, uint32_t len)
{
	union bpf_attr attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = len, .info = PTR(info) });

	row(name, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
}

static void prog_info(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), btf = load_btf();
	struct bpf_insn insns[] = { LD_FD(1, BPF_PSEUDO_MAP_FD, map), MOV_IMM(0, 0), EXIT };
	struct bpf_func_info func = { 0, 4 };
	struct bpf_line_info lines[] = { { 0, 1, 5, 1 << 10 | 2 }, { 2, 5, 1, 2 << 10 } };
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(insns), .insn_cnt = 4, .license = PTR("GPL"),
				   .prog_name = "bw_rows", .prog_btf_fd = (uint32_t)btf, .func_info = PTR(&func), .func_info_cnt = 1,
				   .func_info_rec_size = sizeof(func), .line_info = PTR(lines), .line_info_cnt = 2,
				   .line_info_rec_size = sizeof(*lines));
	int fd = (int)row_fd("load", BPF_PROG_LOAD, &attr, sizeof(attr));
	uint8_t xlated[256], jited[4096], records[256], line_records[256], tags[64];
	uint32_t ids[8] = { 0xa5a5a5a5, 0xa5a5a5a5 };
	struct bpf_prog_info info = { 0 };

	info_row("info of a program", fd, &info, sizeof(info));
	printf("  type %u name %s gpl %u maps %u xlated %u ksyms %u func_lens %u func %u/%u lines %u/%u jited lines %u/%u tags %u jited %d\n", info.type,
	       info.name, info.gpl_compatible, info.nr_map_ids, info.xlated_prog_len, info.nr_jited_ksyms, info.nr_jited_func_lens,
	       info.nr_func_info, info.func_info_rec_size, info.nr_line_info, info.line_info_rec_size, info.nr_jited_line_info,
	       info.jited_line_info_rec_size, info.nr_prog_tags, info.jited_prog_len > 0);
	dump("tag", info.tag, sizeof(info.tag));
	memset(xlated, 0xa5, sizeof(xlated)); memset(jited, 0xa5, sizeof(jited)); memset(records, 0xa5, sizeof(records));
	memset(line_records, 0xa5, sizeof(line_records)); memset(tags, 0xa5, sizeof(tags));
	info = (struct bpf_prog_info){ .xlated_prog_insns = PTR(xlated), .xlated_prog_len = sizeof(xlated), .map_ids = PTR(ids), .nr_map_ids = 8,
				       .jited_prog_insns = PTR(jited), .jited_prog_len = sizeof(jited), .func_info = PTR(records), .nr_func_info = 4,
				       .func_info_rec_size = sizeof(func), .line_info = PTR(line_records), .nr_line_info = 4,
				       .line_info_rec_size = sizeof(*lines), .prog_tags = PTR(tags), .nr_prog_tags = 4 };
	info_row("info of a program, all of it", fd, &info, sizeof(info));
	printf("  xlated %u maps %u %d %d func %u lines %u tags %u\n", info.xlated_prog_len, info.nr_map_ids, ids[0] != 0xa5a5a5a5, ids[1] == 0xa5a5a5a5,
	       info.nr_func_info, info.nr_line_info, info.nr_prog_tags);
	memset(xlated + 4, 0, 4);	/* the map's id */
	dump("xlated", xlated, sizeof(xlated)); dump("func", records, sizeof(records)); dump("lines", line_records, sizeof(line_records));
	dump("tags", tags, sizeof(tags));
	info = (struct bpf_prog_info){ .xlated_prog_insns = PTR(xlated), .xlated_prog_len = 8 };
	memset(xlated, 0xa5, sizeof(xlated));
	info_row("info of a program with little room", fd, &info, sizeof(info));
	dump("xlated", xlated + 8, 32);
	info = (struct bpf_prog_info){ .xlated_prog_insns = BAD_PTR, .xlated_prog_len = 64 };
	info_row("info of a program at a bad pointer", fd, &info, sizeof(info));
	info = (struct bpf_prog_info){ .map_ids = BAD_PTR, .nr_map_ids = 4 };
	info_row("info of a program with a bad pointer for its maps", fd, &info, sizeof(info));
	info = (struct bpf_prog_info){ .func_info = PTR(records), .nr_func_info = 1, .func_info_rec_size = 5 };
	info_row("info of a program with a bad record size", fd, &info, sizeof(info));
	close(fd); close(map); close(btf);
}

void info_section(void)
{
	struct { struct bpf_map_info info; uint8_t tail[200]; } m;
	int map = make_map(BPF_MAP_TYPE_PERCPU_HASH, 4, 5, 9, 1), fd;
	static const int next[] = { BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_BTF_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID };
	static const int by_id[] = { BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_BTF_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID };
	union bpf_attr attr;
	uint32_t id, k = 3;
	uint8_t *value = calloc(ncpus + 4, 8);
	char name[64];
	size_t i;

	memset(&m, 0, sizeof(m));
	info_row("info of a map", map, &m, sizeof(m.info));
	id = m.info.id;
	m.info.id = 0;
	dump("info", &m, sizeof(m.info));
	memset(&m, 0, sizeof(m));
	info_row("info of a map, cut", map, &m, 12);
	m.info.id = 0;
	dump("info", &m, 64);
	memset(&m, 0, sizeof(m));
	info_row("info of a map, longer than there is", map, &m, sizeof(m));
	m.tail[150] = 1;
	info_row("info of a map, longer than there is and not zero", map, &m, sizeof(m));
	info_row("info of a map at a bad pointer", map, (void *)BAD_PTR, sizeof(m.info));
	info_row("info of a map at NULL", map, NULL, sizeof(m.info));
	info_row("info of nothing", 9999, &m, sizeof(m.info));
	info_row("info of a map with no length", map, &m, 0);
	prog_info();
	attr = ATTR(.map_id = id);
	fd = (int)row_fd("map by id", BPF_MAP_GET_FD_BY_ID, &attr, FIELD(open_flags) + 4);
	attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&k), .value = PTR(value));
	memset(value, 0x33, 8 * ncpus);
	row("update the map", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	memset(value, 0xa5, 8 * (ncpus + 4));
	attr.map_fd = (uint32_t)fd;
	row("look up in the map by id", BPF_MAP_LOOKUP_ELEM, &attr, FIELD(flags) + 8);
	dump("all CPUs", value, 8 * (ncpus + 4));
	close(fd);
	attr = ATTR(.map_id = id, .open_flags = BPF_F_RDONLY);
	fd = (int)row_fd("map by id, to read", BPF_MAP_GET_FD_BY_ID, &attr, FIELD(open_flags) + 4);
	attr = ATTR(.map_fd = (uint32_t)fd, .key = PTR(&k), .value = PTR(value));
	row("update it", BPF_MAP_UPDATE_ELEM, &attr, FIELD(flags) + 8);
	close(fd);
	for (i = 0; i < 4; i++) {
		attr = ATTR(.start_id = 0x7ffffff0);
		snprintf(name, sizeof(name), "command %d after the last", next[i]);
		row(name, next[i], &attr, FIELD(open_flags) + 4);
		attr = ATTR(.start_id = 0xffffffff);
		row(name, next[i], &attr, FIELD(open_flags) + 4);
		attr = ATTR(.start_id = 0, .open_flags = 7);
		mask(FIELD(next_id));
		row(name, next[i], &attr, FIELD(open_flags) + 4);
		attr = ATTR(.start_id = 0x7ffffff0);
		snprintf(name, sizeof(name), "command %d of a bad id", by_id[i]);
		row(name, by_id[i], &attr, FIELD(open_flags) + 4);
		attr = ATTR(.start_id = id, .open_flags = 0xff00);
		row(name, by_id[i], &attr, FIELD(open_flags) + 4);
	}
	/* Ours is found on the way through all. */
	attr = ATTR(.start_id = id - 1);
	if (!quiet(BPF_MAP_GET_NEXT_ID, &attr, FIELD(open_flags) + 4))
		printf("next map: %s\n", attr.next_id == id ? "ours" : "another");
	close(map);
	free(value);
}

/* ---- cgroups ---- */

static void query(const char *name, uint32_t target, uint32_t type, uint32_t room, uint32_t flags)
{
	uint32_t ids[16], i;
	union bpf_attr attr = ATTR(.query = { .target_fd = target, .attach_type = type, .query_flags = flags, .prog_ids = PTR(ids), .prog_cnt = room });

	memset(ids, 0xa5, sizeof(ids));
	mask(FIELD(query.prog_ids));
	row(name, BPF_PROG_QUERY, &attr, sizeof(attr.query));
	printf("  ids:");
	for (i = 0; i < 4; i++)
		printf(" %s", ids[i] == 0xa5a5a5a5 ? "-" : ids[i] ? "id" : "0");
	putchar('\n');
}

void cgroup_section(void)
{
	/* cgroup2 beside version 1 is elsewhere. */
	const char *dir = access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup/bw-rows" : "/sys/fs/cgroup/unified/bw-rows";
	int fd, prog = LOAD(BPF_PROG_TYPE_CGROUP_SKB, 0, MOV_IMM(0, 1), EXIT), prog2 = LOAD(BPF_PROG_TYPE_CGROUP_SKB, 0, MOV_IMM(0, 1), EXIT), link;
	struct bpf_link_info info = { 0 };
	union bpf_attr attr;

	if (mkdir(dir, 0755) && errno != EEXIST)
		printf("mkdir: errno %d\n", errno);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	printf("directory: %s\n", fd < 0 ? strerror(errno) : "open");
	NEED(fd);
#define ATTACH(what, cmd, ...) do { attr = ATTR(.target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_INET_EGRESS, __VA_ARGS__); \
	row(what, cmd, &attr, FIELD(replace_bpf_fd) + 4); } while (0)
	ATTACH("attach", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach again", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach with other flags", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog2);
	ATTACH("attach a second", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog2, .attach_flags = BPF_F_ALLOW_MULTI);
	ATTACH("attach a bad one", BPF_PROG_ATTACH, .attach_bpf_fd = 9999, .attach_flags = BPF_F_ALLOW_MULTI);
	query("query", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 16, 0);
	query("query with little room", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 1, 0);
	query("query with no room", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 0, 0);
	query("query what is effective", (uint32_t)fd, BPF_CGROUP_INET_EGRESS, 16, BPF_F_QUERY_EFFECTIVE);
	query("query of another type", (uint32_t)fd, BPF_CGROUP_INET_INGRESS, 16, 0);
	query("query of a bad type", (uint32_t)fd, 250, 16, 0);
	query("query of a bad directory", 9999, BPF_CGROUP_INET_EGRESS, 16, 0);
	query("query of a program", (uint32_t)prog, BPF_CGROUP_INET_EGRESS, 16, 0);
	ATTACH("detach", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	ATTACH("detach again", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	ATTACH("replace", BPF_PROG_ATTACH, .attach_bpf_fd = (uint32_t)prog, .attach_flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE, .replace_bpf_fd = (uint32_t)prog2);
	ATTACH("detach what is replaced", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog2);
	ATTACH("detach", BPF_PROG_DETACH, .attach_bpf_fd = (uint32_t)prog);
	attr = ATTR(.target_fd = 9999, .attach_bpf_fd = (uint32_t)prog, .attach_type = BPF_CGROUP_INET_EGRESS);
	row("attach to nothing", BPF_PROG_ATTACH, &attr, FIELD(replace_bpf_fd) + 4);
	attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_INET_EGRESS });
	link = (int)row_fd("link", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	info_row("its info", link, &info, sizeof(info));
	printf("  type %u attach %u cgroup %d\n", info.type, info.cgroup.attach_type, info.cgroup.cgroup_id != 0);
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog2 });
	row("update it", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)prog });
	row("update it, not what it has", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)prog2 });
	row("update it, what it has", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = 9999 });
	row("update it with a bad program", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it again", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	close(link); close(fd); close(prog); close(prog2);
	printf("rmdir: %d\n", rmdir(dir) ? errno : 0);
}

/* ---- links ---- */

static void task_query(const char *name, uint32_t pid, int fd, uint32_t room)
{
	char buf[128];
	union bpf_attr attr = ATTR(.task_fd_query = { .pid = pid, .fd = (uint32_t)fd, .buf = PTR(buf), .buf_len = room });

	memset(buf, 0xa5, sizeof(buf));
	mask(FIELD(task_fd_query.prog_id));
	row(name, BPF_TASK_FD_QUERY, &attr, sizeof(attr.task_fd_query));
	dump("name", buf, sizeof(buf));
}

static uint32_t tracepoint_id(const char *path)
{
	FILE *f = fopen(path, "r");
	uint32_t id = 0;

	if (f && fscanf(f, "%u", &id) != 1)
		id = 0;
	if (f)
		fclose(f);
	return id;
}

static void perf_link(void)
{
	struct perf_event_attr pe = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(pe), .config = tracepoint_id("/sys/kernel/tracing/events/sched/sched_switch/id"),
				      .sample_period = 1 };
	int prog = LOAD(BPF_PROG_TYPE_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT), event = (int)syscall(__NR_perf_event_open, &pe, -1, 0, -1, 0), link;
	union bpf_attr attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .target_fd = (uint32_t)event, .attach_type = BPF_PERF_EVENT,
						     .perf_event = { 0x123456789abcull } });
	struct bpf_link_info info = { 0 };
	char name[64];

	printf("event: %s\n", event < 0 ? strerror(errno) : "open");
	link = (int)row_fd("link a perf event", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	info_row("its info", link, &info, sizeof(info));
	printf("  type %u kind %u\n", info.type, ((uint32_t *)&info)[4]);
	if (((uint32_t *)&info)[4]) {	/* since 6.6 */
		memset(name, 0xa5, sizeof(name));
		memset(&info, 0, sizeof(info));
		((uint64_t *)&info)[3] = PTR(name);
		((uint32_t *)&info)[8] = sizeof(name);
		info_row("its info with the name", link, &info, sizeof(info));
		dump("name", name, sizeof(name));
		printf("  length %u cookie %llx\n", ((uint32_t *)&info)[8], (unsigned long long)((uint64_t *)&info)[5]);
	}
	task_query("query the event", (uint32_t)getpid(), event, 128);
	task_query("query the event with little room", (uint32_t)getpid(), event, 6);
	task_query("query the event with no room", (uint32_t)getpid(), event, 0);
	close(link); close(event); close(prog);
}

static void multi_links(void)
{
	static const char *const two[] = { "vfs_read", "vfs_write" }, *const none[] = { "vfs_read", "no_such_function" };
	const char *const bad[] = { "vfs_read", (const char *)BAD_PTR };
	char longest[700];
	const char *const too_long[] = { longest };
	uint64_t cookies[] = { 11, 22 }, addrs[2] = { 1, 2 };
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, MOV_IMM(0, 0), EXIT), link;
	struct bpf_link_info info;
	union bpf_attr attr;

	memset(longest, 'f', sizeof(longest));
#define MULTI(what, n, ...) ({ attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .attach_type = BPF_TRACE_KPROBE_MULTI, .kprobe_multi = { .cnt = n, \
	__VA_ARGS__ } }); (int)row_fd("kprobe_multi " what, BPF_LINK_CREATE, &attr, sizeof(attr.link_create)); })
	link = MULTI("by symbols", 2, .syms = PTR(two), .cookies = PTR(cookies));
	if (link >= 0) {
		uint64_t at[4] = { 0 };

		memset(&info, 0, sizeof(info));
		info_row("its info", link, &info, sizeof(info));
		printf("  type %u count %u\n", info.type, ((uint32_t *)&info)[6]);
		memset(&info, 0, sizeof(info));
		((uint64_t *)&info)[2] = PTR(at);
		((uint32_t *)&info)[6] = 4;
		info_row("its info with addresses", link, &info, sizeof(info));
		printf("  %d %d %d\n", at[0] != 0, at[1] != 0, at[2] != 0);
		if (((uint32_t *)&info)[6] == 2) {
			memcpy(addrs, at, sizeof(addrs));
			close(MULTI("by addresses", 2, .addrs = PTR(addrs), .cookies = PTR(cookies)));
		}
	}
	close(link);
	close(MULTI("by symbols, without cookies", 1, .syms = PTR(two)));
	close(MULTI("of returns", 2, .syms = PTR(two), .flags = 1));
	MULTI("of what is not there", 2, .syms = PTR(none));
	MULTI("of a bad string", 2, .syms = PTR(bad));
	MULTI("of a bad array", 2, .syms = BAD_PTR);
	MULTI("of a string too long", 1, .syms = PTR(too_long));
	MULTI("of none", 0, .syms = PTR(two));
	MULTI("of too many", 2000000, .syms = PTR(two));
	MULTI("of symbols and addresses", 2, .syms = PTR(two), .addrs = PTR(addrs));
	MULTI("of neither", 2, .flags = 0);
	MULTI("of bad addresses", 2, .addrs = PTR(cookies));
	MULTI("of addresses at a bad pointer", 2, .addrs = BAD_PTR);
	MULTI("with bad cookies", 2, .syms = PTR(two), .cookies = BAD_PTR);
	MULTI("with bad flags", 2, .syms = PTR(two), .flags = 1u << 30);
	close(prog);
}

static void uprobe_links(void)
{
	struct { uint32_t prog, target, type, flags; uint64_t path, offsets, refs, cookies; uint32_t cnt, uflags, pid, zero; } u;
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, 48, MOV_IMM(0, 0), EXIT);
	uint64_t offsets[] = { 0x1000, 0x2000 }, cookies[] = { 1, 2 };
	union bpf_attr attr;
	size_t i;
	static const struct { const char *name, *path; bool offsets; uint32_t cnt, flags; } rows[] = {
		{ "uprobe_multi of two", "/bin/sh", true, 2, 0 }, { "uprobe_multi of what is not there", "/no/such/file", true, 2, 0 },
		{ "uprobe_multi of a directory", "/", true, 2, 0 }, { "uprobe_multi without offsets", "/bin/sh", false, 2, 0 },
		{ "uprobe_multi of none", "/bin/sh", true, 0, 0 }, { "uprobe_multi with bad flags", "/bin/sh", true, 1, 1u << 30 },
		{ "uprobe_multi of a bad path", NULL, true, 2, 0 },
	};

	for (i = 0; i < COUNT(rows); i++) {
		memset(&u, 0, sizeof(u));
		u.prog = (uint32_t)prog;
		u.type = 48;
		u.path = rows[i].path ? PTR(rows[i].path) : BAD_PTR;
		u.offsets = rows[i].offsets ? PTR(offsets) : 0;
		u.cookies = PTR(cookies);
		u.cnt = rows[i].cnt;
		u.uflags = rows[i].flags;
		memset(&attr, 0, sizeof(attr));
		memcpy(&attr, &u, sizeof(u));
		close((int)row_fd(rows[i].name, BPF_LINK_CREATE, &attr, 64));
	}
	close(prog);
}

void link_section(void)
{
	int prog = LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, MOV_IMM(0, 0), EXIT), link, xdp = LOAD(BPF_PROG_TYPE_XDP, 0, MOV_IMM(0, 2), EXIT), fd;
	union bpf_attr attr;
	struct bpf_link_info info = { 0 };
	char name[64];
	uint32_t type, id;

#define RAW(what, n, p) ({ attr = ATTR(.raw_tracepoint = { .name = PTR(n), .prog_fd = (uint32_t)(p) }); \
	(int)row_fd(what, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr.raw_tracepoint)); })
	link = RAW("raw tracepoint", "sched_switch", prog);
	RAW("raw tracepoint that is not there", "no_such_tracepoint", prog);
	RAW("raw tracepoint without a program", "sched_switch", 9999);
	RAW("raw tracepoint of a bad pointer", (char *)BAD_PTR, prog);
	RAW("raw tracepoint of NULL", NULL, prog);
	RAW("raw tracepoint of another program", "sched_switch", xdp);
	memset(name, 0xa5, sizeof(name));
	info.raw_tracepoint.tp_name = PTR(name);
	info.raw_tracepoint.tp_name_len = sizeof(name);
	info_row("its info", link, &info, sizeof(info));
	dump("name", name, sizeof(name));
	printf("  type %u length %u\n", info.type, info.raw_tracepoint.tp_name_len);
	id = info.id;
	memset(name, 0xa5, sizeof(name));
	memset(&info, 0, sizeof(info));
	info.raw_tracepoint.tp_name = PTR(name);
	info.raw_tracepoint.tp_name_len = 6;
	info_row("its info with little room", link, &info, sizeof(info));
	dump("name", name, sizeof(name));
	info.raw_tracepoint.tp_name = BAD_PTR;
	info.raw_tracepoint.tp_name_len = 60;
	info_row("its info at a bad pointer", link, &info, sizeof(info));
	task_query("query the link", (uint32_t)getpid(), link, 128);
	task_query("query a program", (uint32_t)getpid(), prog, 128);
	task_query("query what is closed", (uint32_t)getpid(), 9999, 128);
	task_query("query of nobody", 0x3ffffff0, 3, 128);
	attr = ATTR(.link_id = id);
	fd = (int)row_fd("link by id", BPF_LINK_GET_FD_BY_ID, &attr, FIELD(open_flags) + 4);
	close(fd);
	attr = ATTR(.link_update = { .link_fd = (uint32_t)link, .new_prog_fd = (uint32_t)prog });
	row("update it", BPF_LINK_UPDATE, &attr, sizeof(attr.link_update));
	attr = ATTR(.link_detach = { (uint32_t)link });
	row("detach it", BPF_LINK_DETACH, &attr, sizeof(attr.link_detach));
	attr = ATTR(.iter_create = { .link_fd = (uint32_t)link });
	row("iterate over it", BPF_ITER_CREATE, &attr, sizeof(attr.iter_create));
	close(link);
	perf_link();
	multi_links();
	uprobe_links();
	for (type = 0; type < 64; type++) {
		attr = ATTR(.link_create = { .prog_fd = (uint32_t)xdp, .target_fd = 0x7ffffff0, .attach_type = type });
		snprintf(name, sizeof(name), "link xdp with attach type %u", type);
		close((int)row_fd(name, BPF_LINK_CREATE, &attr, sizeof(attr.link_create)));
	}
	attr = ATTR(.link_create = { .prog_fd = (uint32_t)xdp, .target_ifindex = 1, .attach_type = BPF_XDP, .flags = 2 });
	link = (int)row_fd("link xdp to lo", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	if (link >= 0) {
		memset(&info, 0, sizeof(info));
		info_row("its info", link, &info, sizeof(info));
		printf("  type %u ifindex %u\n", info.type, info.xdp.ifindex);
		close(link);
	}
	attr = ATTR(.link_create = { .prog_fd = 9999, .target_fd = 9999, .attach_type = BPF_PERF_EVENT });
	row("link of a bad program", BPF_LINK_CREATE, &attr, sizeof(attr.link_create));
	close(prog); close(xdp);
}

/* ---- iterators ---- */

/* off: of what must be there to write a word, in the context; 0: write for each call. */
static int iter_prog(const char *target, int off, int access)
{
	char name[64];
	struct bpf_insn insns[] = {
		MOV_REG(9, 1), LDX(BPF_DW, 6, 1, 0), LDX(BPF_DW, 6, 6, 0), LDX(BPF_DW, 7, 9, (int16_t)off), JEQ(7, 0, 7),
		ST(BPF_W, 10, -8, 0x62772d72), MOV_REG(1, 6), MOV_REG(2, 10), ADD_IMM(2, -8), MOV_IMM(3, 4), CALL(127), MOV_IMM(0, 0), MOV_IMM(0, 0), EXIT,
	};
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_TRACING, .expected_attach_type = BPF_TRACE_ITER, .insns = PTR(insns),
				   .insn_cnt = COUNT(insns), .license = PTR("GPL"));

	(void)access;
	snprintf(name, sizeof(name), "bpf_iter_%s", target);
	attr.attach_btf_id = vmlinux_type(name, 12);
	snprintf(name, sizeof(name), "load an iterator of %s", target);
	return (int)row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* How many words it writes; -1 none. */
static void iterate(const char *what, int prog, const void *linfo, uint32_t len, bool exact)
{
	union bpf_attr attr = ATTR(.link_create = { .prog_fd = (uint32_t)prog, .attach_type = BPF_TRACE_ITER, .iter_info = PTR(linfo), .iter_info_len = len });
	int link = (int)row_fd(what, BPF_LINK_CREATE, &attr, sizeof(attr.link_create)), fd;
	struct bpf_link_info info = { 0 };
	char buf[4096], name[32];
	size_t total = 0;
	ssize_t n = 0;

	if (link < 0)
		return;
	memset(name, 0xa5, sizeof(name));
	info.iter.target_name = PTR(name);
	info.iter.target_name_len = sizeof(name);
	info_row("its info", link, &info, sizeof(info));
	printf("  target %.24s\n", name);
	attr = ATTR(.iter_create = { .link_fd = (uint32_t)link });
	fd = (int)row_fd("iterate", BPF_ITER_CREATE, &attr, sizeof(attr.iter_create));
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		total += (size_t)n;
	if (exact)
		printf("  %zu words, then %zd\n", total / 4, n);
	else
		printf("  %s, then %zd\n", total / 4 > 1 ? "many words" : total ? "one word" : "none", n);
	close(fd);
	close(link);
}

void iter_section(void)
{
	int map = make_map(BPF_MAP_TYPE_HASH, 4, 8, 8, 0), array = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 5, 0), prog, dir, saved;
	union bpf_iter_link_info info = { 0 };
	union bpf_attr attr;
	uint32_t k[8] = { 0 };
	uint64_t v = 1;

	for (k[0] = 0; k[0] < 3; k[0]++) {
		attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(k), .value = PTR(&v));
		quiet(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
	}
	prog = iter_prog("bpf_map_elem", 16, 0);
	info.map.map_fd = (uint32_t)map;
	iterate("elements of a map", prog, &info, sizeof(info), true);
	info.map.map_fd = (uint32_t)array;
	iterate("elements of an array", prog, &info, sizeof(info), true);
	info.map.map_fd = 9999;
	iterate("elements of nothing", prog, &info, sizeof(info), true);
	info.map.map_fd = (uint32_t)prog;
	iterate("elements of a program", prog, &info, sizeof(info), true);
	iterate("elements without a map", prog, NULL, 0, true);
	iterate("elements at a bad pointer", prog, (void *)BAD_PTR, sizeof(info), true);
	iterate("elements without a length", prog, &info, 0, true);
	info.map.map_fd = (uint32_t)map;
	iterate("elements of a map, cut", prog, &info, 4, true);
	close(prog);
	prog = iter_prog("bpf_map", 8, 0);
	iterate("maps", prog, NULL, 0, false);
	close(prog);
	prog = iter_prog("task", 8, 0);
	iterate("tasks", prog, NULL, 0, false);
	/* A task whose number is that of an open map: a number and no descriptor. */
	fflush(stdout);
	saved = dup(2);
	dup2(map, 2);
	memset(&info, 0, sizeof(info));
	memcpy(&info, (uint32_t[]){ 2, 0, 0, 0 }, 16);
	iterate("task 2 alone, which is the number of a map, too", prog, &info, sizeof(info), true);
	memcpy(&info, (uint32_t[]){ 0, 2, 0, 0 }, 16);
	iterate("threads of process 2, likewise", prog, &info, sizeof(info), true);
	memcpy(&info, (uint32_t[]){ 0, 0, (uint32_t)map, 0 }, 16);
	iterate("task of a descriptor that is none of a process", prog, &info, sizeof(info), true);
	memcpy(&info, (uint32_t[]){ 1, 1, 0, 0 }, 16);
	iterate("task 1 twice", prog, &info, sizeof(info), true);
	dup2(saved, 2);
	close(saved);
	close(prog);
	dir = open(access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY);
	prog = iter_prog("cgroup", 8, 0);
	memcpy(&info, (uint32_t[]){ 1, (uint32_t)dir, 0, 0 }, 16);	/* BPF_CGROUP_ITER_SELF_ONLY */
	iterate("the cgroup of a directory", prog, &info, sizeof(info), true);
	memcpy(&info, (uint32_t[]){ 1, 9999, 0, 0 }, 16);
	iterate("the cgroup of nothing", prog, &info, sizeof(info), true);
	memcpy(&info, (uint32_t[]){ 9, (uint32_t)dir, 0, 0 }, 16);
	iterate("cgroups in a bad order", prog, &info, sizeof(info), true);
	close(prog); close(dir); close(map); close(array);
}

/* ---- struct_ops: a congestion control ---- */

static int ops_prog(uint32_t ops, const char *member)
{
	struct bpf_insn insns[] = { MOV_IMM(0, 5), EXIT };
	uint32_t off, type;
	int index = vmlinux_member(ops, member, &off, &type);
	union bpf_attr attr = ATTR(.prog_type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = ops, .expected_attach_type = (uint32_t)index,
				   .insns = PTR(insns), .insn_cnt = 2, .license = PTR("GPL"));
	char name[64];

	snprintf(name, sizeof(name), "load %s", member);
	return (int)row_fd(name, BPF_PROG_LOAD, &attr, sizeof(attr));
}

void struct_ops_section(void)
{
	uint32_t value_type = vmlinux_type("bpf_struct_ops_tcp_congestion_ops", 4), ops = vmlinux_type("tcp_congestion_ops", 4);
	static const char *const members[] = { "ssthresh", "cong_avoid", "undo_cwnd" };
	uint32_t data = 0, type, off, zero = 0, size = vmlinux_size(value_type);
	uint8_t *value = calloc(1, size + 64), *got = calloc(1, size + 64);
	int progs[3], btf = load_btf(), map, i;
	union bpf_attr attr = ATTR(.map_type = BPF_MAP_TYPE_STRUCT_OPS, .key_size = 4, .value_size = size, .max_entries = 1, .map_name = "bw_rows",
				   .btf_fd = (uint32_t)btf, .btf_vmlinux_value_type_id = value_type);

	printf("types: %d %d\n", value_type != 0, ops != 0);
	map = (int)row_fd("create", BPF_MAP_CREATE, &attr, sizeof(attr));
	NEED(map);
	vmlinux_member(value_type, "data", &data, &type);
	for (i = 0; i < 3; i++) {
		progs[i] = ops_prog(ops, members[i]);
		vmlinux_member(ops, members[i], &off, &type);
		*(uint64_t *)(void *)(value + data + off) = (uint64_t)progs[i];
	}
	vmlinux_member(ops, "name", &off, &type);
	strcpy((char *)value + data + off, "bw_rows");
#define ELEM(what, cmd, v) do { attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&zero), .value = PTR(v)); row(what, cmd, &attr, FIELD(flags) + 8); } while (0)
	vmlinux_member(ops, "undo_cwnd", &off, &type);
	*(uint64_t *)(void *)(value + data + off) = (uint64_t)map;
	ELEM("update with a map for a program", BPF_MAP_UPDATE_ELEM, value);
	*(uint64_t *)(void *)(value + data + off) = 9999;
	ELEM("update with a bad program", BPF_MAP_UPDATE_ELEM, value);
	*(uint64_t *)(void *)(value + data + off) = (uint64_t)progs[0];
	ELEM("update with a program of another member", BPF_MAP_UPDATE_ELEM, value);
	*(uint64_t *)(void *)(value + data + off) = (uint64_t)progs[2];
	vmlinux_member(ops, "key", &off, &type);
	ELEM("update", BPF_MAP_UPDATE_ELEM, value);
	ELEM("update again", BPF_MAP_UPDATE_ELEM, value);
	memset(got, 0xa5, size + 64);
	ELEM("lookup", BPF_MAP_LOOKUP_ELEM, got);
	for (i = 0; i < 3; i++) {
		vmlinux_member(ops, members[i], &off, &type);
		printf("  %s: %s\n", members[i], *(uint64_t *)(void *)(got + data + off) ? "an id" : "0");
		memset(got + data + off, 0, 8);
	}
	memset(got, 0, 8);	/* references, state */
	dump("the rest", got, size + 64);
	attr = ATTR(.link_create = { .prog_fd = (uint32_t)map, .attach_type = 44 /* BPF_STRUCT_OPS */ });
	close((int)row_fd("link", BPF_LINK_CREATE, &attr, sizeof(attr.link_create)));
	attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&zero));
	row("delete", BPF_MAP_DELETE_ELEM, &attr, FIELD(value));
	attr = ATTR(.map_fd = (uint32_t)map, .key = PTR(&zero));
	row("delete again", BPF_MAP_DELETE_ELEM, &attr, FIELD(value));
	for (i = 0; i < 3; i++)
		close(progs[i]);
	close(map); close(btf);
	free(value); free(got);
}

/* ---- the rest ---- */

void other_section(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), prog = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, 0, MOV_IMM(0, 0), EXIT);
	int fs = open("/sys/fs/bpf", O_RDONLY | O_DIRECTORY), cmd;
	static uint8_t huge[8192];
	uint8_t text[64];
	union bpf_attr attr, *constant;
	uint32_t size;
	char name[64];

	attr = ATTR(.enable_stats = { 0 });
	close((int)row_fd("ENABLE_STATS", BPF_ENABLE_STATS, &attr, sizeof(attr.enable_stats)));
	attr = ATTR(.enable_stats = { 99 });
	row("ENABLE_STATS of a bad kind", BPF_ENABLE_STATS, &attr, sizeof(attr.enable_stats));
	attr = ATTR(.prog_bind_map = { .prog_fd = (uint32_t)prog, .map_fd = (uint32_t)map });
	row("PROG_BIND_MAP", BPF_PROG_BIND_MAP, &attr, sizeof(attr.prog_bind_map));
	row("PROG_BIND_MAP again", BPF_PROG_BIND_MAP, &attr, sizeof(attr.prog_bind_map));
	attr = ATTR(.prog_bind_map = { .prog_fd = (uint32_t)prog, .map_fd = 9999 });
	row("PROG_BIND_MAP of a bad map", BPF_PROG_BIND_MAP, &attr, sizeof(attr.prog_bind_map));
	attr = ATTR(.prog_bind_map = { .prog_fd = (uint32_t)map, .map_fd = (uint32_t)prog });
	row("PROG_BIND_MAP the wrong way round", BPF_PROG_BIND_MAP, &attr, sizeof(attr.prog_bind_map));
	/* Newer than the header: by their words. */
#define WORDS(...) memset(&attr, 0, sizeof(attr)); memcpy(&attr, (uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }))
	WORDS(0, (uint32_t)fs);
	close((int)row_fd("TOKEN_CREATE", 36, &attr, 8));
	WORDS(7, (uint32_t)fs);
	row_fd("TOKEN_CREATE with bad flags", 36, &attr, 8);
	WORDS(0, 9999);
	row_fd("TOKEN_CREATE of nothing", 36, &attr, 8);
	memset(text, 0xa5, sizeof(text));
	WORDS((uint32_t)PTR(text), (uint32_t)(PTR(text) >> 32), sizeof(text), 1, (uint32_t)prog);
	row("PROG_STREAM_READ", 37, &attr, 20);
	dump("text", text, sizeof(text));
	WORDS((uint32_t)PTR(text), (uint32_t)(PTR(text) >> 32), sizeof(text), 77, (uint32_t)prog);
	row("PROG_STREAM_READ of a bad stream", 37, &attr, 20);
	WORDS((uint32_t)PTR(text), (uint32_t)(PTR(text) >> 32), sizeof(text), 1, 9999);
	row("PROG_STREAM_READ of nothing", 37, &attr, 20);
	WORDS((uint32_t)map, (uint32_t)prog, 0);
	row("PROG_ASSOC_STRUCT_OPS", 38, &attr, 12);
	for (cmd = 39; cmd < 44; cmd++) {
		WORDS(0);
		snprintf(name, sizeof(name), "command %d", cmd);
		row(name, cmd, &attr, 8);
	}
	WORDS(0);
	row("command -1", -1, &attr, 8);
	WORDS(0);
	row("command 1000000", 1000000, &attr, 8);
	/* Every command with an attr of every kind of wrong length. */
	for (cmd = 0; cmd < 39; cmd++)
		for (size = 0; size <= 152; size += size < 24 ? 4 : 20) {
			if (cmd == BPF_BTF_GET_NEXT_ID || cmd == BPF_MAP_GET_NEXT_ID || cmd == BPF_PROG_GET_NEXT_ID || cmd == BPF_LINK_GET_NEXT_ID ||
			    cmd == BPF_ENABLE_STATS)
				continue;
			memset(&attr, 0, sizeof(attr));
			if (size >= 4)
				((uint32_t *)&attr)[size / 4 - 1] = 0x7fffff01;
			if (size / 4 % 3 == 1)
				memset(&attr, 0xff, size);
			snprintf(name, sizeof(name), "command %d with %u bytes of nonsense", cmd, size);
			row_fd(name, cmd, &attr, size < sizeof(attr) ? size : sizeof(attr));
		}
	/* Longer than any attr: zeros do no harm. */
	for (size = 200; size < 6000; size = size * 3 / 2) {
		union bpf_attr *a = (union bpf_attr *)(void *)huge;
		long r;

		memset(huge, 0, sizeof(huge));
		*a = ATTR(.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1);
		r = quiet(BPF_MAP_CREATE, a, size);
		printf("MAP_CREATE of %u bytes: %s\n", size, r < 0 ? strerror(errno) : "a descriptor");
		close((int)r);
		huge[size - 1] = 1;
		r = quiet(BPF_MAP_CREATE, a, size);
		printf("MAP_CREATE of %u bytes, not all zero: %s\n", size, r < 0 ? strerror(errno) : "a descriptor");
	}
	printf("a bad attr: %ld", quiet(BPF_MAP_CREATE, (union bpf_attr *)BAD_PTR, sizeof(attr)));
	printf(" errno %d\n", errno);
	/* What the kernel writes back does not fit in memory that is read-only. */
	constant = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant->start_id = 0;
	mprotect(constant, 4096, PROT_READ);
	printf("an attr that cannot be written: %ld", quiet(BPF_PROG_GET_NEXT_ID, constant, FIELD(open_flags) + 4));
	printf(" errno %d\n", errno);
	munmap(constant, 4096);
	close(map); close(prog); close(fs);
}
