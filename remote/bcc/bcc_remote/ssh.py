# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=ssh: a machine on the network. BCC_REMOTE_ARGS is the host, with options of ssh(1) before it where it takes some."""
import shlex

from .base import RemoteError
from .command import CommandRemote


class SshRemote(CommandRemote):
    def __init__(self, arg):
        words = shlex.split(arg or "")
        if not words:
            raise RemoteError("BCC_REMOTE=ssh: no host; name it by BCC_REMOTE_ARGS, as root@board")
        self._run(["ssh", "-T", *words, "bpfwired --text"])
