"""Does `fewer dead-code` find the code of the photo-sharing site that nobody needs, and only that?

    planted.py --fewer PATH [--seconds 150] [--rate 40]

The site runs with features (`site/planted`) in which 30 functions never run, 10 run rarely, and 5 times something is done
for nothing; truth.py says which. Under load and a few further requests, the processes and the collector are asked. Then each
function that nobody calls is removed on a branch of its own, which has to pass the site's tests. Exits with 1 when
something misses. Run it with the Python of tests/platform/install.sh.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import judges  # noqa: E402
import removal  # noqa: E402
import repository  # noqa: E402
import truth  # noqa: E402
from processes import NotStarted, Part, Processes, answers, free_port  # noqa: E402
from services import Platform  # noqa: E402

SERVER = "feed-gunicorn"
SERVICE = f"features-{SERVER}"
LOOK_EVERY_S = 10
RATE_HZ = 199
PATIENCE_S = 240
SETTLED_S = 30

# Until the second minute of each worker has begun.
SECONDS_MIN = 90


class Planted(Platform):
    """The platform with its features, from a repository."""

    package = "planted"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.repository = repository.make(folder / "repository")
        self.stats = folder / "stats"
        self.stats.mkdir()

    def environment(self, service: str) -> "dict[str, str]":
        """The site's, with the features'."""
        return {
            **super().environment(f"features-{service}"),
            "DJANGO_SETTINGS_MODULE": "planted.settings",
            "PYTHONPATH": str(self.repository / "site"),
            "PLANTED_STATS": str(self.stats),
        }

    def pids(self) -> "list[int]":
        """The site's processes: web server and worker of the queue, with what they forked."""
        mark = f"PLANTED_STATS={self.stats}".encode()
        environments = Path("/proc").glob("[0-9]*/environ")
        return sorted(int(path.parent.name) for path in environments if mark in _read(path).split(b"\0"))


def main() -> int:
    """Carries out the command line."""
    options = arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-dead-code-") as folder:
            platform = Planted(Path(folder))
            results = watch(options, platform)
    except NotStarted as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def watch(options: argparse.Namespace, platform: Planted) -> "list[bool]":
    """Loads the site, and asks its processes and the collector."""
    with Processes(platform.logs) as processes:
        platform.start(processes, [SERVER])
        url = start_fewer(options, platform, processes)
        wait_for_agent(url, platform)
        start_s = time.time()
        load(options, platform, processes)
        end_s = time.time()
        log = truth.read(platform.stats, start_s, end_s)
        # Processes can be asked at once, the collector not before the agent has told it.
        pids = ",".join(map(str, platform.pids()))
        live = ask(options, "--pid", pids, "--file", str(platform.repository / "site/planted"))
        wait_for_profiles(url)
        rows, seconds = settled(options, platform, url)
        return [
            judges.states("processes", live["rows"], {"unexecuted"}),
            judges.states("fleet", rows, {"suspect", "off", "candidate"}),
            judges.wasted(rows, log, seconds),
            removal.passes(options.fewer, url, platform.repository),
        ]


def start_fewer(options: argparse.Namespace, platform: Planted, processes: Processes) -> str:
    """Starts collector and agent; returns the collector's address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    data = platform.folder / "fewer"
    collector = [str(options.fewer), "collector", "--listen", f"127.0.0.1:{port}", "--data-dir", str(data)]
    agent = [str(options.fewer), "agent", "--collector", url, "--spool-dir", str(data / "spool"), "--memory-seconds", "0"]
    agent += ["--code-seconds", str(LOOK_EVERY_S), "-F", str(RATE_HZ), "--max-cpu-percent", "200"]

    def is_ready() -> bool:
        return answers(port, b"GET /api/v1/status HTTP/1.0\r\n\r\n", b" 200 ")

    processes.start(Part("collector", collector, is_ready))
    processes.start(Part("agent", agent, lambda: True))
    return url


def load(options: argparse.Namespace, platform: Planted, processes: Processes) -> None:
    """The site's load, and beside it the requests that nobody else makes, evenly spread."""
    port = platform.servers[SERVER]
    command = [sys.executable, str(HERE.parent / "load.py"), "--rate", str(options.rate), "--seconds", str(options.seconds)]
    part = Part("load", [*command, "--seed", "1", "--port", str(port)], lambda: True, {"OTEL_SERVICE_NAME": "load"})
    processes.launch(part)
    for method, path, headers in truth.VISITS:
        time.sleep(options.seconds / (len(truth.VISITS) + 1))
        visit(port, method, path, headers)
    end_s = time.monotonic() + options.seconds
    while time.monotonic() < end_s and not processes.has_ended(part):
        time.sleep(0.5)


def visit(port: int, method: str, path: str, headers: "dict[str, str]") -> None:
    """One request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"X-Member": "7", **headers})
    connection.getresponse().read()
    connection.close()


def wait_for_agent(url: str, platform: Planted) -> None:
    """Requests before the agent knows the site are in no profile: asks until one is."""
    end_s = time.monotonic() + PATIENCE_S
    while not requests(url) and time.monotonic() < end_s:
        visit(platform.servers[SERVER], "GET", "/health", {})
        time.sleep(1)


def wait_for_profiles(url: str) -> None:
    """Profiles arrive with the agent's next push; waits until none has for a while."""
    end_s = time.monotonic() + PATIENCE_S
    since_s, before = time.monotonic(), 0
    while time.monotonic() - since_s < SETTLED_S and time.monotonic() < end_s:
        time.sleep(1)
        if (now := requests(url)) != before:
            since_s, before = time.monotonic(), now


def requests(url: str) -> int:
    """Requests of the site that the collector knows of."""
    parameters = urllib.parse.urlencode({"by": "endpoint", "query": f'{{service.name="{SERVICE}"}}', "start": "now-2h"})
    with urllib.request.urlopen(f"{url}/api/v1/breakdown?{parameters}", timeout=30) as response:
        return sum(row["requests"] for row in json.load(response)["rows"])


def settled(options: argparse.Namespace, platform: Planted, url: str) -> "tuple[list[dict], float]":
    """The fleet's rows, once the agent has told of what ran last, or for so long that it will not; and the seconds over
    which their cores are means."""
    end_s = time.monotonic() + PATIENCE_S
    rare, dead = set(judges.names(truth.RARE)), set(judges.names(truth.DEAD))
    while True:
        with urllib.request.urlopen(f"{url}/api/v1/status", timeout=30) as response:
            status = json.load(response)
        report = ask(options, "--collector", url, "--service", SERVICE, "--source", str(platform.repository))
        rows = [row for service in report["services"] for row in service["rows"]]
        silent = [judges.of_row(row) for row in rows if judges.is_planted(row) and row["state"] != "for_nothing"]
        names = set().union(*silent)
        if names >= dead and not names & rare or time.monotonic() > end_s:
            return rows, (status["now_ms"] - status["earliest_ms"]) / 1000
        time.sleep(LOOK_EVERY_S)


def ask(options: argparse.Namespace, *about: str) -> dict:
    """What `fewer dead-code` says."""
    command = [str(options.fewer), "dead-code", "--json", *about]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise NotStarted(f"{' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def _read(path: Path) -> bytes:
    """Nothing of a process that has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    parser.add_argument("--seconds", type=float, default=150, help="length of the load")
    parser.add_argument("--rate", type=float, default=40, help="requests per second")
    options = parser.parse_args()
    options.seconds = max(options.seconds, SECONDS_MIN)
    return options


if __name__ == "__main__":
    sys.exit(main())
