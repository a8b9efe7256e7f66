"""Does looking at memory leave alone what the kernel did with it: pages that it merged, and pages that it swapped out?

kernel.py --fewer PATH [--megabytes 64]

Two workers hold equal memory. First the kernel's own search for equal pages (KSM) is turned on and merges it: what is
merged is counted, is nobody's own any more, and stays merged. Then a swap file is made, and the workers' memory is put
there: it is counted, and nothing of it comes back. Both switches are put back as they were. Needs root. Exits with 1
when something misses.
"""

import argparse
import ctypes
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KSM = Path("/sys/kernel/mm/ksm")
PR_SET_MEMORY_MERGE = 67
MADV_PAGEOUT = 21
WORKERS = 2
PATIENCE_S = 120
# What a worker has beside what is looked at may not be merged or swapped.
MOST = 0.9


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--megabytes", type=int, default=64, help="held by each worker")
    parser.add_argument("--work", choices=["merged", "swapped"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options)
    if os.geteuid() != 0:
        sys.exit("KSM and swap are switched for the whole host: run as root")
    missed = [name for name, check in (("merged", merged), ("swapped", swapped)) if not check(options)]
    print(f"missed: {', '.join(missed)}" if missed else "every line holds")
    return 1 if missed else 0


def work(options: argparse.Namespace) -> int:
    """A worker: memory of which no page is like another, but all are in the other worker too."""
    if options.work == "merged":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) != 0:
            sys.exit("this kernel merges no memory of processes that ask for it")
    region = mmap.mmap(-1, options.megabytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(region), mmap.PAGESIZE):
        region[at : at + 8] = (at + 1).to_bytes(8, "little")
    if options.work == "swapped":
        region.madvise(MADV_PAGEOUT)
    print("ready", flush=True)
    sys.stdin.read()
    return 0


class Workers:
    """Running workers."""

    def __init__(self, options: argparse.Namespace, how: str):
        command = [sys.executable, __file__, "--fewer", options.fewer, "--megabytes", str(options.megabytes), "--work", how]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._running = [subprocess.Popen(command, **pipes) for _ in range(WORKERS)]
        for process in self._running:
            if process.stdout.readline() != "ready\n":
                raise SystemExit(f"a worker failed: {how}")
        self.pids = [process.pid for process in self._running]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.stdin.close()
            process.wait()

    def megabytes(self, name: str) -> "list[float]":
        """A count of the kernel for each of them."""
        return [rollup(pid, name) for pid in self.pids]

    def until(self, name: str, megabytes: float) -> bool:
        """Waits until the count of each is so high."""
        end_s = time.monotonic() + PATIENCE_S
        while min(self.megabytes(name)) < megabytes:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.2)
        return True


def rollup(pid: int, name: str) -> float:
    """A line of what the kernel counts for a process, in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def look(options: argparse.Namespace, pids: "list[int]") -> dict:
    """What fewer says of them."""
    command = [str(options.fewer), "sharing", "--json", "--pid", ",".join(map(str, pids))]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def merged(options: argparse.Namespace) -> bool:
    """Memory that the kernel merged."""
    switches = {"pages_to_scan": "20000", "sleep_millisecs": "10", "run": "1"}
    before = {name: (KSM / name).read_text() for name in switches}
    try:
        with Workers(options, "merged") as workers:
            for name, value in switches.items():
                (KSM / name).write_text(value)
            is_merged = workers.until("KSM", MOST * options.megabytes)
            was = workers.megabytes("KSM")
            said = look(options, workers.pids)
            stays = workers.megabytes("KSM")
    finally:
        for name, value in before.items():
            (KSM / name).write_text(value)
    counted = [process["ksm_mb"] / 1.048576 for process in said["processes"]]
    saved = sum(row["mb_saved"] or 0.0 for row in said["rows"] if row["kind"] == "equal pages")
    print(f"merged by the kernel: {was} MiB, counted {counted}, {stays} after the look; could be shared {saved} MB")
    # The kernel merges on meanwhile.
    return (
        is_merged
        and all(now >= count - 0.1 >= before - 0.2 for before, count, now in zip(was, counted, stays))
        and saved < (1 - MOST) * options.megabytes * WORKERS
    )


def swapped(options: argparse.Namespace) -> bool:
    """Memory that is swapped out."""
    with tempfile.TemporaryDirectory(prefix="fewer-swap-") as folder:
        file = Path(folder) / "swap"
        with open(file, "wb") as made:
            os.posix_fallocate(made.fileno(), 0, 4 * options.megabytes * WORKERS << 20)
        file.chmod(0o600)
        subprocess.run(["mkswap", str(file)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["swapon", str(file)], check=True)
        try:
            with Workers(options, "swapped") as workers:
                is_out = workers.until("Swap", MOST * options.megabytes)
                was = workers.megabytes("Swap")
                said = look(options, workers.pids)
                stays = workers.megabytes("Swap")
        finally:
            subprocess.run(["swapoff", str(file)], check=True)
    counted = [process["swapped_mb"] / 1.048576 for process in said["processes"]]
    print(f"swapped out: {was} MiB, counted {counted}, {stays} after the look")
    return is_out and all(
        now >= before and abs(count - before) < 0.1 for before, count, now in zip(was, counted, stays)
    )


if __name__ == "__main__":
    raise SystemExit(main())
