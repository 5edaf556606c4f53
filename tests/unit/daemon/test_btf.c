// SPDX-License-Identifier: Apache-2.0
#include <linux/btf.h>
#include <stdlib.h>

#include "daemon/btf.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

#define INFO(kind, n)	((uint32_t)(kind) << 24 | (n))

/*
 * 1 int, 2 func_proto, 3 ptr to 2, 4 typedef of 3, 5 ptr to 1, 6 struct ops { int a; fn f (ptr); fn g (typedef); int *p; }, 7 bpf_struct_ops_ops
 * { int state; (16:) ops data; }, 8 func bpf_iter_task
 */
static const struct blob {
	struct btf_header h;
	uint32_t t[4 + 3 + 3 + 3 + 3 + 3 + 12 + 3 + 6 + 3];
	char s[80];
} blob = {
	.h = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header), .type_len = sizeof(blob.t), .str_off = sizeof(blob.t),
	       .str_len = sizeof(blob.s) },
	.t = {
		1, INFO(1, 0), 4, 32,
		0, INFO(13, 0), 1,
		0, INFO(2, 0), 2,
		5, INFO(8, 0), 3,
		0, INFO(2, 0), 1,
		8, INFO(4, 4), 32, 0, 1, 0, 0, 3, 64, 0, 4, 128, 0, 5, 192,
		12, INFO(4, 2), 48, 0, 1, 0, 0, 6, 128,
		31, INFO(12, 0), 2,
	},
	.s = "\0int\0fn\0ops\0bpf_struct_ops_ops\0bpf_iter_task",
};

static struct bw_btf *parse(const void *p, uint32_t len)
{
	return bw_btf_parse(exact_copy(p, len), len, NULL, 0);
}

TEST("the function pointers of a struct_ops are found through typedefs, and no other pointer is one")
{
	struct bw_btf *b = parse(&blob, sizeof(blob));
	uint32_t offs[8];

	CHECK(b != NULL);
	CHECK_EQ(bw_btf_struct_ops(b, 7, offs, 8), 2);
	CHECK_EQ(offs[0], 16 + 8);
	CHECK_EQ(offs[1], 16 + 16);
	CHECK_EQ(bw_btf_struct_ops(b, 7, offs, 1), 1);
	CHECK_EQ(bw_btf_struct_ops(b, 6, offs, 8), 0);
	CHECK_EQ(bw_btf_struct_ops(b, 99, offs, 8), 0);
	bw_btf_free(b);
}

TEST("a type's name, and none for an id that is none")
{
	struct bw_btf *b = parse(&blob, sizeof(blob));

	CHECK(!strcmp(bw_btf_name(b, 8), "bpf_iter_task"));
	CHECK(!strcmp(bw_btf_name(b, 0), ""));
	CHECK(!strcmp(bw_btf_name(b, 9), ""));
	CHECK(!strcmp(bw_btf_name(b, UINT32_MAX), ""));
	bw_btf_free(b);
}

TEST("a module's types go on where vmlinux's end")
{
	struct { struct btf_header h; uint32_t t[3]; char s[8]; } m = {
		.h = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(struct btf_header), .type_len = 12, .str_off = 12, .str_len = 8 },
		.t = { sizeof(blob.s) + 1, INFO(12, 0), 2 }, .s = "\0modfn",
	};
	struct bw_btf *b = bw_btf_parse(exact_copy(&blob, sizeof(blob)), sizeof(blob), exact_copy(&m, sizeof(m)), sizeof(m));

	CHECK(b && !strcmp(bw_btf_name(b, 9), "modfn"));
	CHECK(b && !strcmp(bw_btf_name(b, 8), "bpf_iter_task"));
	bw_btf_free(b);
}

TEST("BTF cut anywhere, and with any word of it wrong, is read to its end and not past it")
{
	uint32_t offs[8], cut;
	struct blob bad;
	size_t i;

	for (cut = 0; cut < sizeof(blob); cut++)
		bw_btf_free(parse(&blob, cut));
	for (i = 0; i < (sizeof(blob.h) + sizeof(blob.t)) / 4; i++) {
		static const uint32_t values[] = { 0, 0xffffffff, 0x7fffffff, 0x84ffffff, 7, 0x08000000 };

		for (size_t k = 0; k < sizeof(values) / sizeof(*values); k++) {
			struct bw_btf *b;

			bad = blob;
			((uint32_t *)(void *)&bad)[i] = values[k];
			b = parse(&bad, sizeof(bad));
			for (uint32_t id = 0; b && id < 12; id++) {
				CHECK(strlen(bw_btf_name(b, id)) < sizeof(blob.s));
				CHECK(bw_btf_struct_ops(b, id, offs, 8) <= 8);
			}
			bw_btf_free(b);
		}
	}
}

int main(void)
{
	return check_done();
}
