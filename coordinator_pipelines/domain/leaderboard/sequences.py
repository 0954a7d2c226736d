"""The anytime-valid part of a board: differences that hold however often a board is looked at.

Add here which differences and rounds a sequence is of; avoid its formula (``certainty.sequence``).

A sequence holds from its first round on, so it cannot slide as trailing windows do. It begins anew
with every period of the longest trailing window, on the UTC grid of that length.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from coordinator_pipelines.domain.certainty.sequence import confidence_sequence
from coordinator_pipelines.domain.certainty.series import ScoreSeries
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND, microseconds
from coordinator_pipelines.domain.timeline.window import window_of

Told = dict[str, dict[str, Any]]
MEANS = ("mean", "mean_return")


def sequences(
    challenge: Challenge, series: ScoreSeries, ranked: Sequence[str], as_of: datetime
) -> tuple[Told, dict[str, Any] | None]:
    """Of each ranked model its differences to the baseline and to the next one, and their facts.

    Told are ``{"to_baseline": [low, high], "to_next": [low, high]}``, positive where the model has
    the higher mean, over the rounds that both have; null where there is no other model or no
    common round. Facts are ``{"since", "rounds", "reason"}``; None if the spec declares no bounds.
    """
    bounds = challenge.certainty.score_bounds
    if bounds is None:
        return {}, None
    since = _since(challenge, as_of)
    period = series.resolved_in(microseconds(since), microseconds(as_of))
    facts = {"since": since.isoformat(), "rounds": len(period), "reason": None}
    reason = _reason(challenge, period, bounds)
    if reason:
        return {}, {**facts, "reason": reason}
    column = {model: period.values[:, k] for k, model in enumerate(period.models)}
    low, high = bounds

    def between(model: str, other: str | None) -> list[float] | None:
        if other is None or other == model or other not in column:
            return None
        differences = column[model] - column[other]
        told = confidence_sequence(
            differences[~np.isnan(differences)], low=low, high=high,
            level=challenge.certainty.level, overlap=period.overlap,
        ).last  # fmt: skip
        return None if told is None else [float(f"{end:.8g}") for end in told]

    following = dict(pairwise(ranked))
    told = {
        model: {
            "to_baseline": between(model, challenge.baseline_model),
            "to_next": between(model, following.get(model)),
        }
        for model in ranked
    }
    return told, facts


def _since(challenge: Challenge, as_of: datetime) -> datetime:
    """When the period began that the instant lies in or ends."""
    length = timedelta(hours=challenge.longest_window_hours)
    return window_of(as_of - SECOND, length).start


def _reason(challenge: Challenge, period: ScoreSeries, bounds: tuple[float, float]) -> str | None:
    """Why nothing can be told."""
    statistic = challenge.metric(challenge.ranking.key).statistic
    if statistic not in MEANS:
        return f"the ranking key is a {statistic}, and sequences are of means"
    known = period.values[~np.isnan(period.values)]
    outside = known[(known < bounds[0]) | (known > bounds[1])]
    if len(outside):
        return f"a score of {outside[0]:g} lies outside certainty.score_bounds"
    return None
