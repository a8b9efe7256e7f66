"""Epochs: which functions ran since a moment that the application chooses, on CPython 3.12 and later.

The interpreter keeps with each function the version of monitored events that it followed when it last ran. Switching
an event on and off begins a new version; nothing is called for it and nothing is published, the agent reads what the
interpreter keeps. Each function catches up once, when it next runs, which costs it about 0.1 us.
"""

from __future__ import annotations

import sys

from ._api import enabled

# The ids that no kind of tool has a claim to; debuggers, coverage tools and profilers have theirs.
_FREE_IDS = (3, 4)


def new_epoch() -> bool:
    """Begins an epoch in this process; false where that is not possible. At most a few times an hour is of use."""
    monitoring = getattr(sys, "monitoring", None)
    if not enabled or monitoring is None:
        return False
    for tool in _FREE_IDS:
        try:
            monitoring.use_tool_id(tool, "fewer epoch")
        except Exception:  # Somebody else has this one.
            continue
        try:
            monitoring.set_events(tool, monitoring.events.RERAISE)
            monitoring.set_events(tool, monitoring.events.NO_EVENTS)
        except Exception:
            return False
        finally:
            monitoring.free_tool_id(tool)
        _epoch_begins()
        return True
    return False


def _epoch_begins() -> None:
    """Runs as an epoch begins, so that the agent finds the epoch's version with this function."""
