"""Parks in a stack with awkward names and lines, and says what the stack is. `pythonapi` tells any instruction's line."""

import argparse
import ctypes
import dataclasses
import json
import os
import sys
import threading
import time
import types

_line_of = ctypes.pythonapi.PyCode_Addr2Line
_line_of.argtypes = [ctypes.py_object, ctypes.c_int]


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def describe(frame):
    rows = []
    while frame is not None:
        code = frame.f_code
        rows.append({"code": id(code), "function": name_of(code), "file": code.co_filename, "line": frame.f_lineno})
        frame = frame.f_back
    return rows


def wait():
    return os.read(0, 1)


def park():
    say(thread=threading.get_ident(), frames=describe(sys._getframe())), wait_in_place(0, 1)


wait_in_place = os.read


def compiled(source, name, filename):
    scope = {"park": park}
    exec(compile(source, filename, "exec"), scope)
    return scope[name]


# Names of every width, a line far down, jumps of lines far forward and back inside one call.
latin = compiled("def na\u00efve(f):\n    f()\n", "na\u00efve", "/tmp/caf\u00e9.py")
cyrillic = compiled("def \u043b\u0435\u043d\u0442\u0430(f):\n    f()\n", "\u043b\u0435\u043d\u0442\u0430", "\u0444\u0430\u0439\u043b.py")
deseret = compiled("def \U00010400(f):\n    f()\n", "\U00010400", "/tmp/\U0001f40d.py")
long_name = compiled("def %s(f):\n    f()\n" % ("n" * 3000), "n" * 3000, "d" * 5000)
far = compiled("\n" * 70000 + "def far(f):\n" + "\n" * 400 + "    f(\n" + "\n" * 300 + "    )\n", "far", "far.py")
jumps = compiled(
    "def jumps(f):\n    return (f(),\n" + "\n" * 200 + "        (lambda: 1)(),\n    )\n" + "\n" * 200 + "    pass\n", "jumps", "jumps.py"
)


class Feed:
    def ranked(self):
        return sorted([1], key=lambda _: self.inner())

    def inner(self):
        def closure():
            for _ in self.generate():
                pass

        [closure() for _ in range(1)]

    def generate(self):
        yield latin(
            lambda: cyrillic(
                lambda: deseret(lambda: long_name(lambda: far(lambda: jumps(self.last)))),
            ),
        )

    def last(self):
        try:
            raise ValueError
        except ValueError:
            with self:
                pass

    def __enter__(self):
        eval("park()")

    def __exit__(self, *error):
        return None


def codes_in(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_in(constant)


def all_lines():
    for module in argparse, dataclasses, json.decoder, threading, sys.modules["__main__"]:
        with open(module.__file__, encoding="utf-8") as file:
            kept.append(compile(file.read(), module.__file__, "exec"))
    kept.extend(function.__code__ for function in (latin, cyrillic, deseret, long_name, far, jumps))
    for code in [inner for outer in kept for inner in codes_in(outer)]:
        lines = [_line_of(code, at) for at in range(0, len(code.co_code), 2)]
        say(code=id(code), function=name_of(code), file=code.co_filename, first=code.co_firstlineno, lines=lines)
    say(code=0)


def reuse():
    """Frees a function's code and makes others until one takes its address."""
    scope = {}
    exec("def before(): pass", scope)
    address = id(scope["before"].__code__)
    say(code=address)
    wait()
    scope.clear()
    others = []
    for number in range(100000):
        exec("def after_%d(): pass" % number, scope)
        others.append(scope.pop("after_%d" % number))
        if id(others[-1].__code__) == address:
            break
    say(function=others[-1].__name__, code=id(others[-1].__code__))
    wait()


def fork():
    """Two children that make different functions of one shape, mostly at one address."""
    parent, pids = os.getpid(), []
    for name in "left_child", "right_child":
        pid = os.fork()
        if pid == 0:
            scope = {}
            exec("def %s(): pass" % name, scope)
            say(pid=os.getpid(), code=id(scope[name].__code__), function=name)
            while os.getppid() == parent:
                time.sleep(0.05)
            os._exit(0)
        pids.append(pid)
    wait()
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


kept = []
say(
    version=list(sys.version_info[:3]),
    code_type=id(types.CodeType),
    unicode_type=id(str),
)
while True:
    command = sys.stdin.buffer.raw.readline().strip()
    if command == b"park":
        Feed().ranked()
        sys.stdin.buffer.raw.readline()
    elif command == b"thread":
        thread = threading.Thread(target=Feed().ranked)
        thread.start()
        thread.join()
        sys.stdin.buffer.raw.readline()
    elif command == b"lines":
        all_lines()
    elif command == b"reuse":
        reuse()
    elif command == b"fork":
        fork()
    else:
        break
