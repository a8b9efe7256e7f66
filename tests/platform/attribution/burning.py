"""Functions that burn a known amount of CPU, each for one endpoint and one variant of one flag.

The name of the function on the stack is the truth: a sample inside ``burn_feed_new`` has to carry the endpoint
``GET /feed`` and the variant ``new`` of the flag ``ranker``. What was burnt is logged too, by the thread's own clock.
"""

import json
import os
import threading
import time
import zlib

import fewer

FLAG = "ranker"
TEXT = bytes(range(256)) * 8


def burn_feed_plain(cpu_ns):
    """``GET /feed`` with the variant ``plain``; the others are named alike."""
    return spin(cpu_ns)


def burn_feed_new(cpu_ns):
    return spin(cpu_ns)


def burn_search_plain(cpu_ns):
    return spin(cpu_ns)


def burn_search_new(cpu_ns):
    return spin(cpu_ns)


def burn_like_plain(cpu_ns):
    return spin(cpu_ns)


def burn_like_new(cpu_ns):
    return spin(cpu_ns)


BURNERS = {
    ("GET /feed", "plain"): burn_feed_plain,
    ("GET /feed", "new"): burn_feed_new,
    ("GET /search", "plain"): burn_search_plain,
    ("GET /search", "new"): burn_search_new,
    ("POST /like", "plain"): burn_like_plain,
    ("POST /like", "new"): burn_like_new,
}
KINDS = sorted(BURNERS)


def spin(cpu_ns):
    """Uses this much CPU time of the thread, in Python and in C; returns how much it was."""
    start_ns = time.thread_time_ns()
    total = 0
    while time.thread_time_ns() - start_ns < cpu_ns:
        for number in range(200):
            total += number * number
        total ^= zlib.crc32(TEXT)
    return time.thread_time_ns() - start_ns


class Log:
    """What was burnt in this process, by endpoint and variant."""

    def __init__(self, folder):
        self._folder = folder
        self._lock = threading.Lock()
        self._burnt = {}
        self._pid = 0

    def add(self, kind, cpu_ns):
        """Adds one piece of work; in a forked child the sums begin anew."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._burnt = os.getpid(), {}
            requests, sum_ns = self._burnt.get(kind, (0, 0))
            self._burnt[kind] = (requests + 1, sum_ns + cpu_ns)

    def write(self):
        """One file for each process; the last writing of a process wins."""
        with self._lock:
            rows = [list(kind) + list(burnt) for kind, burnt in sorted(self._burnt.items())]
        path = os.path.join(self._folder, "%d.json" % os.getpid())
        with open(path + ".new", "w") as file:
            json.dump(rows, file)
        os.replace(path + ".new", path)


def handle(kind, cpu_ns, log):
    """The work of a request that has begun: its flag is evaluated, then the CPU is burnt."""
    fewer.flag(FLAG, kind[1], "split")
    log.add(kind, BURNERS[kind](cpu_ns))
