"""CPU of the agent at 19 and 99 Hz beside `perf record -F 99 -a -g`, taken in turns under one load.

Prints medians of the CPU seconds that each spends per wall second, as a share of one CPU, and the ratios.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")

# Interpreted code, system calls, short-lived processes and deep native stacks.
LOADS = [
    ["python3", "-c", "import json\nwhile True: json.loads(json.dumps([{'a': i} for i in range(200)]))"],
    ["sh", "-c", "while :; do ls /usr/lib >/dev/null; done"],
    ["python3", "-c", "import re\nwhile True: re.sub('(a+)+b', 'x', 'aaaaaaaaaaaab' * 50)"],
]


def cpu_s(pid):
    """User and system time of a process and its ended children."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICK


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(command, warm_s, seconds):
    """CPU share of one CPU over `seconds`, after `warm_s` for start-up, and RSS at the end."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(warm_s)
    before, started = cpu_s(child.pid), time.monotonic()
    time.sleep(seconds)
    share = (cpu_s(child.pid) - before) / (time.monotonic() - started)
    memory_mb = rss_mb(child.pid)
    child.send_signal(signal.SIGINT)
    child.wait()
    return share, memory_mb


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fewer", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--warm", type=float, default=12)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench agent: sampling the whole host needs root")

    folder = tempfile.mkdtemp()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    collector = subprocess.Popen(
        [options.fewer, "collector", "--listen", f"127.0.0.1:{port}", "--data-dir", f"{folder}/data"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loads = [subprocess.Popen(load, stdout=subprocess.DEVNULL) for load in LOADS]
    contenders = {
        f"fewer-agent {rate} Hz": [options.agent, "--collector", url, "-F", str(rate), "--spool-dir", f"{folder}/spool{rate}"]
        for rate in (19, 99)
    }
    if shutil.which("perf"):
        contenders["perf record -F 99 -a -g"] = ["perf", "record", "-F", "99", "-a", "-g", "-o", f"{folder}/perf.data"]
    shares = {name: [] for name in contenders}
    memory = dict.fromkeys(contenders, 0.0)
    try:
        for _ in range(options.rounds):
            for name, command in contenders.items():
                share, memory_mb = measure(command, options.warm, options.seconds)
                shares[name].append(share)
                memory[name] = max(memory[name], memory_mb)
    finally:
        for child in [*loads, collector]:
            child.kill()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)

    medians = {name: statistics.median(values) for name, values in shares.items()}
    peer = medians.get("perf record -F 99 -a -g")
    for name, median in medians.items():
        ratio = f"  {median / peer:5.2f} of perf's" if peer else ""
        spread = " ".join(f"{100 * value:.2f}" for value in shares[name])
        print(f"{name:26} {100 * median:6.2f} % of one CPU ({spread})  {memory[name]:5.1f} MB RSS{ratio}")
    os.makedirs("bench/out", exist_ok=True)
    with open("bench/out/agent.json", "w") as out:
        json.dump({"cpu_share": shares, "rss_mb": memory}, out, indent=2)


main()
