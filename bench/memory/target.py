"""Workers that hold records, the last of which spins and measures how evenly it gets along. Ends with its input.

target.py WORKERS MEGABYTES

Prints the ids of the workers. For every line that it reads, it prints two numbers of milliseconds since the line
before: the longest time that the spinning worker spent between two looks at the clock, and how much it lost in all to
times that were longer than a tenth of a millisecond.
"""

import os
import sys
import threading
import time

WORKERS, MEGABYTES = int(sys.argv[1]), float(sys.argv[2])
RECORD_BYTES = 720
LOST_S = 0.0001


def records():
    return {
        "record-%d" % number: {
            "title": "title of record %d" % number,
            "owner": "owner %d" % (number * 7),
            "score": number / 3.0,
            "count": number * 1000003,
            "tags": ["tag %d" % number, "other %d" % (number + 1)],
        }
        for number in range(int(MEGABYTES * 1e6 / RECORD_BYTES))
    }


def spin(hear, tell):
    longest, lost = [0.0], [0.0]

    def look():
        last = time.perf_counter()
        while True:
            now = time.perf_counter()
            gap = now - last
            if gap > LOST_S:
                lost[0] += gap
                longest[0] = max(longest[0], gap)
            last = now

    threading.Thread(target=look, daemon=True).start()
    while hear.readline():
        tell.write("%.3f %.3f\n" % (1000 * longest[0], 1000 * lost[0]))
        tell.flush()
        longest[0], lost[0] = 0.0, 0.0


asks, answers, ready, life = os.pipe(), os.pipe(), os.pipe(), os.pipe()
pids = []
for number in range(WORKERS):
    pid = os.fork()
    if pid == 0:
        table = records()
        sys.modules["__main__"].TABLE = table
        os.write(ready[1], b".")
        # Nobody else writes there, so both end with the parent.
        os.close(asks[1])
        os.close(life[1])
        if number == WORKERS - 1:
            spin(os.fdopen(asks[0]), os.fdopen(answers[1], "w"))
        else:
            os.read(life[0], 1)
        os._exit(0)
    pids.append(pid)
for _ in pids:
    os.read(ready[0], 1)
print(*pids, flush=True)
ask, answer = os.fdopen(asks[1], "w"), os.fdopen(answers[0])
for line in sys.stdin:
    ask.write("\n")
    ask.flush()
    print(answer.readline().strip(), flush=True)
