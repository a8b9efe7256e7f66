"""4,000 functions of several shapes in one file, or as many as the argument says; half of them run once each, in
threads and in a forked child."""

import json
import os
import sys
import threading

COUNT = int(sys.argv[1] or 4000)
SHAPES = (
    "def f{0}(x):\n    return x + {0}\n",
    "def f{0}(x):\n    for at in range(x):\n        x += at\n    return x\n",
    "def f{0}(x):\n    y = [x]\n    return y[0] if x else y\n",
    "class C{0}:\n    def f{0}(self, x=1):\n        return self.__class__\n\n\nf{0} = C{0}().f{0}\n",
    "def f{0}(x):\n    return len(str(x))\n",
)


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


namespace = {}
source = "\n\n".join(SHAPES[number % len(SHAPES)].format(number) for number in range(COUNT))
exec(compile(source, "/srv/many.py", "exec"), namespace)


def call(numbers):
    for number in numbers:
        namespace["f%d" % number](1)


threads = [threading.Thread(target=call, args=(range(at, COUNT, 8),)) for at in (0, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
child = os.fork()
if child == 0:
    call(range(4, COUNT, 8))
    call(range(6, COUNT, 8))
    say(pid=os.getpid())
    sys.stdin.buffer.raw.readline()
    os._exit(0)
os.waitpid(child, 0)
