// SPDX-License-Identifier: Apache-2.0
#include "loader/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/log.h"

/* 1: libbpf does not know to what. */
static int attach(struct bw_object *b, const struct bpf_program *p)
{
	struct bpf_link *link = bpf_program__attach(p);
	long r = libbpf_get_error(link);

	if (r == -EOPNOTSUPP) {
		bw_log(BW_LOG_WARN, "program '%s' is not attached: its section '%s' does not say to what; bpftool can attach it where it is pinned",
		       bpf_program__name(p), bpf_program__section_name(p));
		return 1;
	}
	if (r) {
		bw_log(BW_LOG_ERROR, "%s: program '%s' cannot be attached to '%s': %s; is that in this kernel? libbpf's own words are above", b->file,
		       bpf_program__name(p), bpf_program__section_name(p), strerror((int)-r));
		return (int)r;
	}
	b->v[b->n++] = (struct bw_attached){ .prog = p, .link = link };
	return 0;
}

/* Its programs are attached by this. */
static int register_ops(struct bw_object *b, const struct bpf_map *m)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(m);
	int r = (int)libbpf_get_error(link);

	if (r) {
		bw_log(BW_LOG_ERROR, "%s: struct_ops '%s' cannot be registered: %s%s", b->file, bpf_map__name(m), strerror(-r),
		       r == -EEXIST ? "; unload what has that name" : "; the kernel's log may say why");
		return r;
	}
	b->v[b->n++] = (struct bw_attached){ .map = m, .link = link };
	b->registered++;
	return 0;
}

int bw_object_attach(struct bw_object *b)
{
	struct bpf_program *p;
	struct bpf_map *m;
	int r = 0;

	b->v = calloc(b->programs + b->maps + 1, sizeof(*b->v));
	if (!b->v)
		return -ENOMEM;
	bpf_object__for_each_program(p, b->obj) {
		if (r >= 0 && bpf_program__autoload(p) && bpf_program__autoattach(p) && bpf_program__type(p) != BPF_PROG_TYPE_STRUCT_OPS)
			r = attach(b, p);
	}
	bpf_object__for_each_map(m, b->obj) {
		if (r >= 0 && bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS && bpf_map__fd(m) >= 0)
			r = register_ops(b, m);
	}
	if (r >= 0 && !b->n) {
		bw_log(BW_LOG_ERROR, "%s: there is nothing in it that --attach could attach: load it without, and attach it with bpftool", b->file);
		return -EOPNOTSUPP;
	}
	return r < 0 ? r : 0;
}

/* ---- pins ---- */

static struct bw_attached *attached(const struct bw_object *b, const struct bpf_program *p, const struct bpf_map *m)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].prog == p && b->v[i].map == m)
			return &b->v[i];
	return NULL;
}

/* What the kernel has no link for is a perf event, which no file system holds. */
static int cannot_be_pinned(const struct bw_object *b, const struct bw_attached *a)
{
	const char *name = bpf_program__name(a->prog), *section = bpf_program__section_name(a->prog);

	if (b->o->stay) {
		bw_log(BW_LOG_WARN, "program '%s' is attached to '%s' only as long as this runs: this kernel cannot pin that (before Linux 5.15, and USDT)", name,
		       section);
		return 0;
	}
	bw_log(BW_LOG_ERROR, "%s: program '%s' cannot stay attached to '%s': this kernel cannot pin that (before Linux 5.15, and USDT); give --stay, and it is "
	       "attached as long as the command runs", b->file, name, section);
	return -EOPNOTSUPP;
}

static int pin_program(struct bw_object *b, const struct bpf_program *p)
{
	struct bw_attached *a = attached(b, p, NULL);
	int r;

	if (!a)
		return bw_pins_add(&b->pins, bpf_program__fd(p), bpf_program__name(p));
	r = bw_pins_add(&b->pins, bpf_link__fd(a->link), bpf_program__name(p));
	a->pinned = !r;
	return r == -EINVAL || r == -EBADF ? cannot_be_pinned(b, a) : r;
}

static int pin_map(struct bw_object *b, const struct bpf_map *m)
{
	struct bw_attached *a = attached(b, NULL, m);
	int r = bw_pins_add(&b->pins, bpf_map__fd(m), bpf_map__name(m));

	if (a)
		a->pinned = !r;
	return r;
}

int bw_object_pin(struct bw_object *b)
{
	struct bpf_program *p;
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, b->obj) {
		if (!r && bpf_map__fd(m) >= 0 && !bpf_map__pin_path(m))
			r = pin_map(b, m);
	}
	bpf_object__for_each_program(p, b->obj) {
		if (!r && bpf_program__autoload(p))
			r = pin_program(b, p);
	}
	return r;
}
