"""What reading execution marks costs: CPU per GB of a first scan, CPU of reading 20,000 marks again, growth, and pauses.

measure.py --tool PATH [--python PATH] [--functions 20000] [--megabytes 250] [--repeat 5] [--out FILE]

Of several runs the median counts. Exits with 1 when a figure is over its limit.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from figures import own_kb, tell  # noqa: E402

LIMITS = {"scan_s_per_gb": 0.5, "look_ms_per_20000": 10, "growth_kb": 64}


def measure(options):
    command = [options.python, str(HERE / "target.py"), str(options.functions), str(options.megabytes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def longest_gap_ms():
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    try:
        process.stdout.readline()
        longest_gap_ms()
        growth, rounds, alone, looked_at = [], [], [], []
        for _ in range(options.repeat):
            before = own_kb(process.pid)
            start = time.monotonic()
            said = subprocess.run([options.tool, str(process.pid)], check=True, stdout=subprocess.PIPE, text=True)
            took = time.monotonic() - start
            looked_at.append(longest_gap_ms())
            rounds.append(json.loads(said.stdout))
            growth.append(own_kb(process.pid) - before)
            # As long without a look, but with a process that is as busy: this machine alone makes gaps too.
            subprocess.run([sys.executable, "-c", f"import time\nend = time.monotonic() + {took}\nwhile time.monotonic() < end: pass"], check=True)
            alone.append(longest_gap_ms())
    finally:
        process.stdin.close()
        process.wait()

    def median(value):
        return statistics.median(value(one) for one in rounds)

    looks = median(lambda one: one["marks_read"]) / 22
    return {
        "scan_s_per_gb": round(median(lambda one: one["scan_cpu_ms"] / 1e3 / (one["scanned_bytes"] / 1e9)), 3),
        "first_look_s_per_gb": round(median(lambda one: one["first_look_cpu_ms"] / 1e3 / (one["scanned_bytes"] / 1e9)), 3),
        "scanned_mb": round(median(lambda one: one["scanned_bytes"] / 1e6)),
        "code_objects": median(lambda one: one["code_objects"]),
        "marks_per_look": round(looks),
        "look_ms": round(median(lambda one: one["look_cpu_ms"]), 2),
        "look_ms_per_20000": round(median(lambda one: one["look_cpu_ms"]) * 20000 / looks, 2),
        "growth_kb": statistics.median(growth),
        "longest_gap_ms": statistics.median(looked_at),
        "longest_gap_without_ms": statistics.median(alone),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--functions", type=int, default=20000)
    parser.add_argument("--megabytes", type=float, default=250)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = measure(options)
    return tell(figures, LIMITS, options.out)


if __name__ == "__main__":
    sys.exit(main())
