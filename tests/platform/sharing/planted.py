"""Does the advice of `fewer sharing` save what it says, on the photo-sharing site under load?

planted.py --fewer PATH [--seconds 15] [--repeat 2] [--case NAME]

Memory that could be shared is planted into the site: a configuration table and a template cache that every gunicorn
worker loads for itself, whose requests read next to nothing of it, or all of it; and a tree that is loaded before the
fork, dirtied by the collector, and not read. For each, `fewer sharing` looks at the workers under load and has to name
what was planted; the lines that it says to write are written as they are; and `fewer sharing try` runs both set-ups by
turns under the same load. Two things may miss by no more than 20 %:

- What is saved once both are started, against `mb_saved`; not for the tree, which only use dirties.
- What is saved after use, against what use leaves. Of what was loaded before the fork that is `mb_retained`, a number.
  Of what was planted to be loaded after it, it is known here: `mb_saved` of what is not read and `mb_retained` of what
  is. Of the site's own code that is loaded after it, which runs in part, it lies between the two.

Exits with 1 when something misses.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from processes import NotStarted, Part, Processes, answers, clean_environment, free_port  # noqa: E402
from services import SITE, Platform  # noqa: E402

WORKERS = 4
RATE = 40
MISS_SHARE = 0.2


class Case(NamedTuple):
    """What is planted, how it runs now, and what has to be found."""

    name: str
    application: str
    present: List[str]
    owners: List[str]
    is_read: bool = False
    is_dirtied: bool = False


CASES = [
    Case("loaded", "planted.wsgi", [], ["planted.table.SETTINGS", "planted.templates.CACHE"]),
    Case("read", "planted.reading", [], ["planted.table.SETTINGS"], is_read=True),
    Case("dirtied", "planted.collected", ["--preload"], ["planted.tree.TREE"], is_dirtied=True),
]


def main() -> int:
    """Carries out the command line."""
    options = arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-planted-") as folder:
            platform = Platform(Path(folder))
            with Processes(platform.logs) as processes:
                platform.start(processes, ["feed-gunicorn"])
                cases = [case for case in CASES if options.case in (None, case.name)]
                missed = [case for case in cases if not holds(options, platform, case)]
    except NotStarted as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{len(missed)} of {len(cases)} missed" if missed else "\nevery line holds")
    return 1 if missed else 0


def holds(options: argparse.Namespace, platform: Platform, case: Case) -> bool:
    """Finds what was planted, follows the advice, and holds the saving against the prediction."""
    environment = {**clean_environment(), **platform.environment("planted")}
    environment["PYTHONPATH"] = f"{SITE}:{HERE / 'site'}"
    rows = look(options, platform, environment, [*gunicorn("{port}", case.application), *case.present])
    named = [row for row in rows if row["owner"] in case.owners]
    missing = set(case.owners) - {row["owner"] for row in named}
    change = named[0]["change"] if named else None
    print(f"\n{case.name}: {case.application}")
    # Where everything is loaded before the fork already, what is loaded after it still is with the change.
    rows = [row for row in rows if row["change"] == change and (was_before_fork(row) or not case.is_dirtied)]
    for row in rows:
        kept = "?" if row["mb_retained"] is None else f"{row['mb_retained']:.1f}"
        print(f"  {row['owner']:32} {row['kind']:14} saves {row['mb_saved']:7.1f} MB, {kept:>6} MB in use")
    if missing or not change:
        print(f"  MISSED: {', '.join(sorted(missing)) or 'no change was advised'}")
        return False
    config = platform.folder / f"{case.application}.conf.py"
    config.write_text(change + "\n")
    tried = attempt(options, environment, gunicorn("{port}", case.application), case.present, ["-c", str(config)])
    saved = sum(row["mb_saved"] for row in rows)
    within = [sum(row["mb_retained_range"][end] for row in rows) for end in (0, 1)]
    print(f"  what use leaves is at least {within[0]:.1f} and at most {within[1]:.1f} MB")
    used = tuple(sum(left(case, row)[end] for row in rows) for end in (0, 1))
    started = case.is_dirtied or is_near("once started", tried["mb_saved"], (saved, saved))
    return is_near("after use", tried["mb_retained"], used) and started


def left(case: Case, row: dict) -> "tuple[float, float]":
    """The least and the most that the load leaves of what a row saves."""
    saved, retained = row["mb_saved"], row["mb_retained"] or 0.0
    if was_before_fork(row):
        return retained, retained
    if row["owner"] in case.owners:
        return (retained, retained) if case.is_read else (saved, saved)
    return retained, saved


def was_before_fork(row: dict) -> bool:
    """Whether it was loaded before the fork."""
    return row["advice"].startswith("loaded before the fork")


def is_near(when: str, measured: dict, predicted: "tuple[float, float]") -> bool:
    """Whether a measured saving is within 20 % of what was predicted."""
    low, high = predicted
    value = measured["value"]
    miss = max(low - value, value - high, 0.0) / max(high, 1.0)
    between = f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}"
    print(f"  {when}: predicted {between} MB, measured {value:.1f} MB ({measured['low']} to {measured['high']}): "
          f"{100 * miss:.0f} % off" + ("  MISSED" if miss > MISS_SHARE else ""))
    return miss <= MISS_SHARE


def gunicorn(port: str, application: str) -> "list[str]":
    """The web server's command."""
    bind = f"127.0.0.1:{port}"
    return [sys.executable, "-m", "gunicorn", "--bind", bind, "--workers", str(WORKERS), application]


def load(port: str, seconds: float, rate: float) -> "list[str]":
    """The site's own load."""
    script = str(HERE.parent / "load.py")
    words = {"--rate": rate, "--seconds": seconds, "--seed": 1, "--port": port}
    return [sys.executable, script, *(str(word) for pair in words.items() for word in pair)]


def look(options: argparse.Namespace, platform: Platform, environment: "dict[str, str]", command: list) -> list:
    """The rows for the workers of a set-up, once it is used."""
    port = free_port()
    here = [word.replace("{port}", str(port)) for word in command]

    def is_ready() -> bool:
        return answers(port, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

    with Processes(platform.logs) as processes:
        processes.start(Part(f"present-{port}", here, is_ready, environment, patience_s=60))
        used = Part(f"load-{port}", load(str(port), options.seconds, RATE), lambda: True, environment)
        processes.launch(used)
        time.sleep(options.seconds * 0.8)
        master = subprocess.run(["pgrep", "-f", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True, check=True)
        pids = ",".join(pid for pid in master.stdout.split() if is_worker(pid))
        told = subprocess.run(
            [str(options.fewer), "sharing", "--pid", pids, "--json"], check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(told.stdout)["rows"]


def is_worker(pid: str) -> bool:
    """Whether a process of gunicorn was forked by another of them."""
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        return b"gunicorn" in Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:
        return False


def attempt(
    options: argparse.Namespace, environment: "dict[str, str]", command: list, present: list, changed: list
) -> dict:
    """Both set-ups by turns, under the same load."""
    trial = [str(options.fewer), "sharing", "try", "--json", "--repeat", str(options.repeat)]
    trial += ["--present", shlex.join([*command, *present]), "--load", shlex.join(load("{port}", options.seconds, RATE))]
    told = subprocess.run(
        [*trial, "--", *command, *changed], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )
    return json.loads(told.stdout)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--seconds", type=float, default=15, help="length of each load")
    parser.add_argument("--case", choices=[case.name for case in CASES], help="only this one")
    parser.add_argument("--repeat", type=int, default=2, help="how often each set-up runs")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
