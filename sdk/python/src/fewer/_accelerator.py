"""The compiled accelerator, if it was built and is not turned off with FEWER_ACCEL=0."""

from __future__ import annotations

import os
from typing import Any

accelerator: Any = None

if os.environ.get("FEWER_ACCEL", "1") not in ("", "0"):
    try:
        from . import _accel
    except ImportError:
        _accel = None
    if _accel is not None and _accel.claim():
        accelerator = _accel
