#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Things to do on the board for tests/matrix: work WORD ACTION [ARG...]; WORD becomes the process's name.
import array, ctypes, os, pty, signal, socket, ssl, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)


def bind(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(port)))


def listen(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(port)))
        s.listen(7)


def serve(port):
    """Answers what it is told, for ever."""
    server = socket.create_server(("127.0.0.1", int(port)))
    while True:
        s, _ = server.accept()
        while s.recv(65536):
            s.sendall(b"yes" * 1000)
        s.close()


def tcp(port, times="3"):
    with socket.create_connection(("127.0.0.1", int(port))) as s:
        for _ in range(int(times)):
            s.sendall(b"x" * 3000)
            s.recv(65536)


def tcps(port):
    while True:
        tcp(port)
        time.sleep(0.2)


def refused(port):
    with socket.socket() as s:
        s.connect_ex(("127.0.0.1", int(port)))


def lost(port):
    """Connects to where nobody answers for a moment: a queue that is full. What was lost is sent again, and then all is well."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(port)))
    server.listen(0)
    clients = [socket.socket() for _ in range(4)]
    for s in clients[:-1]:
        s.settimeout(0.2)
        s.connect_ex(("127.0.0.1", int(port)))

    def accept():
        time.sleep(0.5)
        while True:
            s, _ = server.accept()
            threading.Thread(target=lambda: [s.sendall(b"yes") for _ in iter(lambda: s.recv(4096), b"")], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    clients[-1].settimeout(8)
    clients[-1].connect(("127.0.0.1", int(port)))
    for _ in range(20):
        clients[-1].sendall(b"x")
        clients[-1].recv(100)


def lookup(name):
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        pass


def shm():
    libc.shmctl(libc.shmget(0, 4096, 0o1600), 0, None)


def fds():
    a, b = socket.socketpair(socket.AF_UNIX)
    with open("/etc/hostname") as f:
        socket.send_fds(a, [b"x"], [f.fileno()])
        socket.recv_fds(b, 10, 1)


def thread():
    t = threading.Thread(target=time.sleep, args=(0.01,))
    t.start()
    t.join()


def tty(word):
    """A terminal on which a program shows something, by writev(2): the buffer of a write(2) is no iovec any more since Linux 6.0, and BCC 0.26 looks for one."""
    pid, fd = pty.fork()
    while pid == 0:
        os.writev(1, [word.encode() + b"\n"])
        time.sleep(0.5)
    while True:
        os.read(fd, 4096)


def typed(word):
    """Somebody types a line into a shell and leaves."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["PS1"] = "type> "
        os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
    seen, lines = b"", ["echo " + word, "exit"]
    try:
        while True:
            seen += os.read(fd, 4096)
            if lines and seen.endswith(b"type> "):
                os.write(fd, lines.pop(0).encode() + b"\n")
                seen = b""
    except OSError:
        pass
    os.waitpid(pid, 0)


def tls(port, word):
    """A TLS client; openssl s_server answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", int(port))) as s, context.wrap_socket(s) as t:
        t.sendall(b"GET /" + word.encode() + b" HTTP/1.0\r\n\r\n")
        t.recv(1000)


def bpf_map():
    attr = array.array("I", [2, 4, 8, 1] + [0] * 28)		# an array of one
    address, _ = attr.buffer_info()
    libc.syscall(280, 0, ctypes.c_void_p(address), 128)
    time.sleep(1000)


def eat(mib):
    block = bytearray(int(mib) << 20)
    for at in range(0, len(block), 4096):
        block[at] = 1
    time.sleep(0.5)


def press():
    """Memory pressure for a moment: pages of a file are asked for while the kernel is told to keep free what is free."""
    knob = "/proc/sys/vm/min_free_kbytes"
    with open(knob) as f:
        before = f.read()
    with open("/proc/meminfo") as f:
        free = next(int(line.split()[1]) for line in f if line.startswith("MemFree"))
    try:
        with open(knob, "w") as f:
            f.write(str(max(free - 60000, 8000)))
        with open("/mnt/disk/press", "wb") as f:
            for _ in range(100):
                f.write(b"x" * (1 << 20))
    finally:
        with open(knob, "w") as f:
            f.write(before)
        os.unlink("/mnt/disk/press")


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    libc.prctl(15, sys.argv[1].encode(), 0, 0, 0)
    globals()[sys.argv[2]](*sys.argv[3:])


main()
