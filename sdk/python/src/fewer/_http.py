"""Names of HTTP endpoints: method and route template, never the raw path."""

from __future__ import annotations

import re
from typing import Dict

METHODS = frozenset("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split())
OTHER_METHOD = "_OTHER"
UNROUTED = "(unrouted)"

_MAX_NAMES = 4096

_CONVERTED = re.compile(r"<(?:[^<>:]*:)?([^<>:]*)>")
_NAMED_GROUP = re.compile(r"\(\?P<(\w+)>")
_names: Dict["tuple[str, str]", str] = {}


def endpoint(method: object, template: str) -> str:
    """``GET /items/{id}`` from a method and a framework's route template."""
    key = (str(method), template)
    name = _names.get(key)
    if name is None:
        verb = key[0] if key[0] in METHODS else OTHER_METHOD
        name = f"{verb} {readable(template)}"
        if len(_names) < _MAX_NAMES:
            _names[key] = name
    return name


def unrouted(method: object) -> str:
    """The name before a route is known, and for good if there is none."""
    return endpoint(method, UNROUTED)


def readable(template: str) -> str:
    """One form for the templates of all frameworks: ``/items/{id}``."""
    if template == UNROUTED:
        return template
    plain = _CONVERTED.sub(r"{\1}", _without_groups(template)).replace("\\", "")
    plain = plain.replace("^", "").replace("$", "")
    return "/" + plain.lstrip("/")


def _without_groups(template: str) -> str:
    """Replaces named groups of a regular expression, which may hold groups themselves, by their names."""
    out = []
    position = 0
    for match in _NAMED_GROUP.finditer(template):
        if match.start() < position:
            continue
        out.append(template[position : match.start()])
        out.append("{%s}" % match.group(1))
        position = _end_of_group(template, match.start())
    out.append(template[position:])
    return "".join(out)


def _end_of_group(template: str, start: int) -> int:
    depth = 0
    position = start
    while position < len(template):
        character = template[position]
        if character == "\\":
            position += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return len(template)


def status_of(text: object) -> int:
    """The number of a status or at the start of a WSGI status line, 0 if there is none."""
    if isinstance(text, int):
        return int(text)
    digits = str(text)[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
