"""Caps, odd labels, disabled mode and faults: bounded, counted, and never raised into the application."""

import pytest

from children import joined, run

RECORDS = """
from fewer import _core, _records
def current():
    record = _core._get()
    from reader import decode_record
    return decode_record(record, _core._records.keys)
"""


@pytest.mark.parametrize(
    "label, expected",
    [
        ("GET /feed", "GET /feed"),
        ("", "(empty)"),
        (None, "(empty)"),
        (b"GET /bytes\xff", "GET /bytes\ufffd"),
        (17, "17"),
        ("\U0001f600" * 10000, "\U0001f600" * 63),
        ("x" * 254 + "\u20ac", "x" * 254),
        ("x" * 10000, "x" * 255),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("nul \0 and \n", "nul \0 and \n"),
    ],
    ids=range(10),
)
def test_any_label(label, expected):
    code = """
    label = eval(sys.argv[1])
    for _ in range(2):
        with fewer.request(label): say(labels=current())
    say(status=fewer.status())
    """
    first, second, status = run(joined(RECORDS, code), ascii(label))
    assert first == second == {"labels": {"endpoint": expected}}
    was_cut = len(str(label)) > 200
    assert (status["status"]["labels_cut"] > 0) == was_cut
    assert status["status"]["faults"] == 0


