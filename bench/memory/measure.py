"""What looking at memory costs: CPU per GB for pages and for values, growth of the target, and pauses.

measure.py --fewer PATH [--python PATH] [--megabytes 250] [--repeat 5] [--out FILE]

Pages are measured on a program without an interpreter that fewer knows, values on CPython as what is left when the
pages' part is taken off. Of several runs the median counts. Exits with 1 when a figure is over its limit.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKERS = 2
LIMITS = {"pages_ms_per_gb": 350, "values_ms_per_gb": 1000, "growth_kb": 64}
PERL = '$| = 1; my %h; $h{$_} = "value $_" x 6 for 0..$ARGV[0]; print "ready\\n"; <STDIN>'
PERL_RECORD_BYTES = 190


def cpu_ms(command):
    """CPU time of a command, its own and the kernel's; and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime), json.loads(said)


def scan(options, pids):
    """One look: CPU in milliseconds per GB of own memory, and megabytes looked at."""
    spent, said = cpu_ms([options.fewer, "sharing", "--json", "--pid", ",".join(map(str, pids))])
    gigabytes = sum(process["uss_mb"] for process in said["processes"]) / 1000
    return spent / gigabytes, said


def own_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def of_pages(options):
    """A program that is only pages to fewer."""
    count = str(int(options.megabytes * 1e6 / PERL_RECORD_BYTES))
    running = [
        subprocess.Popen(["perl", "-e", PERL, count], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    try:
        for process in running:
            process.stdout.readline()
        pids = [process.pid for process in running]
        return statistics.median(scan(options, pids)[0] for _ in range(options.repeat))
    finally:
        for process in running:
            process.stdin.close()
            process.wait()


def of_values(options):
    """CPython: cost of both together, growth, and the longest gap of a worker without and with a look."""
    command = [options.python, str(HERE / "target.py"), str(WORKERS), str(options.megabytes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def longest_gap():
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    try:
        pids = [int(word) for word in process.stdout.readline().split()]
        scan(options, pids)
        longest_gap()
        before = [own_kb(pid) for pid in pids]
        costs, alone, looked_at = [], [], []
        for _ in range(options.repeat):
            # The same load without a look: this machine alone makes gaps too.
            subprocess.run([options.fewer, "sharing", "--json", "--pid", str(os.getpid())], stdout=subprocess.DEVNULL)
            alone.append(longest_gap())
            costs.append(scan(options, pids)[0])
            looked_at.append(longest_gap())
        # The measuring worker allocates too, so the others tell of growth.
        growth = max(own_kb(pid) - was for pid, was in list(zip(pids, before))[:-1])
        return statistics.median(costs), growth, statistics.median(alone), statistics.median(looked_at)
    finally:
        process.stdin.close()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--megabytes", type=float, default=250)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    pages = of_pages(options)
    both, growth, alone, looked_at = of_values(options)
    figures = {
        "pages_ms_per_gb": round(pages),
        "values_ms_per_gb": round(both - pages),
        "growth_kb": growth,
        "longest_gap_ms": looked_at,
        "longest_gap_without_ms": alone,
    }
    for name, value in figures.items():
        limit = LIMITS.get(name)
        over = limit is not None and value > limit
        print(f"{name:24} {value:>8}" + (f"  at most {limit}" if limit else "") + ("  OVER" if over else ""))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=1) + "\n")
    return any(figures[name] > limit for name, limit in LIMITS.items())


if __name__ == "__main__":
    sys.exit(main())
