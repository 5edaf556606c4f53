// SPDX-License-Identifier: Apache-2.0
/* A TCP congestion control for `bpftool struct_ops`. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
};

SEC("struct_ops/ssthresh") __u32 ssthresh(void *ctx)
{
	return 17;
}

SEC("struct_ops/cong_avoid") void cong_avoid(void *ctx)
{
}

SEC("struct_ops/undo_cwnd") __u32 undo_cwnd(void *ctx)
{
	return 19;
}

SEC(".struct_ops") struct tcp_congestion_ops bw_congestion = {
	.ssthresh = (void *)ssthresh, .cong_avoid = (void *)cong_avoid, .undo_cwnd = (void *)undo_cwnd, .name = "bw_test",
};

char _license[] SEC("license") = "GPL";
