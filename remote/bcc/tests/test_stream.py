# SPDX-License-Identifier: Apache-2.0
"""Connections: what a daemon, a terminal and a user can do to them. The daemon is the program below, or a socket of ours."""
import contextlib
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from bcc_remote import LibRemote, RemoteError
from bcc_remote.adb import AdbRemote
from bcc_remote.command import CommandRemote
from bcc_remote.process import ProcessRemote
from bcc_remote.shell import ShellRemote
from bcc_remote.ssh import SshRemote
from bcc_remote.usb import UsbRemote

DAEMON = r"""
import os, select, signal, sys, time
out = sys.stdout.buffer
def put(data): out.write(data); out.flush()
def answer(*lines): put(b"START_BPFD_OUTPUT\n" + b"".join(line + b"\n" for line in lines) + b"END_BPFD_OUTPUT\n")
mode = sys.argv[1]
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "dies":
    print("no board: plug one in", file=sys.stderr); sys.exit(2)
if mode == "mute":
    time.sleep(60)
if mode == "babbles":
    while True: put(b"x" * 4096 + b"\n")
put(b"Welcome!\r\n\r\nSTARTED_BPFD\r\n" if mode == "terminal" else b"STARTED_BPFD\n")
buffer = b""
while True:
    data = os.read(0, 65536)
    if not data:
        if mode == "stubborn": time.sleep(60)
        break
    buffer += data
    while b"\n" in buffer:
        line, _, buffer = buffer.partition(b"\n")
        word, _, rest = line.partition(b" ")
        if not line.strip() or line.startswith(b";"): continue
        if mode == "hangs": time.sleep(60)
        elif word == b"exit" and mode != "stubborn": sys.exit(0)
        elif word == b"ECHO": answer(rest)
        elif word == b"LEN": answer(str(len(rest)).encode())
        elif word == b"NONE": answer()
        elif word == b"BLANK": answer(b"")
        elif word == b"ODD": answer(b"END_BPFD_OUTPUT and more", b" END_BPFD_OUTPUT", b"\xff\xfe")
        elif word == b"CRLF": put(b"CRLF\r\nSTART_BPFD_OUTPUT\r\na\r\n\r\nEND_BPFD_OUTPUT\r\n")
        elif word == b"SLOWLY":
            for c in b"START_BPFD_OUTPUT\none\ntwo\nEND_BPFD_OUTPUT\n":
                put(bytes([c])); time.sleep(0.005)
        elif word == b"MUCH": answer(*[b"%07d" % i for i in range(int(rest))])
        elif word == b"PERF_READER_POLL":       # what comes meanwhile ends it
            select.select([0], [], [], None if rest.startswith(b"-") else int(rest.split()[0]) / 1000)
            answer(b"8 3 YWJj")
        elif word == b"SAY": print(rest.decode(), file=sys.stderr); answer()
        elif word == b"HANG": put(b"START_BPFD_OUTPUT\n"); time.sleep(60)
        elif word == b"DIE": put(b"START_BPFD_OUTPUT\nhalf"); print("first\nout of memory", file=sys.stderr); sys.exit(3)
        elif word == b"KILL": os.kill(os.getpid(), 9)
        else: answer(b"Command not recognized")
"""


def daemon(mode="plain"):
    return "%s -c %s %s" % (shlex.quote(sys.executable), shlex.quote(DAEMON), mode)


class Case(unittest.TestCase):
    def open(self, mode="plain", cls=CommandRemote):
        remote = cls(daemon(mode))
        self.addCleanup(remote.close_connection)
        return remote

    def assertGone(self, pid):
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


