"""Workers that hold a table in a given way. Says who they are as one line of JSON, and ends with its input.

workers.py --load before|after [--workers N] [--megabytes MB] [--freeze] [--collect] [--read] [--stay]

With no workers the program itself loads the table, as a process that is no fork of another does.
"""

import argparse
import gc
import json
import os
import signal
import sys
import types

RECORD_BYTES = 720


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


def read_all(value):
    """Touches every object once, as a service that uses all of its table does."""
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
    if options.collect:
        gc.collect()
    if options.read:
        read_all(conf.SETTINGS)
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
parser.add_argument("--read", action="store_true", help="each worker reads every value once")
parser.add_argument("--stay", action="store_true", help="end with a signal instead of the input")
options = parser.parse_args()

conf = types.ModuleType("conf")
sys.modules["conf"] = conf
gc.disable()
if options.load == "before" or options.workers == 0:
    conf.SETTINGS = table(options.megabytes)
# What was made since the collector was disabled counts as young, and the first collection would touch all of it.
gc.collect()
if options.freeze:
    gc.freeze()
gc.enable()
workers = fork(options)
print(json.dumps({"pid": os.getpid(), "workers": workers}), flush=True)
stay()
