"""Requests, CPU time, errors and evaluations are counted exactly, in whatever way a program runs."""

import pytest

from children import Child, joined, run
from reader import Process

ENDPOINT = "endpoint"
HALF = "feature_flag.result.variant.half"


def counted(child):
    """(header, {endpoint: counts summed over flags}, slots, evaluations) of a child that waits."""
    process = Process(child if isinstance(child, int) else child.process.pid)
    _, attributes = process.discover()
    header, slots, evaluations = process.counters(attributes)
    process.close()
    sums = {}
    for labels, counts in slots.items():
        total = sums.setdefault(dict(labels)[ENDPOINT], dict.fromkeys(counts, 0))
        for name, count in counts.items():
            total[name] += count
    return header, sums, slots, evaluations


THREADS = """
def serve(first):
    for index in range(20000):
        with fewer.request("GET /%d" % (index % 3)):
            if index % 3 == 0: fewer.flag("half", index % 2 == 0, "split")
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=serve, args=(first,)) for first in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(done=1); sys.stdin.read()
"""

ASYNCIO = """
import asyncio
async def serve():
    for index in range(2000):
        async with fewer.request("GET /%d" % (index % 3)):
            if index % 3 == 0: fewer.flag("half", index % 2 == 0, "split")
            await asyncio.sleep(0)
async def main(): await asyncio.gather(*[serve() for _ in range(40)])
asyncio.run(main())
say(done=1); sys.stdin.read()
"""

GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
def serve():
    for index in range(2000):
        with fewer.request("GET /%d" % (index % 3)):
            if index % 3 == 0: fewer.flag("half", index % 2 == 0, "split")
            gevent.sleep(0)
gevent.joinall([gevent.spawn(serve) for _ in range(40)])
say(done=1); sys.stdin.read()
"""


@pytest.mark.parametrize("code, rounds", [(THREADS, 4 * 20000), (ASYNCIO, 40 * 2000), (GEVENT, 40 * 2000)])
def test_every_request_and_evaluation_is_counted(code, rounds):
    if code is GEVENT:
        pytest.importorskip("gevent")
    each = len(range(0, rounds // (4 if code is THREADS else 40), 3)) * (4 if code is THREADS else 40)
    with Child(code) as child:
        child.hear()
        header, sums, slots, evaluations = counted(child)
    assert sum(counts["requests"] for counts in sums.values()) == rounds
    assert sums["GET /0"]["requests"] == each
    assert sum(evaluations.values()) == each
    for variant in ("true", "false"):
        of_variant = slots[frozenset({ENDPOINT: "GET /0", HALF: variant}.items())]["requests"]
        assert evaluations[HALF, variant, 4] == of_variant
    assert header[3:6] == (0, 0, 0)
    measured = sum(counts["measured"] for counts in sums.values())
    assert (measured > 0) == (code is THREADS), "tasks and greenlets share a thread, so they are not measured"


def test_flags_evaluated_in_child_tasks_and_threads_belong_to_the_request():
    code = """
    import asyncio, contextvars
    async def part(key): fewer.flag(key, "on")
    def in_thread(): fewer.flag("thread", "on")
    async def main():
        async with fewer.request("GET /"):
            await asyncio.gather(part("a"), part("b"))
            context = contextvars.copy_context()
            await asyncio.get_running_loop().run_in_executor(None, context.run, in_thread)
            fewer.flag("own", "on")
    asyncio.run(main())
    say(done=1); sys.stdin.read()
    """
    with Child(code) as child:
        child.hear()
        _, _, slots, _ = counted(child)
    expected = {"feature_flag.result.variant." + key: "on" for key in ("a", "b", "thread", "own")}
    assert [dict(labels) for labels in slots] == [dict(expected, endpoint="GET /")]


def test_a_nested_request_leaves_the_outer_ones_flags_alone():
    code = """
    import asyncio
    async def main():
        async with fewer.request("outer"):
            fewer.flag("a", "on")
            with fewer.request("inner"): fewer.flag("b", "on")
            fewer.flag("c", "on")
    asyncio.run(main())
    say(done=1); sys.stdin.read()
    """
    with Child(code) as child:
        child.hear()
        _, _, slots, _ = counted(child)
    key = "feature_flag.result.variant."
    expected = [{"endpoint": "inner", key + "b": "on"}, {"endpoint": "outer", key + "a": "on", key + "c": "on"}]
    assert sorted((dict(labels) for labels in slots), key=lambda labels: labels["endpoint"]) == expected


# `how` forks through Python, which runs its hooks, or in C behind Python's back as uWSGI does.
FORK = """
how = sys.argv[1]
def fork():
    return os.fork() if how == "python" else ctypes.PyDLL(None).fork()
for _ in range(7):
    with fewer.request("GET /parent"): fewer.flag("half", "on", "split")
pids, ready = [], os.pipe()
for child in range(3):
    pid = fork()
    if pid == 0:
        for index in range(100 + child):
            with fewer.request("GET /child"):
                fewer.flag("half", "on", "split")
                fewer.flag("new%d" % child, "x")
        os.write(ready[1], b"1")
        sys.stdin.read()
        os._exit(0)
    pids.append(pid)
for pid in pids: os.read(ready[0], 1)
for _ in range(2):
    with fewer.request("GET /parent"): pass