class TestAnswers(Case):
    def test_lines_between_the_marks(self):
        r = self.open()
        self.assertEqual(r.send_command("ECHO a b"), ["a b"])
        self.assertEqual(r.send_command("NONE"), [])
        self.assertEqual(r.send_command("BLANK"), [""])
        self.assertEqual(r.send_command("ODD"), ["END_BPFD_OUTPUT and more", " END_BPFD_OUTPUT", "\udcff\udcfe"])
        self.assertEqual(r.send_command("SLOWLY"), ["one", "two"])
        self.assertEqual(r.send_command("ECHO \udcff"), ["\udcff"])

    def test_lines_that_have_no_answer_are_not_waited_for(self):
        r = self.open()
        self.assertEqual([r.send_command(s) for s in ("; a remark", "", "  ", "ECHO a")], [[], [], [], ["a"]])

    def test_a_terminal_echo_and_a_banner_are_not_the_daemons(self):
        r = self.open("terminal")
        self.assertEqual(r.send_command("CRLF"), ["a", ""])
        self.assertEqual(r.send_command("ECHO x"), ["x"])

    def test_more_than_a_pipe_holds_in_both_directions(self):
        r = self.open()
        self.assertEqual(r.send_command("LEN " + "x" * (4 << 20)), [str(4 << 20)])
        self.assertEqual(r.send_command("ECHO " + "y" * (4 << 20)), ["y" * (4 << 20)])
        lines = r.send_command("MUCH 300000")
        self.assertEqual((len(lines), lines[0], lines[-1]), (300000, "0000000", "0299999"))

    def test_a_command_is_one_line(self):
        r = self.open()
        for line in ("ECHO a\nexit", "ECHO a\r"):
            with self.assertRaises(ValueError):
                r.send_command(line)
        self.assertEqual(r.send_command("ECHO b"), ["b"])

    def test_debug_shows_the_traffic(self):
        for value, shown in (("1", True), ("0", False), ("", False)):
            with mock.patch.dict(os.environ, {"BCC_REMOTE_DEBUG": value}), contextlib.redirect_stderr(io.StringIO()) as err:
                self.open().send_command("MUCH 30")
            self.assertEqual("bcc remote: > MUCH 30\nbcc remote: < 0000000\n" in err.getvalue(), shown)
            self.assertEqual("bcc remote: < ... 30 lines in all\n" in err.getvalue(), shown)

    def test_two_threads_get_their_own_answers(self):
        r, wrong = self.open(), []

        def ask(word):
            wrong.extend(word for _ in range(300) if r.send_command("ECHO " + word) != [word])
        threads = [threading.Thread(target=ask, args=(w,)) for w in ("one", "two")]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        self.assertEqual(wrong, [])


