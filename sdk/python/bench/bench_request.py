"""CPU nanoseconds per request of the Python SDK: begin + end + counter, medians over many short runs.

    python bench/bench_request.py [--json]

"unmeasured" and "measured" requests differ by the two readings of the thread's CPU clock. The empty requests of this
benchmark cost far less than the threshold of the clock's policy, so one in 64 of them is measured; the line
"as shipped" is that mix, and "every request measured" is what endpoints above the threshold pay.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any, Callable, Dict

import fewer
from fewer import _clock, _core

LOOPS = 2_000
RUNS = 101


def median_ns(body: Callable[[int], None]) -> float:
    """Median over runs of this thread's CPU time per loop, which other processes on the machine do not lengthen."""
    body(LOOPS)
    samples = []
    for _ in range(RUNS):
        start_ns = time.thread_time_ns()
        body(LOOPS)
        samples.append((time.thread_time_ns() - start_ns) / LOOPS)
    return statistics.median(samples)


def empty(count: int) -> None:
    """The loop alone."""
    for _ in range(count):
        pass


def plain(count: int) -> None:
    """A request without flags."""
    request = fewer.request
    for _ in range(count):
        with request("GET /bench"):
            pass


class Nothing:
    """A context manager in pure Python that does nothing."""

    __slots__ = ("_argument",)

    def __init__(self, argument: str) -> None:
        self._argument = argument

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *error: Any) -> None:
        return None


def nothing(count: int) -> None:
    """For scale: what `with` and a Python object cost on this machine at this moment."""
    for _ in range(count):
        with Nothing("GET /bench"):
            pass


def three_flags(count: int) -> None:
    """A request that evaluates three flags."""
    request, flag = fewer.request, fewer.flag
    for _ in range(count):
        with request("GET /bench"):
            flag("bench_one", "on", "split")
            flag("bench_two", "control", "split")
            flag("bench_three", "off", "static")


def figures() -> Dict[str, Any]:
    """All figures of this interpreter, the loop itself subtracted."""
    loop_ns = median_ns(empty)
    every_ns = _clock.EVERY_NS
    result: Dict[str, Any] = {"python": sys.version.split()[0], "accelerated": fewer.status().get("accelerated", False)}
    result["for scale: a context manager that does nothing"] = round(median_ns(nothing) - loop_ns)
    result["as shipped: no flags"] = round(median_ns(plain) - loop_ns)
    result["as shipped: three flags"] = round(median_ns(three_flags) - loop_ns)
    try:
        _clock.EVERY_NS = 0
        _core._routes["GET /bench"].countdown = 0
        result["every request measured: no flags"] = round(median_ns(plain) - loop_ns)
        result["every request measured: three flags"] = round(median_ns(three_flags) - loop_ns)
    finally:
        _clock.EVERY_NS = every_ns
    return result


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    result = figures()
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:48} {value}")


if __name__ == "__main__":
    main()
