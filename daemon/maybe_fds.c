// SPDX-License-Identifier: Apache-2.0
#include "daemon/maybe_fds.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#include "daemon/btf.h"
#include "daemon/object.h"

/* The attach_target functions of the kernel's iterators: kernel/bpf/{map,cgroup,task}_iter.c, net/core/{bpf_sk_storage,sock_map}.c. */
static const struct { const char *target; uint32_t off; } targets[] = {
	{ "bpf_map_elem", 0 }, { "bpf_sk_storage_map", 0 }, { "sockmap", 0 },	/* a map */
	{ "cgroup", 4 },							/* a directory */
	{ "task", 8 }, { "task_file", 8 }, { "task_vma", 8 },			/* a pidfd */
};

static int info_of(int fd, void *info, uint32_t len)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(info, 0, len);
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info = (uint64_t)(uintptr_t)info;
	attr.info.info_len = len;
	return bw_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 ? -1 : 0;
}

uint32_t bw_iter_info_fds(int prog_fd, uint32_t attach_btf_id, uint32_t *offs)
{
	struct bpf_prog_info info;
	struct bw_btf *b;
	const char *name;
	uint32_t n = 0;
	size_t i;

	if (info_of(prog_fd, &info, sizeof(info)))
		return 0;
	if (info.attach_btf_id)
		attach_btf_id = info.attach_btf_id;
	b = attach_btf_id ? bw_btf_load(info.attach_btf_obj_id) : NULL;
	if (!b)
		return 0;
	name = bw_btf_name(b, attach_btf_id);
	for (i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		if (!strncmp(name, "bpf_iter_", 9) && !strcmp(name + 9, targets[i].target))
			offs[n++] = targets[i].off;
	bw_btf_free(b);
	return n;
}

uint32_t bw_struct_ops_fds(int map_fd, uint32_t *offs)
{
	struct {
		struct bpf_map_info info;
		uint32_t later[16];	/* the kernel's may be longer than ours */
	} m;
	const size_t vmlinux_id = 76;	/* btf_vmlinux_id, since 6.9: the BTF that the value's type is of */
	uint32_t object_id, n;
	struct bw_btf *b;

	if (info_of(map_fd, &m, sizeof(m)) || !m.info.btf_vmlinux_value_type_id)
		return 0;
	memcpy(&object_id, (const char *)&m + vmlinux_id, sizeof(object_id));
	b = bw_btf_load(object_id);
	if (!b)
		return 0;
	n = bw_btf_struct_ops(b, m.info.btf_vmlinux_value_type_id, offs, BW_MAYBE_FDS_MAX);
	bw_btf_free(b);
	return n;
}
