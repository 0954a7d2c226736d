"""The metrics of a trailing window that need its rounds one by one.

Add here how such a metric is computed for a challenge; avoid formulas (``metrics.signal``) and
reading (``round_series``).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.doors.ensemble import is_ensemble
from coordinator_pipelines.domain.metrics.signal import (
    PARTS,
    SIGNAL_METRICS,
    Field,
    max_drawdown,
    skill,
)
from coordinator_pipelines.domain.model_score.round_series import RoundSeries
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS, MetricSpec
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import trailing

Array = NDArray[np.float64]


def series_metrics(
    challenge: Challenge,
    series: RoundSeries,
    window: str,
    as_of: datetime,
    models: Sequence[str],
) -> dict[str, Array]:
    """Each metric of the window that needs its rounds, by its name: an array [model, config].

    ``series``: rounds of at least the window. ``models``: the order of the results.
    """
    metrics = [
        metric
        for metric in challenge.metrics
        if metric.window == window and metric.statistic in SERIES_STATISTICS
    ]
    if not metrics:
        return {}
    after, until = map(microseconds, trailing(as_of, challenge.trailing_windows_hours[window]))
    inside = series.resolved_in(after, until)
    configs = range(len(challenge.configs))
    fields = [_Config(challenge, inside.of(config), after, until) for config in configs]
    place = pd.Index(series.models).get_indexer(pd.Index(models))
    found = {}
    for metric in metrics:
        columns = [np.append(field.metric(metric), np.nan)[place] for field in fields]
        found[metric.name] = np.stack(columns, axis=1)
    return found


class _Config:
    """One prediction config in one window, for all models."""

    def __init__(self, challenge: Challenge, rounds: RoundSeries, after: int, until: int) -> None:
        ensembles = np.array([is_ensemble(model) for model in rounds.models], dtype=bool)
        self._field = Field(
            signals=rounds.signals,
            outcomes=rounds.outcomes,
            part=(rounds.resolvable_at - after - 1) * PARTS // (until - after),
            members=~ensembles,
            ensemble=_place(rounds.models, next((e.model_id for e in challenge.ensembles), None)),
        )
        row = _place(rounds.models, challenge.baseline_model)
        self._of_scores = {
            "max_drawdown": partial(max_drawdown, rounds.values),
            "skill": partial(skill, rounds.values, row, challenge.perfect_score),
        }

    def metric(self, metric: MetricSpec) -> Array:
        """The metric of each model."""
        if metric.statistic in self._of_scores:
            return self._of_scores[metric.statistic](least=metric.least_rounds)
        return SIGNAL_METRICS[metric.statistic](self._field, metric.least_rounds)


def _place(models: Sequence[str], wanted: str | None) -> int | None:
    return models.index(wanted) if wanted in models else None
