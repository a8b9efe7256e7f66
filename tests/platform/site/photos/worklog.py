"""The site's own account of its work, kept without fewer: one line of JSON for every request and task.

It is the oracle that check.py holds the profile against: endpoint and flags as the site itself names them, and the CPU
time of the thread from the outermost middleware's begin to its end.
"""

import json
import os
import time
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

# What the site calls its views. The names come from here and not from fewer.
_NAMES = {
    "feed": "/feed",
    "profile": "/members/{member_id}",
    "upload": "/photos",
    "like": "/photos/{photo_id}/like",
    "image": "/photos/{photo_id}/{width}",
    "search": "/search",
    "health": "/health",
}

_flags = ContextVar("photos.flags")
_open_logs = {}


class Middleware:
    """Logs every request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start_ns = time.thread_time_ns()
        flags = {}
        token = _flags.set(flags)
        response = self.get_response(request)
        cpu_ns = time.thread_time_ns() - start_ns
        _flags.reset(token)
        match = request.resolver_match
        name = _NAMES[match.view_name] if match else "/(unrouted)"
        _write(f"{request.method} {name}", flags, cpu_ns, response.status_code)
        return response


@contextmanager
def task(name, flags):
    """Logs a task of the worker. ``flags`` are those that the request which sent it had evaluated."""
    start_ns = time.thread_time_ns()
    try:
        yield
    finally:
        _write(f"celery:{name}", flags, time.thread_time_ns() - start_ns, 0)


def note_flag(key, variant):
    """A flag was evaluated in the running request."""
    flags = _flags.get(None)
    if flags is not None:
        flags[key] = variant


def noted_flags():
    """The flags evaluated so far in the running request."""
    return dict(_flags.get({}))


def _write(endpoint, flags, cpu_ns, status):
    line = {
        "at": round(time.time(), 6),
        "service": os.environ.get("OTEL_SERVICE_NAME", ""),
        "endpoint": endpoint,
        "flags": flags,
        "cpu_ns": cpu_ns,
        "status": status,
    }
    os.write(_log(), json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _log():
    """Each process appends to a file of its own, opened after the fork."""
    pid = os.getpid()
    if pid not in _open_logs:
        _open_logs.clear()
        path = os.path.join(settings.WORKLOG, f"{pid}.jsonl")
        _open_logs[pid] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    return _open_logs[pid]
