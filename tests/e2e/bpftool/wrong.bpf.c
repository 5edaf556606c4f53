// SPDX-License-Identifier: Apache-2.0
/* What the verifier refuses, so that there is a log to compare. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp") int wrong(struct xdp_md *ctx)
{
	return *(int *)(long)ctx->data;
}

char _license[] SEC("license") = "GPL";
