# SPDX-License-Identifier: Apache-2.0
"""What LibRemote says and returns, without a daemon: a remote that answers from a table."""
import base64
import collections
import contextlib
import ctypes
import errno
import io
import os
import unittest
from unittest import mock

from bcc_remote import BccRemote, LibRemote, RemoteError, connect
from bcc_remote import mapcache


class FakeRemote(BccRemote):
    """Answers by the beginning of the command; the longest that fits."""

    def __init__(self, arg):    # pylint: disable=super-init-not-called
        self.arg, self.answers, self.said, self.closed = arg, {}, [], 0

    def send_command(self, line):
        self.said.append(line)
        fits = [k for k in self.answers if line.startswith(k)]
        return self.answers[max(fits, key=len)] if fits else ["Command not recognized"]

    def close_connection(self):
        self.closed += 1


def b64(n, size=4):
    return base64.b64encode(n.to_bytes(size, "little")).decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.lib = LibRemote("fake", "here")
        self.fake = self.lib.remote
        self.now = 1000.0
        patch = mock.patch.object(mapcache.time, "monotonic", lambda: self.now)
        patch.start()
        self.addCleanup(patch.stop)

    def answer(self, **answers):
        self.fake.answers.update(answers)

    def said(self):
        said, self.fake.said = self.fake.said, []
        return said


class TestRemotes(Case):
    def test_a_class_of_three_methods_is_a_remote_by_its_name_wherever_it_is_defined(self):
        self.assertIsInstance(self.fake, FakeRemote)
        self.assertEqual(self.fake.arg, "here")

    def test_another_name_is_refused_with_those_there_are(self):
        with self.assertRaisesRegex(RemoteError, "BCC_REMOTE=nosuch: no such remote; there are usb, process, shell, adb, ssh, command"):
            LibRemote("nosuch")

    def test_the_environment_chooses(self):
        with mock.patch.dict(os.environ, {"BCC_REMOTE": "fake", "BCC_REMOTE_ARGS": "there"}), connect() as lib:
            self.assertEqual(lib.remote.arg, "there")
        self.assertEqual(lib.remote.closed, 1)

    def test_what_a_class_does_not_have_is_said_by_name(self):
        with self.assertRaisesRegex(NotImplementedError, r"BccRemote has no send_command\(line\)"):
            BccRemote.send_command(BccRemote.__new__(BccRemote), "x")


