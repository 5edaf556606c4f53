#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exits.py [SECONDS]: processes that end, and at last how many of each name, by bcc_remote alone and a tracepoint. BCC_REMOTE=process: on this machine."""
import base64
import ctypes
import struct
import sys
import time

import bpf_asm as asm
from bcc_remote import RemoteError, connect

HASH, PERF_EVENT_ARRAY, TRACEPOINT = 1, 4, 5
EXIT = struct.Struct("Q16s")    # sent for each: id, comm


def program(counts, events):
    comm, one, sent = -16, -24, -24 - EXIT.size
    p = asm.Program()
    p.mov(6, 1)
    p.call(asm.PID_TGID)
    p.store(8, asm.FRAME, sent, 0)
    p.frame(1, comm)
    p.number(2, 16)
    p.call(asm.COMM)
    for at in (0, 8):
        p.load(8, 1, asm.FRAME, comm + at)
        p.store(8, asm.FRAME, sent + 8 + at, 1)
    p.mov(1, 6)
    p.map(2, events)
    p.this_cpu(3)
    p.frame(4, sent)
    p.number(5, EXIT.size)
    p.call(asm.PERF_OUTPUT)
    # counts[comm] += 1; two processors at once may count one too few.
    p.number(7, 0)
    p.map(1, counts)
    p.frame(2, comm)
    p.call(asm.LOOKUP)
    p.if_zero(0, "first")
    p.load(8, 7, 0, 0)
    p.label("first")
    p.add(7, 1)
    p.store(8, asm.FRAME, one, 7)
    p.map(1, counts)
    p.frame(2, comm)
    p.frame(3, one)
    p.number(4, 0)
    p.call(asm.UPDATE)
    p.leave()
    return p.bytes()


def show(_, data, size):
    number, comm = EXIT.unpack(ctypes.string_at(data, size)[:EXIT.size])
    print("%-7d %s" % (number >> 32, comm.split(b"\0")[0].decode("utf-8", "replace")), flush=True)


def entries(board, table, key_len, value_len):
    """All of a map, as bytes."""
    ret, key = board.bpf_get_first_key(table, key_len, value_len)
    while ret >= 0:
        found, value = board.bpf_lookup_elem(table, key[0], key_len, value_len)
        if found >= 0:      # it may have been deleted meanwhile
            yield base64.b64decode(key[0]), base64.b64decode(value[0])
        ret, key = board.bpf_get_next_key(table, key[0], key_len)


def good(number, what):
    if number < 0:
        sys.exit("exits.py: %s: error %d" % (what, -number))
    return number


def main():
    end = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else None
    with connect() as board:
        counts = good(board.bpf_create_map(HASH, "counts", 16, 8, 10240, 0), "a map")
        events = good(board.bpf_create_map(PERF_EVENT_ARRAY, "events", 4, 4, 256, 0), "a map of events")
        prog = board.bpf_prog_load(TRACEPOINT, "at_exit", program(counts, events), "GPL", 0)
        good(prog, "the program: %s" % (board.prog_log() if prog < 0 else ""))
        buffers = board.open_perf_buffers(events, show)
        good(board.bpf_attach_tracepoint(prog, "sched", "sched_process_exit"), "the tracepoint")
        print("%-7s %s" % ("PID", "COMM"), flush=True)
        try:
            while end is None or time.monotonic() < end:
                board.perf_reader_poll(buffers, 1000)
        except KeyboardInterrupt:
            pass
        print("\n%-16s %s" % ("COMM", "EXITS"))
        for comm, count in sorted(entries(board, counts, 16, 8)):
            print("%-16s %d" % (comm.split(b"\0")[0].decode("utf-8", "replace"), int.from_bytes(count, "little")))


try:
    main()
except RemoteError as e:
    sys.exit("exits.py: %s" % e)
