"""Django: put ``"fewer.django.Middleware"`` first in ``MIDDLEWARE``. Endpoints are ``GET /items/{id}``.

``fewer.django.comment_queries()`` in an ``AppConfig.ready`` lets the database's CPU time be charged to endpoints too.
"""

from __future__ import annotations

import sys
from typing import Any, Callable

from django.core.exceptions import MiddlewareNotUsed

from . import _http, _sql
from ._api import StreamedRequest, enabled, in_request, quietly, route
from ._body import AsyncBody, Body

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
except ImportError:  # Django before 4.2 comes with an asgiref that leaves the mark to us.
    from asyncio import coroutines, iscoroutinefunction

    def markcoroutinefunction(function: Any) -> Any:
        """Marks a callable as Django before 4.2 looks for it."""
        function._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]
        return function


class Middleware:
    """Begins a request as the outermost middleware and names it once Django has resolved its route."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        if not enabled:
            raise MiddlewareNotUsed("fewer is disabled")
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self._is_async:
            return self._call_async(request)
        if in_request():
            return self.get_response(request)
        running = StreamedRequest(_http.unrouted(request.method))
        running.__enter__()
        try:
            response = self.get_response(request)
            running.status = _http.status_of(getattr(response, "status_code", 0))
        except BaseException:
            running.__exit__(*sys.exc_info())
            raise
        if getattr(response, "streaming", False):
            running.pause()
            response.streaming_content = _streamed(response, running, counted=False)
        else:
            running.__exit__(None, None, None)
        return response

    @quietly
    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        """Django has resolved the route: the request gets its name."""
        match = getattr(request, "resolver_match", None)
        if match is not None and getattr(match, "route", None) is not None:
            route(_http.endpoint(request.method, match.route))

    async def _call_async(self, request: Any) -> Any:
        if in_request():
            return await self.get_response(request)
        running = StreamedRequest(_http.unrouted(request.method))
        async with running:
            response = await self.get_response(request)
            running.status = _http.status_of(getattr(response, "status_code", 0))
            if getattr(response, "streaming", False):
                response.streaming_content = _streamed(response, running.continued(), counted=True)
        return response


def comment_queries() -> None:
    """Appends the running request's endpoint to each query of connections made from now on."""
    if enabled:
        from django.db.backends.signals import connection_created

        connection_created.connect(_watch_connection, dispatch_uid="fewer.comment_queries")


def _watch_connection(connection: Any, **others: Any) -> None:
    if _execute_commented not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute_commented)


def _execute_commented(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    return execute(_sql.with_caller(sql, params is not None), params, many, context)


def _streamed(response: Any, running: StreamedRequest, counted: bool) -> Any:
    body = AsyncBody if getattr(response, "is_async", False) else Body
    return body(response.streaming_content, running, counted)
