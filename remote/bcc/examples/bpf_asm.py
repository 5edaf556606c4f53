# SPDX-License-Identifier: Apache-2.0
"""BPF instructions by hand, as far as these examples need them: registers are numbers, 10 is the frame pointer. See the kernel's Documentation/bpf."""
import struct

# Helpers, from include/uapi/linux/bpf.h.
LOOKUP, UPDATE, DELETE, TIME, PID_TGID, COMM, PERF_OUTPUT, READ_USER_STR = 1, 2, 3, 5, 14, 16, 25, 114
SIZES = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
FRAME = 10


class Program:
    def __init__(self):
        self._code, self._labels, self._jumps = [], {}, []

    def _add(self, op, dst=0, src=0, off=0, imm=0):
        self._code.append((op, dst, src, off, imm))

    def mov(self, dst, src):
        self._add(0xbf, dst, src)

    def number(self, dst, n):
        self._add(0xb7, dst, imm=n)

    def add(self, dst, n):
        self._add(0x07, dst, imm=n)

    def this_cpu(self, dst):
        """BPF_F_CURRENT_CPU: all bits of 32."""
        self._add(0xb4, dst, imm=-1)

    def frame(self, dst, off):
        """The address of what is on the stack at off."""
        self.mov(dst, FRAME)
        self.add(dst, off)

    def map(self, dst, fd):
        """fd is a number of the session; the daemon puts the kernel's in its place."""
        self._add(0x18, dst, 1, imm=fd)
        self._add(0)

    def load(self, size, dst, src, off):
        self._add(0x61 | SIZES[size], dst, src, off)

    def store(self, size, dst, off, src):
        self._add(0x63 | SIZES[size], dst, src, off)

    def call(self, helper):
        self._add(0x85, imm=helper)

    def if_zero(self, reg, label):
        self._jumps.append((len(self._code), label))
        self._add(0x15, reg)

    def label(self, name):
        self._labels[name] = len(self._code)

    def leave(self):
        self.number(0, 0)
        self._add(0x95)

    def bytes(self):
        code = list(self._code)
        for at, label in self._jumps:
            op, dst, src, _, imm = code[at]
            code[at] = (op, dst, src, self._labels[label] - at - 1, imm)
        return b"".join(struct.pack("<BBhi", op, src << 4 | dst, off, imm) for op, dst, src, off, imm in code)
