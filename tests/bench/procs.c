// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/procs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/io.h"
#include "tests/bench/bench.h"

const char *const role_names[ROLES] = { "client", "bridge", "daemon", "worker" };

/* By the command line too: a program that was started through /proc/self/exe has that for a name. */
static enum role role_of(int pid)
{
	char path[64], comm[32], command[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (bw_read_line(path, comm, sizeof(comm)) < 0)
		return ROLES;
	if (!strncmp(comm, "bpfwired/", 9))
		return ROLE_WORKER;
	if (!strcmp(comm, "bpfwired"))
		return ROLE_DAEMON;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	return bw_read_line(path, command, sizeof(command)) == -ENOENT || strcmp(command, "bpfwire-bridge") ? ROLES : ROLE_BRIDGE;
}

/* The number behind each line's name, summed; 0 where there is no such file (the process is gone). */
static uint64_t field(const char *path, const char *name)
{
	bw_cleanup_free char *text = NULL;
	uint64_t sum = 0;
	size_t len;

	if (bw_read_file(path, 65536, &text, &len))
		return 0;
	for (const char *at = text; (at = strstr(at, name)); at += strlen(name))
		sum += strtoull(at + strlen(name), NULL, 10);
	return sum;
}

static uint64_t run_time(const char *path)
{
	char line[128];

	return bw_read_line(path, line, sizeof(line)) > 0 ? strtoull(line, NULL, 10) : 0;
}

static void add_threads(struct procs *p, enum role role, int pid)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid, e->d_name);
		p->of[role].cpu_ns += run_time(path);
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, e->d_name);
		p->of[role].switches += field(path, "voluntary_ctxt_switches:");	/* nonvoluntary_ too */
	}
	if (d)
		closedir(d);
}

static void add(struct procs *p, enum role role, int pid)
{
	char path[64];
	uint64_t rss;

	add_threads(p, role, pid);
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	rss = field(path, "Rss:");
	if (rss > p->of[role].rss_kib)
		p->of[role].rss_kib = rss;
}

/* The first line of /proc/stat: cpu user nice system idle iowait irq softirq, in ticks. */
static uint64_t softirq_ms(void)
{
	uint64_t irq = 0, softirq = 0;
	char line[256];
	FILE *f = fopen("/proc/stat", "r");

	if (f && fgets(line, sizeof(line), f))
		sscanf(line, "cpu %*u %*u %*u %*u %*u %lu %lu", &irq, &softirq);
	if (f)
		fclose(f);
	return (irq + softirq) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void read_others(struct procs *p)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	MUST(d);
	while ((e = readdir(d))) {
		int pid = atoi(e->d_name);
		enum role role = pid > 0 ? role_of(pid) : ROLES;

		if (role != ROLES)
			add(p, role, pid);
	}
	closedir(d);
	p->softirq_ms = softirq_ms();
}

static uint64_t own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void procs_before(struct procs *p)
{
	memset(p, 0, sizeof(*p));
	read_others(p);
	p->of[ROLE_CLIENT].cpu_ns = own_cpu();
}

void procs_after(struct procs *p)
{
	memset(p, 0, sizeof(*p));
	p->of[ROLE_CLIENT].cpu_ns = own_cpu();
	read_others(p);
}

void procs_report(const struct procs *a, const struct procs *b, const char *prefix, double n)
{
	for (int i = 0; i < ROLES; i++)
		report((double)(b->of[i].cpu_ns - a->of[i].cpu_ns) / 1000 / n, "us", "%s.cpu.%s", prefix, role_names[i]);
	report((double)(b->softirq_ms - a->softirq_ms) * 1000 / n, "us", "%s.cpu.interrupts", prefix);
}