class TestNumbers(Case):
    # method, arguments, the line, an answer, what is returned
    ROWS = [
        ("bpf_create_map", (1, "count", 8, 40, 10240, 0), "BPF_CREATE_MAP 1 count 8 40 10240 0", "bpf_create_map: ret=3", 3),
        ("bpf_create_map", (1, None, 8, 40, 10240, 0), "BPF_CREATE_MAP 1 __none__ 8 40 10240 0", "bpf_create_map: ret=-22", -22),
        ("bpf_create_map", (1, b"count", 8, 40, 10240, 0), "BPF_CREATE_MAP 1 count 8 40 10240 0", "bpf_create_map: ret=3", 3),
        ("bpf_prog_load", (2, "f", b"12345678", b"GPL", 7), "BPF_PROG_LOAD 2 f 8 GPL 7 MTIzNDU2Nzg=", "bpf_prog_load: ret=5", 5),
        ("bpf_prog_load", (2, b"f", b"12345678", "Dual BSD/GPL", 7), "BPF_PROG_LOAD 2 f 8 GPL 7 MTIzNDU2Nzg=", "bpf_prog_load: ret=5", 5),
        ("bpf_prog_load", (2, "f", b"12345678", "not for you", 7), "BPF_PROG_LOAD 2 f 8 not_for_you 7 MTIzNDU2Nzg=", "bpf_prog_load: ret=-1", -1),
        ("bpf_attach_kprobe", (5, 1, "r_f", "f"), "BPF_ATTACH_KPROBE 5 1 r_f f", "bpf_attach_kprobe: ret=6", 6),
        ("bpf_attach_uprobe", (5, 0, "p_f", "/bin/sh", 4096, -1), "BPF_ATTACH_UPROBE 5 0 p_f /bin/sh 4096 -1", "bpf_attach_uprobe: ret=-2", -2),
        ("bpf_attach_tracepoint", (5, "sched", "sched_switch"), "BPF_ATTACH_TRACEPOINT 5 sched sched_switch", "bpf_attach_tracepoint: ret=6", 6),
        ("bpf_detach_tracepoint", ("sched", "sched_switch"), "BPF_DETACH_TRACEPOINT sched sched_switch", "bpf_detach_tracepoint: ret=0", 0),
        ("bpf_attach_perf_event", (5, 1, 0, 0, 49, -1, 0, -1), "BPF_ATTACH_PERF_EVENT 5 1 0 0 49 -1 0 -1", "bpf_attach_perf_event: ret=7", 7),
        ("bpf_close_perf_event_fd", (7,), "BPF_CLOSE_PERF_EVENT_FD 7", "bpf_close_perf_event_fd: ret=0", 0),
        ("bpf_open_perf_buffer", (-1, 0, 8), "BPF_OPEN_PERF_BUFFER -1 0 8", "bpf_open_perf_buffer: ret=8", 8),
        ("bpf_update_elem", (3, "AQ==", 1, b"Ag==", 1, 0), "BPF_UPDATE_ELEM 3 AQ== 1 Ag== 1 0", "bpf_update_elem: ret=0", 0),
        ("bpf_delete_elem", (3, b"AQ==", 1), "BPF_DELETE_ELEM 3 AQ== 1", "bpf_delete_elem: ret=-2", -2),
        ("bpf_clear_map", (3, 1), "BPF_CLEAR_MAP 3 1", "bpf_clear_map: ret=7", 7),
        ("bpf_obj_pin", (3, "/sys/fs/bpf/x"), "BPF_OBJ_PIN 3 /sys/fs/bpf/x", "bpf_obj_pin: ret=-17", -17),
        ("bpf_obj_get", ("/sys/fs/bpf/x",), "BPF_OBJ_GET /sys/fs/bpf/x", "bpf_obj_get: ret=9", 9),
        ("close_fd", (9,), "CLOSE_FD 9", "close_fd: ret=0", 0),
        ("bpf_detach_kprobe", ("p_f",), "BPF_DETACH_KPROBE p_f", "bpf_detach_kprobe: ret=-2", 0),
        ("bpf_detach_uprobe", ("p_f",), "BPF_DETACH_UPROBE p_f", "bpf_detach_uprobe: ret=0", 0),
        ("ksymname", ("schedule",), "GET_KSYM_ADDR schedule", "GET_KSYM_ADDR: ret=-2", -1),
        ("usymname", (1, "main", "sh"), "GET_USYM_ADDR 1 main sh", "GET_USYM_ADDR: ret=-22", -1),
        ("ksym", (4096,), "GET_KSYM_NAME 4096", "GET_KSYM_NAME: ret=-2", (None, 4096, None)),
        ("usym", (1, 4096), "GET_USYM_NAME 1 4096 1", "GET_USYM_NAME: ret=-2", (None, 4096, None)),
        ("sym", (1, 4096, False), "GET_USYM_NAME 1 4096 0", "GET_USYM_NAME: ret=-2", (None, 4096, None)),
        ("sym", (-1, 4096), "GET_KSYM_NAME 4096", "GET_KSYM_NAME: ret=-2", (None, 4096, None)),
        ("comm_for_pid", (7,), "COMM_FOR_PID 7", "a b", "a b"),
        ("comm_for_pid", (7,), "COMM_FOR_PID 7", "x: ret=-1", "x: ret=-1"),
        ("comm_for_pid", (7,), "COMM_FOR_PID 7", "comm_for_pid: ret=-22", "[unknown]"),
        ("comm_for_pid", (7,), "COMM_FOR_PID 7", "Open failed, ignoring", "[unknown]"),
        ("get_trace_events", ("/t", "sched"), "GET_TRACE_EVENTS /t sched", "a", ["a"]),
        ("get_trace_events_categories", ("/t",), "GET_TRACE_EVENTS_CATEGORIES /t", "a", ["a"]),
        ("kprobes_blacklist", ("/t",), "GET_KPROBES_BLACKLIST /t", "Open failed, ignoring", -1),
        ("available_filter_functions", ("/t",), "GET_AVAIL_FILTER_FUNCS /t", "a", ["a"]),
    ]

    def test_each_method_sends_its_line_and_returns_what_the_table_says(self):
        for method, args, line, answer, want in self.ROWS:
            with self.subTest(line=line, answer=answer):
                self.fake.answers = {line: [answer]}
                self.assertEqual(getattr(self.lib, method)(*args), want)
                self.assertEqual(self.said(), [line])

    def test_a_refused_command_and_an_empty_answer_are_failures(self):
        for answer in ([], ["Command not recognized"], ["Open failed, ignoring", "Command not recognized"]):
            self.fake.answers = {"": answer}
            self.assertEqual(self.lib.bpf_attach_kprobe(5, 0, "p_f", "f"), -1)
            self.assertEqual(self.lib.get_trace_events("/t", "x"), -1)
            self.assertEqual(self.lib.ksym(1), (None, 1, None))
            self.assertEqual(self.lib.comm_for_pid(1), "[unknown]")
            self.assertEqual(self.lib.bpf_lookup_elem(3, "AQ==", 1, 1)[0], -1)

    def test_base64_that_ends_like_a_result_is_a_value(self):
        self.fake.answers = {"BPF_LOOKUP_ELEM": ["ret="]}
        self.assertEqual(self.lib.bpf_lookup_elem(3, "AQ==", 1, 2), (0, ["ret="]))

    def test_symbols_are_strings_and_kernel_ones_are_asked_once(self):
        self.fake.answers = {"GET_KSYM_NAME": ["GET_KSYM_NAME: ret=0", "schedule;4;kernel"], "GET_USYM_NAME": ["GET_USYM_NAME: ret=0", "main;0;/bin/sh"],
                             "GET_KSYM_ADDR": ["GET_KSYM_ADDR: ret=0", "4096"]}
        self.assertEqual([self.lib.ksym(4100), self.lib.ksym(4100)], [("schedule", "4", "kernel")] * 2)
        self.assertEqual([self.lib.usym(1, 1), self.lib.usym(1, 1)], [("main", "0", "/bin/sh")] * 2)
        self.assertEqual(self.lib.ksymname("schedule"), "4096")
        self.assertEqual(len(self.said()), 4)

    def test_many_symbols_are_one_command_where_the_daemon_has_it(self):
        self.fake.answers = {"GET_KSYM_NAMES 1 2": ["a;0;kernel", "ret=-2"], "GET_USYM_NAMES 7 1 1 1": ["m;0;/bin/sh", "m;0;/bin/sh"],
                             "GET_KSYM_NAMES 2": ["ret=-2"]}
        for _ in range(2):
            self.assertEqual(self.lib.ksyms([1, 2, 1]), [("a", "0", "kernel"), (None, 2, None), ("a", "0", "kernel")])
        self.assertEqual(self.lib.usyms(7, [1, 1]), [("m", "0", "/bin/sh")] * 2)
        self.assertEqual(self.said(), ["GET_KSYM_NAMES 1 2", "GET_KSYM_NAMES 2", "GET_USYM_NAMES 7 1 1 1"])
        self.assertEqual(self.lib.ksyms([]), [])

    def test_many_symbols_are_one_command_each_where_it_does_not(self):
        self.fake.answers = {"GET_KSYM_NAME ": ["GET_KSYM_NAME: ret=0", "a;0;kernel"], "GET_USYM_NAME ": ["GET_USYM_NAME: ret=-3"]}
        self.assertEqual(self.lib.ksyms([1, 2]), [("a", "0", "kernel")] * 2)
        self.assertEqual(self.lib.usyms(7, [1]), [(None, 1, None)])

    def test_very_many_are_several(self):
        with mock.patch("bcc_remote.libremote.ADDRS_MAX", 2):
            self.fake.answers = {"GET_KSYM_NAMES 1 2": ["a;0;k", "b;0;k"], "GET_KSYM_NAMES 3": ["c;0;k"]}
            self.assertEqual([n for n, _, _ in self.lib.ksyms([1, 2, 3])], ["a", "b", "c"])

    def test_an_answer_that_ends_too_early_is_no_symbol(self):
        for rest in ([], ["schedule;4"], [""]):
            self.fake.answers = {"GET_": ["GET_KSYM_NAME: ret=0"] + rest}
            self.assertEqual(self.lib.ksym(1), (None, 1, None))
        self.fake.answers = {"GET_": ["GET_KSYM_ADDR: ret=0"]}
        self.assertEqual(self.lib.ksymname("x"), -1)

    def test_a_field_with_a_blank_is_refused_before_it_is_sent(self):
        for name in ("a b", "a\nexit", ""):
            with self.assertRaisesRegex(ValueError, "blank"):
                self.lib.bpf_attach_kprobe(5, 0, name, "f")
        self.assertEqual(self.said(), [])

    def test_the_verifiers_log(self):
        self.answer(GET_PROG_LOG=["get_prog_log: ret=0", "0: (b7) r0 = 0", "R0 !read_ok"])
        self.assertEqual(self.lib.prog_log(), "0: (b7) r0 = 0\nR0 !read_ok")
        self.answer(GET_PROG_LOG=["get_prog_log: ret=-2"])
        self.assertEqual(self.lib.prog_log(), "")