say(pids=pids)
sys.stdin.read()
for pid in pids: assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.parametrize("how", ["python", "c"])
def test_a_forked_child_counts_for_itself(how):
    with Child(FORK, how) as child:
        pids = child.hear()["pids"]
        header, sums, _, evaluations = counted(child)
        assert header[1] == child.process.pid
        assert {name: counts["requests"] for name, counts in sums.items()} == {"GET /parent": 9}
        assert evaluations == {(HALF, "on", 4): 7}
        for index, pid in enumerate(pids):
            header, sums, _, evaluations = counted(pid)
            assert header[1] == pid and header[5] == 0
            assert {name: counts["requests"] for name, counts in sums.items()} == {"GET /child": 100 + index}
            assert evaluations == {
                (HALF, "on", 4): 100 + index,
                ("feature_flag.result.variant.new%d" % index, "x", 7): 100 + index,
            }


def test_a_child_forked_within_a_request_while_another_thread_holds_the_lock():
    code = """
    from fewer import _core
    held, stop = threading.Event(), threading.Event()
    def hold():
        with _core._lock:
            held.set()
            stop.wait()
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        with fewer.request("GET /new"): fewer.flag("f", "v")
        os._exit(0 if fewer.status()["faults"] == 0 and fewer.status()["slots"] == 1 else 1)
    say(code=os.waitpid(pid, 0)[1])
    stop.set()
    """
    assert run(code) == [{"code": 0}]


def test_errors_by_status_class():
    code = """
    for status in (0, 200, 302, 404, 499, 500, 503):
        with fewer.request("GET /") as running: running.status = status
    for error in (ValueError, KeyboardInterrupt):
        try:
            with fewer.request("GET /"): raise error
        except error: pass
    say(done=1); sys.stdin.read()
    """
    with Child(code) as child:
        child.hear()
        _, sums, _, _ = counted(child)
    assert (sums["GET /"]["requests"], sums["GET /"]["client_errors"], sums["GET /"]["server_errors"]) == (9, 2, 3)


CPU = """
class Used:
    def __enter__(self): self.start = time.thread_time_ns()
    def __exit__(self, *error):
        self.ns = time.thread_time_ns() - self.start
        totals[0] += self.ns
totals, used = [0], Used()
"""


def test_cpu_time_of_every_costly_request_is_counted():
    code = """
    for index in range(300):
        with fewer.request("GET /burn"):
            with used: burn(0.0003 if index % 2 else 0.001)
        burn(0.0003)
        time.sleep(0.0001)
    say(ns=totals[0]); sys.stdin.read()
    """
    with Child(joined(CPU, code)) as child:
        exact_ns = child.hear()["ns"]
        _, sums, _, _ = counted(child)
    assert sums["GET /burn"]["measured"] == sums["GET /burn"]["requests"] == 300
    assert exact_ns <= sums["GET /burn"]["cpu_ns"] <= exact_ns * 1.02


def test_cheap_requests_are_sampled():
    code = """
    for _ in range(20000):
        with fewer.request("GET /cheap"): pass
    say(done=1); sys.stdin.read()
    """
    with Child(code) as child:
        child.hear()
        _, sums, _, _ = counted(child)
    assert 20000 / 128 < sums["GET /cheap"]["measured"] < 20000 / 32


def test_nested_requests_do_not_count_time_twice():
    code = """
    for _ in range(20):
        with fewer.request("outer"):
            burn(0.001)
            for name in ("inner", "inner"):
                with fewer.request(name):
                    burn(0.001)
                    with fewer.request("innermost"): burn(0.001)
    say(ns=time.thread_time_ns()); sys.stdin.read()
    """
    with Child(code) as child:
        child.hear()
        _, sums, _, _ = counted(child)
    for name, times in (("outer", 20), ("inner", 40), ("innermost", 40)):
        assert sums[name]["requests"] == sums[name]["measured"] == times
        assert times * 1e6 <= sums[name]["cpu_ns"] <= times * 1.5e6, (name, sums[name])


def test_a_request_that_changes_threads_is_not_measured():
    code = """
    import contextvars
    for _ in range(50):
        running = fewer.request("GET /")
        context = contextvars.copy_context()
        context.run(running.__enter__)
        burn(0.0001)
        thread = threading.Thread(target=context.run, args=(running.__exit__, None, None, None))
        thread.start(); thread.join()
    say(faults=fewer.status()["faults"]); sys.stdin.read()
    """
    with Child(code) as child:
        assert child.hear() == {"faults": 0}
        _, sums, _, _ = counted(child)
    assert (sums["GET /"]["requests"], sums["GET /"]["measured"]) == (50, 0)


def test_the_instruction_clock_reads_a_perf_counter():
    # The software task clock counts nanoseconds through the same descriptor that a hardware counter would have.
    code = """
    from fewer import _clock
    os.environ["FEWER_INSTRUCTIONS"] = "1"
    clock = _clock.InstructionClock(kind=1, config=1)
    say(available=clock.available)
    before = clock.read(); burn(0.01); after = clock.read()
    say(counted=after - before)
    del os.environ["FEWER_INSTRUCTIONS"]
    say(available=_clock.InstructionClock(kind=1, config=1).available)
    """
    available, counted_ns, without_wish = run(code)
    if available == {"available": False}:
        pytest.skip("perf_event_open is not permitted here")
    assert 9e6 < counted_ns["counted"] < 100e6
    assert without_wish == {"available": False}


def test_a_machine_without_the_counter_says_so():
    with Child("say(available=fewer.status()['instructions']); sys.stdin.read()", FEWER_INSTRUCTIONS="1") as child:
        available = child.hear()["available"]
        _, attributes = Process(child.process.pid).discover()
    assert attributes["fewer.measures"] == ["cpu_ns"] + ["instructions"] * available
