#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the text protocol must answer. text-rows.py [--board] [--socket] DIR COMMAND...: COMMAND speaks it on its standard input and output; DIR is
empty and ours. Without --board the kernel behind it is this machine's, and then its processes can be looked at too."""
import ctypes
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time

from bpfd_client import Client, RETURN_0, b64, insn, load_line, output_program

args = sys.argv[1:]
BOARD = "--board" in args
SOCKET = "--socket" in args		# the other side sees no terminal
args = [a for a in args if a not in ("--board", "--socket")]
DIR, COMMAND = args[0], args[1:]
WORD = "tx%s" % os.urandom(4).hex()
failed = 0


def claim(text, good, *seen):
    global failed
    print("%s - %s" % ("ok" if good else "not ok", text))
    if not good:
        failed += 1
        for s in seen:
            print("# %.1500s" % (s,))
    sys.stdout.flush()


def section(text):
    """A claim that fails by an exception, too, is a failed claim and not the end."""
    def run(f):
        try:
            f()
        except Exception as e:
            claim("%s (%s)" % (text, f.__name__), False, repr(e), "line %d" % e.__traceback__.tb_next.tb_lineno)
    return run


K, V = b64(struct.pack("<Q", 1)), b64(bytes(range(40)))
K4, K2 = b64(struct.pack("<I", 0)), b64(struct.pack("<Q", 2))
REFUSED = ["Command not recognized"]
UNREADABLE = ["Open failed, ignoring", "Command not recognized"]
TRACEFS = "/sys/kernel/debug/tracing"

