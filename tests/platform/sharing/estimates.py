"""Does `fewer sharing` estimate what preloading really saves?

estimates.py --fewer PATH [--python PATH ...] [--workers 4] [--megabytes 75]

Workers hold a table in every way that matters: loaded after the fork, before the fork, before the fork and then
collected or read, with and without gc.freeze, and in separate processes with hash seeds of their own. The estimate for
each is held against the saving that is then measured by running the same workers preloaded: both as shares of all
their memory (PSS), which may differ by 10 points. A worker that has nothing to save has to be told so (5 points), and
the owner has to be named. What is said to stay is held against workers that were preloaded, frozen and then read
everything.

What was loaded before the fork is used in several ways too, all of it collected: not at all, in part, wholly, and with
writes. What `gc.freeze` is said to keep under that use is held against workers that were frozen and used the same: it
may promise too much by 20 % of that or 10 points of all memory, too little by 20 points (single reads that are spread
over everything look like more), and has to be within the range that is told. Prints tables for each interpreter, and
exits with 1 when a line misses.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OWNER = "conf.SETTINGS"
POINTS = 10.0
IDLE_POINTS = 5.0

# How the table is held, and how it is held once the advice was followed: what is measured then is the truth.
CASES = [
    ("after the fork", ["--load=after"], ["--load=before", "--freeze"]),
    ("after the fork, read", ["--load=after", "--read"], ["--load=before", "--freeze"]),
    ("before the fork", ["--load=before"], ["--load=before", "--freeze"]),
    ("before the fork, read", ["--load=before", "--read"], ["--load=before", "--freeze"]),
    ("before, frozen, read", ["--load=before", "--freeze", "--read"], ["--load=before", "--freeze"]),
    ("before the fork, collected", ["--load=before", "--collect"], ["--load=before", "--freeze", "--collect"]),
    ("before, frozen, collected", ["--load=before", "--freeze", "--collect"], ["--load=before", "--freeze"]),
    ("separate processes", None, ["--load=before", "--freeze"]),
]
IDLE = {"before the fork", "before, frozen, collected"}
USED = ["--load=before", "--freeze", "--read"]

# How a table that was loaded before the fork is used.
USES = [
    ("not used", []),
    ("read 2 %", ["--read=0.02"]),
    ("read 20 %", ["--read=0.2"]),
    ("all read", ["--read"]),
    ("2 % written", ["--write=0.02"]),
    ("20 % written", ["--write=0.2"]),
    ("all read, objects unused", ["--read", "--tree=40"]),
    ("not used, nor objects", ["--tree=40"]),
]
KEPT_SHARE = 0.2
LESS_POINTS = 20.0
# What is measured differs by this from run to run.
NOISE_POINTS = 3.0


class Workers:
    """Running workers, and their parent where they have one."""

    def __init__(self, options, python, arguments):
        size = ["--megabytes", str(options.megabytes)]
        if arguments is None:
            commands = [["--load=before", "--workers=0"]] * options.workers
        else:
            commands = [arguments + ["--workers", str(options.workers)]]
        self.running = [self.start([python, str(HERE / "workers.py"), *command, *size]) for command in commands]
        told = [json.loads(process.stdout.readline()) for process in self.running]
        self.workers = [pid for one in told for pid in one["workers"]] or [one["pid"] for one in told]
        self.all = sorted({pid for one in told for pid in [one["pid"], *one["workers"]]})

    @staticmethod
    def start(command):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.stdin.close()
        for process in self.running:
            process.wait(timeout=60)

    def proportional_mb(self):
        """The sum of all proportional shares: what they take together."""
        return sum(rollup_mb(pid, "Pss:") for pid in self.all)

    def own_mb(self):
        return [rollup_mb(pid, "Private_Dirty:") + rollup_mb(pid, "Private_Clean:") for pid in self.workers]


def rollup_mb(pid, name):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


def estimate(options, workers):
    pids = ",".join(str(pid) for pid in workers.workers)
    told = subprocess.run(
        [options.fewer, "sharing", "--pid", pids, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(told.stdout)


def measure(options, python):
    """One row for each case: estimate and truth as shares of the memory there was, in percent."""
    truths = {}

    def truth(arguments):
        key = tuple(arguments)
        if key not in truths:
            with Workers(options, python, arguments) as workers:
                truths[key] = workers.proportional_mb()
        return truths[key]

    rows = []
    for name, present, changed in CASES:
        with Workers(options, python, present) as workers:
            before_mb, own_before = workers.proportional_mb(), workers.own_mb()
            report = estimate(options, workers)
            grown_mb = max(now - before for now, before in zip(workers.own_mb(), own_before))
        found = [row for row in report["rows"] if row["mb_saved"] is not None]
        first = max(found, key=lambda row: row["mb_saved"], default=None)
        retained = [row["mb_retained"] or 0.0 for row in found]
        rows.append({
            "case": name,
            "memory_mb": before_mb,
            "estimated": 100 * sum(row["mb_saved"] for row in found) / before_mb,
            "measured": 100 * (before_mb - truth(changed)) / before_mb,
            "retained_estimated": 100 * sum(retained) / before_mb,
            "retained_measured": 100 * max(0.0, before_mb - truth(USED)) / before_mb,
            "owner": first["owner"] if first else "",
            "grown_kb": grown_mb * 1000,
        })
    return rows


def measure_uses(options, python):
    """One row for each use: what is said to stay when it is frozen, and what did, in percent of the memory there was."""
    rows = []
    for name, use in USES:
        with Workers(options, python, ["--load=before", "--collect", *use]) as workers:
            before_mb = workers.proportional_mb()
            found = [row for row in estimate(options, workers)["rows"] if row["advice"].startswith("loaded before")]
        with Workers(options, python, ["--load=before", "--collect", "--freeze", *use]) as workers:
            kept_mb = before_mb - workers.proportional_mb()
        range_mb = [sum(row["mb_retained_range"][end] for row in found) for end in (0, 1)]
        rows.append({
            "case": name,
            "memory_mb": before_mb,
            "kept_estimated": 100 * sum(row["mb_retained"] or 0.0 for row in found) / before_mb,
            "kept_range": [100 * end / before_mb for end in range_mb],
            "kept_measured": 100 * kept_mb / before_mb,
        })
    return rows


def misses_of_use(row):
    """What is wrong with one row."""
    low, high = row["kept_range"]
    measured = row["kept_measured"]
    beyond = row["kept_estimated"] - measured
    if beyond > max(KEPT_SHARE * measured, POINTS) or beyond < -LESS_POINTS:
        yield "estimate"
    if not low - NOISE_POINTS <= measured <= high + NOISE_POINTS:
        yield "range"


def misses(row):
    """What is wrong with one row."""
    if abs(row["estimated"] - row["measured"]) > POINTS:
        yield "estimate"
    if row["case"] in IDLE and row["estimated"] > IDLE_POINTS:
        yield "nothing to save"
    if row["case"] not in IDLE and row["owner"] != OWNER:
        yield "owner"
    if row["case"] in ("after the fork", "separate processes"):
        if abs(row["retained_estimated"] - row["retained_measured"]) > POINTS:
            yield "retained"
    if row["grown_kb"] > 64:
        yield "growth"


def interpreters():
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    found = [root.glob(f"versions/3.{minor}.*/bin/python3") for minor in range(8, 14)]
    return [str(path) for paths in found for path in sorted(paths)[-1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", required=True, help="path of the program")
    parser.add_argument("--python", action="append", help="an interpreter; all of pyenv's 3.8 to 3.13 without it")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--megabytes", type=float, default=75.0)
    parser.add_argument("--json", help="write every row here")
    options = parser.parse_args()
    pythons = options.python or interpreters()
    if not pythons:
        sys.exit("no CPython from 3.8 to 3.13 was found; name one with --python")
    everything, missed = [], 0
    for python in pythons:
        version = subprocess.run([python, "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        print(f"\n{version}, {options.workers} workers, {options.megabytes:g} MB each; shares of all memory in percent")
        print(f"{'table loaded':28} {'MB':>6}  {'estimate':>8} {'measured':>8}  {'retained':>8} {'measured':>8}  owner")
        for row in measure(options, python):
            wrong = list(misses(row))
            missed += bool(wrong)
            everything.append({"python": version, **row, "misses": wrong})
            print(
                f"{row['case']:28} {row['memory_mb']:6.0f}  {row['estimated']:8.1f} {row['measured']:8.1f}  "
                f"{row['retained_estimated']:8.1f} {row['retained_measured']:8.1f}  {row['owner']}"
                + (f"  MISSED: {', '.join(wrong)}" if wrong else ""),
                flush=True,
            )
        print(f"{'table loaded before the fork':28} {'MB':>6}  {'kept':>8} {'measured':>8}  at least, at most")
        for row in measure_uses(options, python):
            wrong = list(misses_of_use(row))
            missed += bool(wrong)
            everything.append({"python": version, **row, "misses": wrong})
            print(
                f"{row['case']:28} {row['memory_mb']:6.0f}  {row['kept_estimated']:8.1f} {row['kept_measured']:8.1f}  "
                f"{row['kept_range'][0]:.1f}, {row['kept_range'][1]:.1f}"
                + (f"  MISSED: {', '.join(wrong)}" if wrong else ""),
                flush=True,
            )
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")
    print(f"\n{missed} of {len(everything)} lines missed" if missed else "\nevery line holds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
