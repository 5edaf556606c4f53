// SPDX-License-Identifier: Apache-2.0
/* See bpf-rows.h. Run without arguments: all sections; else those named. */
#include <sys/resource.h>

#include "bpf-rows.h"

unsigned int ncpus;
static uint8_t masked[1024 / 4];

void mask(size_t off)
{
	masked[off / 4] = 1;
}

long quiet(int cmd, union bpf_attr *attr, size_t size)
{
	return syscall(__NR_bpf, cmd, attr, size);
}

static void print_result(const char *name, long r, int err, bool fd)
{
	if (r < 0)
		printf("%s: -1 errno %d", name, err);
	else if (fd)
		printf("%s: a descriptor", name);
	else
		printf("%s: %ld", name, r);
}

static long any_row(const char *name, int cmd, union bpf_attr *attr, size_t size, bool fd)
{
	uint8_t before[1024], *now = (uint8_t *)attr;
	size_t known = size < sizeof(*attr) ? size : sizeof(*attr), i;
	long r;
	int err;

	memcpy(before, attr, known);
	errno = 0;
	r = quiet(cmd, attr, size);
	err = errno;
	print_result(name, r, err, fd);
	for (i = 0; i + 4 <= known; i += 4)
		if (memcmp(before + i, now + i, 4)) {
			uint32_t v;

			memcpy(&v, now + i, 4);
			if (masked[i / 4])
				printf(" [%zu]=*", i);
			else
				printf(" [%zu]=%x", i, v);
		}
	putchar('\n');
	memset(masked, 0, sizeof(masked));
	errno = err;
	return r;
}

long row(const char *name, int cmd, union bpf_attr *attr, size_t size)
{
	return any_row(name, cmd, attr, size, false);
}

long row_fd(const char *name, int cmd, union bpf_attr *attr, size_t size)
{
	return any_row(name, cmd, attr, size, true);
}

/* Long runs of one byte as such, so that a diff can be read. */
void dump(const char *name, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i, run;

	printf("  %s:", name);
	for (i = 0; i < len; i += run) {
		for (run = 1; i + run < len && b[i + run] == b[i]; run++)
			;
		if (run > 4)
			printf(" %02xx%zu", b[i], run);
		else
			for (size_t k = 0; k < run; k++)
				printf(" %02x", b[i]);
	}
	putchar('\n');
}

int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	union bpf_attr attr = ATTR(.map_type = type, .key_size = key, .value_size = value, .max_entries = entries, .map_flags = flags);

	return (int)quiet(BPF_MAP_CREATE, &attr, sizeof(attr));
}

int load(uint32_t type, uint32_t attach, const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = ATTR(.prog_type = type, .expected_attach_type = attach, .insns = PTR(insns), .insn_cnt = (uint32_t)n,
				   .license = PTR("GPL"), .prog_name = "bw_rows");

	return (int)quiet(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* "0-3", "0,2-3" as the kernel prints it: how many. */
static unsigned int possible(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
	unsigned int a, b, n = 0;
	int c = ',';

	while (f && c == ',' && fscanf(f, "%u", &a) == 1) {
		b = a;
		c = fgetc(f);
		if (c == '-' && fscanf(f, "%u", &b) == 1)
			c = fgetc(f);
		n += b - a + 1;
	}
	if (f)
		fclose(f);
	return n ? n : 1;
}

static const struct { const char *name; void (*run)(void); } sections[] = {
	{ "maps", maps_section }, { "elements", elements_section }, { "containers", containers_section }, { "prog", prog_section },
	{ "run", run_section }, { "pin", pin_section }, { "info", info_section }, { "cgroup", cgroup_section }, { "btf", btf_section },
	{ "link", link_section }, { "iter", iter_section }, { "struct_ops", struct_ops_section }, { "mmap", mmap_section },
	{ "perf types", perf_types_section }, { "perf probes", perf_probes_section }, { "perf wrong", perf_wrong_section },
	{ "perf reads", perf_reads_section }, { "perf ioctls", perf_ioctls_section },
	{ "other", other_section },
};

int main(int argc, char **argv)
{
	const struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	size_t i;
	int k;

	setrlimit(RLIMIT_MEMLOCK, &infinite);	/* before 5.11 a map or a program counts there; bpfwired's is infinite */
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	ncpus = possible();
	for (i = 0; i < COUNT(sections); i++) {
		bool wanted = argc == 1;

		for (k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], sections[i].name);
		if (!wanted)
			continue;
		printf("== %s\n", sections[i].name);
		sections[i].run();
		fflush(stdout);
	}
	puts("== end");
	return 0;
}
