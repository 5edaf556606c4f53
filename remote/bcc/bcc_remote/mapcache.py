# SPDX-License-Identifier: Apache-2.0
"""What one dump of a map told, so that going through a map is one command and not two an entry.

It must not be told from what a tool sees on the machine itself. So a value is given once, and only a short while after the dump: a tool that asks for one
counter again and again gets what that is now. The order of keys is good for as long as going through them takes; new keys may be missed by that there as well.
The entries of a map of stacks do not change, so they are given as often as wanted, and for longer.
"""
import time

STACKS = 7                      # BPF_MAP_TYPE_STACK_TRACE
VALUES, STACK_VALUES, KEYS = 1, 60, 60      # seconds
PAYS = 64                       # another dump is worth it where the last one answered one lookup in so many of its entries


class MapCache:
    def __init__(self, kind=None):
        self.kind, self._refused = kind, False
        self._values, self._given = {}, 0
        self._next, self._entries, self._dumped = {}, 0, None

    def drop(self):
        """Values are gone; keys that are being gone through are not: a tool that deletes as it goes wants the next one."""
        self._values, self._given = {}, 0

    def clear(self):
        self.drop()
        self._next, self._entries, self._dumped = {}, 0, None

    def fill(self, lines):
        """The answer to a dump: key, value, key, value, and an empty line."""
        lines = lines if lines[-1] else lines[:-1]
        keys, values = lines[0::2], lines[1::2]
        self._values, self._given = dict(zip(keys, values)), 0
        self._next = dict(zip(keys, keys[1:] + [None]))
        self._entries, self._dumped = len(keys), time.monotonic()

    def refuse(self):
        """It cannot be dumped: perf event arrays, queues."""
        self._refused = True

    def forget(self, key):
        self._values.pop(key, None)

    def _age(self):
        return time.monotonic() - self._dumped

    def value(self, key):
        """None: the board must be asked."""
        if self._dumped is None or self._age() > (STACK_VALUES if self.kind == STACKS else VALUES):
            return None
        value = self._values.get(key) if self.kind == STACKS else self._values.pop(key, None)
        self._given += value is not None
        return value

    def wants_dump(self):
        """Would a lookup be better answered by a dump? Stacks are looked up by numbers from another map, and never gone through."""
        if self._refused or self._dumped is None:
            return not self._refused and self.kind == STACKS
        old = self._age() > (STACK_VALUES if self.kind == STACKS else VALUES)
        return old and self._given * PAYS >= max(self._entries, 2 * PAYS)

    def next(self, key):
        """The key after this one, None at the end; KeyError: the board must be asked."""
        if self._dumped is None or self._age() > KEYS:
            raise KeyError(key)
        return self._next[key]
