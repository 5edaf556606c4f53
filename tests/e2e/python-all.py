# SPDX-License-Identifier: Apache-2.0
# A script on BCC's Python API with a table of each type and an attachment of each kind. Something runs COMM again and again, which reads /proc/sys/kernel/ostype.
# Prints what cannot differ between two runs, whichever machine it runs on: what each step gave, or the error it raised.
#   python-all.py COMM [refused]
import ctypes
import os
import sys
import time
from bcc import BPF, BPFAttachType, PerfSWConfig, PerfType
from bcc.perf import Perf

COMM = sys.argv[1]
LIMIT = float(os.environ.get('LIMIT', '40'))     # seconds to wait for one event

TEXT = r'''
#include <uapi/linux/bpf_perf_event.h>
#include <uapi/linux/ptrace.h>
struct pair { u32 a; u16 b; char text[6]; };
struct lpm { u32 bits; u32 address; };
BPF_HASH(hash, struct pair, u64, 32);
BPF_ARRAY(array, u64, 4);
BPF_PERCPU_HASH(percpu_hash, u32, u64, 8);
BPF_PERCPU_ARRAY(percpu_array, u64, 4);
BPF_TABLE("lru_hash", u32, u64, lru_hash, 64);
BPF_TABLE("lru_percpu_hash", u32, u64, lru_percpu_hash, 64);
BPF_HISTOGRAM(powers);
BPF_HISTOGRAM(linear, int, 8);
BPF_PROG_ARRAY(programs, 4);
BPF_STACK_TRACE(stacks, 64);
BPF_LPM_TRIE(trie, struct lpm, u32, 16);
BPF_TABLE("hash", u32, u32, inner_a, 8);
BPF_TABLE("hash", u32, u32, inner_b, 8);
BPF_ARRAY_OF_MAPS(array_of_maps, "inner_a", 4);
BPF_HASH_OF_MAPS(hash_of_maps, u32, "inner_a", 4);
BPF_QUEUE(queue, u32, 4);
BPF_STACK(stack, u32, 4);
BPF_CGROUP_ARRAY(cgroups, 2);
BPF_PERF_OUTPUT(perf_events);
BPF_PERF_ARRAY(counters, NUM_CPUS);
BPF_RINGBUF_OUTPUT(ring_events, 8);
BPF_SOCKMAP(sockets, 4);
BPF_SOCKHASH(socket_hash, u32, 4);
BPF_CPUMAP(cpus, 2);
BPF_DEVMAP(devices, 2);
BPF_XSKMAP(xsk, 2);
BPF_SK_STORAGE(sk_storage, u64);
BPF_TASK_STORAGE(task_storage, u64);
BPF_INODE_STORAGE(inode_storage, u64);
BPF_TABLE_PUBLIC("hash", u32, u64, shared, 8);
BPF_ARRAY(hits, u64, 32);
BPF_HASH(stack_of, u32, int, 4);

static inline int ours(void)
{
	char comm[16] = {}, wanted[] = "COMM";

	bpf_get_current_comm(&comm, sizeof(comm));
#pragma unroll
	for (int i = 0; i < sizeof(wanted); i++)
		if (comm[i] != wanted[i])
			return 0;
	return 1;
}
/* True once for each of them. */
static inline int first(int which)
{
	u64 *n = hits.lookup(&which);

	return n && ours() && !__sync_fetch_and_add(n, 1);
}
struct event { u32 number; char comm[16]; };
static inline void fill(struct event *e, u32 number)
{
	e->number = number;
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
}
/* What touches each table, once, as soon as it may. */
TRACEPOINT_PROBE(sched, sched_process_exec)
{
	struct pair k = { .a = 7, .b = 9, .text = "hello" };
	struct lpm l = { 32, 0x01020a0a };
	struct event e = {};
	u64 one = 1, *value;
	u32 key = 3, *found;
	int slot = 2, go = 31;

	value = hits.lookup(&go);
	if (!value || !*value || !first(0))
		return 0;
	hash.increment(k, 5);
	array.increment(slot, 11);
	percpu_hash.update(&key, &one);
	percpu_array.increment(slot, 3);
	lru_hash.update(&key, &one);
	lru_percpu_hash.update(&key, &one);
	powers.increment(bpf_log2l(1000));
	linear.increment(slot);
	found = trie.lookup(&l);
	value = array.lookup(&slot);
	if (found && value)
		*value += *found;
	queue.push(&key, 0);
	stack.push(&key, 0);
	shared.update(&key, &one);
	fill(&e, 1);
	perf_events.perf_submit(args, &e, sizeof(e));
	fill(&e, 2);
	ring_events.ringbuf_output(&e, sizeof(e), 0);
	return 0;
}
int by_tracepoint(void *ctx) { first(1); return 0; }
int by_raw_tracepoint(struct bpf_raw_tracepoint_args *ctx) { first(2); return 0; }
int by_kprobe(struct pt_regs *ctx, struct file *file, char *buf, size_t count)
{
	u32 key = 0;
	int id;

	if (!first(3))
		return 0;
	id = stacks.get_stackid(ctx, 0);
	stack_of.update(&key, &id);
	programs.call(ctx, 2);
	return 0;
}
int behind(struct pt_regs *ctx) { first(4); return 0; }
int by_kretprobe(struct pt_regs *ctx) { if (PT_REGS_RC(ctx) == 6) first(5); return 0; }
int by_expression(struct pt_regs *ctx) { first(6); return 0; }
int by_expression_ret(struct pt_regs *ctx) { first(7); return 0; }
int by_uprobe(struct pt_regs *ctx) { first(8); return 0; }
int by_uretprobe(struct pt_regs *ctx) { first(9); return 0; }
int by_offset(struct pt_regs *ctx) { first(10); return 0; }
int by_clock(struct bpf_perf_event_data *ctx) { u64 one = 1; int slot = 11; hits.update(&slot, &one); return 0; }
int by_clock_raw(struct bpf_perf_event_data *ctx) { u64 one = 1; int slot = 12; hits.update(&slot, &one); return 0; }
int by_cgroup(struct bpf_sock_ops *ctx) { return 1; }
int on_device(struct bpf_cgroup_dev_ctx *ctx) { return 1; }
int on_packet(struct __sk_buff *skb) { return 0; }
int on_xdp(struct xdp_md *ctx) { return XDP_PASS; }
int read_counter(struct bpf_perf_event_data *ctx)
{
	u64 v = counters.perf_read(CUR_CPU_IDENTIFIER);
	int slot = 13;

	if ((s64)v > 0)
		hits.update(&slot, &v);
	return 0;
}
'''


