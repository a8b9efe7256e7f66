"""OpenFeature: ``openfeature.api.add_hooks([fewer.openfeature.Hook()])``."""

from __future__ import annotations

from typing import Any

from openfeature.hook import Hook as _Hook

from ._api import flag, quietly


class Hook(_Hook):  # type: ignore[misc, unused-ignore]
    """Notes the variant and the reason of every evaluation, the default served after an error included."""

    def after(self, hook_context: Any, details: Any, hints: Any) -> None:
        """The flag was resolved."""
        _note(hook_context, details)

    def finally_after(self, hook_context: Any, details: Any = None, hints: Any = None) -> None:
        """The evaluation ended; only failed ones have not been noted yet."""
        if getattr(details, "error_code", None) is not None:
            _note(hook_context, details)


@quietly
def _note(hook_context: Any, details: Any) -> None:
    flag(hook_context.flag_key, details.variant or details.value, details.reason)
