"""Any ASGI application: ``app = fewer.asgi.Middleware(app)``.

Starlette, FastAPI and Litestar write the matched route into the connection's scope; the scope handed to them notices, so
the request has its name before the endpoint runs. Other frameworks can call ``fewer.route("GET /items/{id}")``.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, MutableMapping, Optional

from . import _http
from ._api import enabled, in_request, quietly, request, route

_MAX_TEMPLATES = 4096
_templates: Dict[int, "tuple[Any, Optional[str]]"] = {}


class Middleware:
    """Counts every HTTP request and labels its CPU time, across all tasks and threads that copy its context."""

    def __new__(cls, app: Any) -> Any:
        return super().__new__(cls) if enabled else app

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_app"], name)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope.get("type") not in ("http", "websocket") or in_request():
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "GET")
        async with request(_http.unrouted(method)) as running:

            async def send_noticing_status(message: MutableMapping[str, Any]) -> None:
                if message.get("type") == "http.response.start":
                    running.status = _http.status_of(message.get("status"))
                await send(message)

            await self._app(_Scope(scope, method), receive, send_noticing_status)


class _Scope(dict):  # type: ignore[type-arg]
    """A connection's scope that names the running request when a router writes down what it matched."""

    def __init__(self, scope: MutableMapping[str, Any], method: str) -> None:
        super().__init__(scope)
        self._method = method
        self._mounted = ""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == "route":
            self._notice_route(value)
        elif key == "path_template":
            self._name(value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        changes = dict(*args, **kwargs)
        super().update(changes)
        if "route" in changes:
            self._notice_route(changes["route"])
        elif "endpoint" in changes and "route" not in self:
            self._notice_endpoint(changes["endpoint"])

    @quietly
    def _notice_route(self, matched: Any) -> None:
        template = _template(matched)
        if template is None:
            return
        if hasattr(matched, "routes"):
            self._mounted += template
        else:
            self._name(self._mounted + (_included_template(self, matched) or template))

    @quietly
    def _notice_endpoint(self, matched: Any) -> None:
        self._name(_template_of(self.get("router"), matched))

    @quietly
    def _name(self, template: Any) -> None:
        if isinstance(template, str):
            route(_http.endpoint(self._method, template))


def _template(matched: Any) -> Optional[str]:
    """``/items/{id}`` of a Starlette route; a mount's without the rest of the path."""
    template = getattr(matched, "path_format", None) or getattr(matched, "path", None)
    if not isinstance(template, str):
        return None
    return template[: -len("/{path}")] if hasattr(matched, "routes") and template.endswith("/{path}") else template


def _included_template(scope: MutableMapping[str, Any], matched: Any) -> Optional[str]:
    """FastAPI keeps the prefix of an included router beside the route, not in it."""
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    if context is None or getattr(context, "original_route", None) is not matched:
        return None
    template = getattr(context, "path_format", None)
    return template if isinstance(template, str) else None


def _template_of(router: Any, endpoint: Any) -> Optional[str]:
    """Starlette before 1.0 says which function it found, but not by which route."""
    known = _templates.get(id(endpoint))
    if known is None or known[0] is not endpoint:
        if len(_templates) >= _MAX_TEMPLATES:
            _templates.clear()
        known = _templates[id(endpoint)] = (endpoint, _search(getattr(router, "routes", None), endpoint, 8))
    return known[1]


def _search(routes: Any, endpoint: Any, levels: int) -> Optional[str]:
    if not routes or levels == 0:
        return None
    for candidate in routes:
        if getattr(candidate, "endpoint", None) is endpoint:
            return _template(candidate)
        below = _search(getattr(candidate, "routes", None), endpoint, levels - 1)
        if below is not None:
            return (_template(candidate) or "") + below
    return None
