"""A program of its own file that forks two workers, and does in the first of them what it is told."""

import json
import os
import sys

import fewer

SHOP = """
import sys

def ran_before_fork(x):
    return len(str(x))

def ran_before_and_after(x):
    return len(str(x))

def ran_in_worker(x):
    return len(str(x))

def ran_on_demand(x):
    return len(str(x))

def never(x):
    return len(str(x))

def ran_empty():
    pass

def never_empty():
    pass

class Cart:
    def ran_in_worker(self):
        return len(str(self))

    def never(self):
        return len(str(self))
"""
LAZY = """
def ran_lazy(x):
    return len(str(x))

def never_lazy(x):
    return len(str(x))
"""
WORKERS = 2


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def load(path, source):
    namespace = {}
    exec(compile(source, path, "exec"), namespace)
    return namespace


def obey(command):
    if command == "lazy":
        kept.append(load("/srv/shop/lazy.py", LAZY))
        kept[-1]["ran_lazy"](1)
        # A program that loads modules grows.
        kept.append([bytearray(4096) for _ in range(1000)])
    elif command == "epoch":
        return fewer.new_epoch()
    else:
        shop[command](*([] if command.endswith("empty") else [1]))
    return True


def work(number, told, ready):
    shop["ran_in_worker"](1)
    shop["ran_before_and_after"](1)
    shop["Cart"]().ran_in_worker()
    commands = os.fdopen(told)
    os.write(ready, b".")
    for line in commands:
        os.write(ready, b"+" if obey(line.strip()) else b"-")
    os._exit(0)


shop = load("/srv/shop/views.py", SHOP)
kept = []
shop["ran_before_fork"](1)
shop["ran_before_and_after"](1)
pipes, pids = [], []
ready = os.pipe()
for number in range(WORKERS):
    told = os.pipe()
    pid = os.fork()
    if pid == 0:
        for _, write in pipes + [told]:
            os.close(write)
        work(number, told[0], ready[1])
    pipes.append(told)
    pids.append(pid)
for _ in pids:
    os.read(ready[0], 1)
say(workers=pids)
for line in sys.stdin:
    command = line.strip()
    if command == "end":
        os.close(pipes[1][1])
        os.waitpid(pids[1], 0)
        say(done=True)
    else:
        os.write(pipes[0][1], line.encode())
        say(done=os.read(ready[0], 1) == b"+")
for _, write in pipes:
    # The second may have been told to end before.
    try:
        os.close(write)
    except OSError:
        pass
