"""Never stands still: calls through C and back, raises, generators, threads, until its input ends."""

import os
import threading


def down(depth):
    return sorted(range(3), key=lambda item: down(depth - 1) and item) if depth else [1]


def numbers():
    for number in range(20):
        yield number


def work():
    while True:
        down(4)
        sum(numbers())
        try:
            raise ValueError
        except ValueError:
            pass


for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print('"busy"', flush=True)
os.read(0, 1)
