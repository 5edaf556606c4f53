// SPDX-License-Identifier: Apache-2.0
/* bpf(2) and perf_event_open(2). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/check.h"

/* What the kernel says of an operation that it was built without. */
static bool is_absent(int r) { return r == -ENOSYS || r == -EOPNOTSUPP || r == -ENOENT || r == -ENODEV; }

static enum bw_finding refused(int r, const char *what, char *text, size_t size)
{
	return bw_found(BW_WRONG, text, size, "%s: %s%s", what, strerror(-r),
			r == -EPERM || r == -EACCES ? " (bpfwired needs CAP_SYS_ADMIN, and no lockdown or seccomp above it)" : "");
}

BW_ITEM(bpf)
{
	int r = e->probe(BW_PROBE_BPF_MAP);

	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "bpf(2)");
	return is_absent(r) ? bw_found(BW_LACKS, text, size, "no bpf(2) in this kernel") : refused(r, "bpf(2)", text, size);
}

BW_ITEM(bpf_events)
{
	int r = e->probe(BW_PROBE_BPF_PROG);

	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "programs on kprobes and tracepoints load");
	/* A type of program that the kernel does not know is -EINVAL: find_prog_type() in kernel/bpf/syscall.c. */
	if (is_absent(r) || r == -EINVAL)
		return bw_found(BW_LACKS, text, size, "no programs on kprobes and tracepoints");
	return refused(r, "loading a program", text, size);
}

BW_ITEM(bpf_jit)
{
	char enabled[16];
	int r = e->probe(BW_PROBE_BPF_PROG);

	if (r > 0)
		return bw_found(BW_FOUND, text, size, "programs become machine code");
	bw_check_line(e, "/proc/sys/net/core/bpf_jit_enable", enabled, sizeof(enabled));
	if (!strcmp(enabled, "0"))
		return bw_found(BW_POOR, text, size, "switched off, programs are interpreted; on the board: sysctl net.core.bpf_jit_enable=1");
	return bw_found(BW_LACKS, text, size, r < 0 ? "no program loads, see bpf-events" : "programs are interpreted, and some do not load");
}

BW_ITEM(bpffs)
{
	if (bw_check_has(e, "/proc/self/mounts", " /sys/fs/bpf bpf "))
		return bw_found(BW_FOUND, text, size, "/sys/fs/bpf");
	if (bw_check_has(e, "/proc/filesystems", "\tbpf\n"))
		return bw_found(BW_POOR, text, size, "not mounted, nothing can be pinned; on the board: mount -t bpf bpf /sys/fs/bpf");
	return bw_found(BW_LACKS, text, size, "no BPF file system: nothing can be pinned");
}

BW_ITEM(perf)
{
	int r = e->probe(BW_PROBE_PERF);

	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "perf_event_open(2)");
	return is_absent(r) ? bw_found(BW_LACKS, text, size, "no perf_event_open(2) in this kernel") :
		refused(r, "perf_event_open(2)", text, size);
}
