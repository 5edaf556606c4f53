// SPDX-License-Identifier: Apache-2.0
/* An iterator over the elements of a map, for `bpftool iter pin`. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct seq_file;
struct bpf_iter_meta {
	union { struct seq_file *seq; __u64 :64; } __attribute__((aligned(8)));
	__u64 session_id, seq_num;
} __attribute__((preserve_access_index));
struct bpf_map;
struct bpf_iter__bpf_map_elem {
	union { struct bpf_iter_meta *meta; __u64 :64; } __attribute__((aligned(8)));
	union { struct bpf_map *map; __u64 :64; } __attribute__((aligned(8)));
	union { void *key; __u64 :64; } __attribute__((aligned(8)));
	union { void *value; __u64 :64; } __attribute__((aligned(8)));
} __attribute__((preserve_access_index));

SEC("iter/bpf_map_elem") int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(seq, "%u: %llu\n", *key, *value);
	return 0;
}

char _license[] SEC("license") = "GPL";