class TestMaps(Case):
    KEYS = [b64(i) for i in range(3)]
    VALUES = [b64(i * 3, 8) for i in range(3)]

    def setUp(self):
        super().setUp()
        dump = [s for pair in zip(self.KEYS, self.VALUES) for s in pair] + [""]
        self.fake.answers = {"BPF_CREATE_MAP 1 ": ["bpf_create_map: ret=3"], "BPF_CREATE_MAP 7 ": ["bpf_create_map: ret=4"],
                             "BPF_CREATE_MAP 4 ": ["bpf_create_map: ret=5"], "BPF_GET_FIRST_KEY": dump, "BPF_LOOKUP_ELEM": ["/////w=="],
                             "BPF_GET_FIRST_KEY 5 ": ["bpf_get_first_key: ret=-524"], "BPF_UPDATE_ELEM": ["bpf_update_elem: ret=0"],
                             "BPF_GET_NEXT_KEY": ["bpf_get_next_key: ret=-2"], "BPF_DELETE_ELEM": ["bpf_delete_elem: ret=0"],
                             "BPF_CLEAR_MAP": ["bpf_clear_map: ret=3"]}
        self.hash, self.stacks, self.events = (self.lib.bpf_create_map(k, "m", 4, 8, 16, 0) for k in (1, 7, 4))
        self.said()

    def go_through(self, fd):
        found = []
        ret, key = self.lib.bpf_get_first_key(fd, 4, 8)
        while ret >= 0:
            found.append((key[0], self.lib.bpf_lookup_elem(fd, key[0], 4, 8)[1][0]))
            ret, key = self.lib.bpf_get_next_key(fd, key[0].encode(), 4)
        return found

    def test_going_through_a_map_is_one_command(self):
        self.assertEqual(self.go_through(self.hash), list(zip(self.KEYS, self.VALUES)))
        self.assertEqual(self.said(), ["BPF_GET_FIRST_KEY 3 4 8 1"])
        self.go_through(self.hash)
        self.assertEqual(self.said(), ["BPF_GET_FIRST_KEY 3 4 8 1"])

    def test_a_value_is_given_once_and_then_the_boards(self):
        self.go_through(self.hash)
        self.assertEqual(self.lib.bpf_lookup_elem(self.hash, self.KEYS[1], 4, 8), (0, ["/////w=="]))
        self.assertEqual(self.said()[1:], ["BPF_LOOKUP_ELEM 3 %s 4 8" % self.KEYS[1]])

    def test_a_value_is_not_given_when_it_is_old(self):
        self.lib.bpf_get_first_key(self.hash, 4, 8)
        self.now += 1.5
        self.assertEqual(self.lib.bpf_lookup_elem(self.hash, self.KEYS[0], 4, 8), (0, ["/////w=="]))

    def test_a_lookup_in_a_map_that_was_never_gone_through_asks_the_board(self):
        self.assertEqual(self.lib.bpf_lookup_elem(self.hash, self.KEYS[0], 4, 8), (0, ["/////w=="]))
        self.assertEqual(self.said(), ["BPF_LOOKUP_ELEM 3 %s 4 8" % self.KEYS[0]])

    def test_stacks_are_dumped_by_the_first_lookup(self):
        for i in (0, 1, 1, 2, 0):
            self.assertEqual(self.lib.bpf_lookup_elem(self.stacks, self.KEYS[i], 4, 8), (0, [self.VALUES[i]]))
        self.assertEqual(self.said(), ["BPF_GET_FIRST_KEY 4 4 8 1"])
        self.assertEqual(self.lib.bpf_lookup_elem(self.stacks, b64(99), 4, 8), (0, ["/////w=="]))
        self.assertEqual(self.said(), ["BPF_LOOKUP_ELEM 4 %s 4 8" % b64(99)])

    def test_a_dump_that_paid_is_made_again_when_it_is_old(self):
        self.go_through(self.hash)
        self.said()
        self.now += 1.5
        self.assertEqual(self.lib.bpf_lookup_elem(self.hash, self.KEYS[0], 4, 8), (0, [self.VALUES[0]]))
        self.assertEqual(self.said(), ["BPF_GET_FIRST_KEY 3 4 8 1"])

    def test_what_is_written_deleted_or_cleared_is_not_given(self):
        for change in (lambda: self.lib.bpf_update_elem(self.hash, self.KEYS[0], 4, self.VALUES[2], 8, 0),
                       lambda: self.lib.bpf_delete_elem(self.hash, self.KEYS[0], 4), lambda: self.lib.bpf_clear_map(self.hash, 4)):
            self.lib.bpf_get_first_key(self.hash, 4, 8)
            change()
            self.assertEqual(self.lib.bpf_lookup_elem(self.hash, self.KEYS[0], 4, 8), (0, ["/////w=="]))

    def test_deleting_while_going_through(self):
        ret, key = self.lib.bpf_get_first_key(self.hash, 4, 8)
        seen = []
        while ret >= 0:
            seen.append(key[0])
            self.lib.bpf_delete_elem(self.hash, key[0], 4)
            ret, key = self.lib.bpf_get_next_key(self.hash, key[0], 4)
        self.assertEqual(seen, self.KEYS)

    def test_keys_after_clearing_are_the_boards(self):
        self.lib.bpf_get_first_key(self.hash, 4, 8)
        self.lib.bpf_clear_map(self.hash, 4)
        self.assertEqual(self.lib.bpf_get_next_key(self.hash, self.KEYS[0], 4)[0], -2)
        self.assertIn("BPF_GET_NEXT_KEY 3 %s 4" % self.KEYS[0], self.said())

    def test_the_order_of_keys_grows_old_as_well(self):
        self.lib.bpf_get_first_key(self.hash, 4, 8)
        self.now += 30
        self.assertEqual(self.lib.bpf_get_next_key(self.hash, self.KEYS[0], 4), (0, [self.KEYS[1]]))
        self.now += 60
        self.assertEqual(self.lib.bpf_get_next_key(self.hash, self.KEYS[0], 4)[0], -2)

    def test_without_a_dump_every_key_is_asked(self):
        self.fake.answers["BPF_GET_FIRST_KEY 3 4 8 0"] = [self.KEYS[0]]
        self.assertEqual(self.lib.bpf_get_first_key(self.hash, 4, 8, dump_all=False), (0, [self.KEYS[0]]))
        self.assertEqual(self.lib.bpf_get_next_key(self.hash, self.KEYS[0], 4)[0], -2)
        self.assertEqual(len(self.said()), 2)

    def test_an_empty_map_and_one_that_cannot_be_dumped(self):
        for answer in (["bpf_get_first_key: ret=-2"], ["bpf_get_first_key: ret=-1"], [""]):
            self.fake.answers["BPF_GET_FIRST_KEY"] = answer
            self.assertLess(self.lib.bpf_get_first_key(self.hash, 4, 8)[0], 0)
        self.assertEqual(self.lib.bpf_get_first_key(self.events, 4, 4)[0], -524)

    def test_a_dump_that_is_not_pairs_is_survived(self):
        self.fake.answers["BPF_GET_FIRST_KEY"] = ["AQ==", "Ag==", "Aw=="]
        self.assertEqual(self.lib.bpf_get_first_key(self.hash, 1, 1), (0, ["AQ=="]))
        self.assertEqual(self.lib.bpf_lookup_elem(self.hash, "Aw==", 1, 1), (0, ["/////w=="]))


