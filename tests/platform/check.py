"""Holds a profile of the site against the site's own log, endpoint by endpoint and flag by flag.

    check.py --collector http://127.0.0.1:4040 --worklog FOLDER [--start EPOCH_S --end EPOCH_S]

The log has the CPU time of each request from the thread's clock. The collector has samples, and from fewer's counters
the number of requests and their CPU time. Numbers of requests must be equal. The sum over the endpoints of a service must
be within 3 % of the counted and of the logged, or within three standard errors of sampling where few samples fell;
what ran before the route of a request was known is part of that sum, and of no single endpoint. A flag labels a request
from its evaluation on, so what is compared is its effect: what a request costs more with one variant than with another.
"""

import argparse
import json
import math
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Tuple

ALLOWED = 0.03
PATIENCE_S = 45
SETTLED_S = 2
RATE_HZ = 97
FLAG = "feature_flag.result.variant."
UNROUTED = "(unrouted)"


class Window(NamedTuple):
    """When the load ran, in seconds of the Unix epoch."""

    start_s: float
    end_s: float


class Cost(NamedTuple):
    """Requests and their CPU time: by a thread's clock, and by samples where there are some."""

    requests: int = 0
    clock_ns: float = 0
    sampled_ns: float = 0


Costs = Dict[str, Cost]


class Collector:
    """The query API."""

    def __init__(self, url: str, window: Window):
        self._url = url
        # Samples and counts may carry the time of the agent's window, which begins before and ends after the load.
        self._window = {"start": _time(window.start_s - 30), "end": _time(window.end_s + 60)}

    def breakdown(self, by: str, query: str) -> Costs:
        """What the values of a label cost."""
        parameters = urllib.parse.urlencode({"by": by, "query": query, "limit": 100, **self._window})
        with urllib.request.urlopen(f"{self._url}/api/v1/breakdown?{parameters}", timeout=30) as response:
            rows = json.load(response)["rows"]
        return {row["value"]: _cost(row) for row in rows}


def compare(url: str, worklog: Path, window: Window) -> int:
    """Prints the comparison; 0 when everything agrees."""
    lines = settled(worklog, window)
    collector = Collector(url, window)
    try:
        wait_for(collector, lines)
        services = [
            (service, by_endpoint(lines, service), collector.breakdown("endpoint", f'{{service.name="{service}"}}'))
            for service in sorted({line["service"] for line in lines})
        ]
        flags = []
        for flag, endpoint in sorted({(flag, line["endpoint"]) for line in lines for flag in line["flags"]}):
            of_endpoint = [line for line in lines if line["endpoint"] == endpoint]
            sampled = collector.breakdown(FLAG + flag, f"{{endpoint={json.dumps(endpoint)}}}")
            flags.append((f"{endpoint} by {flag}", by_flag(of_endpoint, flag), sampled))
    except urllib.error.URLError as error:
        print(f"error: the collector at {url} does not answer the breakdown: {error}", file=sys.stderr)
        return 1
    results = [print_service(*table) for table in services] + [print_flag(*table) for table in flags]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


def settled(worklog: Path, window: Window) -> List[dict]:
    """The log once the queue of tasks is empty: when it has not grown for a while."""
    lines = read(worklog, window)
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        time.sleep(SETTLED_S)
        before, lines = len(lines), read(worklog, window)
        if len(lines) == before:
            break
    return lines


