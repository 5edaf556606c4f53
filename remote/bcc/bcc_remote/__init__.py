# SPDX-License-Identifier: Apache-2.0
"""BCC's calls on another machine's kernel, by the text protocol of BPFd (docs/remote-module.md).

    from bcc_remote import connect

    with connect() as board:        # as $BCC_REMOTE and $BCC_REMOTE_ARGS say, else the one board on USB
        table = board.bpf_create_map(1, "counts", 8, 8, 1024, 0)

All imports in here are relative: a BCC with hooks for remotes takes this directory as its own bcc/remote.
"""
from .base import BccRemote, RemoteError
from .libremote import LibRemote, connect

__all__ = ["BccRemote", "LibRemote", "RemoteError", "connect"]
