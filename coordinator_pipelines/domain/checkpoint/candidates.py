"""What a checkpoint is paid on: a board as it is ranked, another metric of it, or a mean of boards.

Add a basis here; avoid who of the candidates is paid (``payees``). There is no second ranking:
models come in the order of the board itself, unless the spec names something else that decides.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from coordinator_pipelines.domain.checkpoint.payees import Candidate, deciding
from coordinator_pipelines.domain.leaderboard.certainty import in_ranking_window
from coordinator_pipelines.domain.leaderboard.ranking import (
    Entry,
    direction_of,
    first_joined,
    sortable,
    values_that_rank,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import Direction
from coordinator_pipelines.domain.values.percent import percent


def candidates(challenge: Challenge, boards: Sequence[Sequence[Entry]]) -> list[Candidate]:
    """Every model of the last board, best first; those that cannot be paid with the reason.

    ``boards``: the entries of the period's boards in order; the basis ``board`` needs the last.
    """
    if challenge.emission.basis == "mean_of_boards":
        return _ordered(_means(challenge, boards))
    entries = boards[-1]
    if challenge.emission.metric is not None:
        return _ordered(_by_metric(challenge, entry) for entry in entries)
    return [
        Candidate(
            entry,
            entry["score"]["ranking"]["value"],
            entry["score"]["ranking"]["direction"],
            _alike(challenge, entry),
        )
        for entry in entries
    ]


def _alike(challenge: Challenge, entry: Entry) -> tuple[Any, ...]:
    """What models that share places have in common."""
    if challenge.callables.LEADERBOARD_RANKER is not None:
        return (entry["rank"],)  # nobody knows what that code tells apart
    tier = in_ranking_window(challenge, entry).get("tier")
    if challenge.emission.ties == "tier" and tier is not None:
        return ("tier", tier)
    return values_that_rank(entry)


def _by_metric(challenge: Challenge, entry: Entry) -> Candidate:
    value = _value(challenge, entry)
    unpaid = None if value is not None else f"no value for {deciding(challenge)}"
    return Candidate(entry, value, _direction(challenge, entry), (value,), unpaid)


def _means(challenge: Challenge, boards: Sequence[Sequence[Entry]]) -> Iterator[Candidate]:
    """Of each model of the last board, the mean over the boards on which it is ranked."""
    found: dict[str, list[float]] = {}
    for entries in boards:
        for entry in entries:
            value = _value(challenge, entry)
            if entry["rank"] is not None and value is not None:
                found.setdefault(entry["model_id"], []).append(value)
    least = challenge.emission.presence
    for entry in boards[-1]:
        values = found.get(entry["model_id"], [])
        share = len(values) / len(boards)
        mean = math.fsum(values) / len(values) if values else None
        unpaid = None
        if entry["rank"] is not None and share < least:
            unpaid = f"ranked on {percent(share)} of the period's boards, {percent(least)} needed"
        yield Candidate(entry, mean, _direction(challenge, entry), (mean,), unpaid)


def _ordered(found: Iterator[Candidate]) -> list[Candidate]:
    return sorted(
        (replace(c, value=None) if c.entry["rank"] is None else c for c in found),
        key=lambda c: (*sortable(c.value, c.direction), *first_joined(c.entry)),
    )


def _value(challenge: Challenge, entry: Entry) -> float | None:
    score, metric = entry["score"], challenge.emission.metric
    value: float | None = score["metrics"].get(metric) if metric else score["ranking"]["value"]
    return value


def _direction(challenge: Challenge, entry: Entry) -> Direction:
    own: Direction = entry["score"]["ranking"]["direction"]
    metric = challenge.emission.metric
    return direction_of(challenge, metric, own) if metric else own