def read(worklog: Path, window: Window) -> List[dict]:
    """The site's own log. Health checks from before the load are left out."""
    lines = [json.loads(line) for path in sorted(worklog.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [line for line in lines if window.start_s <= line["at"] and not line["endpoint"].endswith("/health")]


def wait_for(collector: Collector, lines: List[dict]) -> None:
    """Counts arrive with the agent's next push; waits until all have, or for so long that they will not."""
    logged = len(lines)
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        found = collector.breakdown("endpoint", '{service.name=~"feed-.*|thumbnails"}')
        if sum(cost.requests for value, cost in found.items() if not value.endswith("/health")) >= logged:
            return
        time.sleep(1)


def by_endpoint(lines: List[dict], service: str) -> Costs:
    """Logged costs of one service."""
    return _sum((line["endpoint"], line) for line in lines if line["service"] == service)


def by_flag(lines: List[dict], flag: str) -> Costs:
    """Logged costs by the variant of one flag."""
    return _sum((line["flags"][flag], line) for line in lines if flag in line["flags"])


HEAD = f"  {'':31} requests  counted  logged s  counted s  sampled s   to log  to count  ms each"


def print_service(title: str, logged: Costs, found: Costs) -> bool:
    """Prints the comparison of one service and says whether the sum of its endpoints agrees."""
    print(f"\n{title}\n{HEAD}")
    for value, cost in sorted(logged.items(), key=lambda item: -item[1].clock_ns):
        print(_row(value, cost, found.get(value, Cost())))
    rest = [value for value in found if value not in logged and found[value].sampled_ns]
    for value in rest:
        seconds = f"{found[value].clock_ns / 1e9:10.2f} {found[value].sampled_ns / 1e9:10.2f}"
        print(f"  {value or '(no label)':31} {'':8} {found[value].requests:8} {'':9} {seconds}")
    parts = [found.get(value, Cost()) for value in logged] + [found[value] for value in rest if UNROUTED in value]
    expected, total = _total(logged.values()), _total(parts)
    allowed = max(ALLOWED, 3 * sampling_error(expected.clock_ns))
    to_log, to_count = _error(total.sampled_ns, expected.clock_ns), _error(total.sampled_ns, total.clock_ns)
    good = max(abs(to_log), abs(to_count)) <= allowed and total.requests == expected.requests
    print(_row("(all)", expected, total) + ("" if good else f"  not equal in number and within {allowed:.1%}"))
    return good


def print_flag(title: str, logged: Costs, found: Costs) -> bool:
    """Prints what the variants of a flag cost and says whether their difference agrees."""
    print(f"\n{title}\n{HEAD}")
    for value, cost in sorted(logged.items()):
        print(_row(value, cost, found.get(value, Cost())))
    if len(logged) != 2 or any(not cost.requests for cost in logged.values()):
        print("  (one variant only: no effect to compare)")
        return True
    dear, cheap = sorted(logged, key=lambda value: -logged[value].clock_ns / logged[value].requests)
    expected_ns = logged[dear].clock_ns / logged[dear].requests - logged[cheap].clock_ns / logged[cheap].requests
    pair = [found.get(value, Cost()) for value in (dear, cheap)]
    each_ns = [cost.sampled_ns / max(cost.requests, 1) for cost in pair]
    # The standard error of a sampled sum is the square root of its samples; the log has the spread between requests.
    error_ns = math.sqrt(sum(cost.sampled_ns * 1e9 / RATE_HZ / max(cost.requests, 1) ** 2 for cost in pair))
    allowed_ns = max(ALLOWED * expected_ns, 3 * error_ns + 0.1 * expected_ns)
    off_ns = abs(each_ns[0] - each_ns[1] - expected_ns)
    print(
        f"  {dear} costs {expected_ns / 1e6:.2f} ms more than {cheap} by the log, {(each_ns[0] - each_ns[1]) / 1e6:.2f} ms"
        f" by samples; {'within' if off_ns <= allowed_ns else 'not within'} {allowed_ns / 1e6:.2f} ms"
    )
    return off_ns <= allowed_ns


def _row(value: str, logged: Cost, found: Cost) -> str:
    to_log, to_count = _error(found.sampled_ns, logged.clock_ns), _error(found.sampled_ns, found.clock_ns)
    each_ms = logged.clock_ns / 1e6 / max(logged.requests, 1)
    seconds = f"{logged.clock_ns / 1e9:9.2f} {found.clock_ns / 1e9:10.2f} {found.sampled_ns / 1e9:10.2f}"
    return f"  {value:31} {logged.requests:8} {found.requests:8} {seconds} {to_log:+8.1%} {to_count:+9.1%} {each_ms:8.2f}"


def sampling_error(cpu_ns: float) -> float:
    """Relative standard error of a sampled CPU time."""
    return 1 / math.sqrt(max(cpu_ns / 1e9 * RATE_HZ, 1))


def _error(found: float, expected: float) -> float:
    return found / expected - 1 if expected else 0.0


def _total(costs: Iterable[Cost]) -> Cost:
    return Cost(*(sum(column) for column in zip(Cost(), *costs)))


def _cost(row: dict) -> Cost:
    """A row of the breakdown. Requests that were not measured count as much as those that were."""
    counted_ns = row["requests"] * (row.get("counted_cpu_ns_per_request") or 0)
    return Cost(row["requests"], counted_ns, row["cpu_ns"])


def _sum(pairs: "Iterable[Tuple[str, dict]]") -> Costs:
    sums: Costs = {}
    for key, line in pairs:
        before = sums.get(key, Cost())
        sums[key] = Cost(before.requests + 1, before.clock_ns + line["cpu_ns"])
    return sums


def _time(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collector", default="http://127.0.0.1:4040")
    parser.add_argument("--worklog", type=Path, required=True)
    parser.add_argument("--start", type=float, default=0)
    parser.add_argument("--end", type=float, default=time.time())
    options = parser.parse_args()
    return compare(options.collector.rstrip("/"), options.worklog, Window(options.start, options.end))


if __name__ == "__main__":
    raise SystemExit(main())