class TestEvents(Case):
    def setUp(self):
        super().setUp()
        self.seen, self.lost = [], []
        self.buffers = [(fd, (self.raw, lambda _, n: self.lost.append(n))) for fd in (8, 9)]
        self.answer(SET_OPTION=["set_option: ret=0"])

    def raw(self, cookie, data, size):
        self.assertIs(cookie, self.lib)
        self.seen.append(ctypes.string_at(data, size))

    def test_samples_go_to_the_callback_of_their_buffer(self):
        self.answer(PERF_READER_POLL=["9 3 YWJj", "8 0 ", "9 lost 7", "77 3 YWJj"])
        self.assertEqual(self.lib.perf_reader_poll(self.buffers, 100), 2)
        self.assertEqual((self.seen, self.lost, self.lib.lost), ([b"abc", b""], [7], 7))
        self.assertEqual(self.said(), ["SET_OPTION lost 1", "PERF_READER_POLL 100 2 8 9"])
        self.lib.perf_reader_poll(self.buffers, 100)
        self.assertEqual(self.said(), ["PERF_READER_POLL 100 2 8 9"])

    def test_callbacks_of_ctypes_as_bccs_are(self):
        raw = ctypes.CFUNCTYPE(None, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)(self.raw)
        lost = ctypes.CFUNCTYPE(None, ctypes.py_object, ctypes.c_uint64)(lambda _, n: self.lost.append(n))
        none = ctypes.cast(None, ctypes.CFUNCTYPE(None, ctypes.py_object, ctypes.c_uint64))
        self.answer(PERF_READER_POLL=["8 3 YWJj", "8 lost 7", "9 lost 2"])
        with contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertEqual(self.lib.perf_reader_poll([(8, (raw, lost)), (9, (raw, none))], -1), 1)
        self.assertEqual((self.seen, self.lost, err.getvalue()), ([b"abc"], [7], "Possibly lost 2 samples\n"))

    def test_a_callback_may_ask_the_board(self):
        self.answer(PERF_READER_POLL=["8 3 YWJj"], COMM_FOR_PID=["init"])
        seen = []
        self.lib.perf_reader_poll([(8, (lambda *_: seen.append(self.lib.comm_for_pid(1)), None))], 0)
        self.assertEqual(seen, ["init"])

    def test_nothing_and_a_failure(self):
        self.answer(PERF_READER_POLL=[])
        self.assertEqual(self.lib.perf_reader_poll(self.buffers, 0), 0)
        self.answer(PERF_READER_POLL=["perf_reader_poll: ret=-9"])
        self.assertEqual(self.lib.perf_reader_poll(self.buffers, 0), -9)

    def test_a_daemon_that_knows_no_options_is_asked_once(self):
        del self.fake.answers["SET_OPTION"]
        self.answer(PERF_READER_POLL=[])
        for _ in range(2):
            self.lib.perf_reader_poll(self.buffers, 0)
        self.assertEqual(self.said().count("SET_OPTION lost 1"), 1)

    def test_what_is_no_sample_is_said(self):
        for line in ("8 3", "8 x YWJj", "8 3 YWJj 1", "8 3 Y"):
            self.answer(PERF_READER_POLL=[line])
            with self.assertRaisesRegex(RemoteError, "no sample: '8 "):
                self.lib.perf_reader_poll(self.buffers, 0)

    def test_a_buffer_of_each_processor_that_is_online(self):
        self.fake.answers.update({"BPF_OPEN_PERF_BUFFER -1 0 8": ["bpf_open_perf_buffer: ret=6"], "BPF_OPEN_PERF_BUFFER -1 1 8": ["bpf_open_perf_buffer: ret=-19"],
                                  "BPF_OPEN_PERF_BUFFER -1 2 8": ["bpf_open_perf_buffer: ret=7"], "BPF_OPEN_PERF_BUFFER -1 3 8": ["bpf_open_perf_buffer: ret=-22"],
                                  "BPF_UPDATE_ELEM": ["bpf_update_elem: ret=0"]})
        self.assertEqual([fd for fd, _ in self.lib.open_perf_buffers(4, self.raw)], [6, 7])
        self.assertEqual([s for s in self.said() if "UPDATE" in s], ["BPF_UPDATE_ELEM 4 %s 4 %s 4 0" % (b64(c), b64(f)) for c, f in ((0, 6), (2, 7))])
        self.fake.answers["BPF_UPDATE_ELEM"] = ["bpf_update_elem: ret=-9"]
        self.assertEqual(self.lib.open_perf_buffers(4, self.raw), -errno.EBADF)

    def test_samples_of_a_poll_that_was_cut_short_are_not_lost(self):
        self.fake.late = collections.deque(["8 3 YWJj"])
        self.answer(PERF_READER_POLL=[])
        self.assertEqual(self.lib.perf_reader_poll(self.buffers, 0), 1)
        self.assertEqual((self.seen, self.lib.perf_reader_poll(self.buffers, 0)), ([b"abc"], 0))


    def test_an_exception_of_a_callback_leaves_the_rest_to_the_next_poll(self):
        def once(*_):
            self.buffers[0] = (8, (self.raw, None))
            raise KeyboardInterrupt
        self.buffers[0] = (8, (once, None))
        self.answer(PERF_READER_POLL=["8 3 YWJj", "8 3 ZGVm"])
        with self.assertRaises(KeyboardInterrupt):
            self.lib.perf_reader_poll(self.buffers, 0)
        self.answer(PERF_READER_POLL=[])
        self.assertEqual((self.lib.perf_reader_poll(self.buffers, 0), self.seen), (1, [b"def"]))


class TestEnds(Case):
    def test_detaching_on_the_way_out_of_a_lost_board_is_quiet(self):
        def gone(line):
            raise RemoteError("gone")
        self.fake.send_command = gone
        self.assertEqual((self.lib.bpf_detach_kprobe("p_f"), self.lib.bpf_detach_uprobe("p_f")), (0, 0))
        with self.assertRaises(RemoteError):
            self.lib.bpf_detach_tracepoint("sched", "sched_switch")

    def test_closing(self):
        with self.lib:
            pass
        self.assertEqual(self.fake.closed, 1)


if __name__ == "__main__":
    unittest.main()
