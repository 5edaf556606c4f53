// SPDX-License-Identifier: Apache-2.0
/* Names, types and headers of the kernel, who may read them, and what the items of a check share. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/check.h"

#define LINE 512

enum bw_finding bw_found(enum bw_finding f, char *text, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return f;
}

static const char *below(const struct bw_check_env *e, const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", e->root, path);
	return out;
}

bool bw_check_exists(const struct bw_check_env *e, const char *path)
{
	char p[PATH_MAX];

	return !access(below(e, path, p), F_OK);
}

void bw_check_line(const struct bw_check_env *e, const char *path, char *line, size_t size)
{
	char p[PATH_MAX];
	FILE *f = fopen(below(e, path, p), "re");

	*line = 0;
	if (f && fgets(line, (int)size, f))
		line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
}

bool bw_check_has(const struct bw_check_env *e, const char *path, const char *word)
{
	char p[PATH_MAX], line[LINE];
	FILE *f = fopen(below(e, path, p), "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, word) != NULL;
	if (f)
		fclose(f);
	return found;
}

/* The file's name ends the path before the colon, and a module's name has '_' where its file may have '-'. */
bool bw_check_has_module(const struct bw_check_env *e, const char *name)
{
	char p[PATH_MAX], file[80];
	struct utsname u;

	if (uname(&u))
		return false;
	snprintf(p, sizeof(p), "/lib/modules/%s/modules.dep", u.release);
	snprintf(file, sizeof(file), "/%s.ko", name);
	return bw_check_has(e, p, file);
}

static long size_of(const struct bw_check_env *e, const char *path)
{
	char p[PATH_MAX];
	struct stat st;

	return stat(below(e, path, p), &st) ? -1 : (long)st.st_size;
}

BW_ITEM(btf)
{
	long bytes = size_of(e, "/sys/kernel/btf/vmlinux");

	if (bytes < 0)
		return bw_found(BW_LACKS, text, size, "no types of this kernel (/sys/kernel/btf/vmlinux): no CO-RE tools, no fentry programs");
	return bw_found(BW_FOUND, text, size, "types of this kernel, %ld KiB", bytes / 1024);
}

BW_ITEM(kheaders)
{
	long bytes = size_of(e, "/sys/kernel/kheaders.tar.xz");

	if (bytes >= 0)
		return bw_found(BW_FOUND, text, size, "/sys/kernel/kheaders.tar.xz, %ld KiB", bytes / 1024);
	if (bw_check_has_module(e, "kheaders"))
		return bw_found(BW_FOUND, text, size, "module kheaders (modprobe kheaders makes /sys/kernel/kheaders.tar.xz)");
	return bw_found(BW_LACKS, text, size, "no headers in this kernel: the host must have them for BCC (a package, or BCC_KERNEL_SOURCE)");
}

BW_ITEM(ikconfig)
{
	if (bw_check_exists(e, "/proc/config.gz"))
		return bw_found(BW_FOUND, text, size, "/proc/config.gz");
	return bw_found(BW_LACKS, text, size, "no /proc/config.gz: tools cannot tell how this kernel was built");
}

BW_ITEM(cgroups)
{
	if (bw_check_exists(e, "/proc/cgroups"))
		return bw_found(BW_FOUND, text, size, "control groups");
	return bw_found(BW_LACKS, text, size, "no control groups: no --cgroupmap, no programs on them");
}

BW_ITEM(kallsyms)
{
	if (!bw_check_has(e, "/proc/kallsyms", " "))
		return bw_found(BW_LACKS, text, size, "no /proc/kallsyms: no probes by name, no names in stacks");
	return bw_found(BW_FOUND, text, size, "/proc/kallsyms");
}

/* With 2 they are zeros for root too; the lines are 16 or 8 digits, a blank, and so on. */
BW_ITEM(kptr_restrict)
{
	char line[LINE], value[16];

	bw_check_line(e, "/proc/sys/kernel/kptr_restrict", value, sizeof(value));
	bw_check_line(e, "/proc/kallsyms", line, sizeof(line));
	if (!*line)
		return bw_found(BW_FOUND, text, size, "%s, there is nothing to hide", *value ? value : "unknown");
	if (strspn(line, "0") == strcspn(line, " "))
		return bw_found(BW_POOR, text, size, "%s hides the addresses of /proc/kallsyms: no names in stacks, some tools end at once; "
				"on the board: sysctl kernel.kptr_restrict=1", *value ? value : "unknown");
	return bw_found(BW_FOUND, text, size, "%s, addresses are shown", *value ? value : "unknown");
}

BW_ITEM(perf_event_paranoid)
{
	char value[16];

	bw_check_line(e, "/proc/sys/kernel/perf_event_paranoid", value, sizeof(value));
	if (!*value)
		return bw_found(BW_FOUND, text, size, "no such limit");
	if (e->probe(BW_PROBE_PERF) == -EACCES)
		return bw_found(BW_WRONG, text, size, "%s forbids perf events to this process; on the board: sysctl kernel.perf_event_paranoid=2, "
				"or start bpfwired with CAP_PERFMON", value);
	return bw_found(BW_FOUND, text, size, "%s, which does not bind root", value);
}

/* security/security.c: LOCKDOWN_KPROBES, LOCKDOWN_BPF_READ_KERNEL, LOCKDOWN_PERF and LOCKDOWN_TRACEFS are in force at confidentiality. */
BW_ITEM(lockdown)
{
	char line[LINE];

	bw_check_line(e, "/sys/kernel/security/lockdown", line, sizeof(line));
	if (strstr(line, "[confidentiality]"))
		return bw_found(BW_WRONG, text, size, "confidentiality: no kprobes, no reading of kernel memory; boot with lockdown=none or lockdown=integrity");
	if (strstr(line, "[integrity]"))
		return bw_found(BW_POOR, text, size, "integrity: programs cannot write to a process's memory (bpf_probe_write_user)");
	return bw_found(BW_FOUND, text, size, "%s", *line ? "none" : "this kernel does not say of any");
}
