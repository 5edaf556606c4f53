# SPDX-License-Identifier: Apache-2.0
# Iterates over hash maps as tools do, while the board changes them; prints a line for each thing that held.
import ctypes as ct
import subprocess
import time
from bcc import BPF, lib

b = BPF(text=r'''
BPF_HASH(big, u32, u64, 10240);
BPF_HASH(busy, u32, u64, 512);
BPF_HASH(one, u32, u64, 65536);	/* a change moves an entry to the front of its bucket: with two keys in one bucket an iteration that changes them has no end, anywhere */
RAW_TRACEPOINT_PROBE(sched_switch)
{
	u64 zero = 0, *v;
	u32 k = bpf_ktime_get_ns() / 1000 % 16;

	v = busy.lookup_or_try_init(&k, &zero);
	if (v)
		*v += 1;
	k = 1000 + bpf_ktime_get_ns() / 1000 % 400;	/* comes and goes */
	v = busy.lookup(&k);
	if (v)
		busy.delete(&k);
	else
		busy.update(&k, &zero);
	return 0;
}
''')


def number(table):
    info = (ct.c_char * 80)()
    size = ct.c_uint32(80)
    lib.bpf_obj_get_info(table.map_fd, ct.byref(info), ct.byref(size))
    return int.from_bytes(info[4:8], "little")


def tell(claim, truth):
    print("ok" if truth else "not", claim)


big, busy, one = b["big"], b["busy"], b["one"]
n = 10240
big.items_update_batch((ct.c_uint32 * n)(*range(n)), (ct.c_uint64 * n)(*(3 * i for i in range(n))))
start = time.time()
got = big.items()
print("# %d entries in %.0f ms" % (len(got), 1000 * (time.time() - start)))
tell("every entry of a large map, once, with its value", sorted((k.value, v.value) for k, v in got) == [(i, 3 * i) for i in range(n)])

end = time.time() + 30
while time.time() < end and len([k for k in busy.keys() if k.value < 16]) < 16:
    time.sleep(0.1)
missing, twice, back, last = 0, 0, 0, {}
for _ in range(200):
    got = [(k.value, v.value) for k, v in busy.items() if k.value < 16]
    missing += len(set(range(16)) - set(k for k, v in got))
    twice += len(got) - len(set(k for k, v in got))
    back += len([k for k, v in got if v < last.get(k, 0)])
    last = dict(got)
print("# %d missing, %d twice, %d went back" % (missing, twice, back))
tell("entries that stay are in every iteration, whatever comes and goes beside them", not missing and not twice)
tell("no value goes back", not back)

for i in range(3):
    one[ct.c_uint32(i)] = ct.c_uint64(1)
seen = []
for k in one.keys():
    # Somebody else changes it on the board between the two questions.
    subprocess.run(["bpftool", "map", "update", "id", str(number(one)), "key", str(k.value), "0", "0", "0", "value", "7", "0", "0", "0", "0", "0", "0", "0"],
                   check=True, timeout=30)
    time.sleep(0.15)
    seen.append(one[k].value)
tell("a value that changed since its key was given is the new one", seen == [7, 7, 7])

for k in one.keys():
    one[k] = ct.c_uint64(9)
    seen.append(one[k].value)
tell("a value that this program changed is the new one", seen[3:] == [9, 9, 9])
held = 0
for k in one.keys():
    del one[k]
    try:
        one[k]
        held += 1
    except KeyError:
        pass
tell("what was deleted is not found", not held and len(one.items()) == 0)
