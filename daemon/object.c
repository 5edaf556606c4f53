// SPDX-License-Identifier: Apache-2.0
#include "daemon/object.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long bw_sys_bpf(int cmd, void *attr, unsigned int size)
{
	return syscall(__NR_bpf, cmd, attr, size);
}

int bw_object_map_info(int fd, struct bw_map_info *map)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info = (uint64_t)(uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	if (bw_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0)
		return -errno;
	*map = (struct bw_map_info){
		.type = info.type, .key_size = info.key_size, .value_size = info.value_size,
		.max_entries = info.max_entries, .flags = info.map_flags, .id = info.id,
	};
	return 0;
}

/* Names: kernel/bpf/syscall.c, btf.c, bpf_iter.c, kernel/events/core.c: anon_inode_getfd(). */
static const struct { const char *name; enum bw_object object; } kinds[] = {
	{ "bpf-map", BW_OBJ_MAP }, { "bpf-prog", BW_OBJ_PROG }, { "bpf_link", BW_OBJ_LINK }, { "bpf-link", BW_OBJ_LINK },
	{ "btf", BW_OBJ_BTF }, { "bpf_iter", BW_OBJ_ITER }, { "[perf_event]", BW_OBJ_PERF },
};

enum bw_object bw_object_kind(int fd)
{
	static const char prefix[] = "anon_inode:";
	char path[64], link[128];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return BW_OBJ_OTHER;
	link[n] = 0;
	if (link[0] == '/')
		return BW_OBJ_FILE;
	if (strncmp(link, prefix, sizeof(prefix) - 1))
		return BW_OBJ_OTHER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(link + sizeof(prefix) - 1, kinds[i].name))
			return kinds[i].object;
	return BW_OBJ_OTHER;
}
