"""Functions of which some run, in ways that are easy to miss; says which, then waits."""

import asyncio
import collections
import json
import sys
import threading


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def listen():
    return sys.stdin.buffer.raw.readline()


def ran_once(x):
    return x + 1


def ran_often(x):
    return x * 2


def ran_and_raised(x):
    return x.missing


def ran_with_early_return(x):
    if x is None:
        return 0
    return len(x) + 1


def never(x):
    return x + 1


def never_but_defaults(x=ran_once(1)):
    return len(x)


def never_empty():
    pass


def ran_empty():
    pass


class Shape:
    def ran(self):
        return self.__class__

    def never(self):
        return self.__class__

    @property
    def ran_property(self):
        return self.ran()

    @property
    def never_property(self):
        return self.ran()

    @classmethod
    def never_class_method(cls):
        return cls()

    @staticmethod
    def never_static_method(x):
        return x + 1


def ran_outer(x):
    def ran_inner():
        return x + 1

    def never_inner():
        return x + 2

    return ran_inner(), never_inner


def ran_generator(n):
    for at in range(n):
        yield at + 1


def made_generator(n):
    for at in range(n):
        yield at + 1


def never_generator(n):
    for at in range(n):
        yield at + 1


async def ran_coroutine(x):
    await asyncio.sleep(0)
    return x + 1


async def never_coroutine(x):
    await asyncio.sleep(0)
    return x + 1


async def ran_async_generator():
    await asyncio.sleep(0)
    yield 1


async def never_async_generator():
    await asyncio.sleep(0)
    yield 1


ran_lambda = lambda x: x + 1
never_lambda = lambda x: x + 1


def ran_in_thread(x):
    return x + 1


def waits(ready, end):
    ready.set()
    end.wait()


def ran_with_variables():
    a = b = c = 1

    def ran_closure():
        return a + b + c

    return ran_closure()


namespace = {}
exec("def ran_text(x):\n    return x + 1\n\n\ndef never_text(x):\n    return x + 1\n", namespace)
Point = collections.namedtuple("Point", "x y")


async def consume():
    await ran_coroutine(1)
    async for _ in ran_async_generator():
        pass


def run():
    ran_once(1)
    for at in range(5000):
        ran_often(at)
    try:
        ran_and_raised(1)
    except AttributeError:
        pass
    ran_with_early_return(None)
    ran_empty()
    Shape().ran_property
    kept = ran_outer(1)
    list(ran_generator(3))
    kept = kept, made_generator(3)
    asyncio.run(consume())
    ran_lambda(1)
    thread = threading.Thread(target=ran_in_thread, args=(1,))
    thread.start()
    thread.join()
    ran_with_variables()
    namespace["ran_text"](1)
    Point(1, 2)
    return kept


kept = run()
ready, end = threading.Event(), threading.Event()
waiting = threading.Thread(target=waits, args=(ready, end), daemon=True)
waiting.start()
ready.wait()
say(ready=True)
listen()
end.set()
