"""What looking at memory costs: CPU per GB for pages and for values, growth of the target, and pauses.

measure.py --fewer PATH [--python PATH] [--megabytes 250] [--repeat 5] [--out FILE]

Pages are measured on a program without an interpreter that fewer knows, values on CPython as what is left when the
pages' part is taken off. Pauses are the longest gaps of a thread that spins in a process that is looked at; they are
held against the gaps of the same thread while fewer looks at other processes of the same size, because a busy
machine makes gaps too. Of several runs the median counts. Exits with 1 when a figure is over its limit.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from figures import own_kb, tell  # noqa: E402

WORKERS = 2
LIMITS = {"pages_ms_per_gb": 350, "values_ms_per_gb": 1000, "growth_kb": 64, "pause_ms": 10}
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


class Target:
    """Running workers, the last of which spins."""

    def __init__(self, options):
        command = [options.python, str(HERE / "target.py"), str(WORKERS), str(options.megabytes)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pids = [int(word) for word in self._process.stdout.readline().split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()

    def gaps(self):
        """The longest gap and all time lost since the last question, in milliseconds."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [float(word) for word in self._process.stdout.readline().split()]


def of_values(options):
    """CPython: cost of both together, growth, and gaps of a spinning thread without and with a look at it."""
    costs, alone, looked_at = [], [], []
    with Target(options) as target, Target(options) as other:
        for one in (target, other):
            scan(options, one.pids)
        before = [own_kb(pid) for pid in target.pids]
        for _ in range(options.repeat):
            for pids, gaps in ((other.pids, alone), (target.pids, looked_at)):
                target.gaps()
                cost = scan(options, pids)[0]
                gaps.append(target.gaps())
                costs.append(cost)
        # The spinning worker allocates too, so the others tell of growth.
        growth = max(own_kb(pid) - was for pid, was in list(zip(target.pids, before))[:-1])

    def median(gaps):
        return [statistics.median(values) for values in zip(*gaps)]

    return statistics.median(costs), growth, median(alone), median(looked_at)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--megabytes", type=float, default=250)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    pages = of_pages(options)
    both, growth, (gap_without, lost_without), (gap, lost) = of_values(options)
    figures = {
        "pages_ms_per_gb": round(pages),
        "values_ms_per_gb": round(both - pages),
        "growth_kb": growth,
        "pause_ms": round(gap - gap_without, 3),
        "longest_gap_ms": gap,
        "longest_gap_without_ms": gap_without,
        "lost_ms": lost,
        "lost_without_ms": lost_without,
    }
    return tell(figures, LIMITS, options.out)


if __name__ == "__main__":
    sys.exit(main())
