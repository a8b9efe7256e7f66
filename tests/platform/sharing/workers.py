"""Workers that hold a table in a given way. Says who they are as one line of JSON, and ends with its input.

workers.py --load before|after [--workers N] [--megabytes MB] [--tree MB] [--freeze] [--collect] [--read [SHARE]]
           [--write SHARE] [--stay]

With no workers the program itself loads the table, as a process that is no fork of another does.
"""

import argparse
import gc
import json
import os
import random
import signal
import sys
import types

RECORD_BYTES = 720
NODE_BYTES = 400


class Node:
    """One of many small objects of a class."""

    def __init__(self, number):
        self.name = "node %d" % number
        self.children = []


def tree(megabytes):
    """Objects that are in each other, ten in one."""
    nodes = [Node(number) for number in range(int(megabytes * 1e6 / NODE_BYTES))]
    for number, node in enumerate(nodes[1:], 1):
        nodes[number // 10].children.append(node)
    return nodes[0]


def table(megabytes):
    """Records as a service loads them: text, numbers, lists."""
    found = {}
    for number in range(int(megabytes * 1e6 / RECORD_BYTES)):
        found["record-%d" % number] = {
            "title": "title of record %d" % number,
            "owner": "owner %d" % (number * 7 % 1013),
            "score": number / 3.0,
            "count": number * 1000003,
            "tags": ["tag %d" % number, "other %d" % (number + 1)],
        }
    return found


def use(records):
    """Reads and writes as many records as is asked for, not the same in each worker."""
    chance = random.Random(os.getpid())
    numbers = range(len(records))
    for number in chance.sample(numbers, int(len(records) * options.read)):
        read_all(records["record-%d" % number])
    for number in chance.sample(numbers, int(len(records) * options.write)):
        record = records["record-%d" % number]
        record["score"] = record["score"] * 2 + 1


def read_all(value):
    """Touches every object once, as a service that uses all of it does."""
    if isinstance(value, dict):
        for key, held in value.items():
            read_all(key)
            read_all(held)
    elif isinstance(value, (list, tuple)):
        for held in value:
            read_all(held)


def stay():
    if options.stay:
        signal.pause()
    sys.stdin.read()


def work(options, tell):
    if options.load == "after":
        conf.SETTINGS = table(options.megabytes)
        conf.TREE = tree(options.tree) if options.tree else None
    if options.collect:
        gc.collect()
    if options.read == 1 and not options.write:
        read_all(conf.SETTINGS)
    elif options.read or options.write:
        use(conf.SETTINGS)
    os.write(tell, b"%d\n" % os.getpid())
    stay()
    os._exit(0)


def fork(options):
    hear, tell = os.pipe()
    for _ in range(options.workers):
        if os.fork() == 0:
            os.close(hear)
            work(options, tell)
    os.close(tell)
    with os.fdopen(hear) as told:
        return [int(told.readline()) for _ in range(options.workers)]


parser = argparse.ArgumentParser()
parser.add_argument("--load", choices=["before", "after"], required=True)
parser.add_argument("--workers", type=int, default=4)
parser.add_argument("--megabytes", type=float, default=75.0)
parser.add_argument("--freeze", action="store_true", help="gc.freeze() before the fork")
parser.add_argument("--collect", action="store_true", help="each worker collects garbage once")
parser.add_argument("--read", type=float, nargs="?", const=1, default=0, help="each worker reads so much of it once")
parser.add_argument("--write", type=float, default=0, help="each worker changes so many of the records")
parser.add_argument("--tree", type=float, default=0, help="megabytes of objects that are loaded too, and never used")
parser.add_argument("--stay", action="store_true", help="end with a signal instead of the input")
options = parser.parse_args()

conf = types.ModuleType("conf")
sys.modules["conf"] = conf
gc.disable()
if options.load == "before" or options.workers == 0:
    conf.SETTINGS = table(options.megabytes)
    conf.TREE = tree(options.tree) if options.tree else None
# What was made since the collector was disabled counts as young, and the first collection would touch all of it.
gc.collect()
if options.freeze:
    gc.freeze()
gc.enable()
workers = fork(options)
print(json.dumps({"pid": os.getpid(), "workers": workers}), flush=True)
stay()
