# SPDX-License-Identifier: Apache-2.0
"""The calls that BCC's Python makes on a remote, each a line of BPFd's text protocol and its answer.

Keys, values and samples are base64 in both directions; a number that is negative is -errno. What a session made goes with it, so detaching and closing are for
scripts that go on without it.
"""
import base64
import collections
import ctypes
import errno
import importlib
import os
import re
import sys

from .base import BccRemote, RemoteError
from .mapcache import MapCache

REMOTES = "usb", "process", "shell", "adb", "ssh", "command"
REFUSED = "Command not recognized", "Open failed, ignoring"
RET = re.compile(r"\w+: ret=(-?\d+)\s*$")
# A field cannot have a blank in it. These count as GPL in the kernel (include/linux/license.h).
GPL = "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"
NAMELESS = "__none__"
CPUS_MAX = 4096
ADDRS_MAX = 1000


def classes(cls=BccRemote):
    for c in cls.__subclasses__():
        yield c
        yield from classes(c)


def get_remote_cls(name):
    """serial: SerialRemote. One that was defined anywhere counts; ours are imported when they are asked for."""
    wanted = name.capitalize() + "Remote"
    if name in REMOTES:
        return getattr(importlib.import_module("." + name, __package__), wanted)
    for cls in classes():
        if cls.__name__ == wanted:
            return cls
    raise RemoteError("BCC_REMOTE=%s: no such remote; there are %s" % (name, ", ".join(REMOTES)))


def connect():
    """The LibRemote that the environment names: $BCC_REMOTE (usb) with $BCC_REMOTE_ARGS."""
    return LibRemote(os.environ.get("BCC_REMOTE") or "usb", os.environ.get("BCC_REMOTE_ARGS"))


def text(s):
    return s.decode("utf-8", "surrogateescape") if isinstance(s, (bytes, bytearray)) else str(s)


def line_of(*fields):
    fields = [text(f) for f in fields]
    for f in fields:
        if not f or any(c.isspace() for c in f):
            raise ValueError("%r: the text protocol has no way to say an empty field or one with a blank in it" % f)
    return " ".join(fields)


def license_word(s):
    s = text(s)
    return "GPL" if s in GPL else "_".join(s.split()) or "none"


