# SPDX-License-Identifier: Apache-2.0
"""What a remote is: a way to send a BPFd one line and get the lines of its answer."""
import os
import sys

SHOWN_LINES, SHOWN_CHARS = 20, 200


class RemoteError(Exception):
    """There is no remote, or there is none any more. Its text is one line: what, why, and what to do."""


def log(text):
    """What $BCC_REMOTE_DEBUG asks for, on standard error."""
    if os.environ.get("BCC_REMOTE_DEBUG", "0") not in ("", "0"):
        sys.stderr.write("bcc remote: %.*s\n" % (SHOWN_CHARS, text))


def log_answer(lines):
    for line in lines[:SHOWN_LINES]:
        log("< " + line)
    if len(lines) > SHOWN_LINES:
        log("< ... %d lines in all" % len(lines))


class BccRemote:
    """A transport is these three methods. LibRemote("serial", arg) makes a SerialRemote(arg), wherever that class comes from."""

    def __init__(self, arg):
        """Connect to what arg names (a string, or None where none was given), and wait for STARTED_BPFD. RemoteError: it cannot be reached."""
        raise NotImplementedError("%s has no __init__(arg)" % type(self).__name__)

    def send_command(self, line):
        """The lines between START_BPFD_OUTPUT and END_BPFD_OUTPUT that answer this one. RemoteError: the connection is gone."""
        raise NotImplementedError("%s has no send_command(line)" % type(self).__name__)

    def close_connection(self):
        """End the daemon's session. Nothing of it may be left, also on this machine. Closing twice is closing once."""
        raise NotImplementedError("%s has no close_connection()" % type(self).__name__)
