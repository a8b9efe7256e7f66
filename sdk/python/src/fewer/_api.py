"""Chooses once, at import, between the working package and the one that does nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import StreamedRequest, called_by, caller, flag, in_request, quietly, request, route, status

    enabled = True
else:
    enabled = os.environ.get("FEWER_DISABLED", "0") in ("", "0")
    if enabled:
        try:
            from . import _core as _chosen
        except Exception as error:  # A platform without what we need must still be able to import its application.
            from . import _disabled as _chosen

            _chosen.why = f"cannot start: {error!r}"
            enabled = False
    else:
        from . import _disabled as _chosen

    request = _chosen.request
    StreamedRequest = _chosen.StreamedRequest
    flag = _chosen.flag
    route = _chosen.route
    in_request = _chosen.in_request
    caller = _chosen.caller
    called_by = _chosen.called_by
    quietly = _chosen.quietly
    status = _chosen.status

__all__ = [
    "StreamedRequest", "called_by", "caller", "enabled", "flag", "in_request", "quietly", "request", "route", "status",
]
