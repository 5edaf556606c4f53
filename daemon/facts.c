// SPDX-License-Identifier: Apache-2.0
#include "daemon/facts.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/version.h"

#define CPUS_POSSIBLE	"/sys/devices/system/cpu/possible"
#define CPUS_ONLINE	"/sys/devices/system/cpu/online"
#define NOTES_MAX	65536
#define PMU_NONE	0xffffffffu

struct bw_facts {
	char serial[BW_NAME_MAX + 1];
	struct utsname uts;
	char possible[BW_STRING_MAX + 1], online[BW_STRING_MAX + 1];
	char build_id[2 * 64 + 1];
	char boot_id[64];
	uint32_t pmu_kprobe, pmu_uprobe;
};

/* ---- small readers ---- */

uint32_t bw_cpu_list_count(const char *list)
{
	uint32_t n = 0;

	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first || last > 65535)
			return 0;
		n += (uint32_t)(last - first + 1);
		list = *end == ',' ? end + 1 : end;
	}
	return n;
}

uint32_t bw_cpus_possible(void)
{
	char list[BW_STRING_MAX + 1];
	uint32_t n = bw_read_line(CPUS_POSSIBLE, list, sizeof(list)) > 0 ? bw_cpu_list_count(list) : 0;
	long configured = sysconf(_SC_NPROCESSORS_CONF);

	return n ? n : configured > 0 ? (uint32_t)configured : 1;
}

uint32_t bw_release_version(const char *release)
{
	unsigned int a = 0, b = 0, c = 0;

	sscanf(release, "%u.%u.%u", &a, &b, &c);
	return ((a & 0xff) << 16) | ((b & 0xff) << 8) | (c > 255 ? 255 : c);
}

uint32_t bw_kernel_version(void)
{
	struct utsname u;

	return uname(&u) ? 0 : bw_release_version(u.release);
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

bool bw_notes_build_id(const void *notes, size_t len, char *out, size_t size)
{
	const uint8_t *p = notes;
	size_t need;
	Elf64_Nhdr h;		/* the same in both classes */

	for (*out = 0; len >= sizeof(h); p += need, len -= need) {
		memcpy(&h, p, sizeof(h));
		if (h.n_namesz > len || h.n_descsz > len)
			return false;
		need = sizeof(h) + aligned(h.n_namesz) + aligned(h.n_descsz);
		if (need > len)
			return false;
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || memcmp(p + sizeof(h), "GNU", 4) || 2 * h.n_descsz >= size)
			continue;
		for (size_t i = 0; i < h.n_descsz; i++)
			sprintf(out + 2 * i, "%02x", p[sizeof(h) + 4 + i]);
		return h.n_descsz > 0;
	}
	return false;
}

static void read_build_id(char *out, size_t size)
{
	bw_cleanup_free char *notes = NULL;
	size_t len;

	*out = 0;
	if (!bw_read_file("/sys/kernel/notes", NOTES_MAX, &notes, &len))
		bw_notes_build_id(notes, len, out, size);
}

/* A kernel without CONFIG_SYSCTL or /proc has no boot id to show; then one of our own holds for the life of this daemon. */
static void read_boot_id(char *out, size_t size)
{
	uint8_t r[16];

	if (bw_read_line("/proc/sys/kernel/random/boot_id", out, size) > 0)
		return;
	memset(r, 0, sizeof(r));
	bw_random(r, sizeof(r));
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(out + 2 * i, size - 2 * i, "%02x", r[i]);
}

static uint32_t read_pmu(const char *name)
{
	char path[128], value[32];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	return bw_read_line(path, value, sizeof(value)) > 0 ? (uint32_t)strtoul(value, NULL, 10) : PMU_NONE;
}

/* The file reads "none [integrity] confidentiality": the one in brackets is in force. */
static uint8_t read_lockdown(void)
{
	char line[128];

	if (bw_read_line("/sys/kernel/security/lockdown", line, sizeof(line)) <= 0)
		return BW_LOCKDOWN_UNKNOWN;
	if (strstr(line, "[none]"))
		return BW_LOCKDOWN_NONE;
	if (strstr(line, "[integrity]"))
		return BW_LOCKDOWN_INTEGRITY;
	return strstr(line, "[confidentiality]") ? BW_LOCKDOWN_CONFIDENTIALITY : BW_LOCKDOWN_UNKNOWN;
}

static void read_cpus(const char *path, char *out, size_t size)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (bw_read_line(path, out, size) > 0)
		return;
	if (n > 1)
		snprintf(out, size, "0-%ld", n - 1);
	else
		snprintf(out, size, "0");
}

static uint8_t arch_of(void)
{
#if defined(__x86_64__)
	return BW_ARCH_X86_64;
#elif defined(__aarch64__)
	return BW_ARCH_ARM64;
#elif defined(__arm__)
	return BW_ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
	return BW_ARCH_RISCV64;
#else
	return BW_ARCH_OTHER;
#endif
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 : (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the facts ---- */

struct bw_facts *bw_facts_new(const char *serial)
{
	struct bw_facts *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	snprintf(f->serial, sizeof(f->serial), "%s", serial);
	uname(&f->uts);
	read_cpus(CPUS_POSSIBLE, f->possible, sizeof(f->possible));
	read_build_id(f->build_id, sizeof(f->build_id));
	read_boot_id(f->boot_id, sizeof(f->boot_id));
	return f;
}

void bw_facts_free(struct bw_facts *f)
{
	free(f);
}

static struct bw_str str(const char *s)
{
	return (struct bw_str){ s, (uint32_t)strlen(s) };
}

void bw_facts_hello(struct bw_facts *f, struct bw_hello *h)
{
	/* These change while the daemon runs: the host name, CPUs, and PMUs that come with modules. */
	uname(&f->uts);
	read_cpus(CPUS_ONLINE, f->online, sizeof(f->online));
	f->pmu_kprobe = read_pmu("kprobe");
	f->pmu_uprobe = read_pmu("uprobe");
	*h = (struct bw_hello){
		.major = BW_VERSION_MAJOR, .minor = BW_VERSION_MINOR, .window = BW_WINDOW, .msg_max = BW_MSG_MAX,
		.role_version = str("bpfwired " BW_VERSION), .serial = str(f->serial), .sysname = str(f->uts.sysname),
		.nodename = str(f->uts.nodename), .release = str(f->uts.release), .version = str(f->uts.version),
		.machine = str(f->uts.machine), .arch = arch_of(), .lockdown = read_lockdown(),
		.page_size = (uint32_t)sysconf(_SC_PAGESIZE), .cpus_possible = str(f->possible), .cpus_online = str(f->online),
		.build_id = str(f->build_id), .boot_id = str(f->boot_id), .pmu_kprobe = f->pmu_kprobe, .pmu_uprobe = f->pmu_uprobe,
		.clock_realtime = now(CLOCK_REALTIME), .clock_monotonic = now(CLOCK_MONOTONIC), .clock_boottime = now(CLOCK_BOOTTIME),
		.reason = str(""),
	};
}
