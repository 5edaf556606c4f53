# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=usb: a board at bpfwire-bridge. BCC_REMOTE_ARGS or $BPFWIRE_SERIAL: its serial number, needed where there are several."""
import os
import socket

from .base import RemoteError
from .channel import Channel
from .command import CommandRemote
from .stream import StreamRemote

SUFFIX = ".bpfd"
SYSTEM_DIR = "/run/bpfwire"


def directories():
    """Where a bridge may have put its sockets, as bpfwire(1) looks for them."""
    given, runtime = os.environ.get("BPFWIRE_DIR"), os.environ.get("XDG_RUNTIME_DIR")
    if given:
        return [given]
    return [runtime + "/bpfwire", SYSTEM_DIR] if runtime else [SYSTEM_DIR]


def sockets():
    """{serial number: path}"""
    found = {}
    for path in directories():
        try:
            names = os.listdir(path)
        except OSError:
            continue
        for name in names:
            if name.endswith(SUFFIX) and len(name) > len(SUFFIX):
                found.setdefault(name[:-len(SUFFIX)], os.path.join(path, name))
    return found


def connect(path):
    """A stale socket, of a bridge that was killed, is none: None."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        s.settimeout(10)
        s.connect(path)
    except OSError:
        s.close()
        return None
    return s.detach()


class UsbRemote(CommandRemote):
    """The bridge's socket; where there is none, `bpfwire bpfd`, which starts a bridge, waits for the board, and says what is wrong when it does not come."""

    def __init__(self, arg):
        serial = arg or os.environ.get("BPFWIRE_SERIAL") or None
        found = sockets()
        if not serial and len(found) > 1:
            raise RemoteError("there are %d boards, choose one by BCC_REMOTE_ARGS or BPFWIRE_SERIAL: %s" % (len(found), ", ".join(sorted(found))))
        serial = serial or next(iter(found), None)
        fd = connect(found[serial]) if serial in found else None
        if fd is None:
            self._run(["bpfwire", "bpfd"] + (["-s", serial] if serial else []))
        else:
            StreamRemote.__init__(self, "board %s" % serial, Channel(fd, fd))

    def _gone(self):
        return super()._gone() if self._child else None