# Command, and its answer: lines, where one in slashes is a regular expression. None: no answer at all. In this order in one session.
ROWS = [
    ("; Program opensnoop", None),
    ("", None),
    ("   ", None),
    ("BPF_CREATE_MAP 1 count 8 40 10240 0", ["bpf_create_map: ret=3"]),
    ("BPF_CREATE_MAP 4 4 4 2 0", ["bpf_create_map: ret=4"]),
    ("BPF_CREATE_MAP 1 __none__ 8 40 16 0", ["bpf_create_map: ret=5"]),
    ("BPF_CREATE_MAP 2 counts 4 8 1 0 0", ["bpf_create_map: ret=6"]),
    ("BPF_CREATE_MAP 1 bad/name! 8 40 16 0", ["bpf_create_map: ret=7"]),
    ("BPF_CREATE_MAP 1 0 40 16 0", ["bpf_create_map: ret=-22"]),
    ("BPF_CREATE_MAP 9999 8 40 16 0", ["bpf_create_map: ret=-22"]),
    ("BPF_CREATE_MAP -1 8 40 16 0", ["bpf_create_map: ret=-22"]),
    ("BPF_CREATE_MAP 1 8 40 16", REFUSED),
    ("BPF_CREATE_MAP one 8 40 16 0", REFUSED),
    ("BPF_CREATE_MAP", REFUSED),
    ("BPF_UPDATE_ELEM 3 %s 8 %s 40 0" % (K, V), ["bpf_update_elem: ret=0"]),
    ("BPF_UPDATE_ELEM 3 %s 8 %s 40 1" % (K, V), ["bpf_update_elem: ret=-17"]),
    ("BPF_UPDATE_ELEM 3 %s 8 %s 40 0" % (K, K), ["bpf_update_elem: ret=-22"]),
    ("BPF_UPDATE_ELEM 3 %s 4 %s 40 0" % (K, V), ["bpf_update_elem: ret=-22"]),
    ("BPF_UPDATE_ELEM 3 %s 4 %s 40 0" % (K4, V), ["bpf_update_elem: ret=-22"]),
    ("BPF_UPDATE_ELEM 99 %s 8 %s 40 0" % (K, V), ["bpf_update_elem: ret=-9"]),
    ("BPF_UPDATE_ELEM 3 %%%% 3 %s 40 0" % V, REFUSED),
    ("BPF_LOOKUP_ELEM 3 %s 8 40" % K, [V]),
    ("BPF_LOOKUP_ELEM 3 %s 8 40 0 0" % K, [V]),
    ("BPF_LOOKUP_ELEM 3 %s 8 40" % K2, ["bpf_lookup_elem: ret=-2"]),
    ("BPF_LOOKUP_ELEM 3 %s 8 39" % K, ["bpf_lookup_elem: ret=-22"]),
    ("BPF_LOOKUP_ELEM 3 %s 8 1000000000" % K, ["bpf_lookup_elem: ret=-22"]),
    ("BPF_LOOKUP_ELEM -1 %s 8 40" % K, ["bpf_lookup_elem: ret=-9"]),
    ("BPF_LOOKUP_ELEM 2 %s 8 40" % K, ["bpf_lookup_elem: ret=-9"]),
    ("BPF_LOOKUP_ELEM 3 %s" % K, REFUSED),
    ("BPF_GET_FIRST_KEY 3 8 40 0", [K]),
    ("BPF_GET_FIRST_KEY 3 8 40 1", [K, V, ""]),
    ("BPF_GET_FIRST_KEY 5 8 40 1", ["bpf_get_first_key: ret=-2"]),
    ("BPF_GET_FIRST_KEY 5 8 40 0", ["bpf_get_first_key: ret=-2"]),
    ("BPF_GET_FIRST_KEY 3 4 40 1", ["bpf_get_first_key: ret=-22"]),
    ("BPF_GET_FIRST_KEY 3 8 8 1", ["bpf_get_first_key: ret=-22"]),
    ("BPF_GET_FIRST_KEY 99 8 40 1", ["bpf_get_first_key: ret=-9"]),
    ("BPF_GET_FIRST_KEY 3 8", REFUSED),
    ("BPF_GET_FIRST_KEY 6 4 8 1", [K4, b64(bytes(8)), ""]),
    ("BPF_GET_NEXT_KEY 3 %s 8" % K, ["bpf_get_next_key: ret=-2"]),
    ("BPF_GET_NEXT_KEY 3 %s 8" % K2, [K]),
    ("BPF_GET_NEXT_KEY 99 %s 8" % K, ["bpf_get_next_key: ret=-9"]),
    ("BPF_GET_NEXT_KEY 3 %s" % K, REFUSED),
    ("BPF_DELETE_ELEM 3 %s 8" % K2, ["bpf_delete_elem: ret=-2"]),
    ("BPF_DELETE_ELEM 3 %s 8" % K, ["bpf_delete_elem: ret=0"]),
    ("BPF_DELETE_ELEM 6 %s 4" % K4, ["bpf_delete_elem: ret=-22"]),
    ("BPF_DELETE_ELEM 99 %s 8" % K, ["bpf_delete_elem: ret=-9"]),
    ("BPF_DELETE_ELEM 3", REFUSED),
    ("BPF_UPDATE_ELEM 3 %s 8 %s 40 0" % (K, V), ["bpf_update_elem: ret=0"]),
    ("BPF_UPDATE_ELEM 3 %s 8 %s 40 0" % (K2, V), ["bpf_update_elem: ret=0"]),
    ("BPF_CLEAR_MAP 3 8", ["bpf_clear_map: ret=2"]),
    ("BPF_CLEAR_MAP 3 8", ["bpf_clear_map: ret=0"]),
    ("BPF_CLEAR_MAP 6 4", ["bpf_clear_map: ret=-22"]),
    ("BPF_CLEAR_MAP 3 4", ["bpf_clear_map: ret=-22"]),
    ("BPF_CLEAR_MAP 99 8", ["bpf_clear_map: ret=-9"]),
    ("BPF_CLEAR_MAP 3", REFUSED),
    (load_line(5, "two", RETURN_0), ["bpf_prog_load: ret=8"]),
    ("BPF_PROG_LOAD 5 16 GPL 264721 %s 0" % b64(RETURN_0), ["bpf_prog_load: ret=9"]),
    ("GET_PROG_LOG", ["get_prog_log: ret=-2"]),
    ("BPF_PROG_LOAD 5 bad 8 GPL 0 %s" % b64(RETURN_0), ["bpf_prog_load: ret=-22"]),
    ("GET_PROG_LOG", ["get_prog_log: ret=0", "/.*exit.*/", "/.*/"]),
    ("BPF_PROG_LOAD 5 bad 24 GPL 0 %s" % b64(RETURN_0), ["bpf_prog_load: ret=-22"]),
    ("BPF_PROG_LOAD 5 bad 0 GPL 0 ", REFUSED),
    ("BPF_PROG_LOAD 5 bad 16 GPL 0 %s!" % b64(RETURN_0), REFUSED),
    (load_line(5, "perf", output_program(99)), ["bpf_prog_load: ret=-9"]),
    ("BPF_ATTACH_KPROBE 99 0 p_x schedule", ["bpf_attach_kprobe: ret=-9"]),
    ("BPF_ATTACH_KPROBE 3 0 p_x schedule", ["bpf_attach_kprobe: ret=-22"]),
    ("BPF_ATTACH_KPROBE 8 2 p_x schedule", ["bpf_attach_kprobe: ret=-22"]),
    ("BPF_ATTACH_KPROBE 8 0 p_x", REFUSED),
    ("BPF_DETACH_KPROBE nobody", ["bpf_detach_kprobe: ret=-2"]),
    ("BPF_DETACH_KPROBE", REFUSED),
    ("BPF_ATTACH_UPROBE 99 0 p_x /bin/sh 4096 -1", ["bpf_attach_uprobe: ret=-9"]),
    ("BPF_ATTACH_UPROBE 8 0 p_x /bin/sh 4096 0", ["bpf_attach_uprobe: ret=-22"]),
    ("BPF_ATTACH_UPROBE 8 0 p_x /bin/sh 4096 -2", ["bpf_attach_uprobe: ret=-22"]),
    ("BPF_ATTACH_UPROBE 8 0 p_x /no/such/file 4096 -1", ["bpf_attach_uprobe: ret=-2"]),
    ("BPF_ATTACH_UPROBE 8 0 p_x /bin/sh 4096", REFUSED),
    ("BPF_DETACH_UPROBE nobody", ["bpf_detach_uprobe: ret=-2"]),
    ("BPF_DETACH_UPROBE", REFUSED),
    ("BPF_ATTACH_TRACEPOINT 8 sched sched_switch", ["bpf_attach_tracepoint: ret=10"]),
    ("BPF_ATTACH_TRACEPOINT 8 sched no_such_event", ["bpf_attach_tracepoint: ret=-2"]),
    ("BPF_ATTACH_TRACEPOINT 8 ../.. x", ["bpf_attach_tracepoint: ret=-22"]),
    ("BPF_ATTACH_TRACEPOINT 99 sched sched_switch", ["bpf_attach_tracepoint: ret=-9"]),
    ("BPF_ATTACH_TRACEPOINT 8 sched", REFUSED),
    ("BPF_DETACH_TRACEPOINT sched sched_switch", ["bpf_detach_tracepoint: ret=0"]),
    ("BPF_DETACH_TRACEPOINT sched sched_switch", ["bpf_detach_tracepoint: ret=-2"]),
    ("BPF_DETACH_TRACEPOINT sched", REFUSED),
    (load_line(7, "tick", RETURN_0), ["bpf_prog_load: ret=10"]),
    ("BPF_ATTACH_PERF_EVENT 10 1 0 0 49 -1 0 -1", ["bpf_attach_perf_event: ret=11"]),
    ("BPF_ATTACH_PERF_EVENT 10 1 0 1000000 0 -1 0 -1", ["bpf_attach_perf_event: ret=12"]),
    ("BPF_ATTACH_PERF_EVENT 99 1 0 0 49 -1 0 -1", ["bpf_attach_perf_event: ret=-9"]),
    ("BPF_ATTACH_PERF_EVENT 10 1 0 0 49 -1 0 77", ["bpf_attach_perf_event: ret=-9"]),
    ("BPF_ATTACH_PERF_EVENT 10 1 0 0 49 -1 9999999 -1", ["/bpf_attach_perf_event: ret=-(19|22)/"]),
    ("BPF_ATTACH_PERF_EVENT 10 1 0 0 49 -1 0", REFUSED),
    ("BPF_CLOSE_PERF_EVENT_FD 11", ["bpf_close_perf_event_fd: ret=0"]),
    ("BPF_CLOSE_PERF_EVENT_FD 11", ["bpf_close_perf_event_fd: ret=-9"]),
    ("BPF_CLOSE_PERF_EVENT_FD 3", ["bpf_close_perf_event_fd: ret=-22"]),
    ("BPF_CLOSE_PERF_EVENT_FD", REFUSED),
    ("BPF_OPEN_PERF_BUFFER -1 0 8", ["bpf_open_perf_buffer: ret=11"]),
    ("BPF_OPEN_PERF_BUFFER -1 0 3", ["bpf_open_perf_buffer: ret=-22"]),
    ("BPF_OPEN_PERF_BUFFER -1 0 -8", ["bpf_open_perf_buffer: ret=-22"]),
    ("BPF_OPEN_PERF_BUFFER -1 0 1073741824", ["bpf_open_perf_buffer: ret=-22"]),
    ("BPF_OPEN_PERF_BUFFER -1 9999999 8", ["/bpf_open_perf_buffer: ret=-(19|22)/"]),
    ("BPF_OPEN_PERF_BUFFER -1 0", REFUSED),
    ("BPF_UPDATE_ELEM 4 %s 4 %s 4 0" % (K4, b64(struct.pack("<I", 11))), ["bpf_update_elem: ret=0"]),
    ("BPF_UPDATE_ELEM 4 %s 4 %s 4 0" % (K4, b64(struct.pack("<I", 99))), ["bpf_update_elem: ret=-9"]),
    ("PERF_READER_POLL 0 1 11", []),
    ("PERF_READER_POLL 20 1 11", []),
    ("PERF_READER_POLL 0 0", []),
    # The original: n bytes allocated, n ints written.
    ("PERF_READER_POLL 0 1000000000 11", ["perf_reader_poll: ret=-22"]),
    ("PERF_READER_POLL 0 -1 11", ["perf_reader_poll: ret=-22"]),
    ("PERF_READER_POLL 0 2147483647 11", ["perf_reader_poll: ret=-22"]),
    ("PERF_READER_POLL 0 2 11", REFUSED),
    ("PERF_READER_POLL 0 4 11 11 11 x", REFUSED),
    ("PERF_READER_POLL 0 1 99", ["perf_reader_poll: ret=-9"]),
    ("PERF_READER_POLL 0 1 3", ["perf_reader_poll: ret=-22"]),
    ("PERF_READER_POLL 0", REFUSED),
    ("GET_LOST", ["get_lost: ret=0", "0"]),
    ("GET_LOST 11", ["get_lost: ret=0", "0"]),
    ("GET_LOST 3", ["get_lost: ret=-9"]),
    ("SET_OPTION lost 1", ["set_option: ret=0"]),
    ("SET_OPTION lost 2", ["set_option: ret=-22"]),
    ("SET_OPTION found 1", ["set_option: ret=-2"]),
    ("CLOSE_FD 11", ["close_fd: ret=0"]),
    ("CLOSE_FD 11", ["close_fd: ret=-9"]),
    ("BPF_CREATE_MAP 1 8 40 10240 0", ["bpf_create_map: ret=11"]),
    ("BPF_OBJ_PIN 3 /sys/fs/bpf/" + WORD, ["bpf_obj_pin: ret=0"]),
    ("BPF_OBJ_PIN 3 /sys/fs/bpf/" + WORD, ["bpf_obj_pin: ret=-17"]),
    ("BPF_OBJ_PIN 99 /sys/fs/bpf/%s-2" % WORD, ["bpf_obj_pin: ret=-9"]),
    ("BPF_OBJ_GET /sys/fs/bpf/" + WORD, ["bpf_obj_get: ret=13"]),
    ("BPF_OBJ_GET /sys/fs/bpf/%s-2" % WORD, ["bpf_obj_get: ret=-2"]),
    ("COMM_FOR_PID 4194305", UNREADABLE),
    ("COMM_FOR_PID -1", ["comm_for_pid: ret=-22"]),
    ("COMM_FOR_PID x", REFUSED),
    ("GET_TRACE_EVENTS %s no_such_category" % TRACEFS, REFUSED),
    ("GET_TRACE_EVENTS_CATEGORIES /no/such/place", REFUSED),
    ("GET_AVAIL_FILTER_FUNCS /no/such/place", UNREADABLE),
    ("GET_KSYM_NAME 1", ["GET_KSYM_NAME: ret=-2"]),
    ("GET_KSYM_NAME x", REFUSED),
    ("GET_KSYM_ADDR no_such_symbol", ["GET_KSYM_ADDR: ret=-2"]),
    # The original: a negative index.
    ("GET_USYM_NAME -1 4096 0", ["GET_USYM_NAME: ret=-22"]),
    ("GET_USYM_NAME -2147483648 4096 0", ["GET_USYM_NAME: ret=-22"]),
    ("GET_USYM_NAME 4194305 4096 0", ["GET_USYM_NAME: ret=-3"]),
    ("GET_USYM_NAME 1 4096", REFUSED),
    ("GET_USYM_ADDR -1 main sh", ["GET_USYM_ADDR: ret=-22"]),
    ("GET_USYM_ADDR 4194305 main sh", ["GET_USYM_ADDR: ret=-3"]),
    ("GET_USYM_ADDR 1 main", REFUSED),
    ("FORMAT_THE_DISK 1", REFUSED),
    ("get_kallsyms", REFUSED),
]


