"""Makes the platform's modules importable from its tests."""

import sys
from pathlib import Path

PLATFORM = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PLATFORM), str(PLATFORM / "site"), str(PLATFORM / "attribution")]

from processes import free_port

__all__ = ["PLATFORM", "free_port"]
