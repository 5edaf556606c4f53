// SPDX-License-Identifier: Apache-2.0
/* What tests/e2e/42-bpftool loads: maps of several kinds with types of their own, and programs of kinds that run without anything else attached to them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct pair { __u32 a; __u16 b[2]; };
enum colour { RED = 1, GREEN, BLUE = 77 };
struct value {
	struct pair pair;
	enum colour colour;
	__s64 number;
	char text[8];
	_Bool yes;
	unsigned int three:3, five:5;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct pair);
	__type(value, struct value);
} typed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

const volatile __u32 limit = 12;
__u64 seen;
struct value initial = { .pair = { 1, { 2, 3 } }, .colour = BLUE, .number = -5, .text = "initial", .yes = 1, .three = 5, .five = 17 };

static __attribute__((noinline)) int count(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	if (n && key < limit)
		*n += 1;
	return n != 0;
}

SEC("socket") int filter(struct __sk_buff *skb)
{
	struct pair k = { .a = skb->len };
	struct value v = { .pair = k, .colour = GREEN, .number = skb->len };

	if (!count(1))
		return 0;
	bpf_map_update_elem(&typed, &k, &v, BPF_ANY);
	bpf_tail_call(skb, &jumps, 2);
	return skb->len;
}

SEC("socket") int behind(struct __sk_buff *skb)
{
	return skb->len + 1000;
}

SEC("tc") int classify(struct __sk_buff *skb)
{
	skb->mark = skb->mark * 2 + 1;
	seen++;
	return 7;
}

SEC("xdp") int pass(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 4 > end)
		return XDP_ABORTED;
	*(__u32 *)data = bpf_htonl(0x11223344);
	return XDP_PASS;
}

SEC("kprobe/do_nanosleep") int on_sleep(void *ctx)
{
	return count(2);
}

SEC("tracepoint/sched/sched_switch") int on_switch(void *ctx)
{
	seen++;
	return 0;
}

SEC("raw_tp/sys_enter") int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1] == 12345;
}

SEC("perf_event") int on_event(void *ctx)
{
	return 0;
}

SEC("cgroup/connect4") int on_connect(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("cgroup_skb/egress") int on_egress(struct __sk_buff *skb)
{
	return 1;
}

/* Whoever reads a sysctl in its cgroup is seen. */
SEC("cgroup/sysctl") int on_sysctl(struct bpf_sysctl *ctx)
{
	struct pair p = { 0xaabbccdd, { 0x1122, 0x3344 } };

	bpf_printk("a sysctl was read");
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &p, sizeof(p));
	return 1;
}

SEC("flow_dissector") int dissect(struct __sk_buff *skb)
{
	return BPF_OK;
}

SEC("sk_msg") int verdict(struct sk_msg_md *msg)
{
	return SK_PASS;
}

char _license[] SEC("license") = "GPL";
