# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=command: any program that speaks the protocol on its standard input and output. BCC_REMOTE_ARGS is its command line."""
import os
import shlex
import shutil
import signal
import subprocess

from .base import RemoteError
from .channel import Channel
from .stream import StreamRemote

# ^C on the terminal is for the script, which may still want to read its maps. (A process group of its own would keep ssh from asking for a password.)
WITHOUT_INT = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"]


class CommandRemote(StreamRemote):
    """Its process ends with the connection: by `exit` and the end of its input, else by SIGTERM, else by SIGKILL."""

    ENDS = (None, 5), (signal.SIGTERM, 3), (signal.SIGKILL, 5)      # what it is told, and seconds it has
    _child = None

    def __init__(self, arg):
        words = shlex.split(arg or "")
        if not words:
            raise RemoteError("BCC_REMOTE=command: no command; name it by BCC_REMOTE_ARGS, as 'ssh board bpfwired --text'")
        self._run(words)

    def _run(self, words):
        if not shutil.which(words[0]):
            raise RemoteError("%s: there is no such program (PATH is %s)" % (words[0], os.environ.get("PATH", "not set")))
        theirs, to = os.pipe()
        of, answers = os.pipe()
        err, says = os.pipe()
        try:
            self._child = subprocess.Popen(WITHOUT_INT + words, stdin=theirs, stdout=answers, stderr=says)      # pylint: disable=consider-using-with
        finally:
            for fd in (theirs, answers, says):
                os.close(fd)
        super().__init__(" ".join(words), Channel(to, of, err))

    def _gone(self):
        child = self._child
        for sig, seconds in self.ENDS:
            try:
                if sig:
                    child.send_signal(sig)
                child.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        status = child.returncode
        return None if not status else "status %d" % status if status > 0 else signal.Signals(-status).name