def step(name, fn):
    """Prints what fn gives, or the error it raises."""
    sys.stderr.flush()
    try:
        result = fn()
        print('%s: %s' % (name, 'done' if isinstance(result, BPF) else result))
    except Exception as e:
        print('%s: %s: %s' % (name, type(e).__name__, e))
    sys.stdout.flush()


def until(condition):
    end = time.time() + LIMIT
    while not condition():
        if time.time() > end:
            return False
        time.sleep(0.1)
    return True


def cuint(n):
    return ctypes.c_uint(n)


def number(n):
    return getattr(n, 'value', n)


def dump(t):
    return sorted((number(k), number(v)) for k, v in t.items())


def refused(b):
    step('attach_xdp', lambda: b.attach_xdp('lo', b.load_func('on_xdp', BPF.XDP)))
    step('attach_raw_socket', lambda: b.attach_raw_socket(b.load_func('on_packet', BPF.SOCKET_FILTER), 'lo'))


def tables(b):
    b['trie'][b['trie'].Key(16, 0x0a0a)] = cuint(100)
    b['trie'][b['trie'].Key(24, 0x020a0a)] = cuint(1000)
    seen = {}

    def on_perf(cpu, data, size):
        e = b['perf_events'].event(data)
        seen['perf'] = (e.number, e.comm.decode())

    def on_ring(ctx, data, size):
        e = b['ring_events'].event(data)
        seen['ring'] = (e.number, e.comm.decode())
    step('open_perf_buffer', lambda: b['perf_events'].open_perf_buffer(on_perf))
    step('open_ring_buffer', lambda: b['ring_events'].open_ring_buffer(on_ring))

    b['hits'][31] = ctypes.c_ulong(1)

    def poll():
        b.perf_buffer_poll(100)
        b.ring_buffer_poll(100)
        return len(seen) == 2
    step('first run', lambda: until(lambda: b['hits'][0].value >= 1))
    step('records', lambda: (until(poll), sorted(seen.items())))
    step('hash', lambda: [(k.a, k.b, k.text, v.value) for k, v in b['hash'].items()])
    step('array', lambda: dump(b['array']))
    step('percpu_hash', lambda: [(k.value, sum(v)) for k, v in b['percpu_hash'].items()])
    step('percpu_hash, sum', lambda: b['percpu_hash'].sum(cuint(3)).value)
    step('percpu_array', lambda: [(k, sum(v)) for k, v in enumerate(b['percpu_array'].values())])
    step('lru_hash', lambda: dump(b['lru_hash']))
    step('lru_percpu_hash', lambda: [(k.value, sum(v)) for k, v in b['lru_percpu_hash'].items()])
    step('log2 histogram', lambda: b['powers'].print_log2_hist('things'))
    step('linear histogram', lambda: b['linear'].print_linear_hist('things'))
    step('trie', lambda: [b['trie'][b['trie'].Key(32, a)].value for a in (0x0a0a, 0x09020a0a)])
    step('trie, nothing', lambda: b['trie'][b['trie'].Key(32, 1)])
    step('queue', lambda: (b['queue'].peek().value, b['queue'].pop().value))
    step('queue, empty', lambda: b['queue'].pop())
    step('queue, push', lambda: (b['queue'].push(b['queue'].Leaf(8)), b['queue'].push(b['queue'].Leaf(9)), [v.value for v in b['queue'].values()]))
    step('stack', lambda: (b['stack'].push(b['stack'].Leaf(8)), b['stack'].push(b['stack'].Leaf(9)), b['stack'].pop().value))
    step('array_of_maps', lambda: (b['array_of_maps'].__setitem__(ctypes.c_int(1), ctypes.c_int(b['inner_b'].get_fd())), 'set'))
    step('hash_of_maps', lambda: (b['hash_of_maps'].__setitem__(cuint(5), ctypes.c_int(b['inner_b'].get_fd())), len(b['hash_of_maps'])))
    step('hash_of_maps of what is none', lambda: b['hash_of_maps'].__setitem__(cuint(5), ctypes.c_int(b['array'].get_fd())))
    step('cgroups', lambda: b['cgroups'].__setitem__(0, '/sys/fs/cgroup'))
    step('cgroups of none', lambda: b['cgroups'].__setitem__(0, '/sys/fs/cgroup/none'))
    step('cpus', lambda: (b['cpus'].__setitem__(ctypes.c_int(1), ctypes.c_uint64(192)), dump(b['cpus'])))
    step('devices', lambda: (b['devices'].__setitem__(ctypes.c_int(1), ctypes.c_int(1)), dump(b['devices'])))
    for name in ('xsk', 'sockets', 'socket_hash', 'sk_storage', 'task_storage', 'inode_storage', 'no_such_table'):
        step(name, lambda: type(b[name]).__name__)
    h = b['percpu_hash']
    step('percpu, set', lambda: (h.__setitem__(cuint(6), h.Leaf(*([4] * len(h[cuint(3)])))), set(h[cuint(6)])))
    step('delete', lambda: (b['lru_hash'].__delitem__(cuint(3)), len(b['lru_hash'])))
    step('delete again', lambda: b['lru_hash'].__delitem__(cuint(3)))
    step('lookup of nothing', lambda: b['lru_hash'][cuint(3)])
    step('clear', lambda: (b['hash'].clear(), len(b['hash'])))
    t = b['inner_b']
    step('update_batch', lambda: (t.items_update_batch((t.Key * 3)(1, 2, 3), (t.Leaf * 3)(10, 20, 30)), len(t)))
    step('lookup_batch', lambda: sorted((number(k), number(v)) for k, v in t.items_lookup_batch()))
    step('delete_batch', lambda: (t.items_delete_batch((t.Key * 1)(2)), dump(t)))
    step('lookup_and_delete_batch', lambda: (sorted((number(k), number(v)) for k, v in t.items_lookup_and_delete_batch()), len(t)))
    step('zero', lambda: (b['array'].zero(), dump(b['array'])))
    other = BPF(text='''BPF_TABLE("extern", u32, u64, shared, 8);
BPF_TABLE_PINNED("hash", u32, u32, pinned, 8, "/sys/fs/bpf/COMM_pinned");'''.replace('COMM', COMM))
    step('a table of another program', lambda: dump(other['shared']))
    step('pinned', lambda: (other['pinned'].__setitem__(cuint(1), cuint(2)), os.path.exists('/sys/fs/bpf/%s_pinned' % COMM)))
    again = BPF(text='BPF_TABLE_PINNED("hash", u32, u32, pinned, 8, "/sys/fs/bpf/%s_pinned");' % COMM)
    step('pinned, found', lambda: dump(again['pinned']))
    os.unlink('/sys/fs/bpf/%s_pinned' % COMM)


