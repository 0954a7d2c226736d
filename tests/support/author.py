"""An author's callables, as a challenge's own package would hold them."""

import itertools
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.scorer import batch_scorer

_asked = itertools.count()


def keep(inference_output: Any) -> Any:
    """A validator that takes everything as it is."""
    return inference_output


def score_row(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> dict[str, Any]:
    """Row-wise: 1 for the right side; refuses to score one half."""
    if prediction["p_up"] == 0.5:
        raise ValueError("one half takes no side")
    right = (prediction["p_up"] > 0.5) == ground_truth["y_up"]
    return {"value": float(right), "success": True, "failed_reason": None}


def score_level(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> dict[str, Any]:
    """Row-wise, against the payload of :func:`resolve_range`."""
    return {"value": prediction["p_up"] - ground_truth["range"]}


@batch_scorer
def score_kwargs(frame: pd.DataFrame) -> pd.DataFrame:
    """Batch-wise: what the model was asked, as it answered it."""
    return pd.DataFrame({"value": [out["level"] for out in frame["output"]]}, index=frame.index)


def resolve_range(prediction: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """A truth of the author's own: how far the price ranged; none for moves of nothing."""
    prices = [price for _, price in context.prices(prediction["scope"]["asset"])]
    if prediction["entry_price"] == prediction["resolved_price"]:
        return None
    return {"range": max(prices) - min(prices), "n": len(prices)}


def resolve_by_own_means(prediction: Any) -> dict[str, Any] | None:
    """A resolver that asks the outside itself: past rounds cannot ask it again.

    As the original's did, it knows the price at the start from what models were given, and takes
    the price of the moment for the one at the end.
    """
    entry = prediction.inference_input["BTC"][-1][1] if prediction.inference_input else None
    return {"scope": prediction.scope["asset"], "entry": entry, "asked": next(_asked)}


def provide_own_input(now: Any) -> dict[str, Any]:
    """A provider that asks the outside itself."""
    return {"now": str(now)}


def build_scope(config: dict[str, Any], inference_input: Any) -> dict[str, Any]:
    """A scope that says how much data there was."""
    template = config["scope_template"]
    count = len((inference_input or {}).get(template["asset"], []))
    return {"scope_key": config["scope_key"], "scope": {**template, "new": count}}


def build_call(config: dict[str, Any], inference_input: Any, scope: dict[str, Any]) -> Any:
    """A call with keyword arguments."""
    del inference_input
    return {
        "args": [scope["scope"]["asset"]],
        "kwargs": {"horizon": 60, "step": 60, "level": config["order"] + scope["scope"]["new"]},
    }


def aggregate(scored_predictions: list[Any], models: dict[str, Any]) -> list[dict[str, Any]]:
    """Sums instead of means; ranks by them, the least first. Written as for the original."""
    values: dict[str, list[float]] = {model_id: [] for model_id in models}
    for prediction in scored_predictions:
        if prediction.score is not None and prediction.score.success:
            values[prediction.model_id].append(prediction.score.value)
    return [
        {
            "model_id": model_id,
            "score": {
                "metrics": {"sum": sum(own), "count": len(own)},
                "ranking": {"key": "sum", "value": sum(own), "direction": "asc"},
                "payload": {"name": models[model_id].name, "by": models[model_id].player_name},
            },
        }
        for model_id, own in values.items()
    ]


def rank(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By name, backwards."""
    ordered = sorted(entries, key=lambda entry: entry["model_id"], reverse=True)
    return [{**entry, "rank": place} for place, entry in enumerate(ordered, start=1)]


NOT_CALLABLE = 3
