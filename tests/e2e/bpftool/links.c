// SPDX-License-Identifier: Apache-2.0
/*
 * links BPFFS CGROUP: a link between a program and a cgroup, pinned as BPFFS/link. links hold: a perf event of each kind that `bpftool perf` tells about, held until
 * it is killed.
 */
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PTR(p)	((uint64_t)(uintptr_t)(p))

static int bpf(int cmd, union bpf_attr attr)
{
	return (int)syscall(__NR_bpf, cmd, &attr, sizeof(attr));
}

static int load(uint32_t type, uint32_t attach)
{
	struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 }, { .code = BPF_JMP | BPF_EXIT } };

	return bpf(BPF_PROG_LOAD, (union bpf_attr){ .prog_type = type, .expected_attach_type = attach, .insns = PTR(insns), .insn_cnt = 2,
						    .license = PTR("GPL"), .prog_name = "linked" });
}

static int number_in(const char *path)
{
	int n = -1;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%d", &n) != 1)
		perror(path);
	if (f)
		fclose(f);
	return n;
}

static void event(struct perf_event_attr attr, uint32_t type)
{
	int fd, prog = load(type, 0);

	attr.size = sizeof(attr);
	attr.sample_period = 1000000;
	fd = (int)syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || prog < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog))
		perror("event");
}

static int hold(void)
{
	uint32_t kprobe = (uint32_t)number_in("/sys/bus/event_source/devices/kprobe/type");
	uint32_t uprobe = (uint32_t)number_in("/sys/bus/event_source/devices/uprobe/type");

	event((struct perf_event_attr){ .type = kprobe, .config1 = PTR("do_nanosleep") }, BPF_PROG_TYPE_KPROBE);
	event((struct perf_event_attr){ .type = kprobe, .config = 1, .config1 = PTR("do_nanosleep") }, BPF_PROG_TYPE_KPROBE);
	event((struct perf_event_attr){ .type = uprobe, .config1 = PTR("/bin/busybox"), .config2 = 4096 }, BPF_PROG_TYPE_KPROBE);
	event((struct perf_event_attr){ .type = PERF_TYPE_TRACEPOINT, .config = (uint64_t)number_in("/sys/kernel/tracing/events/sched/sched_switch/id") },
	      BPF_PROG_TYPE_TRACEPOINT);
	event((struct perf_event_attr){ .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK }, BPF_PROG_TYPE_PERF_EVENT);
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, (union bpf_attr){ .raw_tracepoint = { .name = PTR("sys_enter"),
				.prog_fd = (uint32_t)load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0) } }) < 0)
		perror("raw tracepoint");
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	char path[256];
	int link;

	if (argc == 2 && !strcmp(argv[1], "hold"))
		return hold();
	if (argc != 3)
		return 2;
	link = bpf(BPF_LINK_CREATE, (union bpf_attr){ .link_create = { .prog_fd = (uint32_t)load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT),
			.target_fd = (uint32_t)open(argv[2], O_RDONLY | O_DIRECTORY), .attach_type = BPF_CGROUP_INET4_CONNECT } });
	snprintf(path, sizeof(path), "%s/link", argv[1]);
	if (link < 0 || bpf(BPF_OBJ_PIN, (union bpf_attr){ .pathname = PTR(path), .bpf_fd = (uint32_t)link })) {
		perror("link");
		return 1;
	}
	return 0;
}
