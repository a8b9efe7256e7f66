"""A reader outside follows the published offsets in a live, unpaused process and must find the labels that are true."""

import mmap
import os
import random
import struct
import tempfile
import time

import pytest

from children import Child
from reader import Process

# Every worker writes the number of its endpoint into its marker while it works for it, zero else.
WORKERS = """
marks = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)
def mark(lane, number):
    struct.pack_into("=Q", marks, 8 * lane, number)
def work(lane, number):
    fewer.flag("half", "even" if number % 2 == 0 else "odd", "split")
    mark(lane, number)
    end = time.perf_counter() + 0.0005
    while time.perf_counter() < end:
        pass
    mark(lane, 0)
"""

THREADS = WORKERS + """
def serve(lane):
    states[lane] = thread_state()
    number = lane
    while not stop:
        number = number % 40 + 1
        with fewer.request("GET /endpoint/%d" % number):
            work(lane, number)
stop, states = [], [0] * 4
threads = [threading.Thread(target=serve, args=(lane,)) for lane in range(4)]
for thread in threads: thread.start()
while not all(states): time.sleep(0.01)
time.sleep(0.2)
say(states=states)
sys.stdin.read()
stop.append(1)
for thread in threads: thread.join()
"""

ASYNCIO = WORKERS + """
import asyncio
async def serve(first, loop):
    number = first
    while not stop:
        number = number % 40 + 1
        async with fewer.request("GET /endpoint/%d" % number):
            for _ in range(3):
                work(0, number)
                await asyncio.sleep(0)
            await asyncio.gather(*[part(number) for _ in range(2)])
async def part(number):
    await asyncio.sleep(0)
    work(0, number)
async def main():
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: stop.append(1))
    loop.call_later(0.2, lambda: say(states=[thread_state()]))
    await asyncio.gather(*[serve(first, loop) for first in range(0, 36, 3)])
stop = []
asyncio.run(main())
"""

GEVENT = WORKERS + """
import gevent
from gevent import monkey
def serve(first):
    number = first
    while not stop:
        number = number % 40 + 1
        with fewer.request("GET /endpoint/%d" % number):
            for _ in range(3):
                work(0, number)
                gevent.sleep(0)
def wait_for_end():
    gevent.get_hub().threadpool.apply(sys.stdin.read)
    stop.append(1)
stop = []
gevent.spawn_later(0.2, lambda: say(states=[thread_state()]))
gevent.joinall([gevent.spawn(serve, first) for first in range(0, 36, 3)] + [gevent.spawn(wait_for_end)])
"""

MANY_VARIABLES = WORKERS + """
import contextvars
others = [contextvars.ContextVar("other%d" % index) for index in range(200)]
for index, other in enumerate(others): other.set(index)
number = 0
stop = []
def wait_for_end():
    sys.stdin.read()
    stop.append(1)
threading.Thread(target=wait_for_end).start()
for number in range(1, 41):
    with fewer.request("GET /endpoint/%d" % number): work(0, number)
say(states=[thread_state()])
while not stop:
    number = number % 40 + 1
    with fewer.request("GET /endpoint/%d" % number):
        others[number].set(number)
        work(0, number)
"""

FORKED = WORKERS + """
for number in range(1, 41):
    with fewer.request("GET /endpoint/%d" % number): work(0, number)
pipe = os.pipe()
pid = os.fork()
if pid:
    say(states=[thread_state()], pid=pid)
    sys.stdin.read()
    os.close(pipe[0])
    os.close(pipe[1])
    assert os.waitpid(pid, 0)[1] == 0
else:
    os.close(pipe[1])
    os.set_blocking(pipe[0], False)
    number = 0
    while True:
        number = number % 40 + 1
        with fewer.request("GET /endpoint/%d" % number): work(0, number)
        try:
            if os.read(pipe[0], 1) == b"": break
        except BlockingIOError:
            pass
"""


def truth(process, marks, lane, layout, state):
    """(number marked before and after, outcome, labels): one unpaused look."""
    before = struct.unpack_from("=Q", marks, 8 * lane)[0]
    try:
        outcome, labels = process.labels(layout, state)
    except (OSError, AssertionError, IndexError, UnicodeDecodeError) as error:
        outcome, labels = "damaged: %r" % error, None
    after = struct.unpack_from("=Q", marks, 8 * lane)[0]
    return (before if before == after else 0), outcome, labels


