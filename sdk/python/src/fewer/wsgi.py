"""Any WSGI application: ``application = fewer.wsgi.Middleware(application)``.

Method and status are known here, the route is not: frameworks inside name it with ``fewer.route("GET /items/{id}")``,
which the taps of Django and Flask do by themselves.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Iterable

from . import _http
from ._api import StreamedRequest, enabled, in_request
from ._body import Body


class Middleware:
    """Counts every request and labels its CPU time, the iteration of its body included."""

    def __new__(cls, app: Any) -> Any:
        return super().__new__(cls) if enabled else app

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_app"], name)

    def __call__(self, environ: "dict[str, Any]", start_response: Callable[..., Any]) -> Iterable[bytes]:
        if in_request():
            return self._app(environ, start_response)
        running = StreamedRequest(_http.unrouted(environ.get("REQUEST_METHOD", "")))

        def start(status: Any, headers: Any, *details: Any) -> Any:
            running.status = _http.status_of(status)
            return start_response(status, headers, *details)

        running.__enter__()
        try:
            pieces = self._app(environ, start)
        except BaseException:
            running.__exit__(*sys.exc_info())
            raise
        if isinstance(pieces, (list, tuple)) or _is_file(environ, pieces):
            running.__exit__(None, None, None)
            return pieces
        running.pause()
        return Body(pieces, running)


def _is_file(environ: "dict[str, Any]", pieces: Any) -> bool:
    """Whether the server will send the body as a file, which it does only with its own wrapper left as it is."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(pieces, wrapper)
