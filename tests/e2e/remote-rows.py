#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each method of LibRemote, good and bad, against a real kernel: remote-rows.py [--board] REMOTE [ARG]. Without --board the kernel is this machine's, and then
its processes can be looked at too."""
import base64
import ctypes
import os
import struct
import subprocess
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../remote/bcc", p) for p in (".", "examples")]
import bpf_asm as asm
from bcc_remote import LibRemote

BOARD = "--board" in sys.argv
REMOTE = [a for a in sys.argv[1:] if a != "--board"]
HASH, ARRAY, PERF_EVENT_ARRAY, STACK_TRACE = 1, 2, 4, 7
KPROBE, TRACEPOINT, PERF_EVENT = 2, 5, 7
TRACEFS = "/sys/kernel/debug/tracing"
failed = 0


def claim(text, good, *seen):
    global failed
    print("%s - %s" % ("ok" if good else "not ok", text))
    if not good:
        failed += 1
        for s in seen:
            print("# %.1500s" % (s,))
    sys.stdout.flush()


def section(f):
    """A claim that fails by an exception, too, is a failed claim and not the end."""
    try:
        f()
    except Exception as e:
        claim("%s goes to its end" % f.__doc__, False, repr(e), "line %d" % e.__traceback__.tb_next.tb_lineno)


def same(text, *pairs):
    """Several calls and what they must return, as one claim."""
    bad = ["%s is not %s" % (got, want) for got, want in pairs if got != want]
    claim(text, not bad, *bad)


def b64(n, size=4):
    return base64.b64encode(n.to_bytes(size, sys.byteorder))


def nothing():
    p = asm.Program()
    p.leave()
    return p.bytes()


def output(table, word):
    """Sends the id of the task and a word."""
    p = asm.Program()
    p.mov(6, 1)
    p.call(asm.PID_TGID)
    p.store(8, asm.FRAME, -16, 0)
    p.number(0, word)
    p.store(8, asm.FRAME, -8, 0)
    p.mov(1, 6)
    p.map(2, table)
    p.this_cpu(3)
    p.frame(4, -16)
    p.number(5, 16)
    p.call(asm.PERF_OUTPUT)
    p.leave()
    return p.bytes()


class Samples:
    """Of one map of buffers: poll until one fits."""

    def __init__(self, lib):
        self.table = lib.bpf_create_map(PERF_EVENT_ARRAY, "events", 4, 4, 256, 0)
        self.lib, self.seen = lib, []
        self.buffers = lib.open_perf_buffers(self.table, lambda _, data, size: self.seen.append(struct.unpack("QQ", ctypes.string_at(data, size)[:16])))

    def wait(self, fits, cause=None, seconds=30):
        end = time.monotonic() + seconds
        self.seen.clear()
        while time.monotonic() < end:
            if cause:
                cause()
            self.lib.perf_reader_poll(self.buffers, 500)
            if any(fits(i >> 32, word) for i, word in self.seen):
                return True
        return False


lib = LibRemote(*REMOTE)
commands = []
send = lib.remote.send_command


def counted(line):
    commands.append(line)
    return send(line)


lib.remote.send_command = counted


@section
def maps():
    "maps"
    m = lib.bpf_create_map(HASH, "count", 8, 40, 10240, 0)
    k, v = b64(1, 8), base64.b64encode(bytes(range(40)))
    same("maps are created, written and read", (m, 3), (lib.bpf_create_map(9999, None, 8, 40, 16, 0), -22), (lib.bpf_update_elem(m, k, 8, v, 40, 0), 0),
         (lib.bpf_update_elem(m, k, 8, v, 40, 1), -17), (lib.bpf_lookup_elem(m, k, 8, 40), (0, [v.decode()])), (lib.bpf_lookup_elem(m, k.decode(), 8, 40)[0], 0),
         (lib.bpf_lookup_elem(m, b64(2, 8), 8, 40)[0], -2), (lib.bpf_lookup_elem(m, k, 8, 39)[0], -22), (lib.bpf_lookup_elem(99, k, 8, 40)[0], -9),
         (lib.bpf_get_first_key(m, 8, 40, False), (0, [k.decode()])), (lib.bpf_get_next_key(m, k, 8)[0], -2), (lib.bpf_get_first_key(99, 8, 40)[0], -9))
    same("deleted and cleared", (lib.bpf_delete_elem(m, k, 8), 0), (lib.bpf_delete_elem(m, k, 8), -2), (lib.bpf_get_first_key(m, 8, 40)[0], -2),
         (lib.bpf_update_elem(m, k, 8, v, 40, 0), 0), (lib.bpf_clear_map(m, 8), 1), (lib.bpf_clear_map(m, 8), 0), (lib.bpf_clear_map(99, 8), -9))


@section
def going_through():
    "going through a map"
    n = 100 if BOARD else 500
    m = lib.bpf_create_map(HASH, "many", 4, 8, 10240, 0)
    for i in range(n):
        lib.bpf_update_elem(m, b64(i), 4, b64(i * 3, 8), 8, 0)
    commands.clear()
    found = {}
    ret, key = lib.bpf_get_first_key(m, 4, 8)
    while ret >= 0:
        found[key[0]] = lib.bpf_lookup_elem(m, key[0], 4, 8)[1][0]
        ret, key = lib.bpf_get_next_key(m, key[0], 4)
    asked = len(commands)       # on a machine that stands still the values grow old: each is asked then
    claim("a map of %d entries is gone through whole, by one command" % n,
          found == {b64(i).decode(): b64(i * 3, 8).decode() for i in range(n)} and asked <= 1 + n // 2, len(found), asked)
    lib.bpf_update_elem(m, b64(7), 4, b64(1, 8), 8, 0)
    claim("what is written then is what is read", lib.bpf_lookup_elem(m, b64(7), 4, 8)[1] == [b64(1, 8).decode()])
    claim("a map of stacks is dumped", lib.bpf_get_first_key(lib.bpf_create_map(STACK_TRACE, "stacks", 4, 1016, 16, 0), 4, 1016)[0] == -2)


@section
def pins():
    "pinning"
    path = "/sys/fs/bpf/bw-%s" % os.urandom(6).hex()
    m = lib.bpf_create_map(ARRAY, "pinned", 4, 8, 1, 0)
    lib.bpf_update_elem(m, b64(0), 4, b64(42, 8), 8, 0)
    same("a map is pinned", (lib.bpf_obj_pin(m, path), 0), (lib.bpf_obj_pin(m, path), -17), (lib.close_fd(m), 0), (lib.close_fd(m), -9))
    again = lib.bpf_obj_get(path)
    claim("and found again", again > 0 and lib.bpf_lookup_elem(again, b64(0), 4, 8) == (0, [b64(42, 8).decode()]), again)
    claim("one that is not there is not", lib.bpf_obj_get(path + "-2") == -2)
    if not BOARD:
        os.unlink(path)


@section
def programs():
    "programs"
    same("a program that is none is refused, with the verifier's words", (lib.bpf_prog_load(TRACEPOINT, "bad", nothing()[:8], b"GPL", 0), -22),
         ("exit" in lib.prog_log(), True))
    prog = lib.bpf_prog_load(TRACEPOINT, b"good", nothing(), b"GPL", 0)
    claim("one that is one is loaded", prog > 0, prog)
    t = lib.bpf_attach_tracepoint(prog, "sched", "sched_switch")
    claim("and attached to a tracepoint", t > prog, t)
    same("and what cannot be is not", (lib.bpf_attach_tracepoint(prog, "sched", "nothing"), -2), (lib.bpf_attach_tracepoint(99, "sched", "sched_switch"), -9),
         (lib.bpf_detach_tracepoint("sched", "sched_switch"), 0), (lib.bpf_detach_tracepoint("sched", "sched_switch"), -2),
         (lib.bpf_attach_kprobe(99, 0, "p_x", "schedule"), -9), (lib.bpf_attach_uprobe(99, 0, "p_x", "/bin/sh", 4096, -1), -9),
         (lib.bpf_attach_uprobe(prog, 0, "p_x", "/no/such/file", 4096, -1), -2), (lib.bpf_detach_kprobe("p_x"), 0), (lib.bpf_detach_uprobe("p_x"), 0))
    tick = lib.bpf_prog_load(PERF_EVENT, "tick", nothing(), "GPL", 0)
    fd = lib.bpf_attach_perf_event(tick, 1, 0, 0, 49, -1, 0, -1)
    claim("a program is run by a clock", fd > tick > 0, tick, fd)
    same("until that is closed", (lib.bpf_close_perf_event_fd(fd), 0), (lib.bpf_close_perf_event_fd(fd), -9), (lib.bpf_attach_perf_event(99, 1, 0, 0, 49, -1, 0, -1), -9))


@section
def events():
    "events"
    same("a buffer that cannot be is refused", (lib.bpf_open_perf_buffer(-1, 0, 3), -22), (lib.bpf_open_perf_buffer(-1, 9999999, 8) in (-19, -22), True))
    s = Samples(lib)
    claim("each processor has a buffer", isinstance(s.buffers, list) and (BOARD or len(s.buffers) == os.sysconf("SC_NPROCESSORS_ONLN")), s.buffers)
    same("nothing comes of nothing", (lib.perf_reader_poll(s.buffers, 0), 0), (lib.perf_reader_poll([(99, (None, None))], 0), -9))
    prog = lib.bpf_prog_load(TRACEPOINT, "exits", output(s.table, 77), "GPL", 0)
    lib.bpf_attach_tracepoint(prog, "sched", "sched_process_exit")
    pids = []

    def process():
        p = subprocess.Popen(["/bin/true"])
        p.wait()
        pids.append(p.pid)
    claim("events come to the callback", s.wait(lambda pid, word: word == 77 and (BOARD or pid in pids), None if BOARD else process), s.seen[:5])
    lib.bpf_detach_tracepoint("sched", "sched_process_exit")
    lib.perf_reader_poll(s.buffers, 0)


def entry_of(path):
    """Where in the file the first instruction is."""
    with open(path, "rb") as f:
        data = f.read()
    entry, table = struct.unpack_from("<QQ", data, 24)
    size, count = struct.unpack_from("<HH", data, 54)
    for at in range(table, table + size * count, size):
        kind, _, offset, addr, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if kind == 1 and addr <= entry < addr + length:
            return entry - addr + offset
    raise ValueError(path)


@section
def uprobes():
    "uprobes"
    if BOARD:
        return
    s = Samples(lib)
    prog = lib.bpf_prog_load(KPROBE, "starts", output(s.table, 78), "GPL", 0)
    ret = lib.bpf_attach_uprobe(prog, 0, "p_true", "/bin/true", entry_of("/bin/true"), -1)
    claim("a uprobe is attached, and fires", ret > 0 and s.wait(lambda _, word: word == 78, lambda: subprocess.run(["/bin/true"], check=True)), ret, s.seen[:5])
    lib.bpf_detach_uprobe("p_true")
    lib.perf_reader_poll(s.buffers, 0)
    claim("and does not when it is detached", not s.wait(lambda _, word: word == 78, lambda: subprocess.run(["/bin/true"], check=True), 1), s.seen[:5])


@section
def kprobes():
    "kprobes"
    if not BOARD:
        return
    s = Samples(lib)
    for at_return, word in ((0, 79), (1, 80)):
        prog = lib.bpf_prog_load(KPROBE, "opens", output(s.table, word), "GPL", 0)
        name = "%s_do_sys_openat2" % "pr"[at_return]
        ret = lib.bpf_attach_kprobe(prog, at_return, name, "do_sys_openat2")
        claim("a %s is attached, and fires" % ("kretprobe" if at_return else "kprobe"), ret > 0 and s.wait(lambda _, w: w == word), ret, s.seen[:5])    # pylint: disable=cell-var-from-loop
        lib.bpf_detach_kprobe(name)
    claim("a function that is none is not probed", lib.bpf_attach_kprobe(prog, 0, "p_x", "no_such_function") == -2)


@section
def symbols():
    "symbols"
    addr = lib.ksymname("schedule")
    claim("a kernel symbol has an address", isinstance(addr, str) and int(addr) > 1 << 40, addr)
    same("and an address a symbol", (lib.ksym(int(addr) + 4), ("schedule", "4", "kernel")), (lib.sym(-1, int(addr)), ("schedule", "0", "kernel")),
         (lib.ksym(1), (None, 1, None)), (lib.ksymname("no_such_symbol"), -1), (lib.usym(4194305, 4096), (None, 4096, None)),
         (lib.usymname(4194305, "main", "sh"), -1))
    same("many at once", (lib.ksyms([int(addr), 1, int(addr) + 8]), [("schedule", "0", "kernel"), (None, 1, None), ("schedule", "8", "kernel")]))
    kallsyms = lib.kallsyms()
    claim("kallsyms comes whole", len(kallsyms) > 10000 and any(s.endswith(" T schedule") for s in kallsyms), len(kallsyms))
    if BOARD:
        return
    here = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value
    name, offset, module = lib.sym(os.getpid(), here + 1)
    claim("so have those of processes", "getpid" in name and offset == "1" and "/libc" in module, name, offset, module)
    same("many of them at once", (lib.usyms(os.getpid(), [here, 1]), [(name, "0", module), (None, 1, None)]), (lib.usyms(4194305, [1]), [(None, 1, None)]))
    claim("in both directions", lib.usymname(os.getpid(), "getpid", os.path.basename(module)) == str(here), lib.usymname(os.getpid(), "getpid", module), here)


@section
def looking():
    "looking around"
    claim("tracepoints are told", "sched" in lib.get_trace_events_categories(TRACEFS) and "sched_switch" in lib.get_trace_events(TRACEFS, "sched"))
    same("and what is none is not", (lib.get_trace_events(TRACEFS, "nothing"), -1), (lib.get_trace_events_categories("/nothing"), -1),
         (lib.available_filter_functions("/nothing"), -1))
    functions = lib.available_filter_functions(TRACEFS)
    claim("functions are told, or cannot be", functions == -1 or len(functions) > 1000, functions if functions == -1 else len(functions))
    functions = lib.kprobes_blacklist(TRACEFS)
    claim("also those not to be probed", functions == -1 or (functions and functions[0].startswith("0x")), functions if functions == -1 else functions[:2])
    with open("/proc/self/comm", encoding="utf-8") as f:
        comm = f.read().strip()
    same("processes have names", (BOARD or lib.comm_for_pid(os.getpid()) == comm, True), (lib.comm_for_pid(1) != "[unknown]", True),
         (lib.comm_for_pid(4194305), "[unknown]"), (lib.comm_for_pid(-1), "[unknown]"))


lib.close_connection()
print("# %d failed" % failed)
sys.exit(failed > 0)
