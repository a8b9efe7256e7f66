"""A way to a server that loses things to order: an answer is a failure instead, with or without the request being done."""

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import List, Tuple


@dataclass(frozen=True)
class Fault:
    """Strikes once, the first request whose path begins so. With the status 0 it hangs up."""

    method: str
    path: str
    status: int
    headers: Tuple[Tuple[str, str], ...] = ()
    is_done: bool = False


class Lossy:
    """Passes requests on to a port of this machine. As a context it listens on another one."""

    def __init__(self, port: int, orders: List[Fault]):
        self.orders = list(orders)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Lossy":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _taken(self, method: str, path: str) -> "Fault | None":
        with self._lock:
            for fault in self.orders:
                if (fault.method, path[: len(fault.path)]) == (method, fault.path):
                    self.orders.remove(fault)
                    return fault
        return None

    def _handler(self, port: int) -> type:
        lossy = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fault = lossy._taken(self.command, self.path)
                status, headers, answer = 0, (), b""
                if fault is None or fault.is_done:
                    status, headers, answer = _asked(port, self.command, self.path, body, dict(self.headers))
                if fault is not None:
                    status, headers, answer = fault.status, fault.headers, b'{"message": "no"}'
                if status == 0:
                    return
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PATCH = do_PUT = _pass_on

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def _asked(port: int, method: str, path: str, body: bytes, headers: "dict[str, str]") -> "tuple[int, tuple, bytes]":
    """What the server behind answers; its own length and encoding are not passed on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body or None, {name: headers[name] for name in headers if name.lower() != "accept-encoding"})
    response = connection.getresponse()
    answer = response.read()
    kept = [(name, value) for name, value in response.getheaders() if name.lower() in ("content-type", "link")]
    connection.close()
    return response.status, tuple(kept), answer
