"""LaunchDarkly: ``client.add_hook(fewer.launchdarkly.Hook())`` or ``Config(..., hooks=[fewer.launchdarkly.Hook()])``."""

from __future__ import annotations

from typing import Any

from ldclient.hook import Hook as _Hook
from ldclient.hook import Metadata

from ._api import flag, quietly

_REASONS = {
    "OFF": "disabled",
    "FALLTHROUGH": "static",
    "TARGET_MATCH": "targeting_match",
    "RULE_MATCH": "targeting_match",
    "PREREQUISITE_FAILED": "default",
    "ERROR": "error",
}


class Hook(_Hook):  # type: ignore[misc, unused-ignore]
    """Notes every evaluation. Variants are booleans as they read, else the index of the variation."""

    @property
    def metadata(self) -> Metadata:
        """The hook's name in LaunchDarkly's log."""
        return Metadata(name="fewer")

    def before_evaluation(self, series_context: Any, data: "dict[Any, Any]") -> "dict[Any, Any]":
        """Nothing is known yet."""
        return data

    def after_evaluation(self, series_context: Any, data: "dict[Any, Any]", detail: Any) -> "dict[Any, Any]":
        """The flag was evaluated."""
        _note(series_context.key, detail)
        return data


@quietly
def _note(key: str, detail: Any) -> None:
    index = detail.variation_index
    variant = detail.value if isinstance(detail.value, bool) or index is None else str(index)
    flag(key, variant, _reason(detail.reason))


def _reason(reason: Any) -> str:
    reason = reason or {}
    if reason.get("inExperiment"):
        return "split"
    return _REASONS.get(reason.get("kind"), "unknown")