@pytest.mark.parametrize(
    "variant, expected",
    [
        ("on", "on"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        ("", "(empty)"),
        (None, "#dc937b59"),
        ("é" * 40, "é" * 16),
        ({"a": 1}, "#240f5ff9"),
    ],
    ids=range(8),
)
def test_any_variant(variant, expected):
    code = """
    with fewer.request("GET /"):
        fewer.flag("key", eval(sys.argv[1]))
        say(labels=current())
    """
    ((told),) = run(joined(RECORDS, code), ascii(variant))
    assert told["labels"] == {"endpoint": "GET /", "feature_flag.result.variant.key": expected}


def overflow_case(body):
    return run(joined(RECORDS, body, "\nsay(status=fewer.status())\n"))


def test_more_than_32_flags_in_a_request():
    told = overflow_case("""
    with fewer.request("GET /"):
        for index in range(32): fewer.flag("f%02d" % index, "v")
        say(flags=len(current()) - 1)
        fewer.flag("one more", "v")
        say(labels=current())
        fewer.flag("f00", "v")
        say(labels=current())
    with fewer.request("GET /"): say(labels=current())
    """)
    overflowed = {"labels": {"endpoint": "GET /", "fewer.overflow": "1"}}
    assert told[:4] == [{"flags": 32}, overflowed, overflowed, {"labels": {"endpoint": "GET /"}}]
    assert told[4]["status"]["overflowed"] >= 1


def test_more_than_612_bytes_of_attributes():
    told = overflow_case("""
    with fewer.request("e" * 255):
        for index in range(10): fewer.flag("f%d" % index, "v" * 32)
        say(size=len(_core._get()) - 28)
        fewer.flag("too much", "v" * 32)
        say(size=len(_core._get()) - 28, labels=sorted(current()))
    """)
    assert told[0] == {"size": 257 + 10 * 34}
    assert told[1]["labels"] == ["endpoint", "fewer.overflow"] and told[1]["size"] == 257 + 3


def test_more_than_200_flag_keys_and_20_variants():
    told = overflow_case("""
    for index in range(10000):
        with fewer.request("GET /"): fewer.flag("f%d" % index, "v")
    say(keys=len(_core._records.keys))
    with fewer.request("GET /"):
        fewer.flag("f10001", "v")
        say(labels=current())
    for index in range(1000):
        with fewer.request("GET /"):
            fewer.flag("f0", "user-%d" % index)
            last = current()
    say(labels=last)
    """)
    assert told[0] == {"keys": 3 + 200}
    assert told[1]["labels"] == {"endpoint": "GET /", "fewer.overflow": "1"}
    assert told[2]["labels"] == {"endpoint": "GET /", "feature_flag.result.variant.f0": "_other"}
    assert told[3]["status"]["overflowed"] >= 9800 + 980 and told[3]["status"]["faults"] == 0


def test_ten_thousand_endpoints_and_many_flag_sets():
    told = overflow_case("""
    for index in range(10000):
        with fewer.request("GET /%d" % index): pass
    with fewer.request("GET /10001"): say(labels=current())
    with fewer.request("GET /1"):
        for variant in "abcd": fewer.flag("f", variant)
        say(labels=current())
    say(routes=len(_core._routes))
    """)
    assert told[0]["labels"] == {"endpoint": "_other", "fewer.overflow": "1"}
    assert told[1]["labels"] == {"endpoint": "GET /1", "fewer.overflow": "1"}
    assert told[2]["routes"] <= 4096
    assert told[3]["status"]["records"] <= 4096 and told[3]["status"]["faults"] == 0
    told = overflow_case("""
    import random
    draws = random.Random(1)
    for index in range(20000):
        with fewer.request("GET /"):
            for key in range(20): fewer.flag("f%d" % key, draws.choice("ab"))
            last = current()
    say(labels=last, transitions=len(_core._transitions))
    """)
    assert told[0]["labels"] == {"endpoint": "GET /", "fewer.overflow": "1"}
    assert told[0]["transitions"] <= 32768
    assert told[1]["status"]["records"] <= 4096 and told[1]["status"]["slots"] <= 4096
    assert told[1]["status"]["faults"] == 0


def test_long_keys_do_not_fill_memory():
    told = overflow_case("""
    with fewer.request("GET /"):
        for index in range(300):
            fewer.flag("k" * 100000 + str(index), "v" * 100000)
            fewer.route("r" * 100000 + str(index))
            fewer.flag("short", "v%d" % index)
    longest = max(len(part) for key in _core._transitions for part in key if isinstance(part, (str, bytes)))
    say(longest=longest)
    """)
    assert told[0]["longest"] <= 700 and told[1]["status"]["faults"] == 0


# Whatever fails inside must not be seen outside: each case breaks one part and then uses every entry point.
FAULTS = """
import asyncio
from fewer import _core, _clock, _counters, _records, _discovery
def fail(*arguments, **named): raise RuntimeError("injected")
class Failing:
    __getitem__ = __setitem__ = __len__ = __call__ = get = fail
exec(sys.argv[1])
@fewer.request("decorated")
def decorated(): return 5
@fewer.request("decorated")
async def decorated_async(): return 6
async def asynchronous():
    async with fewer.request("GET /async"):
        fewer.flag("f", "v")
        fewer.route("GET /other")
        await asyncio.sleep(0)
    return await decorated_async()
for _ in range(50):
    with fewer.request("GET /"):
        fewer.flag("f", "v", "split")
        fewer.flag("g", object())
        fewer.route("GET /{id}")
assert decorated() == 5
assert asyncio.run(asynchronous()) == 6
try:
    with fewer.request("GET /"): raise KeyError("mine")
except KeyError as error: say(error=str(error))
"""


@pytest.mark.parametrize(
    "breakage",
    [
        "_core._learn_route = fail",
        "_core._learn_slot = fail",
        "_core._learn_flag = fail",
        "_core._learn_endpoint = fail",
        "_core._set = fail",
        "_core._get = fail",
        "_core._reset = fail",
        "_core._revive = fail; _core._words[0] = 0",
        "_core._words = Failing()",
        "_core._slots = Failing()",
        "_core._fault.__globals__['_add'] = fail; _core._learn_route = fail",
        "_clock.begin = fail",
        "_clock.end = fail",
        "_records.encode = fail",
        "_records.Records._text = fail",
        "_counters.Page.slot = fail",
        "_discovery.payload = fail",
        "_discovery.Mapping.publish = fail",
        "os.getpid = fail",
    ],
)
def test_no_fault_reaches_the_application(breakage):
    assert run(FAULTS, breakage) == [{"error": "'mine'"}]


@pytest.mark.parametrize("endpoint", ["[]", "{}", "object()", "type('T', (), {'__str__': lambda s: 1 / 0})()"])
def test_labels_that_cannot_be_used(endpoint):
    code = """
    bad = eval(sys.argv[1])
    with fewer.request(bad): fewer.flag(bad, bad); fewer.route(bad)
    say(done=1)
    """
    assert run(code, endpoint) == [{"done": 1}]


def test_disabled():
    code = """
    with fewer.request("GET /") as running:
        running.status = 200
        fewer.flag("f", "v"); fewer.route("GET /x")
    @fewer.request("f")
    def function(): return 1
    assert function() == 1
    app = lambda environ, start: [b""]
    from fewer import wsgi, asgi
    assert wsgi.Middleware(app) is app and asgi.Middleware(app) is app
    say(status=fewer.status()["enabled"], core="fewer._core" in sys.modules, ctypes=fewer.enabled)
    """
    assert run(code, FEWER_DISABLED="1") == [{"status": False, "core": False, "ctypes": False}]


@pytest.mark.parametrize(
    "breakage, problem",
    [
        ("import sysconfig; sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1", "free-threaded"),
        ("sys.modules['ctypes'] = None", "ctypes"),
        ("import gc; gc.get_referents = lambda *owners: []", "refers to 0 objects"),
        ("import types; sys.implementation = types.SimpleNamespace(**dict(vars(sys.implementation), name='pypy'))", "pypy"),
    ],
)
def test_an_unknown_interpreter_publishes_no_offsets_but_counts(breakage, problem):
    code = """
    for name in [name for name in sys.modules if name.startswith("fewer")]: del sys.modules[name]
    exec(sys.argv[1])
    import fewer
    for _ in range(10):
        with fewer.request("GET /"): fewer.flag("f", "v")
    from fewer import _core
    word = next(iter(_core._slots.values()))
    say(problems=fewer.status()["problems"], requests=_core._words[word + 1], layout=_core._publisher.layout is None)
    """
    ((told),) = run(code, breakage)
    assert problem in told["problems"]["calibration"]
    assert told["requests"] == 10 and told["layout"] is True


def test_a_wrong_offset_is_never_published():
    code = """
    from fewer import _calibration, _core
    good = _core._publisher.layout
    for field in good._fields:
        if field.startswith(("tstate", "context_vars", "hamt")):
            wrong = good._replace(**{field: getattr(good, field) + 8})
            try:
                _calibration._try_out(wrong, ctypes)
                say(accepted=field)
            except _calibration.CalibrationError:
                pass
    say(done=1)
    """
    assert run(code) == [{"done": 1}]


def test_two_copies_in_one_process_do_not_disturb_each_other():
    code = """
    import importlib
    first = fewer
    for name in [name for name in sys.modules if name.startswith("fewer")]: del sys.modules[name]
    second = importlib.import_module("fewer")
    with first.request("GET /first"):
        with second.request("GET /second"): pass
        with second.request("GET /second"): pass
    from reader import Process
    starts = Process(os.getpid()).mappings("FEWER_CTX")
    say(slots=[first.status()["slots"], second.status()["slots"]], mappings=len(starts),
        faults=first.status()["faults"] + second.status()["faults"])
    """
    assert run(code) == [{"slots": [1, 1], "mappings": 2, "faults": 0}]


def test_requests_while_the_interpreter_shuts_down():
    code = """
    import atexit
    class Late:
        def __del__(self):
            with fewer.request("GET /late"): fewer.flag("f", "v")
    late = Late()
    late.cycle = late
    keep = fewer
    sys.late = Late()
    def forever():
        while True:
            with fewer.request("GET /daemon"): fewer.flag("f", "v")
    threading.Thread(target=forever, daemon=True).start()
    time.sleep(0.05)
    say(done=1)
    """
    assert run(code) == [{"done": 1}]


def test_a_forked_child_that_executes_another_program():
    code = """
    import subprocess
    with fewer.request("GET /"):
        out = subprocess.check_output([sys.executable, "-c", "import fewer; print(fewer.status()['enabled'])"])
        pid = os.fork()
        if pid == 0: os.execv(sys.executable, [sys.executable, "-c", "import fewer"])
        say(out=out.decode().strip(), code=os.waitpid(pid, 0)[1])
    """
    assert run(code) == [{"out": "True", "code": 0}]
