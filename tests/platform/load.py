"""Members at work: a bounded stream of requests with a fixed seed, at a steady rate, to servers on loopback.

    load.py --port 8001 --port 8002 --rate 40 --seconds 60

Each client is a thread with its own seed, so the same arguments ask for the same things in the same order.
"""

import argparse
import http.client
import json
import random
import struct
import threading
import time
import zlib

CLIENTS = 8
MEMBERS = 200
PHOTOS = 20_000
UPLOADS = 12
RATE_AT_MOST = 1000
SECONDS_AT_MOST = 24 * 3600
REQUESTS_AT_MOST = 5_000_000
COOKIE = "dwf_webp_thumbs"

# What members do, in percent.
MIX = {"feed": 40, "profile": 16, "image": 20, "search": 8, "like": 12, "upload": 4}
SEARCHES = ("lake sunset", "dog beach", "old harbour", "red", "city night rain", "coffee")


class Client(threading.Thread):
    """One connection's worth of members."""

    def __init__(self, number: int, options: argparse.Namespace, start_s: float):
        super().__init__(daemon=True)
        self.counts = {name: 0 for name in MIX}
        self.failures = []
        self.latencies_s = []
        self._chance = random.Random(f"{options.seed}/{number}")
        self._port = options.port[number % len(options.port)]
        self._gap_s = CLIENTS / options.rate
        self._next_s = start_s + number / options.rate
        self._end_s = start_s + options.seconds
        self._left = options.requests // CLIENTS
        self._cookies = {}

    def run(self) -> None:
        """Works until the time or the requests are used up. Who falls behind does not catch up in a burst."""
        while self._left > 0 and self._next_s < self._end_s:
            time.sleep(max(0.0, self._next_s - time.monotonic()))
            self._left -= 1
            self._request(self._chance.choices(list(MIX), MIX.values())[0])
            self._next_s = max(self._next_s + self._gap_s, time.monotonic())

    def _request(self, kind: str) -> None:
        member = self._chance.randint(1, MEMBERS)
        method, path, body, headers = request(kind, self._chance)
        headers["X-Member"] = str(member)
        if member in self._cookies:
            headers["Cookie"] = f"{COOKIE}={self._cookies[member]}"
        began_s = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return
        finally:
            connection.close()
        self.latencies_s.append(time.monotonic() - began_s)
        self.counts[kind] += 1
        if response.status >= 400:
            self.failures.append(f"{method} {path}: status {response.status}")
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            if name == COOKIE:
                self._cookies[member] = value


def request(kind: str, chance: random.Random) -> "tuple[str, str, bytes | None, dict[str, str]]":
    """Method, path, body and headers. Some photos and members are looked at far more often than others."""
    photo = 1 + int(PHOTOS * chance.random() ** 3)
    if kind == "profile":
        return "GET", f"/members/{1 + int(MEMBERS * chance.random() ** 2)}", None, {}
    if kind == "image":
        return "GET", f"/photos/{photo}/{chance.choice((160, 320, 640))}", None, {}
    if kind == "search":
        return "GET", "/search?q=" + chance.choice(SEARCHES).replace(" ", "+"), None, {}
    if kind == "like":
        return "POST", f"/photos/{photo}/like", b"", {}
    if kind == "upload":
        return "POST", "/photos", png(chance.randrange(UPLOADS)), {"X-Caption": "a new photo of the lake"}
    return "GET", "/feed", None, {}


def png(seed: int, width: int = 320, height: int = 240) -> bytes:
    """A small colourful PNG."""
    chance = random.Random(seed)
    rows = []
    for _ in range(height // 8):
        row = b"\0" + b"".join(chance.randbytes(3) * 8 for _ in range(width // 8))
        rows.append(row * 8)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = chunk(b"IDAT", zlib.compress(b"".join(rows), 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + image + chunk(b"IEND", b"")


def main() -> int:
    """Runs the clients and prints what they did as one line of JSON."""
    options = arguments()
    start_s = time.monotonic()
    clients = [Client(number, options, start_s) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    seconds = time.monotonic() - start_s
    latencies = sorted(latency for client in clients for latency in client.latencies_s) or [0.0]
    failures = [failure for client in clients for failure in client.failures]
    summary = {
        "requests": {name: sum(client.counts[name] for client in clients) for name in MIX},
        "per_second": round(len(latencies) / seconds, 1),
        "median_ms": round(latencies[len(latencies) // 2] * 1e3, 1),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1e3, 1),
        "failures": len(failures),
        "first_failures": failures[:5],
    }
    print(json.dumps(summary), flush=True)
    return 1 if failures else 0


def arguments() -> argparse.Namespace:
    """The command line, within its bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, action="append", required=True, help="a server on loopback; repeatable")
    parser.add_argument("--rate", type=float, default=40, help="requests per second in all")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=100_000, help="at most this many")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.rate = min(max(options.rate, 0.1), RATE_AT_MOST)
    options.seconds = min(options.seconds, SECONDS_AT_MOST)
    options.requests = min(options.requests, REQUESTS_AT_MOST)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
