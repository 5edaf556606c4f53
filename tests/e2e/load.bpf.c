// SPDX-License-Identifier: Apache-2.0
/*
 * What 59-load loads: counts the programs that are started, by process. The process's number lies where this kernel's own types say (CO-RE): at the offset
 * that is written here it would be something else. Each -D makes one thing of it wrong, or other.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#ifndef SECTION
#define SECTION "tp/sched/sched_process_exec"
#endif

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, int);
	__type(value, __u64);
#ifdef SHARED
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} SHARED SEC(".maps");
#define execs SHARED
#else
} execs SEC(".maps");
#endif

__u64 total;

SEC(SECTION)
int on_exec(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int tgid = BPF_CORE_READ(task, tgid);
	__u64 one = 1, *n = bpf_map_lookup_elem(&execs, &tgid);

#ifdef UNCHECKED
	*n += 1;
#endif
	__sync_fetch_and_add(&total, 1);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&execs, &tgid, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
