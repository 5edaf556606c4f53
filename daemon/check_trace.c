// SPDX-License-Identifier: Apache-2.0
/* What programs can be attached to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/check.h"

#define TRACING "/sys/kernel/tracing"

BW_ITEM(tracefs)
{
	if (bw_check_exists(e, TRACING "/events"))
		return bw_found(BW_FOUND, text, size, TRACING);
	if (bw_check_has(e, "/proc/filesystems", "\ttracefs"))
		return bw_found(BW_WRONG, text, size, "not mounted; on the board: mount -t tracefs tracefs " TRACING);
	return bw_found(BW_LACKS, text, size, "no tracefs in this kernel: no tracepoints");
}

BW_ITEM(tracepoints)
{
	if (bw_check_exists(e, TRACING "/events/sched/sched_switch/id"))
		return bw_found(BW_FOUND, text, size, "sched:sched_switch and more");
	return bw_found(BW_LACKS, text, size, "no tracepoints (no " TRACING "/events/sched/sched_switch)");
}

BW_ITEM(syscalls)
{
	if (bw_check_exists(e, TRACING "/events/syscalls/sys_enter_openat/id"))
		return bw_found(BW_FOUND, text, size, "syscalls:sys_enter_openat and more");
	return bw_found(BW_LACKS, text, size, "no tracepoints of system calls: no syscount, and tools that fall back to kprobes where they can");
}

/* Kernels before 4.17 have no PMU of kprobes; there a line in kprobe_events does it. */
static bool by_line(const struct bw_check_env *e, const char *which)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/%s_events", which);
	return bw_check_exists(e, path);
}

static bool by_pmu(const struct bw_check_env *e, const char *which)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", which);
	return bw_check_exists(e, path);
}

BW_ITEM(kprobes)
{
	int r = by_pmu(e, "kprobe") ? e->probe(BW_PROBE_KPROBE) : -ENODEV;

	if (r >= 0)
		return bw_found(BW_FOUND, text, size, "a function can be probed");
	if (by_pmu(e, "kprobe"))
		return bw_found(BW_WRONG, text, size, "no function can be probed: %s%s", strerror(-r), r == -EPERM ? " (lockdown?)" : "");
	if (by_line(e, "kprobe"))
		return bw_found(BW_FOUND, text, size, "by " TRACING "/kprobe_events");
	return bw_found(BW_LACKS, text, size, "no kprobes in this kernel");
}

BW_ITEM(uprobes)
{
	if (by_pmu(e, "uprobe"))
		return bw_found(BW_FOUND, text, size, "functions of programs can be probed");
	if (by_line(e, "uprobe"))
		return bw_found(BW_FOUND, text, size, "by " TRACING "/uprobe_events");
	return bw_found(BW_LACKS, text, size, "no uprobes in this kernel: no probes of programs and libraries");
}

BW_ITEM(functions)
{
	if (bw_check_exists(e, TRACING "/available_filter_functions"))
		return bw_found(BW_FOUND, text, size, TRACING "/available_filter_functions");
	return bw_found(BW_LACKS, text, size, "no function tracer: no fentry programs, no list of functions");
}

BW_ITEM(debugfs)
{
	if (bw_check_has(e, "/proc/filesystems", "\tdebugfs"))
		return bw_found(BW_FOUND, text, size, "/sys/kernel/debug");
	return bw_found(BW_LACKS, text, size, "no debugfs: older tools look for tracefs below it");
}

BW_ITEM(hrtimers)
{
	if (e->probe(BW_PROBE_HRTIMER) >= 0)
		return bw_found(BW_FOUND, text, size, "nanoseconds");
	return bw_found(BW_LACKS, text, size, "timers go by the tick: samples are not taken at the frequency asked for");
}
