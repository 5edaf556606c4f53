#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""opensnoop.py [SECONDS]: files that are opened on a board, by bcc_remote alone: no BCC, no compiler.

Two maps, two programs, a kprobe and a kretprobe, as the opensnoop of BCC has them. BCC_REMOTE and BCC_REMOTE_ARGS say where; ARCH which registers hold what,
where the board's kernel does not tell.
"""
import ctypes
import os
import struct
import sys
import time

import bpf_asm as asm
from bcc_remote import RemoteError, connect

HASH, PERF_EVENT_ARRAY, KPROBE = 1, 4, 2
# Where struct pt_regs has the second argument and the result.
REGS = {"arm64": (8, 0), "x86_64": (104, 80)}
NAME = 256
ID, KEPT = -8, -48                      # on the stack: the key, and { id, time, comm[16], file name's address }
OPENED = struct.Struct("QQ16s%ds" % NAME)       # what is sent: id, result, comm, file name


def entry(kept, second):
    p = asm.Program()
    p.mov(6, 1)
    p.call(asm.PID_TGID)
    p.store(8, asm.FRAME, ID, 0)
    p.store(8, asm.FRAME, KEPT, 0)
    p.call(asm.TIME)
    p.store(8, asm.FRAME, KEPT + 8, 0)
    p.frame(1, KEPT + 16)
    p.number(2, 16)
    p.call(asm.COMM)
    p.load(8, 1, 6, second)
    p.store(8, asm.FRAME, KEPT + 32, 1)
    p.map(1, kept)
    p.frame(2, ID)
    p.frame(3, KEPT)
    p.number(4, 0)
    p.call(asm.UPDATE)
    p.leave()
    return p.bytes()


def back(kept, events, result):
    out = ID - OPENED.size
    p = asm.Program()
    p.mov(6, 1)
    p.call(asm.PID_TGID)
    p.store(8, asm.FRAME, ID, 0)
    p.map(1, kept)
    p.frame(2, ID)
    p.call(asm.LOOKUP)
    p.if_zero(0, "not ours")
    p.mov(7, 0)
    p.load(8, 1, 6, result)
    p.store(8, asm.FRAME, out + 8, 1)
    for at, field in ((0, 0), (16, 16), (24, 24)):      # id and comm
        p.load(8, 1, 7, field)
        p.store(8, asm.FRAME, out + at, 1)
    p.frame(1, out + 32)
    p.number(2, NAME)
    p.load(8, 3, 7, 32)
    p.call(asm.READ_USER_STR)
    p.mov(1, 6)
    p.map(2, events)
    p.this_cpu(3)
    p.frame(4, out)
    p.number(5, OPENED.size)
    p.call(asm.PERF_OUTPUT)
    p.map(1, kept)
    p.frame(2, ID)
    p.call(asm.DELETE)
    p.label("not ours")
    p.leave()
    return p.bytes()


def show(_, data, size):
    number, result, comm, name = OPENED.unpack(ctypes.string_at(data, size)[:OPENED.size])
    result = ctypes.c_int(result & 0xffffffff).value
    fd, err = (result, 0) if result >= 0 else (-1, -result)
    comm, name = (s.split(b"\0")[0].decode("utf-8", "replace") for s in (comm, name))
    print("%-7d %-16s %4d %3d %s" % (number >> 32, comm, fd, err, name), flush=True)


def registers(board):
    arch = os.environ.get("ARCH") or next((a for a, s in (("arm64", "__arm64_sys_openat"), ("x86_64", "__x64_sys_openat")) if board.ksymname(s) != -1), None)
    if arch not in REGS:
        sys.exit("opensnoop.py: registers of the architecture %s are not known here; there are %s" % (arch, ", ".join(REGS)))
    return REGS[arch]


def good(number, what, board):
    if number < 0:
        sys.exit("opensnoop.py: %s: %s\n%s" % (what, os.strerror(-number), board.prog_log()))
    return number


def attach(board, programs, function):
    """0, or a negative number: there is no such function, or it cannot be probed."""
    for at_return, prog in enumerate(programs):
        ret = board.bpf_attach_kprobe(prog, at_return, "%s_%s" % ("pr"[at_return], function), function)
        if ret < 0:
            return ret
    return 0


def main():
    end = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else None
    with connect() as board:
        second, result = registers(board)
        kept = good(board.bpf_create_map(HASH, "infotmp", 8, 40, 10240, 0), "a map", board)
        events = good(board.bpf_create_map(PERF_EVENT_ARRAY, "events", 4, 4, 256, 0), "a map of events", board)
        programs = [good(board.bpf_prog_load(KPROBE, name, code, "GPL", 0), name, board)
                    for name, code in (("trace_entry", entry(kept, second)), ("trace_return", back(kept, events, result)))]
        buffers = board.open_perf_buffers(events, show)
        # do_sys_openat2 is of 5.6 and later.
        if attach(board, programs, "do_sys_openat2"):
            good(attach(board, programs, "do_sys_open"), "do_sys_open", board)
        print("%-7s %-16s %4s %3s %s" % ("PID", "COMM", "FD", "ERR", "PATH"), flush=True)
        while end is None or time.monotonic() < end:
            board.perf_reader_poll(buffers, 1000)


try:
    main()
except RemoteError as e:
    sys.exit("opensnoop.py: %s" % e)
except KeyboardInterrupt:
    pass
