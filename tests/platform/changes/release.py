"""Releases a commit that makes one endpoint about 5 % dearer behind a flag, and asks fewer what happened.

    release.py --fewer PATH [--seconds 300] [--rate 90]

Servers of two versions share the load, profiled by `fewer up`: 1.0, and 1.1, which has the commit. `fewer regressions
--versions` has to find endpoint, function, version and flag; `fewer flags` the flag; and `fewer check`, which sees version
1.0 alone in production, has to fail the commit and say how many servers it is about to cost. The intervals of cost have
to hold the truth: what the site's own log says of the CPU time of a feed. Run it with the Python of tests/platform/install.sh.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import List, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import commits  # noqa: E402
from processes import NotStarted, Part, Processes, answers, free_port  # noqa: E402
from services import Platform  # noqa: E402

SERVICE = "feed-gunicorn"
ENDPOINT = "/feed"
FLAG = "new_ranker"
BEFORE, AFTER = "1.0", "1.1"
SELECTOR = f'{{service.name="{SERVICE}"}}'
# Where a process has its memory can move its cost by as much as the commit does: several share that out.
INSTANCES = 3
FAIL = 1
SETTLED_S = 15


class Feeds(NamedTuple):
    """The feeds of one version: their mean CPU with the flag off and on, by the site's log."""

    count: int
    seconds: float
    on_share: float
    off_ns: float
    on_ns: float

    def per_second(self, truth_ns: float) -> float:
        """Cores that so much more per feed takes."""
        return truth_ns / 1e9 * self.count / self.seconds


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--seconds", type=float, default=300, help="length of the load")
    parser.add_argument("--rate", type=float, default=90, help="requests per second")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-release-") as folder:
            return roll_out(options, Path(folder))
    except NotStarted as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def roll_out(options: argparse.Namespace, folder: Path) -> int:
    """Both versions under load, and the questions."""
    repository = commits.Repository(folder / "repository")
    repository.branch(commits.DEARER)
    platform = Platform(folder)
    worklogs = [platform.worklog, folder / "worklog-after"]
    with Processes(platform.logs) as processes:
        platform.start(processes, [])
        checkouts = [repository.folder, repository.worktree(commits.DEARER.name)]
        versions = [
            (version, environment(platform, version, checkout, worklog))
            for version, checkout, worklog in zip((BEFORE, AFTER), checkouts, worklogs)
        ]
        ports = [start_version(platform, processes, *version) for _ in range(INSTANCES) for version in versions]
        url = start_fewer(options, platform, processes)
        start_s = time.time()
        load(options, processes, ports)
        end_s = time.time()
        before, after = (feeds(worklog, start_s, end_s) for worklog in worklogs)
        time.sleep(SETTLED_S)
        found = ask(options, ["regressions", "--versions", f"{BEFORE}..{AFTER}"], url, SELECTOR, (start_s, end_s))
        flags = ask(options, ["flags"], url, of_version(AFTER), (start_s, end_s))
        checked = check(options, repository, url, (start_s, end_s))
    # Feeds with the flag off are the same in both versions: their difference is noise.
    truth_ns = after.on_share * (after.on_ns - before.on_ns)
    share = truth_ns / (before.on_share * before.on_ns + (1 - before.on_share) * before.off_ns)
    print(f"== a feed takes {truth_ns / 1e6:+.3f} ms more ({share:+.1%}) by the site's log, of {before.count} and {after.count}")
    results = [
        judge_versions(found, after.per_second(truth_ns)),
        judge_flag(flags),
        judge_check(checked, before.per_second(truth_ns)),
    ]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def start_fewer(options: argparse.Namespace, platform: Platform, processes: Processes) -> str:
    """Starts the profiler; returns the collector's address."""
    port = free_port()
    command = [str(options.fewer), "up", "--listen", f"127.0.0.1:{port}", "--data-dir", str(platform.folder / "fewer")]

    def is_ready() -> bool:
        return answers(port, b"GET /api/v1/status HTTP/1.0\r\n\r\n", b" 200 ")

    processes.start(Part("fewer", [*command, "-F", "199"], is_ready))
    return f"http://127.0.0.1:{port}"


def environment(platform: Platform, version: str, checkout: Path, worklog: Path) -> "dict[str, str]":
    """One version's environment. Hashes are the same in both, so that they differ by the commit alone."""
    worklog.mkdir(exist_ok=True)
    return {
        **platform.environment(SERVICE), "PYTHONPATH": str(checkout / "site"), "PHOTOS_WORKLOG": str(worklog),
        "OTEL_RESOURCE_ATTRIBUTES": f"service.version={version},deployment.environment.name=demo",
        "PYTHONHASHSEED": "0",
    }


