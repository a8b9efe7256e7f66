"""Counts its own work: three functions, and how much CPU time each used by the thread's own clock.

    counting.py --seconds 30 --log FOLDER [--processes 2]

Runs on CPython 3.8 and later with nothing installed. shares.py holds a recording of it against what it counted.
"""

import argparse
import json
import os
import random
import time
import zlib

TEXT = bytes(random.Random(3).choices(b"abcdefgh ", k=40000))


def python_work(amount):
    """Bytecode only."""
    total = 0
    for number in range(amount * 1500):
        total += number & 7
    return total


def generator_work(amount):
    """A generator, resumed again and again."""
    return sum(value for value in squares(amount * 1000))


def squares(count):
    """The generator."""
    for number in range(count):
        yield number * number


def extension_work(amount):
    """A C extension does all of it."""
    return [zlib.compress(TEXT, 1) for _ in range(amount // 5 + 1)]


FUNCTIONS = (python_work, generator_work, extension_work)


def count(end_s, seed):
    """Works until the time is over; returns the CPU time of each function. Pieces are of random size, so that no timer
    keeps step with them, and the function that has used least is next, so that the shares stay near a third."""
    chance = random.Random(seed)
    used_ns = {function.__name__: 0 for function in FUNCTIONS}
    while time.monotonic() < end_s:
        function = min(FUNCTIONS, key=lambda one: used_ns[one.__name__])
        amount = chance.randint(5, 60)
        start_ns = time.thread_time_ns()
        function(amount)
        used_ns[function.__name__] += time.thread_time_ns() - start_ns
    return used_ns


def main():
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--log", required=True)
    options = parser.parse_args()
    end_s = time.monotonic() + min(options.seconds, 600)
    children = []
    for _ in range(options.processes - 1):
        pid = os.fork()
        if pid == 0:
            children = None
            break
        children.append(pid)
    used_ns = count(end_s, os.getpid())
    with open(os.path.join(options.log, "%d.json" % os.getpid()), "w") as file:
        json.dump(used_ns, file)
    for pid in children or ():
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