def like(line, want):
    return re.fullmatch(want[1:-1], line) if want.startswith("/") and want.endswith("/") else line == want


def transcript(c, rows):
    bad = []
    for command, want in rows:
        if want is None:
            c.write(command.encode() + b"\n")
            continue
        got = c.send_command(command)
        if len(got) < len(want) or not all(like(g, w) for g, w in zip(got, want)) or (len(got) != len(want) and "/.*/" not in want):
            bad.append("%s\n#   answered %s\n#   and not  %s" % (command[:120], got[:6], want))
    return bad


@section("transcript")
def rows():
    c = Client(COMMAND)
    claim("it greets at once", c.greeting == "STARTED_BPFD", c.greeting)
    bad = transcript(c, ROWS)
    claim("%d commands, good and bad, answer as they should" % len(ROWS), not bad, *bad[:12])
    claim("it ends by exit, well", c.close_connection() == 0)
    c = Client(COMMAND)
    ret, lines = c.ret("BPF_OBJ_GET /sys/fs/bpf/" + WORD)
    claim("what was pinned is there for the next session", ret == 3, lines)
    c.close_connection()
    if not BOARD:
        os.unlink("/sys/fs/bpf/" + WORD)


@section("the seeds' examples")
def seeds():
    text = "; Program opensnoop\nBPF_CREATE_MAP 1 8 40 10240 0\nBPF_CREATE_MAP 4 4 4 2 0\n"
    p = subprocess.run(COMMAND, input=text.encode(), stdout=subprocess.PIPE, timeout=60, check=False)
    want = "STARTED_BPFD\n" + "".join("START_BPFD_OUTPUT\nbpf_create_map: ret=%d\nEND_BPFD_OUTPUT\n" % n for n in (3, 4))
    claim("the announcement's lines, piped in, answer 3 and 4", p.stdout.decode() == want and p.returncode == 0, p.stdout, p.returncode)
    p = subprocess.run(COMMAND, input=b"BPF_CREATE_MAP 1 count 8 40 10240 0", stdout=subprocess.PIPE, timeout=60, check=False)
    claim("the article's example answers ret=3, also without a newline", b"\nbpf_create_map: ret=3\n" in p.stdout, p.stdout)


