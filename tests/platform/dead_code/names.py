"""Does a scan find every code object of a Django process, under its right name, and at what cost?

    names.py --fewer PATH [--python PATH …] [--megabytes 200]

For each CPython that can load the platform's Django: what the process itself knows of its functions has to be among
what `fewer dead-code --pid` says, name, file and line (before 3.11 the last part of the name). The CPU time of the whole
command is shown per GB of the process's memory, with what the process grew by. Exits with 1 when a function is missing.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def interpreters():
    """One CPython of each version."""
    found = [sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))[:1] for version in VERSIONS]
    return [str(path) for paths in found for path in paths]


def kb(pid, field):
    """One line of what the kernel says of a process's memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def scan(fewer, pid):
    """What `fewer` says, and the CPU seconds that saying it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [fewer, "dead-code", "--pid", str(pid), "--all", "--json"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(said), after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def check(fewer, python, megabytes):
    """One interpreter. `None` when Django cannot be loaded there."""
    environment = {**os.environ, "PYTHONPATH": next(path for path in sys.path if path.endswith("site-packages"))}
    command = [python, str(HERE / "django_process.py"), str(megabytes)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        line = process.stdout.readline()
        if not line:
            return None
        known = json.loads(line)
        gigabytes, own = kb(process.pid, "Rss") / 1e6, kb(process.pid, "Private_Dirty")
        said, cpu_s = scan(fewer, process.pid)
        grown = kb(process.pid, "Private_Dirty") - own
    finally:
        process.stdin.close()
        process.wait()
    rows = {(row["function"], row["file"], row["line"]) for row in said["rows"]}
    # Before 3.11 a code object has only the last part of its name.
    ends = rows | {(function.rsplit(".", 1)[-1], file, line) for function, file, line in rows}
    functions = {tuple(function) for function in known["functions"]}
    missing = sorted(functions - ends)
    print(
        f"{python}: {len(functions):,} functions, {len(missing)} missing; {cpu_s / gigabytes:.2f} CPU-s per GB of "
        f"{gigabytes:.2f} GB; grown by {grown} kB"
    )
    for name in missing[:5]:
        print(f"  missing: {name}")
    return not missing


def main():
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", required=True)
    parser.add_argument("--python", action="append")
    parser.add_argument("--megabytes", type=float, default=200)
    options = parser.parse_args()
    results = []
    for python in options.python or interpreters():
        result = check(options.fewer, python, options.megabytes)
        if result is None:
            print(f"{python}: cannot load this Django")
        else:
            results.append(result)
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
