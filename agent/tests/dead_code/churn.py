"""Makes and drops functions without end, each with a name that says which file it is from. As many are kept as the
argument says; then those with an odd number run once, too."""

import sys
import threading
import time

kept = []
COUNT = int(sys.argv[1] or 0)


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
        if COUNT and number % 2:
            namespace["churn%d_%d" % (number % 7, number)](1)
        del kept[: -(COUNT or 100)]


threading.Thread(target=churn, daemon=True).start()
while len(kept) < COUNT:
    time.sleep(0.01)
sys.stdout.write("{}\n")
sys.stdout.flush()
sys.stdin.buffer.raw.readline()
