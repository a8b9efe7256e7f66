"""Prints the shares of counting.py's functions in a recording against those it counted itself.

    shares.py RECORDING.pb.gz --log FOLDER

Exits with 1 when a share is off by more than 2 %, or by more than three standard errors where few samples were taken.
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path

import pprof

ALLOWED = 0.02
SAMPLES_AT_LEAST = 1000


def report(recording: str, log: Path) -> bool:
    """Prints the table; whether all shares agree."""
    counted: Counter = Counter()
    for path in log.glob("*.json"):
        counted.update(json.loads(path.read_text()))
    sampled: Counter = Counter()
    others = 0
    for sample in pprof.read(recording):
        found = next((name for function in sample.functions for name in counted if _is(function, name)), None)
        if found is None:
            others += sample.count
        else:
            sampled[found] += sample.count
    total = sum(sampled.values())
    total_ns = sum(counted.values())
    print(f"  {'':18}{'counted s':>11}{'share':>9}{'samples':>9}{'share':>9}{'error':>9}")
    good = total >= SAMPLES_AT_LEAST
    for name, cpu_ns in counted.items():
        expected = cpu_ns / total_ns
        share = sampled[name] / total if total else 0.0
        error = share / expected - 1
        allowed = max(ALLOWED, 3 * math.sqrt((1 - expected) / expected / max(total, 1)))
        good &= abs(error) <= allowed
        print(f"  {name:18}{cpu_ns / 1e9:11.3f}{expected:9.2%}{sampled[name]:9}{share:9.2%}{error:+9.2%}")
    print(f"  {total} samples in the three, {others} elsewhere")
    return good


def _is(function: str, name: str) -> bool:
    return function == name or function.endswith("." + name)


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    return 0 if report(options.recording, options.log) else 1


if __name__ == "__main__":
    raise SystemExit(main())