class TestEnds(Case):
    def test_a_daemon_that_dies_is_one_error_that_says_how(self):
        for command, words in (("DIE", "the daemon ended, status 3: out of memory$"), ("KILL", "the daemon ended, SIGKILL$")):
            r = self.open()
            for line in (command, "ECHO a"):
                with self.assertRaisesRegex(RemoteError, words) as caught:
                    r.send_command(line)
                self.assertNotIn("\n", str(caught.exception).rpartition(": the daemon")[2])
            r.close_connection()

    def test_one_that_does_not_come_up_says_why(self):
        with self.assertRaisesRegex(RemoteError, "the daemon ended before it said STARTED_BPFD, status 2: no board: plug one in$"):
            CommandRemote(daemon("dies"))
        with self.assertRaisesRegex(RemoteError, "nosuch: there is no such program"):
            CommandRemote("nosuch --text")
        with self.assertRaisesRegex(RemoteError, "BCC_REMOTE_ARGS"):
            CommandRemote(None)

    def test_one_that_says_nothing_is_given_up_and_ended(self):
        with mock.patch.object(CommandRemote, "LIMIT", 0.4), mock.patch.object(CommandRemote, "ENDS", ((None, 0.2), (signal.SIGTERM, 5))):
            with self.assertRaisesRegex(RemoteError, "no answer for 0 s before it said STARTED_BPFD, SIGTERM"):
                CommandRemote(daemon("mute"))
            with self.assertRaisesRegex(RemoteError, "this is no BPFd: [0-9]+ bytes without STARTED_BPFD"):
                CommandRemote(daemon("babbles"))
        r = self.open()
        with mock.patch.object(CommandRemote, "LIMIT", 0.4), mock.patch.object(CommandRemote, "ENDS", ((None, 0.2), (signal.SIGTERM, 5))):
            with self.assertRaisesRegex(RemoteError, "no answer for 0 s, SIGTERM"):
                r.send_command("HANG")
        self.assertGone(r._child.pid)

    def test_a_poll_may_take_as_long_as_it_says(self):
        r = self.open()
        with mock.patch.object(CommandRemote, "LIMIT", 0.2):
            self.assertEqual(r.send_command("PERF_READER_POLL 700 1 8"), ["8 3 YWJj"])

    def test_closing_leaves_no_process(self):
        for mode in ("plain", "stubborn"):
            with mock.patch.object(CommandRemote, "ENDS", ((None, 0.2), (signal.SIGTERM, 0.2), (signal.SIGKILL, 5))), \
                 mock.patch("bcc_remote.stream.FAREWELL", 0.3):
                with self.open(mode) as r:
                    pid = r._child.pid
                self.assertGone(pid)
                r.close_connection()
            with self.assertRaisesRegex(RemoteError, "the connection was closed"):
                r.send_command("ECHO a")

    def test_control_c_while_closing_leaves_no_process_either(self):
        r = self.open()
        with mock.patch.object(r._channel, "pump", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            r.close_connection()
        self.assertGone(r._child.pid)

    def test_descriptors_are_given_back(self):
        def count():
            return len(os.listdir("/proc/self/fd"))
        before = count()
        for mode in ("plain", "dies", "plain"):
            with contextlib.suppress(RemoteError):
                self.open(mode).close_connection()
        r = self.open()
        with contextlib.suppress(RemoteError):
            r.send_command("DIE")
        self.assertEqual(count(), before)

    def test_what_it_says_meanwhile_is_the_users(self):
        with contextlib.redirect_stderr(io.StringIO()) as err:
            r = self.open()
            r.send_command("SAY take care")
            for _ in range(100):
                if err.getvalue():
                    break
                r.send_command("NONE")
                time.sleep(0.02)
        self.assertEqual(err.getvalue(), "take care\n")


class TestInterrupts(Case):
    def interrupted(self, r, line):
        class Stop(Exception):
            pass

        def stop(*_):
            raise Stop
        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with self.assertRaises(Stop):
                r.send_command(line)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def test_the_next_command_gets_its_own_answer_and_the_samples_are_kept(self):
        r = self.open()
        for n in range(3):
            self.interrupted(r, "PERF_READER_POLL -1 1 8")
            self.assertEqual(r.send_command("ECHO %d" % n), [str(n)])
        self.assertEqual(list(r.late), ["8 3 YWJj"] * 3)

    def test_a_signal_at_any_moment_loses_no_answer(self):
        class Stop(Exception):
            pass

        def stop(*_):
            raise Stop
        r, n = self.open(), 0
        before = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        for i in range(3000):
            line = "ECHO %s" % ("x" * 20000) if i % 10 == 0 else "PERF_READER_POLL 0 1 8"
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + i % 300 * 1e-6)
                r.send_command(line)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                n += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            if i % 3 == 0:
                self.assertEqual(r.send_command("ECHO %d" % i), [str(i)])
        self.assertGreater(n, 100)
        self.assertLessEqual(set(r.late), {"8 3 YWJj"})

    def test_a_daemon_that_died_during_a_poll_without_end_is_found_out_by_the_next_command(self):
        r = self.open("hangs")
        self.interrupted(r, "PERF_READER_POLL -1 1 8")
        with mock.patch.object(CommandRemote, "LIMIT", 0.4), mock.patch.object(CommandRemote, "ENDS", ((signal.SIGKILL, 5),)):
            with self.assertRaisesRegex(RemoteError, "no answer"):
                r.send_command("ECHO a")

    def test_also_when_half_of_an_answer_had_come(self):
        r = self.open()
        r._channel.held += b"START_BPFD_OUTPUT\nhal"
        with mock.patch.object(r._channel, "pump", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            r.send_command("ECHO lost")
        r._channel.held += b"f\nEND_BPFD_OUTPUT\n"
        # The first answer is that one; then comes what ECHO says twice.
        self.assertEqual(r.send_command("ECHO mine"), ["lost"])

    def test_control_c_is_not_the_daemons(self):
        r = self.open()
        with open("/proc/%d/status" % r._child.pid, encoding="ascii") as f:
            ignored = next(int(s.split()[1], 16) for s in f if s.startswith("SigIgn"))
        self.assertTrue(ignored & 1 << (signal.SIGINT - 1))

    SCRIPT = """
import sys, time
from bcc_remote import LibRemote, command, stream
command.CommandRemote.ENDS, stream.FAREWELL = ((9, 5),), 0.3
r = LibRemote("command", sys.argv[1])
print(r.remote._child.pid, flush=True)
time.sleep(%s)
"""

    def test_a_script_that_ends_leaves_no_process_however_it_ends(self):
        for sleep, sig, mode in (("0", None, "stubborn"), ("60", signal.SIGINT, "stubborn"), ("60", signal.SIGTERM, "plain"), ("60", signal.SIGKILL, "plain")):
            with subprocess.Popen([sys.executable, "-c", self.SCRIPT % sleep, daemon(mode)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
                pid = int(p.stdout.readline())
                if sig:
                    p.send_signal(sig)
                p.wait(20)
            end = time.monotonic() + 10
            while os.path.exists("/proc/%d" % pid) and time.monotonic() < end:
                time.sleep(0.02)
            self.assertGone(pid)

    def test_a_forked_child_does_not_end_the_connection(self):
        r = self.open()
        child = os.fork()
        if not child:
            r.close_connection()
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(r.send_command("ECHO a"), ["a"])


class TestTransports(Case):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(subprocess.run, ["rm", "-rf", self.dir], check=True)
        env = {"BPFWIRE_DIR": self.dir, "PATH": "%s:%s" % (self.dir, os.environ["PATH"]), "BPFWIRE_SERIAL": ""}
        patch = mock.patch.dict(os.environ, env)
        patch.start()
        self.addCleanup(patch.stop)

    def program(self, name):
        """One that writes down its arguments and is the daemon."""
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="ascii") as f:
            f.write('#!/bin/sh\nprintf "%%s\\n" "$@" >"%s/args"\nexec %s\n' % (self.dir, daemon()))
        os.chmod(path, 0o755)

    def args(self):
        with open(os.path.join(self.dir, "args"), encoding="utf-8") as f:
            return f.read().splitlines()

    def serve(self, name, greeting=b"STARTED_BPFD\n"):
        """A socket that greets and ends, as a bridge's whose board has gone."""
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.bind(os.path.join(self.dir, name))
        s.listen()
        seen = []

        def run():
            with contextlib.suppress(OSError):
                while True:
                    c, _ = s.accept()
                    c.sendall(greeting)
                    while greeting.startswith(b"STARTED") and (data := c.recv(4096)):
                        seen.append(data)
                        if data != b"exit\n":
                            c.sendall(b"START_BPFD_OUTPUT\n" + data + b"END_BPFD_OUTPUT\n")
                    c.close()
        threading.Thread(target=run, daemon=True).start()
        return seen

    def test_the_one_board_there_is(self):
        seen = self.serve("BOARD1.bpfd")
        with UsbRemote(None) as r:
            self.assertEqual(r.send_command("ECHO a"), ["ECHO a"])
            start = time.monotonic()
        self.assertLess(time.monotonic() - start, 4)        # the end of our side is the end for a daemon that knows no exit
        self.assertEqual(seen, [b"ECHO a\n", b"exit\n"])

    def test_one_of_several(self):
        self.serve("BOARD1.bpfd")
        seen = self.serve("BOARD2.bpfd")
        with self.assertRaisesRegex(RemoteError, "^there are 2 boards, choose one by BCC_REMOTE_ARGS or BPFWIRE_SERIAL: BOARD1, BOARD2$"):
            UsbRemote(None)
        UsbRemote("BOARD2").close_connection()
        with mock.patch.dict(os.environ, {"BPFWIRE_SERIAL": "BOARD2"}):
            UsbRemote(None).close_connection()
        self.assertEqual(len(seen), 2)

    def test_without_a_socket_the_command_is_asked(self):
        self.program("bpfwire")
        for arg, want in ((None, ["bpfd"]), ("BOARD1", ["bpfd", "-s", "BOARD1"])):
            with UsbRemote(arg) as r:
                self.assertEqual((r.send_command("ECHO a"), self.args()), (["a"], want))

    def test_a_stale_socket_is_none(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(self.dir, "BOARD1.bpfd"))
        self.program("bpfwire")
        with UsbRemote(None):
            self.assertEqual(self.args(), ["bpfd", "-s", "BOARD1"])

    def test_a_board_that_is_not_ready_says_why(self):
        self.serve("BOARD1.bpfd", b"board BOARD1: incompatible: update it\n")
        with self.assertRaisesRegex(RemoteError, "^board BOARD1: the daemon ended before it said STARTED_BPFD: board BOARD1: incompatible: update it$"):
            UsbRemote(None)

    def test_where_sockets_are_looked_for(self):
        os.mkdir(self.dir + "/bpfwire")
        self.serve("bpfwire/BOARD3.bpfd")
        with mock.patch.dict(os.environ, {"BPFWIRE_DIR": "", "XDG_RUNTIME_DIR": self.dir}), mock.patch("bcc_remote.usb.SYSTEM_DIR", self.dir + "/none"):
            UsbRemote(None).close_connection()

    def test_ssh(self):
        self.program("ssh")
        with SshRemote("-p 2222 root@board") as r:
            self.assertEqual((r.send_command("ECHO a"), self.args()), (["a"], ["-T", "-p", "2222", "root@board", "bpfwired --text"]))
        with self.assertRaisesRegex(RemoteError, "no host"):
            SshRemote(None)

    def test_adb(self):
        path = os.path.join(self.dir, "adb")
        with open(path, "w", encoding="ascii") as f:
            f.write('#!/bin/sh\n[ $# -eq 2 ] && [ "$1" = shell ] && exec sh -c "$2"\nexit 9\n')
        os.chmod(path, 0o755)
        for name, arg, want in (("bpfwired", None, ["--text"]), ("other", self.dir + "/other --mine 'a  b'", ["--mine", "'a", "b'"])):
            self.program(name)
            with AdbRemote(arg) as r:
                self.assertEqual((r.send_command("ECHO a"), self.args()), (["a"], want))

    def test_adb_without_being_root(self):
        path = os.path.join(self.dir, "adb")
        with open(path, "w", encoding="ascii") as f:
            f.write('#!/bin/sh\nexec sh -c "$2"\n')
        os.chmod(path, 0o755)
        for name, text in (("id", "#!/bin/sh\necho 2000\n"), ("su", '#!/bin/sh\n[ "$1" = -c ] && exit 1\n[ "$1" = 0 ] && shift && exec "$@"\n')):
            with open(os.path.join(self.dir, name), "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(os.path.join(self.dir, name), 0o755)
        self.program("bpfwired")
        with AdbRemote(None) as r:
            self.assertEqual((r.send_command("ECHO a"), self.args()), (["a"], ["--text"]))
        with open(os.path.join(self.dir, "su"), "w", encoding="ascii") as f:
            f.write('#!/bin/sh\n[ "$1" = -c ] || exit 1\nexec sh -c "$2"\n')
        with AdbRemote(None) as r:
            self.assertEqual(r.send_command("ECHO b"), ["b"])

    def test_process_and_its_first_name(self):
        self.program("bpfwired")
        for cls, name in ((ProcessRemote, "process"), (ShellRemote, "shell")):
            lib = LibRemote(name)
            self.assertIsInstance(lib.remote, cls)
            self.assertEqual(self.args(), ["--text"])
            lib.close_connection()
        with self.open(cls=ProcessRemote) as r:
            self.assertEqual(r.send_command("ECHO a"), ["a"])

    def test_process_of_a_machine_that_has_a_bpfd_only(self):
        self.program("bpfd")
        os.symlink("/bin/sh", self.dir + "/sh")
        with mock.patch.dict(os.environ, {"PATH": self.dir}):
            ProcessRemote(None).close_connection()
        self.assertEqual(self.args(), [""])


if __name__ == "__main__":
    unittest.main()
