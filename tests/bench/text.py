#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The text protocol used as in 2018, one command and a reply for each thing, beside bcc_remote as it is, over one connection: text.py REMOTE [ARG]
(docs/remote-module.md). ENTRIES, STACKS and FRAMES make it shorter or longer."""
import base64
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../remote/bcc"))
from bcc_remote import LibRemote

ENTRIES, STACKS, FRAMES = (int(os.environ.get(n, d)) for n, d in (("ENTRIES", 10240), ("STACKS", 1000), ("FRAMES", 20)))


def b64(n, size=8):
    return base64.b64encode(n.to_bytes(size, sys.byteorder)).decode()


def key_by_key(lib, m):
    found = []
    ret, key = lib._ask("BPF_GET_FIRST_KEY", m, 8, 40, 0)
    while ret >= 0:
        found.append((key[0], lib._ask("BPF_LOOKUP_ELEM", m, key[0], 8, 40)[1][0]))
        ret, key = lib._ask("BPF_GET_NEXT_KEY", m, key[0], 8)
    return found


def dumped(lib, m):
    found = []
    ret, key = lib.bpf_get_first_key(m, 8, 40)
    while ret >= 0:
        found.append((key[0], lib.bpf_lookup_elem(m, key[0], 8, 40)[1][0]))
        ret, key = lib.bpf_get_next_key(m, key[0], 8)
    return found


def one_by_one(lib, stacks):
    return [[lib._name("GET_KSYM_NAME", a) for a in s] for s in stacks]


def stack_by_stack(lib, stacks):
    return [lib.ksyms(s) for s in stacks]


def row(name, then, now, *args):
    times, results = [], []
    for f in (then, now):
        start = time.monotonic()
        results.append(f(*args))
        times.append(time.monotonic() - start)
    if results[0] != results[1]:
        sys.exit("text.py: %s: the two ways differ" % name)
    print("%-40s %9.2f s %9.2f s %7.1f" % (name, *times, times[0] / times[1]))


with LibRemote(*sys.argv[1:]) as board:
    table = board.bpf_create_map(1, "entries", 8, 40, ENTRIES, 0)
    for i in range(ENTRIES):
        board.bpf_update_elem(table, b64(i), 8, b64(i, 40), 40, 0)
    text = [int(s.split()[0], 16) for s in board.kallsyms() if s.split()[1] in "tT"]
    print("%-40s %11s %11s %7s" % ("", "2018's way", "bcc_remote", "times"))
    row("%d entries of a map" % ENTRIES, key_by_key, dumped, board, table)
    # Stacks have their outer frames in common, and are not all of one place.
    frames = [[text[(s * 7919 + f * f * 31 * (f < FRAMES // 2)) % len(text)] if f < FRAMES // 2 else text[f] for f in range(FRAMES)] for s in range(STACKS)]
    row("%d stacks of %d frames" % (STACKS, FRAMES), one_by_one, stack_by_stack, board, frames)
