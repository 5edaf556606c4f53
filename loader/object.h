/* SPDX-License-Identifier: Apache-2.0 */
/* An object while it is being loaded: what the files of loader/ share. */
#ifndef BW_LOADER_OBJECT_H
#define BW_LOADER_OBJECT_H

#include <bpf/libbpf.h>

#include "loader/loader.h"

struct bw_attached {
	const struct bpf_program *prog;
	const struct bpf_map *map;	/* or this: a struct_ops, registered */
	struct bpf_link *link;
	bool pinned;
};

struct bw_object {
	const struct bw_load_options *o;
	const char *file;
	struct bpf_object *obj;
	struct bw_pins pins;
	struct bw_pins shared;		/* maps that pin themselves, and that this load made */
	struct bw_attached *v;
	size_t n, registered;		/* of the n, maps */
	size_t programs, maps;
};

/* Open, look at what can be known before the kernel is asked, load. 0, or -errno after saying why. */
int bw_object_open(struct bw_object *b);
int bw_object_load(struct bw_object *b);
/* Each program that libbpf knows where to attach, and each struct_ops. 0, or -errno after saying why. */
int bw_object_attach(struct bw_object *b);
/* Into b->pins, which is there. With --stay what cannot be pinned is told and passed over. 0, or -errno after saying why. */
int bw_object_pin(struct bw_object *b);
/* keep: what is pinned stays, attached; else nothing does. */
void bw_object_fini(struct bw_object *b, bool keep);

#endif
