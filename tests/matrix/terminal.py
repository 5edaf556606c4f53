#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# tty COMMAND...: runs it on a terminal of its own, for tools that draw; a SIGINT to this one is a Ctrl-C there.
import fcntl, os, pty, signal, struct, sys, termios

os.environ["TERM"] = "xterm"
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
signal.signal(signal.SIGINT, lambda *_: os.write(fd, b"\x03"))
try:
    while True:
        data = os.read(fd, 65536)
        if not data:
            break
        os.write(1, data)
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
