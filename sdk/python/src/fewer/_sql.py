"""Tells a database which request a query is for, the way sqlcommenter does: a comment behind the query.

``/*endpoint='GET%20%2Ffeed',route='%2Ffeed'*/``: the route is what other readers know, the endpoint is the label of fewer.
"""

from __future__ import annotations

from typing import Any, Dict
from urllib.parse import quote

from . import _http
from ._api import caller, quietly

_MAX_COMMENTS = 4096
_comments: Dict[str, str] = {}


def with_caller(sql: Any, is_format: bool) -> Any:
    """The query with the running request's endpoint; what is no text, or ends with a comment already, stays as it is.

    ``is_format``: whether the driver will put parameters in, so that a percent sign has to be doubled.
    """
    comment = _comment()
    if not comment or not isinstance(sql, str) or sql.rstrip().endswith("*/"):
        return sql
    return sql + (comment.replace("%", "%%") if is_format else comment)


@quietly
def _comment() -> str:
    running = caller()
    if running is None:
        return ""
    endpoint = running["endpoint"]
    comment = _comments.get(endpoint)
    if comment is None:
        comment = _written(endpoint)
        if len(_comments) < _MAX_COMMENTS:
            _comments[endpoint] = comment
    return comment


def _written(endpoint: str) -> str:
    pairs = [("endpoint", endpoint)]
    method, _, path = endpoint.partition(" ")
    if method in _http.METHODS and path.startswith("/"):
        pairs.append(("route", path))
    return " /*" + ",".join(f"{key}='{quote(value, safe='')}'" for key, value in pairs) + "*/"
