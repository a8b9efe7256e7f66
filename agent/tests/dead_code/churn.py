"""Makes and drops functions without end, each with a name that says which file it is from."""

import sys
import threading

kept = []


def churn():
    number = 0
    while True:
        number += 1
        namespace = {}
        file = "/srv/churn%d.py" % (number % 7)
        body = "\n    x += 1" * (number % 5)
        source = "def churn%d_%d(x):%s\n    return x\n" % (number % 7, number, body)
        exec(compile(source, file, "exec"), namespace)
        kept.append(namespace)
        del kept[:-100]


threading.Thread(target=churn, daemon=True).start()
sys.stdout.write("{}\n")
sys.stdout.flush()
sys.stdin.buffer.raw.readline()
