"""Timers by the thread's clock, and a log with one line for each request: what it took, and which of its parts how much."""

import json
import os
import time
from contextvars import ContextVar

from django.conf import settings

_parts = ContextVar("planted.parts")


class timed:
    """Adds the CPU time of a block to a part of the running request."""

    def __init__(self, name):
        self._name = name

    def __enter__(self):
        self._start_ns = time.thread_time_ns()

    def __exit__(self, *error):
        cpu_ns = time.thread_time_ns() - self._start_ns
        parts = _parts.get(None)
        if parts is not None:
            calls, sum_ns = parts.get(self._name, (0, 0))
            parts[self._name] = (calls + 1, sum_ns + cpu_ns)


class Middleware:
    """Logs every request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start_ns = time.thread_time_ns()
        parts = {}
        token = _parts.set(parts)
        response = self.get_response(request)
        _parts.reset(token)
        line = {"at": time.time(), "path": request.path, "parts": parts, "cpu_ns": time.thread_time_ns() - start_ns}
        with open(os.path.join(settings.STATS, f"{os.getpid()}.jsonl"), "a") as log:
            log.write(json.dumps(line) + "\n")
        return response
