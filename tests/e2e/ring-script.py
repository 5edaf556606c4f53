# SPDX-License-Identifier: Apache-2.0
# A BCC script on a BPF ring buffer, which libbpf waits for by epoll.
from bcc import BPF

b = BPF(text=r'''
BPF_RINGBUF_OUTPUT(events, 8);
int on_open(void *ctx)
{
	u64 pid = bpf_get_current_pid_tgid() >> 32;

	events.ringbuf_output(&pid, sizeof(pid), 0);
	return 0;
}
''')
b.attach_kprobe(event="do_sys_openat2", fn_name="on_open")
b["events"].open_ring_buffer(lambda ctx, data, size: print("open", size))
print("waiting")
try:
    while True:
        b.ring_buffer_poll()
except KeyboardInterrupt:
    print("summary")
