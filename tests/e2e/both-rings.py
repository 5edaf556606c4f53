# SPDX-License-Identifier: Apache-2.0
# A BCC script with a perf buffer and a BPF ring buffer, each polled by a thread of its own, while a third one reads a map: how many times was COMM executed?
import sys
import threading
from bcc import BPF

b = BPF(text=r'''
BPF_PERF_OUTPUT(perf_events);
BPF_RINGBUF_OUTPUT(ring_events, 8);
BPF_HASH(count, u32, u64, 16);
struct event { char comm[16]; };
TRACEPOINT_PROBE(sched, sched_process_exec)
{
	struct event e = {};
	u32 key = 0;

	bpf_get_current_comm(&e.comm, sizeof(e.comm));
	if (e.comm[0] == 'B' && e.comm[1] == 'W')
		count.increment(key);
	perf_events.perf_submit(args, &e, sizeof(e));
	ring_events.ringbuf_output(&e, sizeof(e), 0);
	return 0;
}
''')
seen = {"perf": 0, "ring": 0, "lost": 0}
over = threading.Event()


def counter(name):
    def on_event(_, data, size):
        seen[name] += bytes(b["perf_events"].event(data).comm) == sys.argv[1].encode()
    return on_event


def lost(n):
    seen["lost"] += n


def read_map():
    try:
        while not over.wait(0.01):
            list(b["count"].items())
            with open("/sys/kernel/tracing/trace_clock", encoding="ascii") as f:
                f.read()
    except OSError:     # the board is gone
        pass


def poll(wait):
    while not over.is_set():
        wait(timeout=100)


b["perf_events"].open_perf_buffer(counter("perf"), lost_cb=lost)
b["ring_events"].open_ring_buffer(counter("ring"))
threads = [threading.Thread(target=poll, args=(b.perf_buffer_poll,)), threading.Thread(target=poll, args=(b.ring_buffer_poll,)),
           threading.Thread(target=read_map)]
for t in threads:
    t.start()
print("waiting")
try:
    over.wait()
except KeyboardInterrupt:
    pass
over.set()
for t in threads:
    t.join()
print("perf", seen["perf"], "ring", seen["ring"], "map", sum(v.value for v in b["count"].values()), "lost", seen["lost"])
