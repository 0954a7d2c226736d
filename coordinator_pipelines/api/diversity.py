"""How much a model says that others do not: from the metrics that are stored of it.

Add a hint here; avoid computing metrics (``domain.metrics.signal``) and finding rows
(``routes.diversity``).
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.domain.spec.challenge import Challenge

Statistic = Literal["ic", "model_correlation", "ensemble_correlation", "contribution", "fnc"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

REDUNDANT, AS_ENSEMBLE, HELPS, DISTINCT = 0.7, 0.9, 0.01, 0.3


class DiversityRow(Answer):
    """One model, and how its signals compare with those of the others."""

    model_id: str
    rank: int | None = Field(description="On the newest board; null if unranked")
    diversity_score: float | None = Field(
        description="1 - |model_correlation|, at least 0; null where the correlation is unknown"
    )
    metrics: dict[Statistic, float | None] = Field(
        description="Over the longest trailing window in which the spec has such a metric; null if "
        "it has none, or rounds are too few"
    )
    guidance: list[str] = Field(description="What would make it more useful, for people")
    snapshot_period_end: ZonedTime = Field(description="As of when the metrics are")


def statistic_names(challenge: Challenge) -> dict[Statistic, str]:
    """The metric of the spec that tells each statistic, over the longest window there is."""
    hours = challenge.trailing_windows_hours
    longest = sorted(challenge.metrics, key=lambda metric: hours[metric.window])
    names = {metric.statistic: metric.name for metric in longest}
    return {statistic: names[statistic] for statistic in STATISTICS if statistic in names}


def diversity(metrics: Mapping[str, Any], names: Mapping[Statistic, str]) -> dict[str, Any]:
    """The fields of a row that the metrics of a model give."""
    told = {each: metrics.get(names[each]) if each in names else None for each in STATISTICS}
    correlation = told["model_correlation"]
    score = None if correlation is None else max(0.0, 1 - abs(correlation))
    return {"metrics": told, "diversity_score": score, "guidance": _guidance(told)}


def _guidance(metrics: Mapping[Statistic, float | None]) -> list[str]:
    hints = []
    ic, own, pooled, adds = (
        metrics[name]
        for name in ("ic", "model_correlation", "ensemble_correlation", "contribution")
    )
    if own is not None and own > REDUNDANT:
        hints.append(f"says much the same as other models (correlation {own:.2f})")
    if pooled is not None and pooled > AS_ENSEMBLE:
        hints.append(f"follows the ensemble (correlation {pooled:.2f}) and hardly changes it")
    if adds is not None and adds < 0:
        hints.append("the ensemble would be better without it")
    if adds is not None and adds > HELPS:
        hints.append("the ensemble is better with it")
    if own is not None and ic is not None and own < DISTINCT and ic > 0:
        hints.append("says something of its own, and it is right more often than not")
    return hints
