"""GrowthBook: ``fewer.growthbook.install(GrowthBook(...))``, or ``on_feature_usage=fewer.growthbook.on_feature_usage``."""

from __future__ import annotations

from typing import Any

from ._api import enabled, flag, quietly

_MARK = "_fewer_wrapped"
_REASONS = {"defaultValue": "default", "force": "targeting_match", "override": "static", "unknownFeature": "error"}


def install(client: Any) -> Any:
    """Wraps ``eval_feature`` of one client, by which all other ways evaluate; returns the client."""
    if not enabled or hasattr(client.eval_feature, _MARK):
        return client
    evaluate = client.eval_feature

    def eval_feature(key: str, *args: Any, **kwargs: Any) -> Any:
        result = evaluate(key, *args, **kwargs)
        on_feature_usage(key, result)
        return result

    setattr(eval_feature, _MARK, True)
    client.eval_feature = eval_feature
    return client


@quietly
def on_feature_usage(key: str, result: Any, *others: Any) -> None:
    """GrowthBook's callback for evaluated features."""
    experiment = getattr(result, "experimentResult", None)
    if getattr(result, "source", None) == "experiment" and experiment is not None:
        variant = str(getattr(experiment, "key", None) or experiment.variationId)
        # A result that was forced by hand did not come from the hash of the user.
        flag(key, variant, "split" if experiment.inExperiment and experiment.hashUsed else "static")
        return
    flag(key, getattr(result, "value", None), _REASONS.get(getattr(result, "source", ""), "unknown"))
