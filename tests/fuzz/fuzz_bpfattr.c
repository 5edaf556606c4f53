// SPDX-License-Identifier: Apache-2.0
/* The lengths of every field of every command and info structure, for any attr, map, number of CPUs and result. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bpfattr.h"
#include "protocol/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

struct input {
	struct bw_map_info map;
	uint32_t cpus;
	int32_t result;
	uint32_t room;
	const uint8_t *attr;
	uint32_t attr_size;
};

static void check_field(const struct bw_bpf_field *f, const struct input *in, const struct bw_map_info *map)
{
	int64_t len = bw_bpf_len(f, in->attr, in->attr_size, map, in->cpus);
	uint8_t kind = bw_bpf_kind(f, map), *data;
	uint32_t out;

	REQUIRE(len == -E2BIG || (len >= 0 && len <= BW_MSG_MAX));
	REQUIRE(kind > BW_FIELD_END && kind <= BW_FIELD_INOUT);
	if (bw_bpf_field_applies(f, in->attr, in->attr_size))
		REQUIRE(f->off + 4u <= in->attr_size);
	if (f->kind != BW_FIELD_OUT && f->kind != BW_FIELD_INOUT)
		return;
	data = malloc(in->room + !in->room);
	memset(data, 'x', in->room + !in->room);
	out = bw_bpf_out_len(f, in->attr, in->attr_size, map, in->cpus, in->result, data, in->room);
	REQUIRE(out <= in->room);
	free(data);
}

static void check_fields(const struct bw_bpf_field *f, const struct input *in)
{
	for (; f && f->kind; f++) {
		check_field(f, in, &in->map);
		check_field(f, in, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_reader r;
	struct input in;
	uint8_t *copy;
	uint32_t cmd;

	bw_reader_init(&r, data, size);
	cmd = bw_get_u8(&r);
	in.map.type = bw_get_u8(&r);
	in.map.key_size = bw_get_u32(&r);
	in.map.value_size = bw_get_u32(&r);
	in.map.max_entries = in.map.flags = in.map.id = 0;
	in.cpus = bw_get_u32(&r);
	in.result = bw_get_i32(&r);
	in.room = bw_get_u16(&r);
	if (r.err)
		return 0;
	in.attr_size = (uint32_t)(r.left < BW_BPF_ATTR_MAX ? r.left : BW_BPF_ATTR_MAX);
	in.attr = copy = memcpy(malloc(in.attr_size + !in.attr_size), r.p, in.attr_size);
	if (bw_bpf_cmd(cmd))
		check_fields(bw_bpf_cmd(cmd)->fields, &in);
	else
		check_fields(bw_bpf_info_fields((enum bw_object)(cmd % (BW_OBJ_OTHER + 1))), &in);
	REQUIRE(bw_map_value_fd(&in.map) + 4 <= (int64_t)in.map.value_size || bw_map_value_fd(&in.map) < 0);
	REQUIRE(bw_map_key_fd(&in.map) + 4 <= (int64_t)in.map.key_size || bw_map_key_fd(&in.map) < 0);
	free(copy);
	return 0;
}
