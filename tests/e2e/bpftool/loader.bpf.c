// SPDX-License-Identifier: Apache-2.0
/* One program, small enough for every way to load it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket") int small(struct __sk_buff *skb)
{
	return 3;
}

char _license[] SEC("license") = "GPL";
