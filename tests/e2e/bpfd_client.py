# SPDX-License-Identifier: Apache-2.0
"""A client of BPFd's text protocol as those of 2018 were: it waits for the greeting, sends a line, and reads up to the end marker."""
import base64
import os
import re
import select
import struct
import subprocess
import time


def b64(data):
    return base64.b64encode(data).decode()


class Client:
    def __init__(self, command, pty=False, limit=60):
        self.limit, self.buffer = limit, b""
        if pty:
            master, slave = os.openpty()
            self.slave, self.to, self.of = slave, master, master
            self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
        else:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.to, self.of = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.greeting = self.line()

    def write(self, data):
        """Reads as it writes: neither side of a terminal holds a megabyte."""
        end, data = time.time() + self.limit, memoryview(data)
        while data:
            readable, writable, _ = select.select([self.of], [self.to], [], end - time.time())
            if self.of in readable:
                self.buffer += os.read(self.of, 65536)
            if self.to in writable:
                data = data[os.write(self.to, data[:4096]):]
            assert time.time() < end, "nobody reads"

    def line(self):
        end = time.time() + self.limit
        while b"\n" not in self.buffer:
            readable, _, _ = select.select([self.of], [], [], max(0, end - time.time()))
            assert readable, "no answer in %d s, only %r" % (self.limit, self.buffer[:200])
            try:
                data = os.read(self.of, 1 << 20)
            except OSError:
                data = b""
            assert data, "the daemon ended; before that %r" % self.buffer[:200]
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("latin-1")

    def answer(self):
        line = self.line()
        assert line == "START_BPFD_OUTPUT", "not the start of an answer: %r" % line
        lines = []
        while True:
            line = self.line()
            if line == "END_BPFD_OUTPUT":
                return lines
            lines.append(line)

    def send_command(self, line):
        self.write(line.encode() + b"\n")
        return self.answer()

    def ret(self, line):
        """What LibRemote makes of an answer: (ret, lines)."""
        lines = self.send_command(line)
        if not lines or lines[0].startswith("Command not recognized") or lines[0].startswith("Open failed"):
            return -1, lines
        m = re.search(r"ret=(-?\d+)", lines[0])
        return (int(m.group(1)) if m else 0), lines

    def close_connection(self, word=b"exit\n"):
        """The exit status."""
        if word:
            self.write(word)
        if self.process.stdin:
            self.process.stdin.close()
        status = self.process.wait(self.limit)
        if self.process.stdout:
            self.process.stdout.close()
        return status


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


RETURN_0 = insn(0xb7) + insn(0x95)


def ld_map(reg, fd):
    return insn(0x18, reg, 1, 0, fd) + insn(0)


def output_program(fd, repeat=1, size=8):
    """Sends the pid and thread id (and zeros up to size) to the perf buffers of map fd."""
    code = insn(0xbf, 6, 1) + insn(0x85, imm=14)
    for at in range(8, size, 8):
        code += insn(0x7a, 10, 0, at - size, 0)
    code += insn(0x7b, 10, 0, -size)
    for _ in range(repeat):
        code += insn(0xbf, 1, 6) + ld_map(2, fd) + insn(0xb4, 3, imm=-1) + insn(0xbf, 4, 10) + insn(0x07, 4, imm=-size)
        code += insn(0xb7, 5, imm=size) + insn(0x85, imm=25)
        # It takes what is in the registers with it, not the stack: the pid stays where it is.
    return code + RETURN_0


def load_line(kind, name, code, license="GPL"):
    return "BPF_PROG_LOAD %d %s %d %s 0 %s" % (kind, name, len(code), license, b64(code))
