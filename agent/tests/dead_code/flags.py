"""Evaluates one flag that never varies and one that does."""

import sys

import fewer

for at in range(300):
    with fewer.request("GET /feed"):
        fewer.flag("constant", "off")
        fewer.flag("varying", "on" if at % 3 else "off")
sys.stdout.write("{}\n")
sys.stdout.flush()
sys.stdin.buffer.raw.readline()
