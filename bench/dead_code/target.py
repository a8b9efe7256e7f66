"""A program with many functions and much memory, one thread of which measures how evenly it gets along.

target.py FUNCTIONS MEGABYTES

Prints a line when it is ready. For every line that it reads, it prints the longest time in milliseconds that a spinning
thread spent between two looks at the clock since the line before. Ends with its input.
"""

import sys
import threading
import time

FUNCTIONS, MEGABYTES = int(sys.argv[1]), float(sys.argv[2])
FUNCTIONS_PER_FILE = 100
RECORD_BYTES = 720
SHAPES = (
    "def f{0}(x, y=None):\n    '''Says what {0} says.'''\n    return [x + {0}, y, len(str(x))]\n",
    "def f{0}(items):\n    found = {{}}\n    for at in items:\n        found[at.name] = at.value or {0}\n    return found\n",
    "class C{0}:\n    def f{0}(self, key):\n        if key in self.rows:\n            return self.rows[key]\n"
    "        return self.default(key, {0})\n\n\nf{0} = C{0}.f{0}\n",
    "def f{0}(*words, **options):\n    try:\n        return '-'.join(words) % options\n    except TypeError:\n"
    "        return 'none of {0}'\n",
)


def module(number):
    names = range(number * FUNCTIONS_PER_FILE, (number + 1) * FUNCTIONS_PER_FILE)
    source = "\n\n".join(SHAPES[name % len(SHAPES)].format(name) for name in names)
    namespace = {"__name__": "module%d" % number}
    exec(compile(source, "/srv/bench/module%d.py" % number, "exec"), namespace)
    return namespace


def record(number):
    return {
        "title": "title of record %d" % number,
        "owner": "owner %d" % (number * 7),
        "score": number / 3.0,
        "count": number * 1000003,
        "tags": ["tag %d" % number, "other %d" % (number + 1)],
    }


modules = [module(number) for number in range(FUNCTIONS // FUNCTIONS_PER_FILE)]
records = [record(number) for number in range(int(MEGABYTES * 1e6 / RECORD_BYTES))]
for namespace in modules[::20]:
    for name, value in list(namespace.items()):
        if name.startswith("f"):
            try:
                value("x", "y")
            except Exception:
                pass
# The reading thread waits in the kernel; only the other runs.
longest_ms = [0.0]


def spin():
    last = time.perf_counter()
    while True:
        now = time.perf_counter()
        if now - last > longest_ms[0]:
            longest_ms[0] = now - last
        last = now


threading.Thread(target=spin, daemon=True).start()
print("ready", flush=True)
for _ in sys.stdin:
    print("%.3f" % (1000 * longest_ms[0]), flush=True)
    longest_ms[0] = 0.0
