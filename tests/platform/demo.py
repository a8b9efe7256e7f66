"""Starts the site, a load on it, and `fewer up` beside them; ends everything again. `make demo` calls this.

    demo.py --fewer PATH [--seconds N] [--rate R] [--server NAME] [-- arguments of fewer up]

With --seconds it ends by itself after that long, holds what was sampled against the site's own log, and exits with 1
when they differ. Without, the load goes on for half an hour and the pages stay until Ctrl-C.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import check
from processes import NotStarted, Part, Processes, answers, free_port
from services import Platform

LOAD_S = 1800
SERVERS = ["feed-gunicorn", "feed-uwsgi"]
WATCH_S = 0.5

LOOK = """
The site: {urls}
Its load: {rate:.0f} requests/s for {seconds:.0f} s; its own log of exact costs: {worklog}
Look at {url}
  flame graph by endpoint      {{service.name="feed-gunicorn"}}, broken down by `endpoint`
  what a flag costs            {{endpoint="GET /feed"}}, broken down by `feature_flag.result.variant.new_ranker`
  a Celery task by name        {{endpoint="celery:photos.make_thumbnail"}}
  a database by its queries    {{service.name="postgres"}}, broken down by `endpoint`; by its callers: `fewer.caller`
"""


def main() -> int:
    """Carries out the command line."""
    options = arguments()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    began_s = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="fewer-demo-") as folder:
            platform = Platform(Path(folder))
            with Processes(platform.logs) as processes:
                platform.start(processes, options.server)
                print(f"the site is up after {time.monotonic() - began_s:.0f} s", flush=True)
                return watch(options, platform, processes)
    except NotStarted as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ended", flush=True)
        return 0


def watch(options: argparse.Namespace, platform: Platform, processes: Processes) -> int:
    """Profiles the site under load until the time is over."""
    url = start_fewer(options, platform, processes) if options.fewer else None
    ports = [platform.servers[name] for name in options.server]
    seconds = options.seconds or LOAD_S
    look = LOOK.format(
        urls=", ".join(f"http://127.0.0.1:{port}" for port in ports), rate=options.rate, seconds=seconds,
        worklog=platform.worklog, url=url or "(nothing: without --fewer there is no profile)",
    )
    start_s = time.time()
    load = load_part(options, ports, seconds)
    processes.launch(load)
    print(look, flush=True)
    until(processes, load, seconds + 60)
    end_s = time.time()
    print("load: " + (platform.logs / "load.log").read_text().strip(), flush=True)
    if options.seconds is None:
        threading.Event().wait()
    if url is None:
        return 0
    return check.compare(url, platform.worklog, check.Window(start_s, end_s))


def start_fewer(options: argparse.Namespace, platform: Platform, processes: Processes) -> str:
    """Starts the profiler; returns the address of its pages."""
    port = 4040 if not answers(4040, b"GET / HTTP/1.0\r\n\r\n", b"HTTP") else free_port()
    command = [str(options.fewer), "up", "--listen", f"127.0.0.1:{port}", "--data-dir", str(platform.folder / "fewer")]
    rate = [] if any(word.startswith(("-F", "--rate")) for word in options.up) else ["-F", "97"]

    def is_ready() -> bool:
        return answers(port, b"GET /api/v1/status HTTP/1.0\r\n\r\n", b" 200 ")

    processes.start(Part("fewer", command + rate + options.up, is_ready, is_shown=True))
    return f"http://127.0.0.1:{port}"


def load_part(options: argparse.Namespace, ports: "list[int]", seconds: float) -> Part:
    """The load, as a process of its own."""
    script = str(Path(__file__).with_name("load.py"))
    command = [sys.executable, script, "--rate", str(options.rate), "--seconds", str(seconds)]
    command += ["--seed", str(options.seed)] + [word for port in ports for word in ("--port", str(port))]
    return Part("load", command, lambda: True, {"OTEL_SERVICE_NAME": "load"})


def until(processes: Processes, last: Part, patience_s: float) -> None:
    """Waits for the load to end. Anything else that ends is an error."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        ended = processes.ended()
        if ended == last.name:
            return
        if ended is not None:
            raise NotStarted(f"{ended} ended early")
        time.sleep(WATCH_S)
    raise NotStarted("the load did not end in time")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, help="the program `fewer`; without it the site runs alone")
    parser.add_argument("--seconds", type=float, help="end after this long")
    parser.add_argument("--rate", type=float, default=40, help="requests per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", action="append", choices=SERVERS, help="only this web server")
    parser.add_argument("up", nargs="*", help="arguments of `fewer up`, behind --")
    options = parser.parse_args()
    options.server = options.server or SERVERS
    return options


if __name__ == "__main__":
    raise SystemExit(main())
