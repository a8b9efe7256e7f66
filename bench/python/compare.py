"""CPU of the agent beside py-spy on the same busy Python processes, taken in turns.

Both sample at 99 Hz. The agent samples the whole host, natively too, with the running request of each thread; py-spy
reads the Python stacks of one process each, so it runs once for every process.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
import fewer
def leaf(n):
    return sum(i * i for i in range(n))
def deep(n):
    return leaf(2000) if n == 0 else deep(n - 1)
while True:
    with fewer.request("GET /feed"):
        fewer.flag("ranker", "new")
        deep(15)
    with fewer.request("GET /search"):
        sorted(range(5000), key=lambda x: -x)
"""


def cpu_s(pid):
    """User and system time of a process and its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICK


def measure(commands, options):
    """Summed CPU share of one CPU over the measured seconds, after the warm-up."""
    children = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    time.sleep(options.warm)
    before, started = [cpu_s(child.pid) for child in children], time.monotonic()
    time.sleep(options.seconds)
    after = [cpu_s(child.pid) for child in children]
    share = (sum(after) - sum(before)) / (time.monotonic() - started)
    for child in children:
        child.send_signal(signal.SIGINT)
    for child in children:
        child.wait()
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fewer", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--py-spy", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--warm", type=float, default=8)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench python: sampling other processes needs root")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
        probe.close()
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [options.fewer, "collector", "--listen", address, "--data-dir", f"{folder}/data"]
        collector = subprocess.Popen(command, **silent)
        program = ["python3", "-c", PROGRAM, str(ROOT / "sdk/python/src")]
        targets = [subprocess.Popen(program, **silent) for _ in range(options.processes)]
        agent = [options.agent, "--collector", f"http://{address}", "-F", "99", "--spool-dir", f"{folder}/spool"]
        spies = [
            [options.py_spy, "record", "-r", "99", "-d", "3600", "-o", f"{folder}/{target.pid}.svg", "-p", str(target.pid)]
            for target in targets
        ]
        shares = {"fewer-agent, whole host": [], "py-spy, these processes": []}
        try:
            for _ in range(options.rounds):
                shares["fewer-agent, whole host"].append(measure([agent], options))
                shares["py-spy, these processes"].append(measure(spies, options))
        finally:
            for child in [*targets, collector]:
                child.kill()
                child.wait()
    ours, theirs = (statistics.median(values) for values in shares.values())
    for name, values in shares.items():
        spread = " ".join(f"{100 * value:.2f}" for value in values)
        print(f"{name:26} {100 * statistics.median(values):6.2f} % of one CPU ({spread})")
    print(f"the agent is {ours / theirs:.2f} of py-spy")


main()
