"""CPU of the agent at 19 and 99 Hz beside `perf record -F 99 -a`, taken in turns under one load.

Prints medians of the CPU seconds that each spends per wall second, as a share of one CPU, and the ratios. The
agent unwinds, names, adds up and sends; perf only writes down what it is given, so it is measured twice: recording
alone, and with `perf script`, which does the unwinding and naming. `-g` follows frame pointers, which most programs
lack; `--call-graph dwarf` reaches the same frames as the agent.
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


def measure_agent(command, options):
    """CPU share of one CPU over the measured seconds, after the warm-up, and RSS at the end."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(options.warm)
    before, started = cpu_s(child.pid), time.monotonic()
    time.sleep(options.seconds)
    share = (cpu_s(child.pid) - before) / (time.monotonic() - started)
    memory_mb = rss_mb(child.pid)
    child.send_signal(signal.SIGINT)
    child.wait()
    return {"": (share, memory_mb)}


def run_to_end(command):
    """CPU seconds and greatest RSS of a command."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure_perf(call_graph, folder, options):
    """The same of perf: recording, and recording and naming."""
    data = f"{folder}/perf.data"
    record = ["perf", "record", "-F", "99", "-a", *call_graph, "-o", data, "sleep", str(options.seconds)]
    recording_s, recording_mb = run_to_end(record)
    naming_s, naming_mb = run_to_end(["perf", "script", "-i", data])
    os.unlink(data)
    return {
        ", recording": (recording_s / options.seconds, recording_mb),
        ", and naming": ((recording_s + naming_s) / options.seconds, max(recording_mb, naming_mb)),
    }


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
    contenders = {}
    for rate in (19, 99):
        command = [options.agent, "--collector", url, "-F", str(rate), "--spool-dir", f"{folder}/spool{rate}"]
        contenders[f"fewer-agent {rate} Hz"] = lambda command=command: measure_agent(command, options)
    if shutil.which("perf"):
        for call_graph in (["-g"], ["--call-graph", "dwarf"]):
            contenders["perf " + " ".join(call_graph)] = lambda graph=call_graph: measure_perf(graph, folder, options)
    shares, memory = {}, {}
    try:
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                for part, (share, memory_mb) in contender().items():
                    shares.setdefault(name + part, []).append(share)
                    memory[name + part] = max(memory.get(name + part, 0), memory_mb)
    finally:
        for child in [*loads, collector]:
            child.kill()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)

    medians = {name: statistics.median(values) for name, values in shares.items()}
    ours = medians["fewer-agent 99 Hz"]
    for name, median in medians.items():
        spread = " ".join(f"{100 * value:.2f}" for value in shares[name])
        ratio = f"  the agent at 99 Hz is {ours / median:.2f} of it" if name.startswith("perf") else ""
        print(f"{name:36} {100 * median:6.2f} % of one CPU ({spread})  {memory[name]:5.1f} MB RSS{ratio}")
    os.makedirs("bench/out", exist_ok=True)
    with open("bench/out/agent.json", "w") as out:
        json.dump({"cpu_share": shares, "rss_mb": memory}, out, indent=2)


main()