def hit(b, which):
    return until(lambda: b['hits'][which].value >= 1)


def attachments(b):
    libc = 'c'
    programs = b['programs']
    programs[ctypes.c_int(2)] = ctypes.c_int(b.load_func('behind', BPF.KPROBE).fd)
    kinds = [
        ('tracepoint', 1, lambda: b.attach_tracepoint(tp='syscalls:sys_enter_openat', fn_name='by_tracepoint'),
         lambda: b.detach_tracepoint(tp='syscalls:sys_enter_openat')),
        ('raw_tracepoint', 2, lambda: b.attach_raw_tracepoint(tp='sys_enter', fn_name='by_raw_tracepoint'), lambda: b.detach_raw_tracepoint(tp='sys_enter')),
        ('kprobe', 3, lambda: b.attach_kprobe(event='vfs_read', fn_name='by_kprobe'), None),
        ('tail call', 4, lambda: None, lambda: b.detach_kprobe(event='vfs_read')),
        ('kretprobe', 5, lambda: b.attach_kretprobe(event='vfs_read', fn_name='by_kretprobe'), lambda: b.detach_kretprobe(event='vfs_read')),
        ('kprobe by expression', 6, lambda: b.attach_kprobe(event_re='^vfs_(read|open)$', fn_name='by_expression'), None),
        ('kretprobe by expression', 7, lambda: b.attach_kretprobe(event_re='^vfs_(read|open)$', fn_name='by_expression_ret'), None),
        ('uprobe', 8, lambda: b.attach_uprobe(name=libc, sym='setlocale', fn_name='by_uprobe'), None),
        ('uretprobe', 9, lambda: b.attach_uretprobe(name=libc, sym='setlocale', fn_name='by_uretprobe'), lambda: b.detach_uretprobe(name=libc, sym='setlocale')),
        ('uprobe by expression', 10, lambda: b.attach_uprobe(name=BPF.find_library(b'c'), sym_re='^exi[t]$', fn_name='by_offset'), None),
        ('perf_event', 11, lambda: b.attach_perf_event(ev_type=PerfType.SOFTWARE, ev_config=PerfSWConfig.CPU_CLOCK, fn_name='by_clock', sample_freq=49),
         lambda: b.detach_perf_event(ev_type=PerfType.SOFTWARE, ev_config=PerfSWConfig.CPU_CLOCK)),
        ('perf_event_raw', 12, lambda: b.attach_perf_event_raw(attr=raw_attr(), fn_name='by_clock_raw', pid=-1, cpu=0), None),
    ]
    for name, which, attach, detach in kinds:
        step('attach ' + name, attach)
        step('  it runs', lambda: hit(b, which))
        if detach:
            step('  detach', detach)
    step('open probes', lambda: (b.num_open_kprobes(), b.num_open_uprobes(), b.num_open_tracepoints()))
    step('open_perf_event', lambda: b['counters'].open_perf_event(PerfType.SOFTWARE, PerfSWConfig.TASK_CLOCK))
    step('a counter, read by a program', lambda: (
        b.attach_perf_event(ev_type=PerfType.SOFTWARE, ev_config=PerfSWConfig.CPU_CLOCK, fn_name='read_counter', sample_freq=49), hit(b, 13)))
    step('stack', lambda: [b.ksym(a).decode() for a in b['stacks'].walk(b['stack_of'][cuint(0)].value)][:1])
    step('ksymname', lambda: (b.ksymname('vfs_read') > 0, b.ksymname('no_such_symbol')))
    step('attach to no such kprobe', lambda: b.attach_kprobe(event='no_such_function', fn_name='by_kprobe'))
    step('attach to no such expression', lambda: b.attach_kprobe(event_re='^no_such_.*', fn_name='by_kprobe'))
    step('attach to no such tracepoint', lambda: b.attach_tracepoint(tp='no:such', fn_name='by_tracepoint'))
    step('attach to no such raw tracepoint', lambda: b.attach_raw_tracepoint(tp='no_such', fn_name='by_raw_tracepoint'))
    step('attach to no such library', lambda: b.attach_uprobe(name='no_such_library', sym='x', fn_name='by_uprobe'))
    step('attach to no such symbol', lambda: b.attach_uprobe(name=libc, sym='no_such_symbol', fn_name='by_uprobe'))
    step('attach no such function', lambda: b.attach_kprobe(event='vfs_read', fn_name='no_such_function'))
    group = os.open('/sys/fs/cgroup', os.O_RDONLY)
    step('attach_func', lambda: b.attach_func(b.load_func('by_cgroup', BPF.SOCK_OPS), group, BPFAttachType.CGROUP_SOCK_OPS))
    step('attach_func again', lambda: b.attach_func(b.load_func('by_cgroup', BPF.SOCK_OPS), group, BPFAttachType.CGROUP_SOCK_OPS))
    step('attach_func of a device program', lambda: b.attach_func(b.load_func('on_device', BPF.CGROUP_DEVICE), group, BPFAttachType.CGROUP_DEVICE))
    step('attach_func to a wrong hook', lambda: b.attach_func(b.load_func('on_device', BPF.CGROUP_DEVICE), group, BPFAttachType.CGROUP_SOCK_OPS))
    step('detach_func', lambda: b.detach_func(b.load_func('by_cgroup', BPF.SOCK_OPS), group, BPFAttachType.CGROUP_SOCK_OPS))
    step('detach_func again', lambda: b.detach_func(b.load_func('by_cgroup', BPF.SOCK_OPS), group, BPFAttachType.CGROUP_SOCK_OPS))
    step('detach_func of a device program', lambda: b.detach_func(b.load_func('on_device', BPF.CGROUP_DEVICE), group, BPFAttachType.CGROUP_DEVICE))
    step('detach_func of nothing', lambda: b.detach_func(b.load_func('on_packet', BPF.CGROUP_SKB), group, BPFAttachType.CGROUP_INET_INGRESS))
    step('support', lambda: (BPF.support_kfunc(), BPF.support_lsm(), BPF.support_raw_tracepoint(), BPF.support_raw_tracepoint_in_module()))
    step('kfunc', lambda: BPF(text='KFUNC_PROBE(vfs_read, struct file *file) { return 0; } KRETFUNC_PROBE(vfs_read, struct file *file) { return 0; }') and 'attached')
    step('lsm', lambda: BPF(text='LSM_PROBE(file_open, struct file *file) { return 0; }') and 'attached')


def raw_attr():
    a = Perf.perf_event_attr()
    a.type = PerfType.SOFTWARE
    a.config = PerfSWConfig.CPU_CLOCK
    a.sample_period = 10000000
    return a


def main():
    b = BPF(text=TEXT.replace('COMM', COMM).replace('NUM_CPUS', '128'))
    if sys.argv[2:] == ['refused']:
        refused(b)
        return
    tables(b)
    attachments(b)
    step('cleanup', b.cleanup)
    print('end')


main()
