"""Records the programs of this folder with `fewer record` and prints how right the recordings are.

    run.py contexts --fewer PATH [--mode threads …] [--seconds 20]        confusion tables
    run.py counting --fewer PATH [--python PATH …] [--seconds 30]         shares on each CPython found

Run it with the Python of tests/platform/install.sh.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import confusion
import shares
import workload

HERE = Path(__file__).resolve().parent
RATE_HZ = 999
VERSIONS = [f"3.{minor}" for minor in range(8, 14)]


def contexts(options: argparse.Namespace, folder: Path) -> "list[bool]":
    """Every mode of workload.py."""
    results = []
    for mode in options.mode or list(workload.MODES):
        if mode == "embedded" and not os.access(workload.EMBEDDING, os.X_OK):
            print(f"\n== {mode}: not run, there is no {workload.EMBEDDING} (package uwsgi-plugin-python3)")
            continue
        command = [sys.executable, str(HERE / "workload.py"), mode]
        recording, log = record(options, command, folder / mode)
        print(f"\n== {mode}")
        results.append(confusion.report(recording, log, options.least))
    return results


def counting(options: argparse.Namespace, folder: Path) -> "list[bool]":
    """counting.py on every interpreter."""
    results = []
    for number, python in enumerate(options.python or interpreters()):
        command = [python, str(HERE / "counting.py"), "--processes", str(options.processes)]
        recording, log = record(options, command, folder / str(number))
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"\n== {version}, {python}")
        results.append(shares.report(recording, log))
    return results


def record(options: argparse.Namespace, command: "list[str]", folder: Path) -> "tuple[str, Path]":
    """Runs a program under `fewer record`; returns the recording and the program's log."""
    log = folder / "log"
    log.mkdir(parents=True)
    out = str(folder / "out.pb.gz")
    program = command + ["--seconds", str(options.seconds), "--log", str(log)]
    subprocess.run([str(options.fewer), "record", "-F", str(options.rate), "-o", out, "--", *program], check=True)
    return out, log


def interpreters() -> "list[str]":
    """One CPython of each version, and the system's own, which is built in another way."""
    found = []
    for version in VERSIONS:
        places = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        places.append(Path(f"/usr/local/bin/python{version}"))
        found += [str(path) for path in places if os.access(path, os.X_OK)][:1]
    return found + [path for path in ["/usr/bin/python3"] if os.access(path, os.X_OK)]


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["contexts", "counting"])
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--mode", action="append", choices=list(workload.MODES))
    parser.add_argument("--python", action="append")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30, help="CPU time of requests (contexts), or time (counting)")
    parser.add_argument("--rate", type=int, default=RATE_HZ)
    parser.add_argument("--least", type=float, default=0.99, help="share of samples that has to be right (contexts)")
    parser.add_argument("--keep", type=Path, help="keep the recordings in this folder")
    options = parser.parse_args()
    run = {"contexts": contexts, "counting": counting}[options.what]
    if options.keep:
        results = run(options, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="fewer-attribution-") as folder:
            results = run(options, Path(folder))
    print(f"\n{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
