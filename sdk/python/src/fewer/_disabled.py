"""What the package offers when it is turned off or cannot run here: the same names, doing nothing."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, TypeVar

from ._version import VERSION

_Function = TypeVar("_Function", bound=Callable[..., Any])

why = "FEWER_DISABLED is set"


class request:
    """Does nothing; see ``_core.request``."""

    __slots__ = ("status",)

    def __init__(self, endpoint: str) -> None:
        self.status = 0

    def __enter__(self) -> "request":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        return None

    async def __aenter__(self) -> "request":
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        return None

    def __call__(self, function: _Function) -> _Function:
        return function


class StreamedRequest(request):
    """Does nothing; see ``_core.StreamedRequest``."""

    __slots__ = ()

    def pause(self) -> None:
        """Does nothing."""

    def resume(self) -> None:
        """Does nothing."""

    def continued(self) -> "StreamedRequest":
        """Itself: there is nothing to keep apart."""
        return self

    def finish(self, kind: Any = None) -> None:
        """Does nothing."""


def flag(key: str, variant: Any, reason: Optional[str] = None) -> None:
    """Does nothing."""


def route(endpoint: str) -> None:
    """Does nothing."""


def in_request() -> bool:
    """There never is one."""
    return False


def caller() -> Optional[Dict[str, Any]]:
    """Nothing to send along."""
    return None


def called_by(sent: Any) -> None:
    """Does nothing."""


def quietly(tap: _Function) -> _Function:
    """There is nothing to go wrong."""
    return tap


def status() -> Dict[str, Any]:
    """Says that nothing is done, and why."""
    return {"enabled": False, "version": VERSION, "problems": {"disabled": why}}
