// SPDX-License-Identifier: Apache-2.0
/* Iterators, struct_ops, and the rest. */
#include "bpf-rows.h"

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

#define MANY	32	/* a kernel that knows no single task (before 6.1) shows all there are at that moment */

/* How many words it writes. */
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
	if (exact && total / 4 < MANY)
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