def start_version(platform: Platform, processes: Processes, version: str, environment: "dict[str, str]") -> int:
    """Starts a server of a version; returns its port."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--preload", "photos.wsgi"]

    def is_ready() -> bool:
        return answers(port, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

    processes.start(Part(f"{SERVICE}-{version}-{port}", command, is_ready, environment))
    return port


def load(options: argparse.Namespace, processes: Processes, ports: List[int]) -> None:
    """Loads both servers alike, to the end."""
    script = str(HERE.parent / "load.py")
    command = [sys.executable, script, "--rate", str(options.rate), "--seconds", str(options.seconds), "--seed", "1"]
    command += [word for port in ports for word in ("--port", str(port))]
    part = Part("load", command, lambda: True, {"OTEL_SERVICE_NAME": "load"})
    processes.launch(part)
    end_s = time.monotonic() + options.seconds + 60
    while time.monotonic() < end_s and not processes.has_ended(part):
        time.sleep(0.5)


def feeds(worklog: Path, start_s: float, end_s: float) -> Feeds:
    """What the feeds of one version took."""
    lines = [json.loads(line) for path in worklog.glob("*.jsonl") for line in path.read_text().splitlines()]
    found = [line for line in lines if line["endpoint"].endswith(ENDPOINT) and start_s <= line["at"] <= end_s]
    off_ns, on_ns = ([line["cpu_ns"] for line in found if line["flags"].get(FLAG) == variant] for variant in ("off", "on"))
    return Feeds(len(found), end_s - start_s, len(on_ns) / len(found), fmean(off_ns), fmean(on_ns))


def of_version(version: str) -> str:
    """Selects what ran one version."""
    return f'{{service.name="{SERVICE}", service.version="{version}"}}'


def asked(url: str, selector: str, window: "tuple[float, float]") -> List[str]:
    """What every question says."""
    start, end = (datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for at_s in window)
    return ["--collector", url, "--query", selector, "--start", start, "--end", end]


def ask(options: argparse.Namespace, command: List[str], url: str, selector: str, window: "tuple[float, float]") -> dict:
    """A report."""
    command = [str(options.fewer), *command, *asked(url, selector, window), "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def check(options: argparse.Namespace, repository: commits.Repository, url: str, window: "tuple[float, float]") -> dict:
    """The report of the commit's check, with what production says of version 1.0."""
    benchmark = [sys.executable, "bench_feed.py", "site"]
    about = asked(url, of_version(BEFORE), window)
    done = subprocess.run(
        commits.check_command(options.fewer, commits.DEARER.name, benchmark, about), cwd=repository.folder,
        env=commits.environment(), capture_output=True, text=True, check=False,
    )
    if not done.stdout:
        raise SystemExit(done.stderr)
    return {"exit": done.returncode, **json.loads(done.stdout)}


def judge_check(report: dict, truth_cores: float) -> bool:
    """The check has to fail, name the function, and hold the truth in its interval of servers."""
    change = report.get("change") or {"value": 0.0, "interval": [0.0, 0.0]}
    production = report.get("production") or {}
    stake = production.get("at_stake") or {"value": 0.0, "low": 0.0, "high": 0.0}
    cores_per_server = servers_of(production)
    names = [row["function"] for row in report["functions"] if row["changed_line"]]
    truth = truth_cores * cores_per_server
    low, high = change["interval"]
    print(f"check: exit code {report['exit']}; the benchmark {change['value']:+.1%} (from {low:+.1%} to {high:+.1%})")
    print(f"  in the difference: {', '.join(names)}")
    print(f"  at stake {stake['value']:.5f} servers (from {stake['low']:.5f} to {stake['high']:.5f}); in truth {truth:.5f}")
    is_named = any(name.split(".")[0] in commits.DEARER_FUNCTIONS for name in names)
    return report["exit"] == FAIL and is_named and stake["low"] <= truth <= stake["high"]


def servers_of(production: dict) -> float:
    """Servers that one core is worth, from any function that has both."""
    rows = [row for row in production.get("functions", ()) if row["cores"]["value"] > 0]
    return rows[0]["servers"]["value"] / rows[0]["cores"]["value"] if rows else 0.0


def judge_versions(report: dict, truth_cores: float) -> bool:
    """The feed alone has to be dearer, with function and flag, and with the truth in its interval."""
    print(" ".join(report["notes"]))
    for row in report["rows"]:
        rise, (low, high) = row["after_ns"] / max(row["before_ns"], 1) - 1, row["interval"]
        print(f"{row['endpoint']}: {row['verdict']} {rise:+.1%} (from {low:+.1%} to {high:+.1%}), {row['units']} {row['unit']}s")
    dearer = [row for row in report["rows"] if row["verdict"] == "dearer"]
    for row in dearer:
        low, high = row["cores_interval"]
        functions = ", ".join(f"{one['function']} ({one['place']})" for one in row["suspects"])
        print(f"  in {functions or '-'}; flag {row['flag'] or '-'}={row['flag_variant'] or '-'}")
        print(f"  {row['cores']:.4f} cores (from {low:.4f} to {high:.4f}); in truth {truth_cores:.4f}")
    return len(dearer) == 1 and all(
        row["endpoint"].endswith(ENDPOINT)
        and row["suspects"]
        and row["suspects"][0]["function"].split(".")[0] in commits.DEARER_FUNCTIONS
        and (row["version"], row["flag"], row["flag_variant"]) == (AFTER, FLAG, "on")
        and row["cores_interval"][0] <= truth_cores <= row["cores_interval"][1]
        for row in dearer
    )


def judge_flag(report: dict) -> bool:
    """The flag has to be dearer in the feed, beyond chance."""
    rows = [row for row in report["costs"] if row["flag"] == FLAG and row["endpoint"].endswith(ENDPOINT)]
    for row in rows:
        low, high = row["interval_ns"]
        print(f"flag: {FLAG}={row['variant']} in {row['endpoint']}: {row['difference_ns'] / 1e6:+.2f} ms a request "
              f"(from {low / 1e6:+.2f} to {high / 1e6:+.2f}), {row['servers']:.5f} servers")
    return any(row["variant"] == "on" and row["interval_ns"][0] > 0 for row in rows)


if __name__ == "__main__":
    sys.exit(main())
