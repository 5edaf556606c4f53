#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py exact|twin|lines THERE OURS: what run-list printed on the board and here, section by section: 'ok NAME: N commands' or 'not ok NAME' and the difference.

exact: not a byte may differ, but for the wall-clock time of a load, which each machine reckons with a clock of its own: two seconds are allowed.
twin: each side has objects of its own; the side's name, their ids, times and what a run took may differ.
lines: as twin, and each line counts once, in any order."""
import difflib
import re
import sys
import time

SIDES = r'\b(there|cable)\b'
TIMES = [
    (re.compile(r'loaded_at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\+0000'), lambda s: time.mktime(time.strptime(s, '%Y-%m-%dT%H:%M:%S'))),
    (re.compile(r'"loaded_at": (\d+)'), float),
]
# Where an id stands in bpftool's output.
IDS = [(re.compile(p), r) for p, r in [
    (SIDES, '@'),
    (r'_(there|cable)\b', '_@'),
    (r'\bid[ =:]+\d+', 'id *'),
    (r'"((?:map_|btf_|prog_|btf_vmlinux_value_type_)?id)": \d+', r'"\1": *'),
    (r'(map_ids?|btf_id|prog_id|prog|map) (\d+,?)+', r'\1 *'),
    (r'"map_ids": \[[\d,]+', '"map_ids": [*'),
    (r'cgroup_id [1-9]\d*', 'cgroup_id *'),
    (r'prog_id:\d+', 'prog_id:*'),
    (r'^(\s*)\d+: ', r'\1*: '),
    (r'"id":\d+', '"id":*'),
    (r'"loaded_at": \d+|loaded_at \S+', 'loaded_at *'),
    (r'duration( \(average\))?: \d+ns|"duration": *\d+', 'duration *'),
    (r'^ *\S+-\d+ +\[\d+\] \S+ +[\d.]+: ', ' WHO WHEN: '),
    (r'== @\d+\.\d+ CPU: \d+ index: \d+', '== @* CPU: * index: *'),
    (r'"(timestamp|cpu|index)": ?\d+', r'"\1": *'),
    (r'verification time \d+ usec', 'verification time *'),
    (r'fd[ =]\d+', 'fd *'),
]]


def sections(path):
    out, name = {}, None
    for line in open(path, errors='replace'):
        if line.startswith('== '):
            name = line[3:].strip()
            out[name] = []
        elif name:
            out[name].append(line.rstrip('\n'))
    return out


def times(lines):
    """The lines without the times of loads, and these."""
    found, out = [], []
    for line in lines:
        for pattern, seconds in TIMES:
            found += [seconds(t) for t in pattern.findall(line)]
            line = pattern.sub('loaded_at *', line)
        out.append(line)
    return out, found


def twin(lines):
    out = []
    for line in lines:
        for pattern, to in IDS:
            line = pattern.sub(to, line)
        out.append(line)
    return out


def difference(how, there, ours):
    if how == 'lines':
        there, ours = sorted(set(twin(there))), sorted(set(twin(ours)))
    elif how == 'twin':
        there, ours = twin(there), twin(ours)
    else:
        (there, a), (ours, b) = times(there), times(ours)
        if any(abs(x - y) > 2 for x, y in zip(a, b)):
            return ['the times of loads are apart: %s' % [(x, y) for x, y in zip(a, b) if abs(x - y) > 2][:3]]
    # With the command in front of each line, so that a difference names it.
    def named(lines):
        command, out = '', []
        for line in lines:
            if line.startswith('$ '):
                command = line[2:]
            out.append('%s |%s' % (command[:60], line))
        return out
    return [d for d in difflib.unified_diff(named(there), named(ours), 'there', 'ours', lineterm='', n=0) if not d.startswith('@@')]


def main():
    how, there, ours = sys.argv[1], sections(sys.argv[2]), sections(sys.argv[3])
    for name in there:
        if name == 'end':
            continue
        d = difference(how, there[name], ours.get(name, []))
        n = sum(line.startswith('$ ') for line in there[name])
        print('%s %s: %d commands' % ('not ok' if d or not n else 'ok', name, n))
        for line in d[:30]:
            print('# ' + line[:220])
    if 'end' not in there or 'end' not in ours:
        print('not ok both came to their end')


main()