@section("files")
def files():
    c = Client(COMMAND)
    tracefs = TRACEFS
    lines = c.send_command("GET_KALLSYMS 0")
    claim("GET_KALLSYMS is all of it", len(lines) > 10000 and all(re.match(r"[0-9a-f]+ \S ", s) for s in lines), len(lines), lines[:2])
    lines = c.send_command("GET_TRACE_EVENTS_CATEGORIES " + tracefs)
    claim("categories are directories alone", "sched" in lines and "enable" not in lines and "header_page" not in lines, lines[:50])
    lines = c.send_command("GET_TRACE_EVENTS %s sched" % tracefs)
    claim("so are events", "sched_switch" in lines and "enable" not in lines, lines[:50])
    lines = c.send_command("COMM_FOR_PID 1")
    claim("COMM_FOR_PID is one line", len(lines) == 1 and lines[0] and "recognized" not in lines[0], lines)
    lines = c.send_command("GET_KPROBES_BLACKLIST " + tracefs)
    claim("the blacklist is lines of addresses, or cannot be opened",
          lines == UNREADABLE or (len(lines) > 10 and all(s.startswith("0x") for s in lines)), lines[:3])
    lines = c.send_command("GET_AVAIL_FILTER_FUNCS " + tracefs)
    claim("the filter functions are names, or cannot be opened", lines == UNREADABLE or len(lines) > 1000, lines[:3])
    c.close_connection()


