"""An author's callables, as a challenge's own package would hold them."""

from typing import Any

import pandas as pd

from coordinator_pipelines.domain.scorer import batch_scorer


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


def resolve_by_own_means(prediction: dict[str, Any]) -> dict[str, Any] | None:
    """A resolver that asks the outside itself: past rounds cannot ask it again."""
    return {"id": prediction["prediction_config_id"]}


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


def aggregate(scored_predictions: list[Any], models: list[Any]) -> list[dict[str, Any]]:
    """Sums instead of means; ranks by them, the least first."""
    entries = []
    for model in models:
        values = [
            each["score"]["value"]
            for each in scored_predictions
            if each["model_id"] == model["model_id"] and each["score"]["success"]
        ]
        ranking = {"key": "sum", "value": sum(values), "direction": "asc"}
        score = {"metrics": {"sum": sum(values), "count": len(values)}, "ranking": ranking}
        entries.append({"model_id": model["model_id"], "score": score})
    return entries


def rank(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By name, backwards."""
    ordered = sorted(entries, key=lambda entry: entry["model_id"], reverse=True)
    return [{**entry, "rank": place} for place, entry in enumerate(ordered, start=1)]


NOT_CALLABLE = 3
