// SPDX-License-Identifier: Apache-2.0
/* BTF: a small one, vmlinux's, and what is asked about them. */
#include "bpf-rows.h"

/* A header, "int" (1), struct "pair" { int a, b; } (2), a function of int (3, 4), and its parameter's name. */
static const struct small_btf {
	struct btf_header h;
	uint32_t types[3 + 1 + 3 + 2 * 3 + 3 + 2 + 3];
	char strings[24];
} small_btf = {
	.h = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header), .type_len = sizeof(small_btf.types),
	       .str_off = sizeof(small_btf.types), .str_len = sizeof(small_btf.strings) },
	.types = {
		1, 1u << 24, 4, 1u << 24 | 32,			/* int, signed, 32 bits */
		5, 4u << 24 | 2, 8, 10, 1, 0, 12, 1, 32,	/* struct pair */
		0, 13u << 24 | 1, 1, 14, 1,			/* int (int x) */
		16, 12u << 24 | 1, 3,				/* func, global */
	},
	.strings = "\0int\0pair\0a\0b\0x\0func",
};

int load_btf(void)
{
	union bpf_attr attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf));

	return (int)quiet(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static uint8_t *vmlinux;
static uint32_t *vmlinux_at, vmlinux_n;

static const char *vmlinux_string(uint32_t off)
{
	const struct btf_header *h = (const struct btf_header *)vmlinux;

	return (const char *)vmlinux + h->hdr_len + h->str_off + off;
}

static uint32_t behind(uint32_t info)
{
	uint32_t n = info & 0xffff;

	switch (info >> 24 & 0x1f) {
	case 1: case 14: case 17: return 4;
	case 3: return 12;
	case 4: case 5: case 15: case 19: return 12 * n;
	case 6: case 13: return 8 * n;
	default: return 0;
	}
}

static bool have_vmlinux(void)
{
	size_t cap = 32 << 20, len = 0;
	const struct btf_header *h;
	uint32_t off;
	ssize_t n;
	int fd;

	if (vmlinux_n)
		return true;
	fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	vmlinux = malloc(cap);
	while (fd >= 0 && len < cap && (n = read(fd, vmlinux + len, cap - len)) > 0)
		len += (size_t)n;
	close(fd);
	h = (const struct btf_header *)vmlinux;
	if (len < sizeof(*h))
		return false;
	vmlinux_at = malloc(sizeof(*vmlinux_at) << 19);
	for (off = 0; off < h->type_len && vmlinux_n < 1 << 19; vmlinux_n++) {
		uint32_t t[3];

		memcpy(t, vmlinux + h->hdr_len + h->type_off + off, sizeof(t));
		vmlinux_at[vmlinux_n] = h->hdr_len + h->type_off + off;
		off += 12 + behind(t[1]);
	}
	return vmlinux_n;
}

static const uint32_t *vmlinux_raw(uint32_t id)
{
	return id && id <= vmlinux_n ? (const uint32_t *)(const void *)(vmlinux + vmlinux_at[id - 1]) : NULL;
}

uint32_t vmlinux_type(const char *name, uint32_t kind)
{
	uint32_t id;

	for (id = 1; have_vmlinux() && id <= vmlinux_n; id++)
		if ((vmlinux_raw(id)[1] >> 24 & 0x1f) == kind && !strcmp(vmlinux_string(vmlinux_raw(id)[0]), name))
			return id;
	return 0;
}

uint32_t vmlinux_size(uint32_t id)
{
	const uint32_t *t = vmlinux_raw(id);

	return t ? t[2] : 0;
}

int vmlinux_member(uint32_t id, const char *name, uint32_t *off, uint32_t *type)
{
	const uint32_t *t = vmlinux_raw(id);
	int i;

	for (i = 0; t && i < (int)(t[1] & 0xffff); i++)
		if (!strcmp(vmlinux_string(t[3 + 3 * i]), name)) {
			*type = t[4 + 3 * i];
			*off = (t[1] >> 31 ? t[5 + 3 * i] & 0xffffff : t[5 + 3 * i]) / 8;
			return i;
		}
	return -1;
}

uint64_t sum(const uint8_t *p, size_t len)
{
	uint64_t s = 14695981039346656037ull;

	while (len--)
		s = (s ^ *p++) * 1099511628211ull;
	return s;
}

void btf_section(void)
{
	struct small_btf bad = small_btf;
	char log[512], name[64];
	union bpf_attr attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf));
	struct bpf_btf_info info = { 0 };
	uint8_t *big = malloc(32 << 20);
	uint32_t id;
	int fd;

	fd = (int)row_fd("BTF_LOAD", BPF_BTF_LOAD, &attr, sizeof(attr));
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = sizeof(log), .btf_log_level = 1);
	row_fd("BTF_LOAD with a log", BPF_BTF_LOAD, &attr, sizeof(attr));
	printf("  log: %.*s\n", (int)strnlen(log, sizeof(log)), log);
	bad.types[1] = 31u << 24;
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&bad), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = sizeof(log), .btf_log_level = 1);
	row_fd("BTF_LOAD of what is wrong", BPF_BTF_LOAD, &attr, sizeof(attr));
	dump("log", log, sizeof(log));
	memset(log, 0xa5, sizeof(log));
	attr = ATTR(.btf = PTR(&bad), .btf_size = sizeof(small_btf), .btf_log_buf = PTR(log), .btf_log_size = 130, .btf_log_level = 2);
	row_fd("BTF_LOAD of what is wrong with a short log", BPF_BTF_LOAD, &attr, sizeof(attr));
	dump("log", log, sizeof(log));
	attr = ATTR(.btf = BAD_PTR, .btf_size = sizeof(small_btf));
	row_fd("BTF_LOAD of a bad pointer", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = 17 << 20);
	row_fd("BTF_LOAD of too much", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_buf = BAD_PTR, .btf_log_size = 300, .btf_log_level = 1);
	row_fd("BTF_LOAD with a bad log", BPF_BTF_LOAD, &attr, sizeof(attr));
	attr = ATTR(.btf = PTR(&small_btf), .btf_size = sizeof(small_btf), .btf_log_size = 300, .btf_log_level = 1);
	row_fd("BTF_LOAD without a log", BPF_BTF_LOAD, &attr, sizeof(attr));
	NEED(fd);
	memset(big, 0xa5, 4096);
	memset(name, 0xa5, sizeof(name));
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 4096, .name = PTR(name), .name_len = sizeof(name) };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of a BTF", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	printf("  size %u name_len %u kernel %u\n", info.btf_size, info.name_len, info.kernel_btf);
	dump("btf", big, 256);
	dump("name", name, sizeof(name));
	id = info.id;
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 20 };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	memset(big, 0xa5, 64);
	row("info of a BTF, cut", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	dump("btf", big, 64);
	close(fd);
	attr = ATTR(.btf_id = id + 100000);
	row("BTF of a bad id", BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
	/* vmlinux's, megabytes of it, is the first of all. */
	attr = ATTR(.btf_id = 1);
	fd = (int)row_fd("BTF of id 1", BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
	NEED(fd);
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 32 << 20, .name = PTR(name), .name_len = 5 };
	memset(name, 0xa5, sizeof(name));
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of vmlinux's BTF with a short name", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	dump("name", name, sizeof(name));
	info = (struct bpf_btf_info){ .btf = PTR(big), .btf_size = 31 << 20, .name = PTR(name), .name_len = sizeof(name) };
	attr = ATTR(.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = PTR(&info) });
	row("info of vmlinux's BTF", BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info));
	printf("  %u bytes, %llx, name %.8s\n", info.btf_size, (unsigned long long)sum(big, info.btf_size), name);
	close(fd);
	free(big);
}