@section("kernel symbols")
def ksyms():
    c = Client(COMMAND)
    ret, lines = c.ret("GET_KSYM_ADDR schedule")
    addr = int(lines[1])
    want = [s for s in c.send_command("GET_KALLSYMS") if s.endswith(" T schedule")]
    claim("GET_KSYM_ADDR is what kallsyms says", ret == 0 and addr == int(want[0].split()[0], 16), lines, want)
    lines = c.send_command("GET_KSYM_NAME %d" % (addr + 4))
    claim("GET_KSYM_NAME has name, offset and module", lines == ["GET_KSYM_NAME: ret=0", "schedule;4;kernel"], lines)
    many = c.send_command("GET_KSYM_NAMES %d 1 %d" % (addr, addr + 4))
    claim("many are asked in one line", many == ["schedule;0;kernel", "ret=-2", "schedule;4;kernel"], many)
    c.close_connection()


@section("dumps")
def dumps():
    c = Client(COMMAND)
    n = 2048 if BOARD else 10240
    for kind in (1, 2, 5):      # hash, array, per-CPU hash
        fd, _ = c.ret("BPF_CREATE_MAP %d dump %d 8 %d 0" % (kind, 4, n))
        cpus = os.cpu_count() if not BOARD else None
        if kind == 5 and cpus is None:
            continue
        size = 8 * (len(os.sched_getaffinity(0)) if kind == 5 else 1)
        if kind == 5:
            size = 8 * sum(1 + int(b or a) - int(a) for a, _, b in
                           (x.partition("-") for x in open("/sys/devices/system/cpu/possible").read().split(",")))
        c.write(b"".join(b"BPF_UPDATE_ELEM %d %s 4 %s %d 0\n" % (fd, b64(struct.pack("<I", i)).encode(),
                                                                 b64(struct.pack("<Q", i * 3) * (size // 8)).encode(), size) for i in range(n)))
        good = sum(c.answer() == ["bpf_update_elem: ret=0"] for i in range(n))
        lines = c.send_command("BPF_GET_FIRST_KEY %d 4 %d 1" % (fd, size))
        want = {b64(struct.pack("<I", i)): b64(struct.pack("<Q", i * 3) * (size // 8)) for i in range(n)}
        claim("a dump of %d entries of a map of type %d is complete" % (n, kind),
              good == n and lines[-1] == "" and dict(zip(lines[:-1:2], lines[1:-1:2])) == want and len(lines) == 2 * n + 1, good, len(lines), lines[:2])
        ret, lines = c.ret("BPF_CLEAR_MAP %d 4" % fd)
        claim("and is cleared, if it can be", ret == (-22 if kind == 2 else n), lines)
        if ret > 0:
            claim("after which it is empty", c.ret("BPF_GET_FIRST_KEY %d 4 %d 1" % (fd, size))[0] == -2)
    fd, _ = c.ret("BPF_CREATE_MAP 11 trie 8 8 100 1")       # LPM trie: no batches before 5.12, and never with gaps
    for i in range(20):
        c.ret("BPF_UPDATE_ELEM %d %s 8 %s 8 0" % (fd, b64(struct.pack("<II", 32, i)), K))
    lines = c.send_command("BPF_GET_FIRST_KEY %d 8 8 1" % fd)
    claim("a trie's dump is complete", len(lines) == 41 and len(set(lines[:-1:2])) == 20, lines)
    c.close_connection()


@section("a map that changes under a dump")
def vanishing():
    a, b = Client(COMMAND), Client(COMMAND)
    path = "/sys/fs/bpf/%s-churn" % WORD
    a.ret("BPF_CREATE_MAP 1 churn 4 4 2000 0")
    for i in range(200):
        a.ret("BPF_UPDATE_ELEM 3 %s 4 %s 4 0" % (b64(struct.pack("<I", i)), K4))
    a.ret("BPF_OBJ_PIN 3 " + path)
    b.ret("BPF_OBJ_GET " + path)
    stable = {b64(struct.pack("<I", i)) for i in range(200)}
    keys = [b64(struct.pack("<I", 1000 + i)) for i in range(300)]
    bad = []
    for n in range(5 if BOARD else 20):
        lines = "".join("BPF_%s_ELEM 3 %s 4%s\n" % ("UPDATE" if i % 2 == n % 2 else "DELETE", k, " %s 4 0" % K4 if i % 2 == n % 2 else "")
                        for i, k in enumerate(keys))
        b.write(lines.encode())
        got = a.send_command("BPF_GET_FIRST_KEY 3 4 4 1")
        if not stable <= set(got[:-1:2]) or got[-1] != "":
            bad.append((len(got), got[-1]))
        for _ in keys:
            b.answer()
    claim("keys that come and go in mid-dump do not fail it", not bad, bad)
    a.close_connection()
    b.close_connection()
    if not BOARD:
        os.unlink(path)


def events_of(c, fds, timeout, pid, seconds=20):
    """Samples whose pid is this one."""
    end, found = time.time() + seconds, 0
    while time.time() < end and not found:
        for line in c.send_command("PERF_READER_POLL %d %d %s" % (timeout, len(fds), " ".join(map(str, fds)))):
            fd, size, data = line.split(" ")
            raw = __import__("base64").b64decode(data)
            assert int(fd) in fds and int(size) == len(raw), line
            found += struct.unpack("<Q", raw[:8])[0] >> 32 == pid
    return found


def open_buffers(c, table, pages=8):
    fds = []
    for cpu in range(256):
        fd, _ = c.ret("BPF_OPEN_PERF_BUFFER -1 %d %d" % (cpu, pages))
        if fd < 0:
            break
        fds.append(fd)
        c.ret("BPF_UPDATE_ELEM %d %s 4 %s 4 0" % (table, b64(struct.pack("<I", cpu)), b64(struct.pack("<I", fd))))
    return fds


@section("events")
def events():
    c = Client(COMMAND)
    table, _ = c.ret("BPF_CREATE_MAP 4 events 4 4 256 0")
    fds = open_buffers(c, table)
    prog, lines = c.ret(load_line(5, "out", output_program(table)))
    ret, lines = c.ret("BPF_ATTACH_TRACEPOINT %d sched sched_process_exit" % prog)
    claim("a program with the number of a map in it is attached", prog > 0 and ret > prog, prog, lines)
    start = time.time()
    if BOARD:
        claim("its events come", len(c.send_command("PERF_READER_POLL 20000 %d %s" % (len(fds), " ".join(map(str, fds))))) > 0)
    else:
        p = subprocess.Popen(["/bin/true"])
        p.wait()
        claim("its events come, each a line of number, size and data", events_of(c, fds, 2000, p.pid) == 1)
        c.write(b"PERF_READER_POLL -1 0\n")
        time.sleep(0.5)
        claim("a wait for nothing is ended by the next command", c.send_command("GET_LOST") == [] and c.answer() == ["get_lost: ret=0", "0"])
        start = time.time()
        ret, _ = c.ret("BPF_DETACH_TRACEPOINT sched sched_process_exit")
        c.ret("PERF_READER_POLL 0 %d %s" % (len(fds), " ".join(map(str, fds))))
        subprocess.run(["/bin/true"], check=True)
        lines = c.send_command("PERF_READER_POLL 300 %d %s" % (len(fds), " ".join(map(str, fds))))
        claim("after it is detached none come, and the wait takes as long as it was told", lines == [] and time.time() - start > 0.29, lines, time.time() - start)
    c.close_connection()


@section("lost events")
def lost():
    c = Client(COMMAND)
    table, _ = c.ret("BPF_CREATE_MAP 4 events 4 4 256 0")
    fds = open_buffers(c, table, 1)
    prog, lines = c.ret(load_line(5, "flood", output_program(table, 20, 256)))
    claim("a program that floods is loaded", prog > 0, lines, c.send_command("GET_PROG_LOG")[-3:])
    c.ret("BPF_ATTACH_TRACEPOINT %d sched sched_process_exit" % prog)
    poll = "PERF_READER_POLL 1000 %d %s" % (len(fds), " ".join(map(str, fds)))

    def flood(asked):
        seen = []
        for _ in range(40):
            if BOARD:
                time.sleep(1)
            else:
                for _ in range(4):
                    subprocess.run(["/bin/true"], check=True)
            seen += c.send_command(poll)
            if (any(" lost " in s for s in seen) if asked else int(c.send_command("GET_LOST")[1])):
                break
        return seen
    seen = flood(False)
    claim("what the kernel dropped is counted", int(c.send_command("GET_LOST")[1]) > 0, len(seen))
    claim("but not told to a client that did not ask", not any("lost" in s for s in seen), seen[:3])
    c.ret("SET_OPTION lost 1")
    seen = flood(True)
    claim("and told to one that did", any(re.fullmatch(r"\d+ lost [1-9]\d*", s) for s in seen), len(seen))
    c.close_connection()


def ids_named(name):
    """Numbers of programs and maps of this name, asked of this machine's own kernel."""
    libc, found = ctypes.CDLL(None, use_errno=True), []
    nr = 321 if os.uname().machine == "x86_64" else 280
    for next_id, get_fd, at in ((11, 13, 64), (12, 14, 24)):        # programs, maps; offset of the name in the info
        i = 0
        while True:
            attr = bytearray(struct.pack("<II", i, 0) + bytes(120))
            buf = (ctypes.c_char * 128).from_buffer(attr)
            if libc.syscall(nr, next_id, buf, 16) < 0:
                break
            i = struct.unpack_from("<I", attr, 4)[0]
            attr[0:8] = struct.pack("<II", i, 0)
            fd = libc.syscall(nr, get_fd, buf, 12)
            if fd < 0:
                continue
            info = ctypes.create_string_buffer(256)
            attr[0:16] = struct.pack("<IIQ", fd, 256, ctypes.addressof(info))
            if libc.syscall(nr, 15, buf, 16) >= 0 and info.raw[at:at + 16].split(b"\0")[0] == name.encode():
                found.append(i)
            os.close(fd)
    return found


@section("cleaning up")
def cleanup():
    if BOARD:
        return
    for how in ("exit", "end of input", "SIGTERM", "SIGKILL"):
        name = "%s%d" % (WORD[:8], len(how))
        c = Client(COMMAND)
        c.ret("BPF_CREATE_MAP 1 %s 8 40 16 0" % name)
        prog, _ = c.ret(load_line(5, name, RETURN_0))
        c.ret("BPF_ATTACH_TRACEPOINT %d sched sched_switch" % prog)
        before = ids_named(name)
        if how.startswith("SIG"):
            c.process.send_signal(getattr(signal, how))
        c.close_connection(b"exit\n" if how == "exit" else b"")
        end = time.time() + 10
        while ids_named(name) and time.time() < end:
            time.sleep(0.1)
        claim("after %s nothing of the session is left" % how, len(before) == 2 and not ids_named(name), before, ids_named(name))


@section("limits")
def limits():
    c = Client(COMMAND, limit=120)
    code = insn(0xb7) * 98303 + insn(0x95)
    ret, lines = c.ret(load_line(5, "long", code))
    claim("a line of a megabyte is a program", ret == 3, lines)
    c.write(b"GET_KSYM_ADDR " + b"x" * (17 << 20) + b"\n")
    lines = c.answer()
    claim("a line of 17 MiB is refused, with the limit", lines == ["Command not recognized: a line of more than 16777216 bytes"], lines)
    claim("and the next one is understood", c.send_command("BPF_CREATE_MAP 1 8 40 16 0") == ["bpf_create_map: ret=4"])
    c.write(b"\0\xff\n\0\0\0\nBPF_CREATE_MAP 1 8 40 16 0\n")
    lines = [c.answer() for _ in range(3)]
    claim("bytes that are no text are refused", lines == [REFUSED, REFUSED, ["bpf_create_map: ret=5"]], lines)
    c.close_connection()


@section("a terminal")
def terminal():
    if SOCKET:
        return
    if BOARD:
        return
    c = Client(COMMAND, pty=True, limit=120)
    cooked = termios.tcgetattr(c.slave)
    claim("a terminal is made raw before the greeting", c.greeting == "STARTED_BPFD" and not cooked[3] & (termios.ICANON | termios.ECHO) and
          not cooked[1] & termios.OPOST, repr(c.greeting), cooked)
    code = insn(0xb7) * 98303 + insn(0x95)
    ret, lines = c.ret(load_line(5, "long", code))
    claim("a line of a megabyte passes through it, uncut and without an echo", ret == 3, lines[:1])
    c.write(b"exit\n")
    c.process.wait(30)
    after = termios.tcgetattr(c.slave)
    claim("afterwards it is what it was", after[3] & termios.ICANON and after[3] & termios.ECHO and after[1] & termios.OPOST, after)
    for sig in signal.SIGINT, signal.SIGTERM:
        c = Client(COMMAND, pty=True, limit=60)
        raw = termios.tcgetattr(c.slave)
        c.process.send_signal(sig)
        c.process.wait(30)
        again = termios.tcgetattr(c.slave)
        claim("and so it is after %s" % sig.name, not raw[3] & termios.ECHO and again == after, raw, again)


PROGRAM = r"""
#include <stdio.h>
#include <unistd.h>
static __attribute__((noinline)) int NAME(int n) { __asm__ volatile ("" : : : "memory"); return n + KIND; }
int main(void)
{
	printf("%p\n", (void *)NAME);
	fflush(stdout);
	for (;;) {
		usleep(10000);
		NAME(getpid());
	}
}
"""


def build(name, kind, *options):
    source, out = "%s/%s.c" % (DIR, name), "%s/%s" % (DIR, name)
    with open(source, "w", encoding="ascii") as f:
        f.write(PROGRAM)
    subprocess.run(["gcc", "-O1", "-g", "-static", "-no-pie", "-Wl,--build-id", "-DNAME=" + name, "-DKIND=%d" % kind, *options, "-o", out, source],
                   check=True)
    return out


def start(*command, **more):
    p = subprocess.Popen(command, stdout=subprocess.PIPE, **more)
    return p, int(p.stdout.readline(), 16)


@section("symbols of processes")
def usyms():
    if BOARD:
        return
    c = Client(COMMAND)
    alpha, beta = build("alpha_function", 1), build("beta_function", 2)
    p, addr = start(alpha)
    lines = c.send_command("GET_USYM_NAME %d %d 0" % (p.pid, addr + 1))
    claim("a static function has its name, offset and file", lines == ["GET_USYM_NAME: ret=0", "alpha_function;1;" + alpha], lines)
    lines = c.send_command("GET_USYM_ADDR %d alpha_function alpha_function" % p.pid)
    claim("and the other way round", lines == ["GET_USYM_ADDR: ret=0", str(addr)], lines)
    many = c.send_command("GET_USYM_NAMES %d 0 %d 1 %d" % (p.pid, addr, addr + 1))
    claim("many are asked in one line", many == ["alpha_function;0;" + alpha, "ret=-2", "alpha_function;1;" + alpha], many)
    claim("COMM_FOR_PID is that process's", c.send_command("COMM_FOR_PID %d 0" % p.pid) == ["alpha_function"])
    p.kill()
    p.wait()
    lines = c.send_command("GET_USYM_NAME %d %d 0" % (p.pid, addr + 1))
    claim("what was known of a process that has ended is still answered", lines[1:] == ["alpha_function;1;" + alpha], lines)
    again = None
    for _ in range(50):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
                f.write(str(p.pid - 1))
        except OSError:
            break
        again, addr2 = start(beta)
        if again.pid == p.pid:
            break
        again.kill()
        again.wait()
    if again and again.pid == p.pid:
        lines = c.send_command("GET_USYM_NAME %d %d 0" % (again.pid, addr2))
        claim("a process of the same number is another one", lines[1:] == ["beta_function;0;" + beta], lines)
    if again:
        again.kill()
        again.wait()
    c.close_connection()


@section("debug files")
def debug_files():
    if BOARD:
        return
    c = Client(COMMAND)
    for how in ("build-id", "debuglink", "a debuglink whose checksum is wrong"):
        root = "%s/root-%s" % (DIR, how.split(" ")[0] + str(len(how)))
        os.makedirs(root + "/bin/.debug")
        program = build("alpha_function", 1)
        debug = root + "/bin/.debug/program.debug"
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        if how == "build-id":
            text = subprocess.run(["readelf", "-n", program], stdout=subprocess.PIPE, check=True).stdout.decode()
            number = re.search(r"Build ID: ([0-9a-f]+)", text).group(1)
            os.makedirs("%s/usr/lib/debug/.build-id/%s" % (root, number[:2]))
            os.rename(debug, "%s/usr/lib/debug/.build-id/%s/%s.debug" % (root, number[:2], number[2:]))
            subprocess.run(["objcopy", "--strip-all", program, root + "/bin/program"], check=True)
        else:
            subprocess.run(["objcopy", "--strip-all", "--remove-section=.note.gnu.build-id", "--add-gnu-debuglink=" + debug, program, root + "/bin/program"],
                           check=True)
        if how.startswith("a "):
            with open(debug, "ab") as f:
                f.write(b"more")
        p, addr = start("/bin/program", preexec_fn=lambda: os.chroot(root))     # pylint: disable=cell-var-from-loop,subprocess-popen-preexec-fn
        lines = c.send_command("GET_USYM_NAME %d %d 0" % (p.pid, addr))
        if how.startswith("a "):
            claim("%s is not believed" % how, lines == ["GET_USYM_NAME: ret=-2"], lines)
        else:
            claim("a stripped program's functions come by %s, through its own root" % how, lines[1:] == ["alpha_function;0;%s/bin/program" % root], lines)
        p.kill()
        p.wait()
    c.close_connection()


@section("uprobes")
def uprobes():
    if BOARD:
        return
    c = Client(COMMAND)
    alpha = build("alpha_function", 1)
    p, addr = start(alpha)
    table, _ = c.ret("BPF_CREATE_MAP 4 events 4 4 256 0")
    fds = open_buffers(c, table)
    prog, _ = c.ret(load_line(2, "up", output_program(table)))
    text = subprocess.run(["readelf", "-lW", alpha], stdout=subprocess.PIPE, check=True).stdout.decode()
    loads = [[int(x, 16) for x in m.groups()] for m in re.finditer(r"LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+)", text)]
    offset = next(addr - v + o for o, v, size in loads if v <= addr < v + size)
    for ret_probe, pid in ((0, -1), (1, p.pid)):
        ret, lines = c.ret("BPF_ATTACH_UPROBE %d %d p_alpha %s %d %d" % (prog, ret_probe, alpha, offset, pid))
        claim("a %s is attached to %s" % ("uretprobe" if ret_probe else "uprobe", "all" if pid < 0 else "a process"),
              ret > 0 and events_of(c, fds, 2000, p.pid) > 0, lines)
        ret, lines = c.ret("BPF_DETACH_UPROBE p_alpha")
        claim("and detached", ret == 0, lines)
    c.ret("PERF_READER_POLL 0 %d %s" % (len(fds), " ".join(map(str, fds))))
    claim("then nothing comes", c.send_command("PERF_READER_POLL 300 %d %s" % (len(fds), " ".join(map(str, fds)))) == [])
    p.kill()
    p.wait()
    c.close_connection()


@section("kprobes")
def kprobes():
    """opensnoop as LibRemote ran it: two maps, two programs, a kprobe and a kretprobe, a buffer a CPU."""
    if not BOARD:
        return
    c = Client(COMMAND)
    claim("opensnoop's two maps are 3 and 4", [c.ret("BPF_CREATE_MAP 1 infotmp 8 40 10240 0")[0], c.ret("BPF_CREATE_MAP 4 events 4 4 256 0")[0]] == [3, 4])
    entry, _ = c.ret(load_line(2, "trace_entry", output_program(4)))
    back, _ = c.ret(load_line(2, "trace_return", output_program(4)))
    claim("its two programs 5 and 6", (entry, back) == (5, 6), entry, back)
    fds = open_buffers(c, 4)
    for how, kind, fn in (("kprobe", 0, "p_do_sys_openat2"), ("kretprobe", 1, "r_do_sys_openat2")):
        ret, lines = c.ret("BPF_ATTACH_KPROBE %d %d %s do_sys_openat2" % (entry if not kind else back, kind, fn))
        lines2 = []
        for _ in range(20):
            lines2 += c.send_command("PERF_READER_POLL 1000 %d %s" % (len(fds), " ".join(map(str, fds))))
            if lines2:
                break
        claim("events of the board come through a %s" % how, ret > 0 and lines2 and all(len(s.split(" ")) == 3 for s in lines2), lines, lines2[:2])
        claim("which is detached by its name", c.ret("BPF_DETACH_KPROBE " + fn)[0] == 0)
    claim("a function that is none is refused", c.ret("BPF_ATTACH_KPROBE %d 0 p_x no_such_function" % entry)[0] == -2)
    ret, lines = c.ret("BPF_ATTACH_KPROBE %d 1 r_m do_sys_openat2 0 16" % entry)
    claim("a number of instances takes the way by kprobe_events", ret > 0, lines)
    c.close_connection()


print("# %d failed" % failed)
sys.exit(failed > 0)
