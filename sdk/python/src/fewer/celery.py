"""Celery: ``fewer.celery.install(app)``. Endpoints are ``celery:<task>``.

A task sent from within a request carries that request's endpoint (as ``fewer.caller``) and flags, so that work moved to a
worker can still be charged to what caused it. Failed tasks count as server errors.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from ._api import StreamedRequest, called_by, caller, enabled, quietly

HEADER = "fewer"

_MAX_RUNNING = 1024
_running: Dict[str, StreamedRequest] = {}


def install(app: Any = None) -> Any:
    """Connects to Celery's signals, which are the same for every app of the process; returns the app."""
    if enabled:
        from celery import signals

        signals.before_task_publish.connect(_before_publish, weak=False, dispatch_uid="fewer.before_publish")
        signals.task_prerun.connect(_before_run, weak=False, dispatch_uid="fewer.before_run")
        signals.task_postrun.connect(_after_run, weak=False, dispatch_uid="fewer.after_run")
    return app


@quietly
def _before_publish(headers: Optional[Dict[str, Any]] = None, **others: Any) -> None:
    if isinstance(headers, dict) and HEADER not in headers:
        context = caller()
        if context is not None:
            headers[HEADER] = context


@quietly
def _before_run(task_id: str = "", task: Any = None, **others: Any) -> None:
    if len(_running) >= _MAX_RUNNING:
        _running.clear()
    running = _running[task_id] = StreamedRequest(f"celery:{task.name}")
    running.__enter__()
    called_by(_sent_context(getattr(task, "request", None)))


@quietly
def _after_run(task_id: str = "", state: Optional[str] = None, **others: Any) -> None:
    running = _running.pop(task_id, None)
    if running is not None:
        running.status = 500 if state == "FAILURE" else 0
        running.__exit__(None, None, None)


def _sent_context(request: Any) -> Any:
    """Custom headers are attributes of the task's request, or in its ``headers``, by version of Celery."""
    sent = getattr(request, HEADER, None)
    return sent if sent is not None else (getattr(request, "headers", None) or {}).get(HEADER)
