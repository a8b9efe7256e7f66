"""Spends its time in a known stack of functions."""

import os
import sys
import threading
import zlib


def leaf():
    total = 0
    for number in range(2000):
        total += number
    return total


def middle(_):
    while True:
        leaf()


def outer():
    """Enters the interpreter again from C."""
    return sorted([0], key=middle)


def deep(levels):
    if levels:
        deep(levels - 1)
    else:
        middle(None)


def steps():
    while True:
        leaf()
        yield


def generator():
    for _ in steps():
        pass


def compress():
    data = bytes(range(256)) * 4096
    while True:
        zlib.compress(data)


def entries():
    numbers = list(range(50))
    while True:
        sorted(numbers, key=tiny)


def tiny(number):
    return -number


print("ready", flush=True)
how = sys.argv[1]
if how == "calls":
    outer()
elif how == "deep":
    sys.setrecursionlimit(2000)
    deep(400)
elif how == "thread":
    thread = threading.Thread(target=outer)
    thread.start()
    thread.join()
elif how == "generator":
    generator()
elif how == "compress":
    compress()
elif how == "entries":
    entries()
elif how == "fork":
    # Children come and go; each lives for some samples and ends before its parent.
    while True:
        child = os.fork()
        if not child:
            for _ in range(200):
                leaf()
            os._exit(0)
        os.waitpid(child, 0)
