// SPDX-License-Identifier: Apache-2.0
/* Format: Documentation/bpf/btf.rst, include/uapi/linux/btf.h. The kernel made these bytes, but a wrong one must not cost us more than an answer. */
#include "daemon/btf.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/object.h"
#include "protocol/io.h"

#define VMLINUX		"/sys/kernel/btf/vmlinux"
#define BTF_LIMIT	(64u << 20)
#define KIND_DECL_TAG	17
#define KIND_TYPE_TAG	18
#define KIND_ENUM64	19
#define DEPTH		32		/* of typedefs and modifiers */

/* One BTF object; a module's goes on where vmlinux's ids and strings end. */
struct part {
	uint8_t *raw;
	const uint8_t *types;
	const char *strings;
	uint32_t types_len, strings_len;
	uint32_t first_id, first_string;
	uint32_t *at;			/* offset of each type in types */
	uint32_t n;
};

struct bw_btf {
	struct part base, module;
};

/* ---- reading ---- */

/* How many bytes follow a struct btf_type, by its kind. */
static uint64_t behind(const struct btf_type *t)
{
	uint32_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT: case BTF_KIND_VAR: case KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT: case BTF_KIND_UNION: case BTF_KIND_DATASEC: case KIND_ENUM64:
		return n * 12ull;
	case BTF_KIND_ENUM: case BTF_KIND_FUNC_PROTO:
		return n * 8ull;
	default:	/* no more than their type; a kind newer than us would put us out of step, and then the names do not fit */
		return 0;
	}
}

static int index_types(struct part *p)
{
	uint32_t cap = 0, at = 0;
	struct btf_type t;

	while (at + sizeof(t) <= p->types_len) {
		memcpy(&t, p->types + at, sizeof(t));
		if (p->n == cap) {
			uint32_t *more = realloc(p->at, (cap = cap ? 2 * cap : 4096) * sizeof(*more));

			if (!more)
				return -1;
			p->at = more;
		}
		if (sizeof(t) + behind(&t) > p->types_len - at)
			break;
		p->at[p->n++] = at;
		at += (uint32_t)(sizeof(t) + behind(&t));
	}
	return 0;
}

static int parse(struct part *p, uint8_t *raw, uint32_t len)
{
	struct btf_header h;

	p->raw = raw;
	if (len < sizeof(h))
		return -1;
	memcpy(&h, raw, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len > len || h.type_off > len - h.hdr_len || h.str_off > len - h.hdr_len ||
	    h.type_len > len - h.hdr_len - h.type_off || h.str_len > len - h.hdr_len - h.str_off || !h.str_len)
		return -1;
	p->types = raw + h.hdr_len + h.type_off;
	p->types_len = h.type_len;
	p->strings = (const char *)raw + h.hdr_len + h.str_off;
	p->strings_len = h.str_len;
	return p->strings[p->strings_len - 1] ? -1 : index_types(p);
}

struct bw_btf *bw_btf_parse(uint8_t *base, uint32_t base_len, uint8_t *module, uint32_t module_len)
{
	struct bw_btf *b = calloc(1, sizeof(*b));

	if (!b) {
		free(base);
		free(module);
		return NULL;
	}
	b->base.first_id = 1;
	b->module.raw = module;
	if (parse(&b->base, base, base_len))
		goto bad;
	b->module.first_id = b->base.n + 1;
	b->module.first_string = b->base.strings_len;
	if (module && parse(&b->module, module, module_len))
		goto bad;
	return b;
bad:
	bw_btf_free(b);
	return NULL;
}

static uint8_t *read_vmlinux(uint32_t *len)
{
	bw_cleanup_fd int fd = open(VMLINUX, O_RDONLY | O_CLOEXEC);
	uint32_t cap = 8u << 20;
	uint8_t *data = fd < 0 ? NULL : malloc(cap);
	ssize_t n = 0;

	*len = 0;
	while (data && (n = read(fd, data + *len, cap - *len)) > 0) {
		uint8_t *more = data;

		*len += (uint32_t)n;
		if (*len == cap)
			more = cap < BTF_LIMIT ? realloc(data, cap *= 2) : NULL;
		if (!more) {
			free(data);
			return NULL;
		}
		data = more;
	}
	return data;
}

