"""Does a finding's ledger go from stake to bank only by what was measured?

ledger.py --fewer PATH [--seconds 150] [--rate 5]

The site runs with memory planted into it and with fewer's counters, a collector and an agent beside it, on a host that
the agent is told is small (a file over /proc/meminfo in its own mount namespace), so that memory and not CPU says how
many servers are needed. `fewer analyze` has to find what was planted, with servers at stake and predicted. Then the
lines that it says to write are written, the web server is started again, and after the next look at memory `fewer
analyze` has to say what was observed: no more than was at stake, and by the memory of a worker. Nothing is banked,
because no host is gone. The same on the host's real size, where CPU binds, is worth no server. Other programs of the host
grow and shrink meanwhile, so a small host is made as small as the last look says, until memory binds. Needs root. Exits
with 1 when something misses.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from planted import gunicorn, load  # noqa: E402
from processes import NotStarted, Part, Processes, answers, clean_environment, free_port  # noqa: E402
from services import SITE, Platform  # noqa: E402

SERVICE = "planted"
APPLICATION = "planted.wsgi"
OWNER = "planted.table.SETTINGS"
LOOK_S = 25
# The load ends with the web server.
LOAD_S = 1800
PATIENCE_S = 180
# How often a small host is made.
TRIES = 4


class Missed(Exception):
    """What was expected and is not so."""


class Fleet:
    """A collector, an agent, and the web server that they look at."""

    def __init__(self, options: argparse.Namespace, platform: Platform, processes: Processes):
        self._options, self._platform, self._processes = options, platform, processes
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        command = [str(options.fewer), "collector", "--listen", f"127.0.0.1:{self._port}"]
        command += ["--data-dir", str(platform.folder / "collector")]

        def is_ready() -> bool:
            return answers(self._port, b"GET /api/v1/status HTTP/1.0\r\n\r\n", b" 200 ")

        processes.start(Part("collector", command, is_ready))

    def agent(self, memory_bytes: "int | None") -> Part:
        """An agent on a host of this size; of the real one without."""
        agent = [str(self._options.fewer), "agent", "--collector", self.url, "--memory-seconds", str(LOOK_S)]
        agent += ["--spool-dir", str(self._platform.folder / "spool"), "--max-cpu-percent", "100"]
        if memory_bytes is None:
            return Part("agent", agent, lambda: True)
        told = self._platform.folder / "meminfo"
        lines = Path("/proc/meminfo").read_text().splitlines()
        told.write_text("\n".join([f"MemTotal: {memory_bytes // 1024} kB", *lines[1:]]) + "\n")
        script = f"mount --bind {shlex.quote(str(told))} /proc/meminfo && exec {shlex.join(agent)}"
        return Part("small-agent", ["unshare", "--mount", "sh", "-c", script], lambda: True)

    def server(self, extra: "list[str]") -> "list[Part]":
        """The web server and its load."""
        port = free_port()
        environment = {**clean_environment(), **self._platform.environment(SERVICE)}
        environment["PYTHONPATH"] = f"{SITE}:{HERE / 'site'}"

        def is_ready() -> bool:
            return answers(port, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

        name = "advised" if extra else "present"
        return [
            Part(name, [*gunicorn(str(port), APPLICATION), *extra], is_ready, environment, patience_s=60),
            Part(f"{name}-load", load(str(port), LOAD_S, self._options.rate), lambda: True),
        ]

    def get(self, path: str) -> dict:
        """One answer of the collector."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=30) as answer:
            return json.load(answer)

    def analyze(self) -> None:
        """Looks once."""
        command = [str(self._options.fewer), "analyze", "--once", "--collector", self.url]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        print(f"  {said.strip()}")

    def look_after(self, at_ms: int) -> dict:
        """The first report of memory that has the service and is newer than this."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            try:
                reports = self.get("memory")["reports"]
            except urllib.error.HTTPError:
                reports = []
            for report in reports:
                groups = [group for group in report["groups"] if group["service"] == SERVICE]
                if report["at_ms"] > at_ms and any(group["owners"] for group in groups):
                    return report
            time.sleep(1)
        raise Missed("no report of the memory of the workers came")

    def finding(self) -> dict:
        """The finding of what was planted."""
        found = self.get("findings?kind=sharing&limit=1000")["findings"]
        named = [one for one in found if one["service"] == SERVICE and one["detail"].get("owner") == OWNER]
        if not named:
            raise Missed(f"{OWNER} was not found")
        return named[0]

    def plan(self) -> dict:
        """What the page of servers is told of the service."""
        reports = self.get("findings?kind=capacity&limit=1000")["reports"]
        rows = [row for report in reports for row in report["funnel"].get("services", [])]
        named = [row for row in rows if row["service"] == SERVICE]
        if not named:
            raise Missed("nothing was said of the servers of the service")
        return named[0]


def main() -> int:
    """Carries out the command line."""
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("a mount namespace is needed: run as root")
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-ledger-") as folder:
            platform = Platform(Path(folder))
            with Processes(platform.logs) as processes:
                platform.start(processes, ["feed-gunicorn"])
                check(options, platform, processes)
    except (NotStarted, Missed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("every step holds")
    return 0


def check(options: argparse.Namespace, platform: Platform, processes: Processes) -> None:
    """From stake to what was observed."""
    fleet = Fleet(options, platform, processes)
    with Processes(platform.logs) as present:
        server, used = fleet.server([])
        present.start(server)
        present.launch(used)
        with Processes(platform.logs) as agents:
            agents.launch(fleet.agent(None))
            started_s = time.monotonic()
            report = fleet.look_after(0)
            time.sleep(max(0.0, started_s + options.seconds - time.monotonic()))
            print("the host as it is:")
            fleet.analyze()
            expect_no_server(fleet.plan(), fleet.finding())
        for _ in range(TRIES):
            size = small(report)
            print(f"a host of {size / 1e6:.0f} MB:")
            with Processes(platform.logs) as agents:
                agents.launch(fleet.agent(size))
                report = fleet.look_after(int(time.time() * 1000))
                fleet.analyze()
            if fleet.plan()["binding"] == "memory":
                break
        first = fleet.finding()
        expect_at_stake(fleet.plan(), first)
    config = platform.folder / "advised.conf.py"
    config.write_text(first["detail"]["change"] + "\n")
    with Processes(platform.logs) as advised:
        server, used = fleet.server(["-c", str(config)])
        advised.start(server)
        advised.launch(used)
        changed_ms = int(time.time() * 1000)
        with Processes(platform.logs) as agents:
            agents.launch(fleet.agent(size))
            # The first look may come while workers of both set-ups were there.
            fleet.look_after(changed_ms + 2000 * LOOK_S)
            print("the advice is followed:")
            for _ in range(2):
                fleet.analyze()
                expect_observed(fleet.finding(), first)


def small(report: dict) -> int:
    """A host that the workers fill, beside what else runs."""
    return sum(group["total"]["proportional"] for group in report["groups"])


def expect_no_server(plan: dict, finding: dict) -> None:
    """CPU binds, so memory is worth nothing."""
    told(plan, finding)
    for name in ("servers_for_cpu", "servers_for_memory", "regions", "target_utilisation"):
        if plan[name] is None:
            raise Missed(f"{name} is not said")
    if plan["binding"] != "cpu" or finding["banked"]["at_stake"] != 0.0:
        raise Missed("memory is worth servers where CPU binds")


def expect_at_stake(plan: dict, finding: dict) -> None:
    """Memory binds, so it is worth something, and no more than all servers."""
    told(plan, finding)
    stake, predicted = finding["banked"]["at_stake"], finding["banked"]["predicted"]
    if plan["binding"] != "memory" or not 0.0 < predicted <= stake <= plan["servers_for_memory"][2]:
        raise Missed("what memory is worth is not at stake")
    if finding["banked"].get("observed") is not None:
        raise Missed("something was observed before anything was changed")


def expect_observed(finding: dict, first: dict) -> None:
    """Less memory was measured, so it was observed; no host is gone, so nothing is banked."""
    told(None, finding)
    steps = finding["detail"]["ledger"]
    observed = [step for step in steps if step["stage"] == "observed"]
    if finding["state"] != "fixed" or len(observed) != 1 or "memory of a worker went" not in observed[0]["by"]:
        raise Missed("the saving was not observed once")
    if not 0.0 < finding["banked"]["observed"] <= first["banked"]["at_stake"]:
        raise Missed("more was observed than was at stake, or nothing")
    if finding["banked"].get("banked"):
        raise Missed("something was banked while all hosts are there")


def told(plan: "dict | None", finding: dict) -> None:
    """Prints where a finding stands."""
    if plan is not None and plan["cannot_say"]:
        raise Missed(plan["cannot_say"])
    if plan is not None:
        needed = "{0:.2f} ({1:.2f} to {2:.2f})".format
        memory = needed(*plan["servers_for_memory"]) if plan["servers_for_memory"] else "?"
        print(f"  servers for CPU {needed(*plan['servers_for_cpu'])}, for memory {memory}; {plan['binding']} binds")
    print(f"  {OWNER} is {finding['state']}: {finding['banked']}")
    for step in finding["detail"].get("ledger", []):
        print(f"    {step['stage']:9} {step['servers']:.3f}  by {step['by']}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--seconds", type=float, default=150, help="how long requests are counted first")
    parser.add_argument("--rate", type=float, default=5, help="requests per second")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