class LibRemote:
    def __init__(self, remote_name, remote_arg=None):
        self._maps, self._symbols, self._samples, self._tells_lost = {}, {}, collections.deque(), None
        self.lost = 0       # samples that the kernel dropped, as far as the board said
        self.remote = get_remote_cls(remote_name)(remote_arg)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_connection()

    def close_connection(self):
        self.remote.close_connection()

    # ---- asking ----
    def _ask(self, *fields):
        """(number, lines): the number behind ret= in the first line, 0 without one, -1 for no line or a refused command."""
        lines = self.remote.send_command(line_of(*fields))
        if not lines or lines[0].startswith(REFUSED):
            return -1, lines
        m = RET.match(lines[0])
        return int(m.group(1)) if m else 0, lines

    def _ret(self, *fields):
        return self._ask(*fields)[0]

    def _list(self, *fields):
        ret, lines = self._ask(*fields)
        return ret if ret < 0 else lines

    # ---- what is there ----
    def available_filter_functions(self, tracefs):
        return self._list("GET_AVAIL_FILTER_FUNCS", tracefs)

    def kprobes_blacklist(self, tracefs):
        return self._list("GET_KPROBES_BLACKLIST", tracefs)

    def get_trace_events_categories(self, tracefs):
        return self._list("GET_TRACE_EVENTS_CATEGORIES", tracefs)

    def get_trace_events(self, tracefs, cat):
        return self._list("GET_TRACE_EVENTS", tracefs, cat)

    def kallsyms(self):
        return self._list("GET_KALLSYMS")

    def comm_for_pid(self, pid):
        # A name has 15 bytes at most, so that no process can call itself by one of these.
        lines = self.remote.send_command(line_of("COMM_FOR_PID", pid))
        return "[unknown]" if not lines or lines[0].startswith((*REFUSED, "comm_for_pid: ret=")) else lines[0]

    # ---- programs ----
    def bpf_prog_load(self, prog_type, name, func_str, license_str, kern_version):
        return self._ret("BPF_PROG_LOAD", prog_type, text(name or NAMELESS), len(func_str), license_word(license_str), kern_version,
                         base64.b64encode(func_str))

    def prog_log(self):
        """What the verifier said of the program that was refused last."""
        ret, lines = self._ask("GET_PROG_LOG")
        return "\n".join(lines[1:]) if ret >= 0 else ""

    def bpf_attach_kprobe(self, fd, t, evname, fnname):
        return self._ret("BPF_ATTACH_KPROBE", fd, t, evname, fnname)

    def bpf_attach_uprobe(self, fd, t, evname, binpath, offset, pid):
        return self._ret("BPF_ATTACH_UPROBE", fd, t, evname, binpath, offset, pid)

    def bpf_attach_tracepoint(self, fd, cat, tpname):
        return self._ret("BPF_ATTACH_TRACEPOINT", fd, cat, tpname)

    def bpf_attach_perf_event(self, progfd, ev_type, ev_config, sample_period, sample_freq, pid, cpu, group_fd):
        return self._ret("BPF_ATTACH_PERF_EVENT", progfd, ev_type, ev_config, sample_period, sample_freq, pid, cpu, group_fd)

    def _detach(self, *fields):
        """Always 0, as ever: BCC detaches on its way out, when there may be no board any more, and nothing of the session on it either."""
        try:
            self._ask(*fields)
        except RemoteError:
            pass
        return 0

    def bpf_detach_kprobe(self, evname):
        return self._detach("BPF_DETACH_KPROBE", evname)

    def bpf_detach_uprobe(self, evname):
        return self._detach("BPF_DETACH_UPROBE", evname)

    def bpf_detach_tracepoint(self, cat, tpname):
        return self._ret("BPF_DETACH_TRACEPOINT", cat, tpname)

    def bpf_close_perf_event_fd(self, fd):
        return self._ret("BPF_CLOSE_PERF_EVENT_FD", fd)

    # ---- maps ----
    def bpf_create_map(self, map_type, name, key_size, leaf_size, max_entries, flags):
        fd = self._ret("BPF_CREATE_MAP", map_type, text(name or NAMELESS), key_size, leaf_size, max_entries, flags)
        if fd > 0:
            self._maps[fd] = MapCache(map_type)
        return fd

    def _map(self, fd):
        return self._maps.setdefault(fd, MapCache())

    def bpf_update_elem(self, map_fd, kstr, klen, lstr, llen, flags):
        self._map(map_fd).forget(text(kstr))
        return self._ret("BPF_UPDATE_ELEM", map_fd, kstr, klen, lstr, llen, flags)

    def bpf_lookup_elem(self, map_fd, kstr, klen, llen):
        cache, key = self._map(map_fd), text(kstr)
        value = cache.value(key)
        if value is None and cache.wants_dump():
            self.bpf_get_first_key(map_fd, klen, llen)
            value = cache.value(key)
        if value is not None:
            return 0, [value]
        return self._ask("BPF_LOOKUP_ELEM", map_fd, key, klen, llen)

    def bpf_get_first_key(self, map_fd, klen, vlen, dump_all=True):
        ret, lines = self._ask("BPF_GET_FIRST_KEY", map_fd, klen, vlen, 1 if dump_all else 0)
        if not dump_all:
            return ret, lines
        cache = self._map(map_fd)
        cache.clear()
        if ret >= 0 and lines[0]:
            cache.fill(lines)
            return 0, lines[:1]
        if ret not in (0, -1, -errno.ENOENT):       # empty is ENOENT, or what BPFd said of everything
            cache.refuse()
        return ret or -errno.ENOENT, lines

    def bpf_get_next_key(self, map_fd, kstr, klen):
        key = text(kstr)
        try:
            following = self._map(map_fd).next(key)
        except KeyError:
            return self._ask("BPF_GET_NEXT_KEY", map_fd, key, klen)
        return (0, [following]) if following else (-errno.ENOENT, [])

    def bpf_delete_elem(self, map_fd, kstr, klen):
        self._map(map_fd).drop()
        return self._ret("BPF_DELETE_ELEM", map_fd, kstr, klen)

    def bpf_clear_map(self, map_fd, klen):
        self._map(map_fd).clear()
        return self._ret("BPF_CLEAR_MAP", map_fd, klen)

    def bpf_obj_pin(self, fd, path):
        return self._ret("BPF_OBJ_PIN", fd, path)

    def bpf_obj_get(self, path):
        return self._ret("BPF_OBJ_GET", path)

    def close_fd(self, fd):
        self._maps.pop(fd, None)
        return self._ret("CLOSE_FD", fd)

    # ---- events ----
    def bpf_open_perf_buffer(self, pid, cpu, page_cnt):
        return self._ret("BPF_OPEN_PERF_BUFFER", pid, cpu, page_cnt)

    def open_perf_buffers(self, map_fd, raw_cb, lost_cb=None, page_cnt=8):
        """A buffer of each processor of the board that is online, in the map's place for it: what perf_reader_poll() takes, or a negative number."""
        fd_callbacks = []
        for cpu in range(CPUS_MAX):
            fd = self.bpf_open_perf_buffer(-1, cpu, page_cnt)
            if fd == -errno.ENODEV:         # offline, and there may be others behind it
                continue
            if fd < 0:
                return fd_callbacks or fd
            key, value = (base64.b64encode(n.to_bytes(4, sys.byteorder)) for n in (cpu, fd))
            ret = self.bpf_update_elem(map_fd, key, 4, value, 4, 0)
            if ret < 0:
                return ret
            fd_callbacks.append((fd, (raw_cb, lost_cb)))
        return fd_callbacks

    def perf_reader_poll(self, fd_callbacks, timeout):
        """raw_cb(self, address, size) for each sample, lost_cb(self, count) where the kernel had to drop some; as ctypes callbacks or plain functions. The
        bytes at the address are there until raw_cb returns. The number of samples, 0 when the time was over; or a negative number."""
        callbacks = {text(fd): cbs for fd, cbs in fd_callbacks}
        if self._tells_lost is None:        # BPFd itself does not
            self._tells_lost = self._ret("SET_OPTION", "lost", 1) >= 0
        ret, lines = self._ask("PERF_READER_POLL", timeout, len(callbacks), *callbacks)
        if ret < 0 and lines:
            return ret
        # An exception of a callback leaves the rest to the next poll.
        samples = getattr(self.remote, "late", self._samples)
        samples.extend(lines)
        n = 0
        while samples:
            fd, size, data = self._sample(samples.popleft())
            raw_cb, lost_cb = callbacks.get(fd, (None, None))
            if data is None:
                self._lose(size, lost_cb)
            elif raw_cb:
                sample = ctypes.c_char_p(data)
                raw_cb(self, ctypes.cast(sample, ctypes.c_void_p).value, size)
                n += 1
        return n

    @staticmethod
    def _sample(line):
        try:
            fd, size, data = line.split(" ")
            return (fd, int(data), None) if size == "lost" else (fd, int(size), base64.b64decode(data)[:int(size)])
        except ValueError:
            raise RemoteError("the board sent what is no sample: %.80r" % line) from None

    def _lose(self, count, lost_cb):
        self.lost += count
        if lost_cb:
            lost_cb(self, count)
        else:
            sys.stderr.write("Possibly lost %d samples\n" % count)

    # ---- symbols ----
    def _name(self, *fields):
        ret, lines = self._ask(*fields)
        parts = tuple(lines[1].split(";", 2)) if ret >= 0 and len(lines) > 1 else ()
        return parts if len(parts) == 3 else None

    def _address(self, *fields):
        ret, lines = self._ask(*fields)
        return lines[1] if ret >= 0 and len(lines) > 1 else -1

    def sym(self, pid, addr, demangle=True):
        return self.ksym(addr) if pid < 0 else self.usym(pid, addr, demangle)

    def ksym(self, addr):
        """Asked once: BCC, too, reads the kernel's symbols once in its life."""
        if addr not in self._symbols:
            found = self._name("GET_KSYM_NAME", addr)
            if not found:
                return None, addr, None
            self._symbols[addr] = found
        return self._symbols[addr]

    def usym(self, pid, addr, demangle=True):
        return self._name("GET_USYM_NAME", pid, addr, 1 if demangle else 0) or (None, addr, None)

    def _names(self, addrs, *fields):
        """For many addresses, so many at a time; BPFd knows one at a time alone, and then it is None."""
        found = []
        for at in range(0, len(addrs), ADDRS_MAX):
            some = addrs[at:at + ADDRS_MAX]
            lines = self.remote.send_command(line_of(*fields, *some))
            if len(lines) != len(some) or lines[0].startswith(REFUSED):
                return None
            parts = (tuple(line.split(";", 2)) for line in lines)
            found += [p if len(p) == 3 else (None, addr, None) for addr, p in zip(some, parts)]
        return found

    def ksyms(self, addrs):
        """What ksym() returns for each, by one command for a thousand."""
        addrs = list(addrs)
        new = [a for a in dict.fromkeys(addrs) if a not in self._symbols]
        found = self._names(new, "GET_KSYM_NAMES")
        if found is None:
            return [self.ksym(a) for a in addrs]
        self._symbols.update((a, f) for a, f in zip(new, found) if f[0])
        return [self._symbols.get(a, (None, a, None)) for a in addrs]

    def usyms(self, pid, addrs, demangle=True):
        """What usym() returns for each."""
        addrs = list(addrs)
        found = self._names(addrs, "GET_USYM_NAMES", pid, 1 if demangle else 0)
        return [self.usym(pid, a, demangle) for a in addrs] if found is None else found

    def ksymname(self, name):
        return self._address("GET_KSYM_ADDR", name)

    def usymname(self, pid, name, module):
        return self._address("GET_USYM_ADDR", pid, name, module)
