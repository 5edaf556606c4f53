# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=shell: the first name of process."""
from .process import ProcessRemote


class ShellRemote(ProcessRemote):
    pass
