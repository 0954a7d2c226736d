"""Which boards are final: all truths that were due by then are told.

Add here what makes a board of record final; avoid ranking.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of


def truth_span(challenge: Challenge, as_of: Sequence[datetime]) -> Window:
    """The ``performed_at`` of all rounds that are due within the longest trailing window."""
    longest = timedelta(hours=challenge.longest_window_hours)
    farthest = max(config.cadence.horizon for config in challenge.configs)
    start = max(challenge.start, min(as_of) - longest - farthest)
    return Window(min(start, max(as_of) - challenge.window_length), max(as_of))


def final_boards(
    challenge: Challenge,
    rounds: pd.DataFrame,
    truths: pd.DataFrame,
    as_of: Sequence[datetime],
    stored_until: datetime,
) -> dict[datetime, bool]:
    """For each instant: whether it is a board of record, and all truths due by then are told.

    ``rounds``: those that count, over :func:`truth_span`: of a replay the grid, live the ones
    that were asked (a missed round has no prediction that its truth could change). ``truths``:
    newest versions of the same span. A truth that is told is FINAL, VOID or UNRESOLVABLE; one
    that is not has no row. ``stored_until``: what was asked before then is among the rounds;
    after it, some answers may not be stored yet.
    """
    longest = timedelta(hours=challenge.longest_window_hours)
    due = _sorted(rounds)
    told = _sorted(rounds.merge(truths[ROUND], on=ROUND))
    return {
        instant: is_of_record(challenge, instant)
        and instant <= stored_until
        and _count(due, instant - longest, instant) == _count(told, instant - longest, instant)
        for instant in as_of
    }


def untold_rounds(
    challenge: Challenge, rounds: pd.DataFrame, truths: pd.DataFrame, as_of: datetime
) -> pd.DataFrame:
    """Of the rounds that a board at an instant counts, those without a truth, earliest first.

    The frames are those of :func:`final_boards`.
    """
    after = as_of - timedelta(hours=challenge.longest_window_hours)
    due = rounds[(rounds["resolvable_at"] > after) & (rounds["resolvable_at"] <= as_of)]
    found = due.merge(truths[ROUND], on=ROUND, how="left", indicator="told")
    return found[found["told"] == "left_only"].sort_values(ROUND[::-1], ignore_index=True)


def is_of_record(challenge: Challenge, as_of: datetime) -> bool:
    """Whether the instant ends a batch window; boards in between are interim."""
    return window_of(as_of, challenge.window_length).start == as_of


def _sorted(rounds: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(rounds["resolvable_at"].sort_values())


def _count(instants: pd.DatetimeIndex, after: datetime, until: datetime) -> int:
    first, stop = (instants.searchsorted(pd.Timestamp(t), side="right") for t in (after, until))
    return int(stop) - int(first)
