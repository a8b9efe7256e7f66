"""Flask: ``fewer.flask.install(app)``. Endpoints are URL rules: ``GET /items/{id}``."""

from __future__ import annotations

from typing import Any

from . import _http, wsgi
from ._api import enabled, quietly, route


def install(app: Any) -> Any:
    """Wraps the application and names each request by the rule it matched; returns the application."""
    if not enabled or isinstance(app.wsgi_app, wsgi.Middleware):
        return app
    app.wsgi_app = wsgi.Middleware(app.wsgi_app)
    # First of all functions before a request, also those that the application registered earlier.
    app.before_request_funcs.setdefault(None, []).insert(0, _name_request)
    return app


@quietly
def _name_request() -> None:
    from flask import request

    rule = request.url_rule
    if rule is not None:
        route(_http.endpoint(request.method, rule.rule))
