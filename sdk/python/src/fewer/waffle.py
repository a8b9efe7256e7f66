"""django-waffle: ``fewer.waffle.install()`` once the apps are loaded, in an ``AppConfig.ready`` for example.

Waffle sends no signal at an evaluation, so ``is_active`` of its models is wrapped; decorators, template tags and functions
all end there. Switches are ``static``; a flag decided by its percentage is ``split``, by people or language
``targeting_match``. Samples are drawn anew at every evaluation, and the last draw in a request labels it.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import Any, Callable

from ._api import enabled, flag

_reason: "ContextVar[str]" = ContextVar("fewer.waffle.reason", default="static")
_MARK = "_fewer_wrapped"


def install() -> None:
    """Wraps the evaluation of flags, switches and samples; calling it again changes nothing."""
    if not enabled:
        return
    import waffle

    flags = waffle.get_waffle_flag_model()
    _replace(flags, "_is_active_for_percent", lambda evaluate: _deciding(evaluate, "split"))
    _replace(flags, "_is_active_for_user", lambda evaluate: _deciding(evaluate, "targeting_match"))
    _replace(flags, "_is_active_for_language", lambda evaluate: _deciding(evaluate, "targeting_match"))
    _replace(flags, "is_active", lambda evaluate: _noting(evaluate, None))
    _replace(waffle.get_waffle_switch_model(), "is_active", lambda evaluate: _noting(evaluate, "static"))
    _replace(waffle.get_waffle_sample_model(), "is_active", lambda evaluate: _noting(evaluate, "split"))


def _replace(model: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    original = getattr(model, name, None)
    if original is not None and not hasattr(original, _MARK):
        wrapped = functools.wraps(original)(wrap(original))
        setattr(wrapped, _MARK, True)
        setattr(model, name, wrapped)


def _deciding(evaluate: Callable[..., Any], reason: str) -> Callable[..., Any]:
    def decide(self: Any, *args: Any, **kwargs: Any) -> Any:
        decision = evaluate(self, *args, **kwargs)
        # A lost draw decides nothing in waffle's terms, but it was a draw as well.
        if decision is not None or (reason == "split" and self.percent):
            _reason.set(reason)
        return decision

    return decide


def _noting(evaluate: Callable[..., Any], reason: Any) -> Callable[..., Any]:
    def is_active(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _reason.set("static")
        try:
            active = evaluate(self, *args, **kwargs)
            flag(self.name, "true" if active else "false", reason or _reason.get())
            return active
        finally:
            _reason.reset(token)

    return is_active
