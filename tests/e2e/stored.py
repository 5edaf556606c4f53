#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stored file of commands for 59-load, on standard output: stored.py PROGRAM [WHAT]. It counts the programs that are started, by process, in the map
"execs". WHAT is one thing that is wrong or other: unchecked, unpinned, again, absolute=PATH."""
import sys

from bpfd_client import RETURN_0, insn, ld_map, load_line

name, what = sys.argv[1], (sys.argv + [""])[2]
code = insn(0x85, imm=14) + insn(0x77, 0, imm=32) + insn(0x63, 10, 0, -4) + insn(0x7a, 10, 0, -16, 1) + ld_map(1, 3)
code += insn(0xbf, 2, 10) + insn(0x07, 2, imm=-4) + insn(0xbf, 3, 10) + insn(0x07, 3, imm=-16) + insn(0xb7, 4) + insn(0x85, imm=2) + RETURN_0
if what == "unchecked":
    code = insn(0x79, 0, 9) + insn(0x95)

print("; counts what is started\n\nBPF_CREATE_MAP 1 execs 4 8 8192 0")
print(load_line(5, name, code))
print("BPF_ATTACH_TRACEPOINT 4 sched sched_process_exec")
print("BPF_OBJ_PIN 3 %s" % (what[9:] if what.startswith("absolute=") else "execs"))
if what == "again":
    print("BPF_OBJ_PIN 3 execs")
if what != "unpinned":
    print("BPF_OBJ_PIN 5 %s" % name)
