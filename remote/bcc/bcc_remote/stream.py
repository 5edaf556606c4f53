# SPDX-License-Identifier: Apache-2.0
"""A remote that is a stream of bytes each way: a socket, two pipes or a terminal with a BPFd at its other end."""
import atexit
import collections
import os
import sys
import threading
import time
import weakref

from .base import BccRemote, RemoteError, log, log_answer
from .channel import at_once

GREETING, START, END = b"STARTED_BPFD", b"START_BPFD_OUTPUT", b"END_BPFD_OUTPUT"
NOISE_MAX = 1 << 20
FAREWELL = 5    # seconds a daemon has to undo what its session made
OPEN = weakref.WeakSet()


@atexit.register
def close_all():
    for remote in list(OPEN):
        remote.close_connection()


def own_wait(line):
    """How long the daemon may be silent over this command because it was told to, in seconds; None: for ever."""
    words = line.split(None, 2)
    try:
        ms = int(words[1]) if len(words) > 1 and words[0] == "PERF_READER_POLL" else 0
    except ValueError:
        return 0
    return None if ms < 0 else ms / 1000


def has_answer(line):
    line = line.strip()
    return bool(line) and not line.startswith(";") and line != "exit"


class Owed:
    """An answer that is still to come."""

    def __init__(self, line):
        self.wait, self.polls = own_wait(line), line.startswith("PERF_READER_POLL")


class StreamRemote(BccRemote):
    """A subclass opens a stream in __init__(arg) and passes it on. What is left to do at its end it does in _gone()."""

    LIMIT = 60      # seconds of silence after which a daemon counts as dead

    def __init__(self, name, channel):      # pylint: disable=super-init-not-called
        self._name, self._channel, self._pid = name, channel, os.getpid()
        self._owed, self._lock = [], threading.RLock()
        self._why = None        # it cannot be used any more
        self._noise = b""       # the last line that was not the daemon's
        self._greeted = False
        self.late = collections.deque()     # samples that a poll would have brought which an exception (^C) cut short
        OPEN.add(self)
        try:
            at = self._until(GREETING)
        except RemoteError as e:
            self._fail("%s before it said %s" % (e, GREETING.decode()))
        except BaseException:
            self.close_connection()
            raise
        del channel.held[:at + 1]
        self._greeted = True
        self._pass_on()

    def send_command(self, line):
        if "\n" in line or "\r" in line:
            raise ValueError("a command is one line: %.80r" % line)
        with self._lock:
            if self._why:
                raise RemoteError(self._why) from None
            log("> " + line)
            try:
                lines = self._ask(line)
            except RemoteError as e:
                self._fail(str(e))
        log_answer(lines)
        return lines

    def close_connection(self):
        if not self._channel:
            return
        ours = os.getpid() == self._pid         # a child of fork(2) has nothing to say
        channel, self._channel = self._channel, None
        OPEN.discard(self)
        why, self._why = self._why, self._why or "%s: the connection was closed" % self._name
        try:
            if ours and not why:
                channel.finish(b"exit\n", FAREWELL)
        finally:            # a second ^C does not keep the rest from being done
            channel.close()
            if ours:
                self._gone()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_connection()

    def _gone(self):
        """The daemon cannot be reached any more: see to it that nothing of it is left here. How it ended, in a few words, or None. May be called twice."""

    def _fail(self, what):
        self._why = what
        self._channel.shut()
        how = self._gone()
        self._channel.listen()
        said = (self._channel.words or (b"" if self._greeted else self._noise)).decode("utf-8", "replace").strip().split("\n")[-1].strip()
        self._why = "%s: %s%s%s" % (self._name, what, ", " + how if how else "", ": " + said[:400] if said else "")
        self.close_connection()
        raise RemoteError(self._why) from None

    def _pass_on(self):
        """What the program says on its standard error is for the user; but why it never came to a greeting is for the exception."""
        words, self._channel.words = self._channel.words, b""
        if words:
            sys.stderr.write(words.decode("utf-8", "replace"))

    def _ask(self, line):
        data = line.encode("utf-8", "surrogateescape") + b"\n"
        if not has_answer(line):
            self._channel.out += data
            end = time.monotonic() + self.LIMIT
            while self._channel.out:
                self._channel.pump(end, "it reads nothing for %d s" % self.LIMIT)
            return []
        at_once(map(self._owed.append, (Owed(line),)), map(self._channel.out.extend, (data,)))
        # Of a command that an exception cut short the answer is still to come. A poll is ended by the next command.
        while len(self._owed) > 1:
            self._owed[0].wait = 0
            self._answer(self.late)
        lines = self._answer([])
        self._pass_on()
        return lines

    def _more(self):
        """Wait until more has come."""
        channel = self._channel
        before, unsent, end = len(channel.held), None, None
        wait = self._owed[0].wait if self._owed else 0
        while len(channel.held) == before:
            if wait is not None and len(channel.out) != unsent:
                unsent, end = len(channel.out), time.monotonic() + self.LIMIT + wait
            channel.pump(end, "no answer for %d s" % (self.LIMIT + (wait or 0)))

    def _until(self, mark):
        """Drop lines until the first is mark; where that one's newline is. What is dropped is not the daemon's: a terminal's echo, a banner of ssh."""
        held, dropped, at = self._channel.held, 0, 0
        while True:
            at = held.find(b"\n", at)
            if at >= 0:
                line = held[:at].rstrip(b"\r")
                if line == mark:
                    return at
                self._noise = bytes(line[:400]) if line.strip() else self._noise
                del held[:at + 1]
                dropped, at = dropped + at + 1, 0
                continue
            if dropped + len(held) > NOISE_MAX:
                raise RemoteError("this is no BPFd: %d bytes without %s" % (dropped + len(held), mark.decode()))
            at = len(held)
            self._more()

    def _end(self, at):
        """Behind the newline at `at`: the newline before the end marker, and what follows the marker."""
        held = self._channel.held
        while True:
            at = held.find(b"\n" + END, at)
            end = held.find(b"\n", at + 1) if at >= 0 else -1
            if end >= 0 and held[at + 1:end].rstrip(b"\r") == END:
                return at, end + 1
            if end >= 0:
                at = end        # a line that only begins so
                continue
            if at < 0:
                at = max(0, len(held) - len(END))
            self._more()

    def _answer(self, late):
        start = self._until(START)
        last, end = self._end(start)
        held = self._channel.held
        lines = held[start + 1:last].decode("utf-8", "surrogateescape").split("\n") if last > start else []
        if lines and lines[0].endswith("\r"):
            lines = [line.rstrip("\r") for line in lines]
        samples = lines if self._owed[0].polls and lines and "ret=" not in lines[0] else []
        # Nothing is taken before all of it is there: an exception on the way leaves the answer to the next command.
        at_once(map(late.extend, (samples,)), map(self._owed.__delitem__, (0,)), map(held.__delitem__, (slice(end),)))
        return lines
