"""CPU time and instructions of one request.

What is read is the clock of the calling thread, so it is the request's own cost only where the thread runs nothing else
between begin and end. Under an event loop or greenlets it is not, and such requests are counted but not measured.

Reading the thread clock is a system call (0.2 to 0.4 us each). Endpoints that cost at least ``EVERY_NS`` per request are
measured on every request, where the two readings are below 2 %; cheaper ones on one request in 64, at random.
"""

from __future__ import annotations

import errno
import functools
import os
import random
import struct
import sys
import threading
import time
from _thread import get_ident
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from ._accelerator import accelerator

EVERY_NS = 40_000
SAMPLED_GAP = 64

_random = random.Random()
_thread_time_ns = time.thread_time_ns


class _PlainRoute:
    """What the hot path reads; the accelerator brings its own."""

    __slots__ = ("record", "countdown")

    record: bytes
    countdown: int


if TYPE_CHECKING or accelerator is None:
    _RouteBase = _PlainRoute
else:
    _RouteBase = accelerator.Route


class Route(_RouteBase):
    """An endpoint's record and how often its requests are measured."""

    __slots__ = ("_mean_ns",)

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.countdown = 0
        self._mean_ns = -1

    def learn(self, cpu_ns: int) -> None:
        """Decides after a measured request when to measure the next one."""
        mean_ns = self._mean_ns
        self._mean_ns = cpu_ns if mean_ns < 0 else mean_ns + ((cpu_ns - mean_ns) >> 4)
        self.countdown = 0 if self._mean_ns >= EVERY_NS else _random.randrange(1, 2 * SAMPLED_GAP)


# What was used: CPU nanoseconds and instructions. Plain tuples, because the classes for them cost more than the clocks.
Spent = Tuple[int, int]
# A thread's clocks at one moment: thread, what requests nested in the one around had used, instructions, CPU ns.
Reading = Tuple[int, Spent, int, int]

NO_COST: Spent = (0, 0)
# A reading of no thread, so that its end measures nothing.
UNREADABLE: Reading = (-1, NO_COST, 0, 0)

_inner: Dict[int, Spent] = {}
_MAX_INNER = 1024


def begin(nested: bool) -> Optional[Reading]:
    """Reads the clocks, or None where they would count other requests too."""
    if thread_is_shared():
        return None
    thread = get_ident()
    inner = _inner.pop(thread, NO_COST) if _inner else NO_COST
    count = instruction_clock.read() if _counts_instructions else 0
    return thread, inner if nested else NO_COST, count, _thread_time_ns()


def end(start: Reading, nested: bool) -> Optional[Spent]:
    """What was used since ``start``, without requests nested inside; None if the thread is another one now."""
    now_ns = _thread_time_ns()
    count = instruction_clock.read() if _counts_instructions else 0
    thread, before, start_count, start_ns = start
    if thread != get_ident():
        return None
    whole_ns = now_ns - start_ns
    whole_count = count - start_count
    if not _inner and not nested:
        return whole_ns, whole_count
    inner_ns, inner_count = _inner.pop(thread, NO_COST)
    if nested:
        if len(_inner) > _MAX_INNER:
            _inner.clear()
        _inner[thread] = (before[0] + whole_ns, before[1] + whole_count)
    return max(whole_ns - inner_ns, 0), max(whole_count - inner_count, 0)


def together(one: Spent, other: Spent) -> Spent:
    """Two stretches of one request."""
    return one[0] + other[0], one[1] + other[1]


_modules = sys.modules
_modules_seen = 0
_switchers: List[Callable[[], bool]] = []


def thread_is_shared() -> bool:
    """Whether the thread switches between tasks: an event loop runs in it, or greenlets do."""
    if len(_modules) != _modules_seen:
        _look_for_switchers()
    for is_switching in _switchers:
        if is_switching():
            return True
    return False


def _look_for_switchers() -> None:
    global _modules_seen, _switchers
    _modules_seen = len(_modules)
    found: List[Callable[[], bool]] = []
    if "asyncio.events" in _modules:
        running_loop = _modules["asyncio.events"]._get_running_loop
        found.append(lambda: running_loop() is not None)
    if "greenlet" in _modules:
        current_greenlet = _modules["greenlet"].getcurrent
        found.append(lambda: current_greenlet().parent is not None)
    if "gevent._hub_local" in _modules:
        hub = _modules["gevent._hub_local"].get_hub_if_exists
        found.append(lambda: hub() is not None)
    if "trio.lowlevel" in _modules:
        found.append(functools.partial(_in_trio, _modules["trio.lowlevel"]))
    if "eventlet.hubs" in _modules:
        found.append(lambda: True)
    _switchers = found


def _in_trio(trio: Any) -> bool:
    try:
        trio.current_task()
    except RuntimeError:
        return False
    return True


# -- instructions ------------------------------------------------------------------------------------------------------

_PERF_TYPE_HARDWARE = 0
_PERF_COUNT_HW_INSTRUCTIONS = 1
_EXCLUDE_KERNEL_AND_HYPERVISOR = 1 << 5 | 1 << 6
_PERF_FLAG_FD_CLOEXEC = 8
_SYSCALL_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


class ThreadCounter:
    """A counter of the calling thread; closed when the thread's storage goes."""

    def __init__(self, kind: int, config: int) -> None:
        self.fd = _perf_event_open(kind, config)

    def read(self) -> int:
        """The count so far."""
        return int(struct.unpack("=Q", os.read(self.fd, 8))[0])

    def __del__(self) -> None:
        try:
            os.close(self.fd)
        except Exception:  # The interpreter may be half gone, and a descriptor that was never opened has no number.
            return


class InstructionClock:
    """Counts instructions per thread; always zero without the operator's wish, the counter or the permission.

    It is off by default: it costs one descriptor per thread and two more system calls per measured request.
    """

    def __init__(self, kind: int = _PERF_TYPE_HARDWARE, config: int = _PERF_COUNT_HW_INSTRUCTIONS) -> None:
        self._event = (kind, config)
        self._local = threading.local()
        self.available = self._probe()

    def read(self) -> int:
        """Instructions of this thread so far."""
        if not self.available:
            return 0
        counter = getattr(self._local, "counter", None)
        if counter is None:
            counter = self._local.counter = ThreadCounter(*self._event)
        return counter.read()

    def forget(self) -> None:
        """In a forked child: inherited descriptors count the parent's threads."""
        if self.available:
            self._local = threading.local()

    def _probe(self) -> bool:
        if os.environ.get("FEWER_INSTRUCTIONS", "0") in ("", "0"):
            return False
        try:
            return ThreadCounter(*self._event).read() >= 0
        except Exception:  # No counter, no permission, no system call number: all mean the same here.
            return False


instruction_clock = InstructionClock()
_counts_instructions = instruction_clock.available


def _perf_event_open(kind: int, config: int) -> int:
    import ctypes

    attributes = struct.pack("=IIQQQQQ", kind, 112, config, 0, 0, 0, _EXCLUDE_KERNEL_AND_HYPERVISOR).ljust(112, b"\0")
    number = _SYSCALL_PERF_EVENT_OPEN[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    arguments = (ctypes.c_long(number), attributes, ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(-1))
    fd = libc.syscall(*arguments, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, errno.errorcode.get(code, "unknown error"))
    return int(fd)
