# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=process: this machine's own kernel, by a daemon that is a process of its own. BCC_REMOTE_ARGS: another command for it."""
import shlex
import shutil

from .command import CommandRemote


class ProcessRemote(CommandRemote):
    def __init__(self, arg):
        words = shlex.split(arg or "")
        self._run(words or (["bpfd"] if not shutil.which("bpfwired") and shutil.which("bpfd") else ["bpfwired", "--text"]))
