"""Puts changes of the site to `fewer check`: one that makes the feed dearer behind a flag, and harmless ones.

    pull_requests.py --fewer PATH [--quiet-runs 20]

The dearer one has to fail, name the function in the difference, and give an interval that holds the truth, which is measured
here without fewer. A harmless one may never fail. Run it with the Python of tests/platform/install.sh.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import commits

BENCHMARK = [sys.executable, "bench_feed.py", "site"]
TRUTH_RUNS = 15
PASS, FAIL, NO_VERDICT = 0, 1, 3


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--quiet-runs", type=int, default=20, help="checks of harmless changes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewer-changes-") as folder:
        repository = commits.Repository(Path(folder) / "site")
        results = [dearer(repository, options.fewer), harmless(repository, options.fewer, options.quiet_runs)]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def check(repository: commits.Repository, fewer: Path, branch: str) -> "tuple[int, dict]":
    """Exit code and report of a branch's check."""
    done = subprocess.run(
        commits.check_command(fewer, branch, BENCHMARK, []), cwd=repository.folder, env=commits.environment(),
        capture_output=True, text=True, check=False,
    )
    if not done.stdout:
        raise SystemExit(done.stderr)
    return done.returncode, json.loads(done.stdout)


def dearer(repository: commits.Repository, fewer: Path) -> bool:
    """The change that has to be found."""
    repository.branch(commits.DEARER)
    truth = measured(repository.folder, repository.worktree(commits.DEARER.name))
    code, report = check(repository, fewer, commits.DEARER.name)
    change = report.get("change") or {"value": 0.0, "interval": [0.0, 0.0]}
    low, high = change["interval"]
    names = [row["function"] for row in report["functions"]]
    print(f"== dearer by {truth:+.2%}: exit code {code}, {change['value']:+.2%} (from {low:+.2%} to {high:+.2%})")
    print(f"   functions: {', '.join(names[:3])}; {report['measurement']['rounds']} pairs", flush=True)
    is_named = any(name.split(".")[0] in commits.DEARER_FUNCTIONS for name in names)
    return code == FAIL and low <= truth <= high and is_named


def harmless(repository: commits.Repository, fewer: Path, runs: int) -> bool:
    """Changes that cost nothing: none may fail."""
    for commit in commits.HARMLESS:
        repository.branch(commit)
    codes, changes = [], []
    for run in range(runs):
        commit = commits.HARMLESS[run % len(commits.HARMLESS)]
        code, report = check(repository, fewer, commit.name)
        codes.append(code)
        changes.append(abs(report["change"]["value"]) if report.get("change") else 0.0)
        print(f"   run {run + 1}: {commit.name}, exit code {code}, off by {changes[-1]:.2%}", flush=True)
    told = f"{codes.count(PASS)} pass, {codes.count(NO_VERDICT)} without a verdict, {codes.count(FAIL)} fail"
    print(f"== harmless, {runs} runs: {told}; median off by {statistics.median(changes):.2%}")
    return all(code in (PASS, NO_VERDICT) for code in codes) and codes.count(PASS) > codes.count(NO_VERDICT)


def measured(before: Path, after: Path) -> float:
    """The relative change of CPU per run, from the least of many runs of each side in turn."""
    sides = ([], [])
    for _ in range(TRUTH_RUNS):
        for folder, runs_s in zip((before, after), sides):
            runs_s.append(cpu_s(folder))
    return min(sides[1]) / min(sides[0]) - 1


def cpu_s(folder: Path) -> float:
    """CPU time of one run of the benchmark."""
    process = subprocess.Popen(BENCHMARK, cwd=folder, env=commits.environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the benchmark ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
