"""Says which request and which feature flags a thread is working for, so that *fewer* can tell whose CPU time it is.

    import fewer

    with fewer.request("GET /feed"):
        fewer.flag("new_ranking", "on")

Framework taps live in modules of their own: ``fewer.django``, ``fewer.wsgi``, ``fewer.asgi``, ``fewer.flask``,
``fewer.celery``; flag systems in ``fewer.openfeature``, ``fewer.waffle``, ``fewer.launchdarkly``, ``fewer.unleash`` and
``fewer.growthbook``. They are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

from ._api import enabled, flag, request, route, status
from ._epoch import new_epoch
from ._version import VERSION as __version__

_TAPS = frozenset(
    "asgi celery django flask growthbook launchdarkly openfeature unleash waffle wsgi".split()
)

__all__ = ["__version__", "enabled", "flag", "new_epoch", "request", "route", "status"]


def __getattr__(name: str) -> Any:
    if name in _TAPS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
