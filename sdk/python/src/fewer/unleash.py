"""Unleash: ``fewer.unleash.install(client)``.

Its events come late and on another thread, so ``is_enabled`` and ``get_variant`` of the client are wrapped. Unleash does
not tell which strategy decided, so the reason is ``unknown`` and never counts as randomised.
"""

from __future__ import annotations

import functools
from typing import Any

from ._api import enabled, flag

_MARK = "_fewer_wrapped"


def install(client: Any) -> Any:
    """Wraps one client; calling it again changes nothing; returns the client."""
    if not enabled or hasattr(client.is_enabled, _MARK):
        return client
    evaluate, choose = client.is_enabled, client.get_variant

    @functools.wraps(evaluate)
    def is_enabled(feature_name: str, *args: Any, **kwargs: Any) -> Any:
        active = evaluate(feature_name, *args, **kwargs)
        flag(feature_name, "true" if active else "false", "unknown")
        return active

    @functools.wraps(choose)
    def get_variant(feature_name: str, *args: Any, **kwargs: Any) -> Any:
        variant = choose(feature_name, *args, **kwargs)
        name = variant.get("name") if isinstance(variant, dict) else None
        flag(feature_name, name or "disabled", "unknown")
        return variant

    setattr(is_enabled, _MARK, True)
    client.is_enabled = is_enabled
    client.get_variant = get_variant
    return client
