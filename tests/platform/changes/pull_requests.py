"""Puts changes of the site to `fewer check`: one that makes the feed 5 % dearer behind a flag, and harmless ones.

    pull_requests.py --fewer PATH [--quiet-runs 20] [--collector URL]

The dearer one has to fail, name the function in the difference, and give an interval that holds the truth, which is measured
here without fewer. A harmless one may never fail. With the address of a collector that profiles the site (`make demo`), the
report has to say how many servers are at stake. Run it with the Python of tests/platform/install.sh.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SITE = HERE.parent / "site"
TRUTH_RUNS = 15
PASS, FAIL, NO_VERDICT = 0, 1, 3

# 68 dimensions for 64 are 6 % more of what the new ranker computes, which is most of the feed's work.
DEARER = ("site/photos/ranking.py", "DIMENSIONS = 64\n", "DIMENSIONS = 68\n")
HARMLESS = [
    ("site/photos/ranking.py", '"""The most liked first."""', '"""The most liked first, then the newest."""'),
    ("site/photos/images.py", "import", "# Sizes are those of the pages.\nimport"),
    ("site/photos/viewer.py", "def ", "def _unused():\n    return None\n\n\ndef "),
    ("site/photos/seed.py", "import", "import abc\nimport"),
]


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--quiet-runs", type=int, default=20, help="checks of harmless changes")
    parser.add_argument("--collector", help="address of a collector that profiles the site")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fewer-changes-") as folder:
        project = Project(Path(folder) / "site", options)
        results = [dearer(project, options), harmless(project, options.quiet_runs)]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


class Project:
    """The site as a repository of its own, with branches."""

    def __init__(self, folder: Path, options: argparse.Namespace):
        self.folder = folder
        self._options = options
        shutil.copytree(SITE, folder / "site", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "bench_feed.py", folder)
        (folder / "CODEOWNERS").write_text("/site/photos/ranking.py @ranking\n")
        self._git("init", "--quiet", "--initial-branch=main")
        self._commit("The site")

    def branch(self, name: str, file: str, old: str, new: str) -> None:
        """A branch with one change."""
        self._git("checkout", "--quiet", "-b", name, "main")
        path = self.folder / file
        text = path.read_text()
        if old not in text:
            raise SystemExit(f"{file} has no {old!r}")
        path.write_text(text.replace(old, new, 1))
        self._commit(f"Change {file}")
        self._git("checkout", "--quiet", "main")

    def check(self, name: str) -> "tuple[int, dict]":
        """Exit code and report of a branch's check."""
        command = [str(self._options.fewer), "check", "--base", "main", "--head", name, "--json", "--must-show", "5"]
        if self._options.collector:
            command += ["--collector", self._options.collector, "--query", '{service.name=~"feed-.*"}']
        command += ["--", sys.executable, "bench_feed.py", "site"]
        done = subprocess.run(command, cwd=self.folder, env=environment(), capture_output=True, text=True, check=False)
        if not done.stdout:
            raise SystemExit(done.stderr)
        return done.returncode, json.loads(done.stdout)

    def truth(self, name: str) -> float:
        """The relative change of CPU per run, from the least of many runs of each side in turn."""
        worktree = self.folder.parent / name
        self._git("worktree", "add", "--quiet", str(worktree), name)
        sides = ([], [])
        for _ in range(TRUTH_RUNS):
            for folder, runs_s in zip((self.folder, worktree), sides):
                runs_s.append(cpu_s(folder))
        self._git("worktree", "remove", "--force", str(worktree))
        return min(sides[1]) / min(sides[0]) - 1

    def _commit(self, message: str) -> None:
        self._git("add", "-A")
        author = ["-c", "user.name=Site", "-c", "user.email=site@localhost", "-c", "commit.gpgsign=false"]
        self._git(*author, "commit", "--quiet", "-m", message)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.folder), *arguments], check=True)


def environment() -> "dict[str, str]":
    """Where children find Python's packages, and nothing that the caller's shell says of continuous integration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "GITLAB_", "CI"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def cpu_s(folder: Path) -> float:
    """CPU time of one run of the benchmark."""
    command = [sys.executable, "bench_feed.py", "site"]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the benchmark ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def dearer(project: Project, options: argparse.Namespace) -> bool:
    """The change that has to be found."""
    project.branch("dearer", *DEARER)
    truth = project.truth("dearer")
    code, report = project.check("dearer")
    change = report.get("change") or {"value": 0.0, "interval": [0.0, 0.0]}
    low, high = change["interval"]
    names = [row["function"] for row in report["functions"]]
    stake = ((report.get("production") or {}).get("at_stake") or {}).get("servers")
    print(f"== dearer by {truth:+.2%}: exit code {code}, {change['value']:+.2%} (from {low:+.2%} to {high:+.2%})")
    print(f"   functions: {', '.join(names[:3])}; {report['measurement']['rounds']} pairs; at stake: {stake}")
    found = [code == FAIL, low <= truth <= high, any("_nearness" in name or "by_interest" in name for name in names)]
    return all(found + [stake is not None] if options.collector else found)


def harmless(project: Project, runs: int) -> bool:
    """Changes that cost nothing: none may fail."""
    for number, change in enumerate(HARMLESS):
        project.branch(f"harmless-{number}", *change)
    codes, changes = [], []
    for run in range(runs):
        code, report = project.check(f"harmless-{run % len(HARMLESS)}")
        codes.append(code)
        changes.append(abs(report["change"]["value"]) if report.get("change") else 0.0)
        print(f"   run {run + 1}: exit code {code}, off by {changes[-1]:.2%}", flush=True)
    told = f"{codes.count(PASS)} pass, {codes.count(NO_VERDICT)} without a verdict, {codes.count(FAIL)} fail"
    print(f"== harmless, {runs} runs: {told}; median off by {statistics.median(changes):.2%}")
    return all(code in (PASS, NO_VERDICT) for code in codes) and codes.count(PASS) > codes.count(NO_VERDICT)


if __name__ == "__main__":
    raise SystemExit(main())
