"""Rounds that count as expected of a model although it was no member: newcomers, returners.

Add here what widens the denominator of coverage; avoid what a missing round costs in score
(``missing_data``): these rounds have no score rows at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.membership.standing import History, histories
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gap:
    """[start, end): no member, yet expected in every board from ``end`` on."""

    model: int
    start: datetime
    end: datetime


def gaps(challenge: Challenge, models: Sequence[History]) -> Iterator[Gap]:
    """The gaps that the challenge counts; ``model`` is the position in ``models``."""
    policy = challenge.missing_data
    for position, model in enumerate(models):
        if policy.newcomers == "counted":
            yield Gap(position, _ALWAYS, model.stays[0].joined_at)
        if policy.rejoining == "counted":
            for left, back in zip(model.stays[:-1], model.stays[1:], strict=True):
                if left.left_at is not None and left.left_at < back.joined_at:
                    yield Gap(position, left.left_at, back.joined_at)


def scorable_span(
    challenge: Challenge, memberships: pd.DataFrame, as_of: Sequence[datetime]
) -> tuple[datetime, datetime] | None:
    """[start, end) of ``performed_at`` for which :func:`gap_rounds` must know the rounds.

    None where no counted gap reaches into a trailing window: then it needs no rounds.
    """
    first = min(map(as_utc, as_of)) - timedelta(hours=challenge.longest_window_hours)
    start = first - max(config.cadence.horizon for config in challenge.configs)
    last = max(map(as_utc, as_of))
    reaching = [
        gap
        for gap in gaps(challenge, histories(memberships))
        if gap.end > start and gap.end <= last
    ]
    if not reaching:
        return None
    return max(start, min(gap.start for gap in reaching)), max(gap.end for gap in reaching)


def gap_rounds(
    challenge: Challenge,
    models: Sequence[History],
    rounds: pd.DataFrame | None,
    as_of: Sequence[datetime],
    hours: int,
) -> NDArray[np.int64]:
    """Rounds of counted gaps in (as_of - hours, as_of], as an array [as_of, model].

    ``rounds``: ``prediction_config_id, performed_at, resolvable_at`` of the rounds that were
    asked and have a FINAL truth, at least over :func:`scorable_span`; None means none.
    """
    counts = np.zeros((len(as_of), len(models)), dtype=np.int64)
    if rounds is None or len(rounds) == 0:
        return counts
    active = [config.id for config in challenge.configs]
    rounds = rounds[rounds["prediction_config_id"].isin(active)]
    ends = pd.DatetimeIndex(list(map(as_utc, as_of))).as_unit("us")
    starts = ends - pd.Timedelta(hours=hours)
    for gap in gaps(challenge, models):
        at = rounds["performed_at"]
        within = rounds.loc[(at >= gap.start) & (at < gap.end), "resolvable_at"]
        due = pd.DatetimeIndex(within.sort_values())
        inside = due.searchsorted(ends, side="right") - due.searchsorted(starts, side="right")
        counts[:, gap.model] += np.where(ends >= pd.Timestamp(gap.end), inside, 0)
    return counts
