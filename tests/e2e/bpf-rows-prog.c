// SPDX-License-Identifier: Apache-2.0
/* Programs: loading, running, pins, and what is asked about them. */
#include "bpf-rows.h"

#define LOG_MAX		(16u << 20)
#define BASE_NAME	"/sys/fs/bpf/bw-rows"

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

void info_row(const char *name, int fd, void *info, uint32_t len)
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
