"""Does the advice of `fewer sharing` save what it says, on the photo-sharing site under load?

planted.py --fewer PATH [--seconds 15] [--repeat 2]

Memory that could be shared is planted into the site: a configuration table and a template cache that every gunicorn
worker loads for itself, and a tree that is loaded before the fork and dirtied by the collector. For each, `fewer
sharing` looks at the workers under load and has to name what was planted; the lines that it says to write are written
as they are; and `fewer sharing try` runs both set-ups by turns under the same load. What is then saved may differ by
20 % from what was predicted. Exits with 1 when something misses.
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

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from processes import NotStarted, Part, Processes, answers, clean_environment, free_port  # noqa: E402
from services import SITE, Platform  # noqa: E402

WORKERS = 4
MISS_SHARE = 0.2

# What modules hold beside data is code, mostly.
CODE = ["code", "small values"]

# What is planted, how it runs now, and what has to be found.
CASES = [
    ("loaded per worker", "planted.wsgi", [], ["planted.table.SETTINGS", "planted.templates.CACHE"]),
    ("dirtied by the collector", "planted.collected", ["--preload"], ["planted.tree.TREE"]),
]


def main() -> int:
    """Carries out the command line."""
    options = arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-planted-") as folder:
            platform = Platform(Path(folder))
            with Processes(platform.logs) as processes:
                platform.start(processes, ["feed-gunicorn"])
                missed = [case for case in CASES if not holds(options, platform, case)]
    except NotStarted as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{len(missed)} of {len(CASES)} missed" if missed else "\nevery line holds")
    return 1 if missed else 0


def holds(options: argparse.Namespace, platform: Platform, case: tuple) -> bool:
    """Finds what was planted, follows the advice, and holds the saving against the prediction."""
    name, application, present, owners = case
    environment = {**clean_environment(), **platform.environment("planted")}
    environment["PYTHONPATH"] = f"{SITE}:{HERE / 'site'}"
    rows = look(options, platform, environment, [*gunicorn("{port}", application), *present])
    named = [row for row in rows if row["owner"] in owners]
    missing = set(owners) - {row["owner"] for row in named}
    change = named[0]["change"] if named else None
    print(f"\n{name}: {application}")
    for row in named:
        saved, retained = row["mb_saved"], row["mb_retained"]
        print(f"  {row['owner']:26} {row['kind']:8} saves {saved:7.1f} MB, {retained:7.1f} MB once all was read")
    if missing or not change:
        print(f"  MISSED: {', '.join(sorted(missing)) or 'no change was advised'}")
        return False
    config = platform.folder / f"{application}.conf.py"
    config.write_text(change + "\n")
    tried = attempt(options, environment, gunicorn("{port}", application), present, ["-c", str(config)])
    predicted = sum(expected(row) for row in rows if row["change"] == change)
    measured = tried["mb_retained"]
    miss = abs(measured["value"] - predicted) / predicted
    print(f"  predicted {predicted:.1f} MB, measured after use {measured['value']:.1f} MB "
          f"({measured['low']} to {measured['high']}): {100 * miss:.0f} % off" + ("  MISSED" if miss > MISS_SHARE else ""))
    return miss <= MISS_SHARE


def expected(row: dict) -> float:
    """What a row saves under the load: it reads next to nothing of the data, and runs much of the code."""
    saved, retained = row["mb_saved"] or 0.0, row["mb_retained"] or 0.0
    return (saved + retained) / 2 if row["kind"] in CODE else saved


def gunicorn(port: str, application: str) -> "list[str]":
    """The web server's command."""
    bind = f"127.0.0.1:{port}"
    return [sys.executable, "-m", "gunicorn", "--bind", bind, "--workers", str(WORKERS), application]


def load(options: argparse.Namespace, port: str) -> "list[str]":
    """The site's own load."""
    script = str(HERE.parent / "load.py")
    return [sys.executable, script, "--rate", "40", "--seconds", str(options.seconds), "--seed", "1", "--port", port]


def look(options: argparse.Namespace, platform: Platform, environment: "dict[str, str]", command: list) -> list:
    """The rows for the workers of a set-up, once it is used."""
    port = free_port()
    here = [word.replace("{port}", str(port)) for word in command]

    def is_ready() -> bool:
        return answers(port, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

    with Processes(platform.logs) as processes:
        processes.start(Part(f"present-{port}", here, is_ready, environment, patience_s=60))
        used = Part(f"load-{port}", load(options, str(port)), lambda: True, environment)
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
    trial += ["--present", shlex.join([*command, *present]), "--load", shlex.join(load(options, "{port}"))]
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
    parser.add_argument("--repeat", type=int, default=2, help="how often each set-up runs")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
