# SPDX-License-Identifier: Apache-2.0
# A BCC tool's own number, as trace and capable compile it into their filters, and what it started itself.
import os
import subprocess
from bcc import BPF

b = BPF(text="int f(void *ctx) { return 0; }")
print("pid", os.getpid())
child = subprocess.Popen(["sleep", "20"])
try:
    b.attach_uprobe(name="/bin/true", addr=0x1000, fn_name="f", pid=child.pid)
    print("attached to what runs here")
except Exception:
    print("refused")
child.kill()
print("child ended by", -child.wait(timeout=10))
