# SPDX-License-Identifier: Apache-2.0
"""Bytes to a daemon and from it. No wait is without an end; both ways go on at once, since a command and its answer may be larger than any pipe."""
import collections
import itertools
import os
import select
import socket
import time

from .base import RemoteError

PIECE = 1 << 18
HELD_MAX = 1 << 30      # bytes of one answer
WORDS_MAX = 4096        # of its standard error


def at_once(*maps):
    """Does what the maps say, all of it or nothing. Handlers of signals run between two steps of Python, and ^C may come at any: here is one step, the rest is in
    C. So what is called must be C as well, as the methods of lists and bytearrays are."""
    collections.deque(itertools.chain.from_iterable(maps), 0)


class Channel:
    """Descriptors to and of the daemon (they may be one) and of its standard error or -1. They are its own from now on."""

    def __init__(self, to, of, err=-1):
        self.to, self.of, self.err = to, of, err
        self.out, self.held, self.words = bytearray(), bytearray(), b""
        for fd in {to, of, err} - {-1}:
            os.set_blocking(fd, False)

    def _events(self):
        poll = select.poll()
        poll.register(self.of, select.POLLIN | (select.POLLOUT if self.out and self.to == self.of else 0))
        if self.out and self.to != self.of:
            poll.register(self.to, select.POLLOUT)
        if self.err >= 0:
            poll.register(self.err, select.POLLIN)
        return poll

    def pump(self, end, silent):
        """One wait until `end` (of time.monotonic(); None: no end), and what it brings. RemoteError(silent): that time is over; others: it has ended."""
        left = None if end is None else max(0, end - time.monotonic())
        moved = False
        for fd, what in self._events().poll(None if left is None else left * 1000):
            if fd == self.err:
                self.listen()
                continue
            if fd == self.of and what & ~select.POLLOUT:
                moved |= self._read()
            if fd == self.to and what & ~select.POLLIN:
                moved |= self._write()
        if left == 0 and not moved:
            raise RemoteError(silent)

    def _read(self):
        before = len(self.held)
        try:
            at_once(map(self.held.extend, map(os.read, (self.of,), (PIECE,))))
        except BlockingIOError:
            return False
        except OSError:         # the other side of a terminal or a socket that is gone
            pass
        if len(self.held) == before:
            raise RemoteError("the daemon ended")
        if len(self.held) > HELD_MAX:
            self.held.clear()
            raise RemoteError("an answer of more than %d bytes" % HELD_MAX)
        return True

    def _write(self):
        try:
            at_once(map(self.out.__delitem__, map(slice, map(os.write, (self.to,), (self.out[:PIECE],)))))
        except BlockingIOError:
            return False
        except OSError:         # it reads no more; what it said before is still to be read
            self.out.clear()
        return True

    def listen(self):
        """Its standard error, as far as it has come."""
        try:
            while self.err >= 0:
                data = os.read(self.err, PIECE)
                if not data:
                    os.close(self.err)
                    self.err = -1
                self.words = (self.words + data)[-WORDS_MAX:]
        except BlockingIOError:
            pass

    def finish(self, last, seconds):
        """Say the last words and wait for the end, throwing away what comes before it."""
        end = time.monotonic() + seconds
        self.out += last
        said = False
        try:
            while True:
                if not self.out and not said:
                    self._end_input()
                    said = True
                self.pump(end, "it does not end")
                self.held.clear()
        except RemoteError:
            pass

    def _end_input(self):
        if self.to != self.of:
            os.close(self.to)
            self.to = -1
            return
        try:
            with socket.socket(fileno=os.dup(self.to)) as s:
                s.shutdown(socket.SHUT_WR)
        except OSError:         # a terminal has no such thing, and has read the last words
            pass

    def shut(self):
        """The daemon sees its end of input. What it says on its standard error can still be heard."""
        for fd in {self.to, self.of} - {-1}:
            os.close(fd)
        self.to = self.of = -1

    def close(self):
        self.shut()
        if self.err >= 0:
            os.close(self.err)
        self.err = -1
