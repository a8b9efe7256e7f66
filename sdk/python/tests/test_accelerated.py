"""What only the compiled accelerator does: the OTel thread context. Without it these tests say so and are skipped."""

import glob
import os
import shutil
import subprocess

import pytest

from children import SOURCE, Child, joined, run
from reader import Process

LIBRARIES = glob.glob(os.path.join(SOURCE, "fewer", "_accel.*.so"))
pytestmark = pytest.mark.skipif(not LIBRARIES, reason="the accelerator is not built")

READ = """
from fewer import _accel, _core
from reader import decode_record
def thread_context():
    address = _accel.thread_context()
    if not address: return None
    header = ctypes.string_at(address, 28)
    return decode_record(header + ctypes.string_at(address + 28, struct.unpack("=H", header[26:28])[0]), _core._records.keys)
"""


def test_the_thread_context_follows_requests_flags_and_threads():
    code = """
    assert fewer.status()["accelerated"]
    seen = [thread_context()]
    def other():
        with fewer.request("GET /other"): others.append(thread_context())
        others.append(thread_context())
    others = []
    with fewer.request("GET /"):
        seen.append(thread_context())
        fewer.flag("f", True)
        fewer.flag("f", "on")
        fewer.route("GET /{id}")
        thread = threading.Thread(target=other); thread.start(); thread.join()
        with fewer.request("inner"): seen.append(thread_context())
        seen.append(thread_context())
    seen.append(thread_context())
    say(seen=seen, others=others, faults=fewer.status()["faults"])
    """
    outer = {"endpoint": "GET /{id}", "feature_flag.result.variant.f": "on"}
    seen = [None, {"endpoint": "GET /"}, {"endpoint": "inner"}, outer, None]
    assert run(joined(READ, code)) == [
        {"seen": seen, "others": [{"endpoint": "GET /other"}, None], "faults": 0}
    ]


def test_the_symbol_is_exported_as_readers_expect():
    if not shutil.which("readelf"):
        pytest.skip("no readelf")
    symbols = subprocess.check_output(["readelf", "--wide", "--dyn-syms", LIBRARIES[0]]).decode()
    (line,) = [line for line in symbols.splitlines() if line.endswith("otel_thread_ctx_v1")]
    assert line.split()[2:5] == ["8", "TLS", "GLOBAL"]
    relocations = subprocess.check_output(["readelf", "--wide", "--relocs", LIBRARIES[0]]).decode()
    assert any("TLSDESC" in line for line in relocations.splitlines())


def test_the_process_context_is_published_on_request_only():
    code = """
    with fewer.request("GET /"): fewer.flag("f", "v")
    say(ready=1); sys.stdin.read()
    """
    for env, expected in (({}, False), ({"FEWER_OTEL_CTX": "1", "OTEL_SERVICE_NAME": "photos"}, True)):
        with Child(code, **env) as child:
            child.hear()
            process = Process(child.process.pid)
            assert bool(process.mappings("OTEL_CTX")) is expected
            if expected:
                resource, attributes = process.discover("OTEL_CTX", b"OTEL_CTX", 2)
                assert resource["service.name"] == "photos"
                assert attributes == {
                    "threadlocal.schema_version": "tlsdesc_v1_dev",
                    "threadlocal.attribute_key_map":
                        ["endpoint", "fewer.overflow", "fewer.caller", "feature_flag.result.variant.f"],
                }
            process.close()


def test_it_can_be_turned_off():
    assert run("say(accelerated=fewer.status()['accelerated'])", FEWER_ACCEL="0") == [{"accelerated": False}]


def test_keyboard_interrupt_passes_through():
    code = """
    from fewer import _core
    def interrupted(*arguments): raise KeyboardInterrupt
    _core._learn_route = interrupted
    try:
        with fewer.request("GET /"): say(entered=1)
    except KeyboardInterrupt: say(interrupted=1)
    """
    assert run(code) == [{"interrupted": 1}]


def test_references_are_kept_and_dropped():
    code = """
    import gc
    def work(rounds):
        for index in range(rounds):
            with fewer.request("GET /"): fewer.flag("f", "v", "split")
            with fewer.request(endpoint="GET /%d" % (index % 5)) as running:
                running.status = 404
                fewer.flag(key="f", variant=True)
    blocks = []
    for _ in range(4):
        work(3000); gc.collect(); blocks.append(sys.getallocatedblocks())
    say(growth=blocks[-1] - blocks[1])
    """
    ((told),) = run(code)
    assert told["growth"] < 50
