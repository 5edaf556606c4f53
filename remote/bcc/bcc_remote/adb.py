# SPDX-License-Identifier: Apache-2.0
"""BCC_REMOTE=adb: an Android device. BCC_REMOTE_ARGS: the daemon's command there; $ANDROID_SERIAL chooses among several devices, as for adb itself."""
from .command import CommandRemote

PLACES = "bpfwired", "/data/local/tmp/bpfwired", "/data/bpfwired"
FIND = "for d in %s; do command -v $d >/dev/null && d=\"$d --text\" && break; d=/data/bpfd; done" % " ".join(PLACES)
# Root already (adb root), else by an su that takes a command (Magisk's), else by that of the Android sources.
AS_ROOT = '%s; [ "$(id -u)" = 0 ] && exec $d; su -c true >/dev/null 2>&1 && exec su -c "$d"; exec su 0 $d'


class AdbRemote(CommandRemote):
    def __init__(self, arg):
        find = "d='%s'" % arg.replace("'", "'\\''") if arg else FIND
        self._run(["adb", "shell", AS_ROOT % find])
