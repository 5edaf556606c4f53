# SPDX-License-Identifier: Apache-2.0
"""What `socat - UNIX-CONNECT:PATH` does: standard input to a socket, the socket to standard output, till the other side closes."""
import os
import socket
import sys
import threading

s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])


def say():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)


threading.Thread(target=say, daemon=True).start()
while data := s.recv(65536):
    while data:
        data = data[os.write(1, data):]