/* The bytes of a BTF object that is not vmlinux's. */
static uint8_t *read_module(uint32_t id, uint32_t *len)
{
	struct bpf_btf_info info = { 0 };
	bw_cleanup_fd int fd = -1;
	union bpf_attr attr;
	uint8_t *data = NULL;
	char name[64] = "";
	int pass;

	memset(&attr, 0, sizeof(attr));
	attr.btf_id = id;
	fd = (int)bw_sys_bpf(BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
	for (pass = 0; fd >= 0 && pass < 2; pass++) {
		memset(&attr, 0, sizeof(attr));
		info.name = (uint64_t)(uintptr_t)name;
		info.name_len = sizeof(name);
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info = (uint64_t)(uintptr_t)&info;
		attr.info.info_len = sizeof(info);
		if (bw_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 || (!pass && (info.btf_size > BTF_LIMIT ||
		    !strcmp(name, "vmlinux") || !(data = malloc(info.btf_size + 1))))) {
			free(data);
			return NULL;
		}
		*len = info.btf_size;
		info.btf = (uint64_t)(uintptr_t)data;
	}
	return data;
}

struct bw_btf *bw_btf_load(uint32_t object_id)
{
	uint32_t len, module_len = 0;
	uint8_t *base = read_vmlinux(&len), *module;

	if (!base)
		return NULL;
	module = object_id ? read_module(object_id, &module_len) : NULL;
	return bw_btf_parse(base, len, module, module_len);
}

void bw_btf_free(struct bw_btf *b)
{
	if (!b)
		return;
	free(b->base.at);
	free(b->base.raw);
	free(b->module.at);
	free(b->module.raw);
	free(b);
}

/* ---- asking ---- */

/* The type and, if asked for, its members. */
static bool type_at(const struct bw_btf *b, uint32_t id, struct btf_type *t, const uint8_t **members)
{
	const struct part *p = b->module.n && id >= b->module.first_id ? &b->module : &b->base;

	if (id < p->first_id || id - p->first_id >= p->n)
		return false;
	memcpy(t, p->types + p->at[id - p->first_id], sizeof(*t));
	if (members)
		*members = p->types + p->at[id - p->first_id] + sizeof(*t);
	return true;
}

const char *bw_btf_name(const struct bw_btf *b, uint32_t id)
{
	const struct part *p = &b->base;
	struct btf_type t;

	if (!type_at(b, id, &t, NULL))
		return "";
	if (b->module.n && t.name_off >= b->module.first_string)
		p = &b->module;
	return t.name_off - p->first_string < p->strings_len ? p->strings + (t.name_off - p->first_string) : "";
}

/* Without typedefs and modifiers. */
static uint32_t resolved(const struct bw_btf *b, uint32_t id, struct btf_type *t)
{
	int depth;

	for (depth = 0; depth < DEPTH && type_at(b, id, t, NULL); depth++) {
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_TYPEDEF: case BTF_KIND_VOLATILE: case BTF_KIND_CONST: case BTF_KIND_RESTRICT: case KIND_TYPE_TAG:
			id = t->type;
			continue;
		default:
			return id;
		}
	}
	memset(t, 0, sizeof(*t));
	return 0;
}

static uint32_t kind_of(const struct bw_btf *b, uint32_t id, struct btf_type *t)
{
	return resolved(b, id, t) ? BTF_INFO_KIND(t->info) : 0;
}

static struct btf_member member(const struct btf_type *t, const uint8_t *members, uint32_t i)
{
	struct btf_member m;

	memcpy(&m, members + i * sizeof(m), sizeof(m));
	if (BTF_INFO_KFLAG(t->info))
		m.offset = BTF_MEMBER_BIT_OFFSET(m.offset);
	return m;
}

uint32_t bw_btf_struct_ops(const struct bw_btf *b, uint32_t id, uint32_t *offs, uint32_t max)
{
	struct btf_type value, data, t;
	struct btf_member m;
	const uint8_t *members;
	uint32_t i, n = 0, base;

	if (strncmp(bw_btf_name(b, id), "bpf_struct_ops_", 15) || !type_at(b, id, &value, &members) || !BTF_INFO_VLEN(value.info) ||
	    BTF_INFO_KIND(value.info) != BTF_KIND_STRUCT)
		return 0;
	m = member(&value, members, BTF_INFO_VLEN(value.info) - 1);
	base = m.offset / 8;
	if (kind_of(b, m.type, &t) != BTF_KIND_STRUCT || !type_at(b, resolved(b, m.type, &t), &data, &members))
		return 0;
	for (i = 0; i < BTF_INFO_VLEN(data.info) && n < max; i++) {
		m = member(&data, members, i);
		if (kind_of(b, m.type, &t) == BTF_KIND_PTR && kind_of(b, t.type, &t) == BTF_KIND_FUNC_PROTO)
			offs[n++] = base + m.offset / 8;
	}
	return n;
}