@pytest.mark.parametrize("name", ["THREADS", "ASYNCIO", "GEVENT", "MANY_VARIABLES", "FORKED"])
def test_labels_of_a_live_process(name):
    if name == "GEVENT":
        pytest.importorskip("gevent")
    right, wrong, outside = 0, [], 0
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(4096))
        file.flush()
        marks = mmap.mmap(os.open(file.name, os.O_RDONLY), 4096, prot=mmap.PROT_READ)
        with Child(globals()[name], file.name) as child:
            told = child.hear()
            process = Process(told.get("pid", child.process.pid))
            # A forked child that has not served yet has no mapping: then its parent's addresses hold.
            found = process.discover() or Process(child.process.pid).discover()
            resource, layout = found
            assert resource["telemetry.sdk.name"] == "fewer"
            assert layout["threadlocal.schema_version"] == "cpython_contextvar_v1_dev"
            looks = random.Random(4)
            end = time.monotonic() + 60
            while right < 600 and time.monotonic() < end:
                lane = looks.randrange(len(told["states"]))
                number, outcome, labels = truth(process, marks, lane, layout, told["states"][lane])
                if not number:
                    outside += 1
                    continue
                expected = {
                    "endpoint": "GET /endpoint/%d" % number,
                    "feature_flag.result.variant.half": "even" if number % 2 == 0 else "odd",
                }
                if labels == expected:
                    right += 1
                else:
                    wrong.append((number, outcome, labels))
                if right % 7 == 0:
                    time.sleep(looks.random() * 0.0007)
            process.close()
    # Unpaused, a look may straddle the change from one request to the next and back: then the walk itself is mixed.
    assert right >= 600, (right, outside, wrong[:5])
    assert len(wrong) <= right // 200, wrong[:5]
    print(name, "right", right, "wrong", len(wrong), "outside", outside)


def test_only_one_mapping_and_none_when_disabled():
    code = """
    say(pid=os.getpid(), status=fewer.status()["enabled"])
    sys.stdin.read()
    """
    for env, expected in (({}, 1), ({"FEWER_DISABLED": "1"}, 0), ({"FEWER_DISABLED": "0"}, 1)):
        with Child(code, **env) as child:
            told = child.hear()
            assert len(Process(told["pid"]).mappings("FEWER_CTX")) == expected
            assert told["status"] is bool(expected)


def test_new_flag_keys_are_published_again_and_resource_is_the_services_own():
    code = """
    with fewer.request("GET /"):
        for word in ("one", "two"):
            fewer.flag(word, True, "SPLIT")
            say(state=thread_state())
            sys.stdin.readline()
    """
    env = {"OTEL_SERVICE_NAME": "photos", "OTEL_RESOURCE_ATTRIBUTES": "service.version=7,deployment.environment.name=t"}
    with Child(code, **env) as child:
        process = Process(child.process.pid)
        expected = {"endpoint": "GET /"}
        for word in ("one", "two"):
            state = child.hear()["state"]
            resource, layout = process.discover()
            expected["feature_flag.result.variant." + word] = "true"
            assert process.labels(layout, state) == ("ok", expected)
            child.tell()
        assert resource["service.name"] == "photos" and resource["service.version"] == "7"
        process.close()


def test_published_fields_are_complete():
    with Child("say(ready=1); sys.stdin.read()") as child:
        child.hear()
        _, attributes = Process(child.process.pid).discover()
    integers = """
        fewer.schema fewer.counters_addr fewer.counters_slots fewer.counters_schema fewer.counters_slot_bytes
        fewer.evaluations_addr fewer.evaluations_slots
        fewer.cpython.contextvar_addr fewer.cpython.var_hash fewer.cpython.var_hash32 fewer.cpython.tstate_context_off
        fewer.cpython.context_vars_off fewer.cpython.hamt_root_off fewer.cpython.bytes_data_off
        fewer.cpython.bytes_type_addr fewer.cpython.bitmap_type_addr fewer.cpython.array_type_addr
        fewer.cpython.hamt_bitmap_off fewer.cpython.hamt_pairs_off fewer.cpython.hamt_children_off
    """.split()
    others = ["threadlocal.schema_version", "threadlocal.attribute_key_map", "fewer.measures"]
    assert sorted(attributes) == sorted(integers + others)
    assert all(isinstance(attributes[name], int) for name in integers)
    assert attributes["threadlocal.attribute_key_map"] == ["endpoint", "fewer.overflow", "fewer.caller"]
