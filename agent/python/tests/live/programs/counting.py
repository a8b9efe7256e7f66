"""Counts requests with the SDK, in itself and in a forked child."""

import json
import os
import sys

import fewer


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def serve(endpoint, count, variant):
    for _ in range(count):
        with fewer.request(endpoint):
            fewer.flag("new-feed", variant)


say(mapped=False)
sys.stdin.buffer.raw.readline()
serve("GET /feed", 5, "on")
serve("GET /na\u00efve/{id}", 2, "off")
say(served=7)
sys.stdin.buffer.raw.readline()
serve("GET /feed", 3, "on")
say(served=3)
sys.stdin.buffer.raw.readline()
child = os.fork()
if child == 0:
    say(pid=os.getpid())
    sys.stdin.buffer.raw.readline()
    serve("POST /like", 4, "off")
    say(served=4)
    sys.stdin.buffer.raw.readline()
    os._exit(0)
os.waitpid(child, 0)
