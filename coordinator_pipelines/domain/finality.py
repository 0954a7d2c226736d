"""Which boards are final: all truths that were due by then are told.

Add here what makes a board of record final; avoid ranking.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.prediction_batch import grid
from coordinator_pipelines.domain.round import Window


def truth_span(challenge: Challenge, as_of: Sequence[datetime]) -> Window:
    """The ``performed_at`` of all rounds that are due within the longest trailing window."""
    longest = timedelta(hours=challenge.longest_window_hours)
    farthest = max(config.cadence.horizon for config in challenge.configs)
    start = max(challenge.start, min(as_of) - longest - farthest)
    return Window(min(start, max(as_of) - challenge.window_length), max(as_of))


def final_boards(
    challenge: Challenge, truths: pd.DataFrame, as_of: Sequence[datetime]
) -> dict[datetime, bool]:
    """For each instant: whether every round due in its longest window has a told truth.

    ``truths``: newest versions over :func:`truth_span`. A truth that is told is FINAL, VOID or
    UNRESOLVABLE; one that is not has no row.
    """
    longest = timedelta(hours=challenge.longest_window_hours)
    due = _sorted(grid(challenge, truth_span(challenge, as_of)))
    active = [config.id for config in challenge.configs]
    told = _sorted(truths[truths["prediction_config_id"].isin(active)])
    return {
        instant: _count(due, instant - longest, instant) == _count(told, instant - longest, instant)
        for instant in as_of
    }


def _sorted(rounds: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(rounds["resolvable_at"].sort_values())


def _count(instants: pd.DatetimeIndex, after: datetime, until: datetime) -> int:
    first, stop = (instants.searchsorted(pd.Timestamp(t), side="right") for t in (after, until))
    return int(stop) - int(first)
