// SPDX-License-Identifier: Apache-2.0
/* What a check tries: each leaves the kernel as it was. */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/check.h"
#include "daemon/facts.h"
#include "gadget/mounts.h"
#include "protocol/io.h"

static int close_it(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int try_aio(void)
{
	io_context_t ctx = 0;
	int r = io_setup(1, &ctx);

	if (!r)
		io_destroy(ctx);
	return r;
}

static int try_timer(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	timer_t t;

	if (timer_create(CLOCK_MONOTONIC, &none, &t))
		return -errno;
	timer_delete(t);
	return 0;
}

static int try_flock(void)
{
	bw_cleanup_fd int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || (flock(fd, LOCK_SH | LOCK_NB) && errno != EWOULDBLOCK) ? -errno : 0;
}

/* mkdir in functions/ makes the kernel load usb_f_fs, as the daemon's own start would. */
static int try_functionfs(void)
{
	static const char gadget[] = BW_CONFIGFS "/usb_gadget/bpfwire-check";
	static const char function[] = BW_CONFIGFS "/usb_gadget/bpfwire-check/functions/ffs.bpfwire-check";
	int r;

	if (mkdir(gadget, 0755) && errno != EEXIST)
		return -errno;
	r = mkdir(function, 0755) && errno != EEXIST ? -errno : 0;
	rmdir(function);
	rmdir(gadget);
	return r;
}

static int try_map(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY;
	a.key_size = a.value_size = 4;
	a.max_entries = 1;
	return close_it((int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

/* What a kernel of today leaves out of an info that is too short for it, it does not fill in. */
static int is_compiled(int fd)
{
	struct bpf_prog_info info;
	union bpf_attr a;

	memset(&info, 0, sizeof(info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uint64_t)(uintptr_t)&info;
	return !syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) && info.jited_prog_len > 0;
}

static int try_prog(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	bw_cleanup_fd int fd = -1;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_KPROBE;
	a.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	a.insns = (uint64_t)(uintptr_t)insns;
	a.license = (uint64_t)(uintptr_t)"GPL";
	a.kern_version = bw_kernel_version();
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	return fd < 0 ? -errno : is_compiled(fd);
}

static int perf_open(struct perf_event_attr *a)
{
	a->size = PERF_ATTR_SIZE_VER1;
	a->disabled = 1;
	return close_it((int)syscall(SYS_perf_event_open, a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

static int try_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY };

	return perf_open(&a);
}

/* Functions that are neither inlined nor forbidden in any kernel; a name that there is none of is no fault of the kernel's. */
static int try_kprobe(void)
{
	static const char *const functions[] = { "do_exit", "vfs_read", "kfree_skb", "__kmalloc" };
	struct perf_event_attr a = { 0 };
	char type[32];
	int r = -ENODEV;

	if (bw_read_line("/sys/bus/event_source/devices/kprobe/type", type, sizeof(type)) <= 0)
		return -ENODEV;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		a.type = (uint32_t)strtoul(type, NULL, 10);
		a.kprobe_func = (uint64_t)(uintptr_t)functions[i];
		r = perf_open(&a);
		if (r != -ENOENT && r != -EINVAL)
			return r;
	}
	return r;
}

static int try_hrtimer(void)
{
	struct timespec ts;

	return !clock_getres(CLOCK_MONOTONIC, &ts) && !ts.tv_sec && ts.tv_nsec == 1 ? 0 : -ENOSYS;
}

int bw_check_probe(enum bw_probe what)
{
	switch (what) {
	case BW_PROBE_AIO:		return try_aio();
	case BW_PROBE_EVENTFD:		return close_it(eventfd(0, EFD_CLOEXEC));
	case BW_PROBE_EPOLL:		return close_it(epoll_create1(EPOLL_CLOEXEC));
	case BW_PROBE_TIMER:		return try_timer();
	case BW_PROBE_FLOCK:		return try_flock();
	case BW_PROBE_FUNCTIONFS:	return try_functionfs();
	case BW_PROBE_BPF_MAP:		return try_map();
	case BW_PROBE_BPF_PROG:		return try_prog();
	case BW_PROBE_PERF:		return try_perf();
	case BW_PROBE_KPROBE:		return try_kprobe();
	case BW_PROBE_HRTIMER:		return try_hrtimer();
	}
	return -EINVAL;
}
