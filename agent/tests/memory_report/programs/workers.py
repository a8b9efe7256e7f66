"""Forks workers that hold data in a given way, and says who they are as one line of JSON. Ends with its input.

workers.py MODE COUNT MEGABYTES
"""

import gc
import json
import mmap
import os
import sys
import types

RECORD_BYTES = 700
MADV_HUGEPAGE = 14
MODE, COUNT, MEGABYTES = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


class Setting:
    def __init__(self, number, salt):
        self.name = "setting %d%s" % (number, salt)
        self.weight = number * 1.25
        self.parts = (number, "part-%d%s" % (number * 7, salt))


def records(salt):
    """A table as a service loads it: records with text, numbers, lists and an instance each."""
    table = {}
    for number in range(int(MEGABYTES * 1e6 / RECORD_BYTES)):
        key = "record-%d%s" % (number, salt)
        table[key] = {
            "title": "title of %d%s" % (number, salt),
            "score": number / 3.0,
            "count": number * 1000003,
            "tags": ["tag %d%s" % (number, salt), "other %d%s" % (number, salt)],
            "setting": Setting(number, salt),
        }
    return table


def load(salt=""):
    conf.SETTINGS = records(salt)


def read_all(value):
    if isinstance(value, dict):
        for key, held in value.items():
            read_all(key)
            read_all(held)
    elif isinstance(value, (list, tuple)):
        for held in value:
            read_all(held)
    elif isinstance(value, Setting):
        read_all(value.__dict__)


def own_kb(name="Private_"):
    own = 0
    with open("/proc/self/smaps_rollup") as smaps:
        for line in smaps:
            if line.startswith(name):
                own += int(line.split()[1])
    return own


def huge_region():
    """Memory that asks for huge pages, of which none is like another but in the other workers."""
    region = mmap.mmap(-1, int(MEGABYTES * (1 << 20)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(MADV_HUGEPAGE)
    for at in range(0, len(region), mmap.PAGESIZE):
        region[at : at + 8] = (at + 1).to_bytes(8, "little")
    return region


def work(number, tell):
    if MODE in ("after", "different", "flat", "forking"):
        # What collections make private would come with loading; it is no part of what is loaded.
        gc.collect()
    before = own_kb()
    if MODE in ("after", "forking"):
        load()
    elif MODE == "huge":
        conf.REGION = huge_region()
    elif MODE == "different":
        load(" of worker %d" % number)
    elif MODE == "flat":
        conf.BLOB = bytes(bytearray(i * 31 % 251 for i in range(4096))) * int(MEGABYTES * 1e6 / 4096)
    elif MODE == "read":
        read_all(conf.SETTINGS)
    elif MODE in ("collect", "freeze"):
        gc.collect()
    told = {"pid": os.getpid(), "own_kb": own_kb() - before, "huge_kb": own_kb("AnonHugePages")}
    os.write(tell, (json.dumps(told) + "\n").encode())
    if MODE == "forking":
        os.read(orders[0], 1)
        is_parent = os.fork() > 0
        if is_parent:
            os.write(done[1], b".")
    sys.stdin.read()
    os._exit(0)


conf = types.ModuleType("conf")
sys.modules["conf"] = conf
gc.disable()
if MODE in ("idle", "read", "collect", "freeze"):
    load()
# What was made since the collector was disabled counts as young, and the first collection would touch all of it.
gc.collect()
if MODE == "freeze":
    gc.freeze()
gc.enable()
hear, tell = os.pipe()
orders, done = os.pipe(), os.pipe()
for number in range(COUNT):
    if os.fork() == 0:
        os.close(hear)
        work(number, tell)
os.close(tell)
with os.fdopen(hear) as told:
    workers = [json.loads(told.readline()) for _ in range(COUNT)]
print(json.dumps({"pid": os.getpid(), "workers": workers}), flush=True)
if MODE == "forking":
    # Each worker forks once, when a line says so.
    sys.stdin.readline()
    os.write(orders[1], b"." * COUNT)
    for _ in range(COUNT):
        os.read(done[0], 1)
    print("forked", flush=True)
sys.stdin.read()
