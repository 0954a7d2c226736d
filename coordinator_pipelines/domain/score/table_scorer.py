"""Scoring functions for opened rounds, to be named as SCORING_FUNCTION or to be built upon.

Add an adapter of a rule of ``metrics.table`` here; avoid rules. Each takes an answer
``{"predictions": {id: number}}`` and a truth ``{"truth": {id: number}}`` with the same ids.
"""

from collections.abc import Callable
from typing import Any

from coordinator_pipelines.domain.metrics import table

Score = dict[str, Any]


def score_spearman(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> Score:
    """The rank correlation; see ``metrics.table.spearman``."""
    return _scored(table.spearman, prediction, ground_truth)


def score_squared_error(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> Score:
    """The negative mean squared error; see ``metrics.table.mean_squared_error``."""
    return _scored(table.mean_squared_error, prediction, ground_truth)


def score_log_loss(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> Score:
    """The mean log probability; see ``metrics.table.log_loss``."""
    return _scored(table.log_loss, prediction, ground_truth)


def _scored(
    rule: Callable[..., float], prediction: dict[str, Any], ground_truth: dict[str, Any]
) -> Score:
    said, truth = prediction["predictions"], ground_truth["truth"]
    value = rule([said[row] for row in truth], list(truth.values()))
    return {"value": value, "success": True, "failed_reason": None}
