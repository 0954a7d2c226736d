"""A board's rows as people read them: places with ties, moves, and who is not ranked yet.

Add here what is told of a model beside its metrics; avoid ranking anybody (``domain.leaderboard``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coordinator_pipelines.api.board import UNRANKED, Board, LeaderboardRow
from coordinator_pipelines.api.certainty import WindowCertainty
from coordinator_pipelines.domain.leaderboard.ranking import key_window
from coordinator_pipelines.domain.spec.challenge import Challenge

FEWEST_DIGITS, MOST_DIGITS = 4, 8


@dataclass(frozen=True, slots=True)
class Standing:
    """One model of a board."""

    row: LeaderboardRow
    place: str
    """Its rank, with ``=`` if others share it; empty if it has none."""
    move: str
    """Places won or lost since the board before; empty if none, or if it had no rank."""
    skill: float | None
    """By how much its score is better than that of the baseline; None if that is not known."""
    answered: int
    """Its own scores in the ranking window."""
    coverage: float | None
    certainty: WindowCertainty | None
    """In the ranking window."""


def standings(challenge: Challenge, board: Board | None, before: Board | None) -> list[Standing]:
    """All models of a board, in its order. ``before``: the board of an earlier instant."""
    if board is None:
        return []
    places = _places(challenge, board.rows)
    earlier = {row.model_id: row.rank for row in before.rows} if before else {}
    level = _baseline(challenge, board.rows)
    window = key_window(challenge, challenge.ranking.key)
    told = []
    for row in board.rows:
        counts = row.windows.get(window)
        told.append(
            Standing(
                row,
                places.get(row.model_id, ""),
                _move(row.rank, earlier.get(row.model_id, UNRANKED)),
                _skill(challenge, row, level),
                counts.n - counts.n_imputed if counts else 0,
                counts.coverage if counts else None,
                row.certainty_in(window),
            )
        )
    return told


def ranked(told: Sequence[Standing]) -> list[Standing]:
    """Those who have a rank."""
    return [one for one in told if one.place]


def provisional(challenge: Challenge, told: Sequence[Standing]) -> list[Standing]:
    """Members with a score who lack only rounds, best first: nothing decides between them yet."""
    lacking = [
        one
        for one in told
        if not one.place
        and one.row.status == "active"
        and 0 < one.answered < challenge.ranking.minimum_samples
        and _score(challenge, one.row) is not None
    ]
    sign = -1 if challenge.ranking.direction == "desc" else 1
    return sorted(lacking, key=lambda one: sign * (_score(challenge, one.row) or 0.0))


def digits(challenge: Challenge, told: Sequence[Standing]) -> int:
    """How many digits after the point tell those apart who are not ranked alike."""
    scores = sorted({_score(challenge, one.row) or 0.0 for one in ranked(told)})
    for count in range(FEWEST_DIGITS, MOST_DIGITS):
        if all(f"{low:.{count}f}" != f"{high:.{count}f}" for low, high in pairwise(scores)):
            return count
    return MOST_DIGITS


def _places(challenge: Challenge, rows: Sequence[LeaderboardRow]) -> dict[str, str]:
    """The rank of each ranked model; models that are alike in all that ranks them share the first.

    Where an author's own code ranks, nobody knows what that is, and ranks are told as they are.
    """
    names = (challenge.ranking.key, *challenge.ranking.tie_breakers)
    own_rule = challenge.callables.LEADERBOARD_RANKER is not None
    shared: dict[object, list[LeaderboardRow]] = {}
    for row in (row for row in rows if row.rank != UNRANKED):
        values = tuple(row.score_metrics.get(name) for name in names)
        shared.setdefault(row.rank if own_rule else values, []).append(row)
    return {
        row.model_id: f"{alike[0].rank}{'=' if len(alike) > 1 else ''}"
        for alike in shared.values()
        for row in alike
    }


def _move(rank: int, before: int) -> str:
    if UNRANKED in (rank, before) or rank == before:
        return ""
    return (
        f"\N{BLACK UP-POINTING TRIANGLE} {before - rank}"
        if rank < before
        else (f"\N{BLACK DOWN-POINTING TRIANGLE} {rank - before}")
    )


def _score(challenge: Challenge, row: LeaderboardRow) -> float | None:
    value = row.score_metrics.get(challenge.ranking.key)
    return value if value is not None and math.isfinite(value) else None


def _baseline(challenge: Challenge, rows: Sequence[LeaderboardRow]) -> float | None:
    name = challenge.baseline_model
    return next((_score(challenge, row) for row in rows if row.model_id == name), None)


def _skill(challenge: Challenge, row: LeaderboardRow, level: float | None) -> float | None:
    own = _score(challenge, row)
    if own is None or level is None:
        return None
    return own - level if challenge.ranking.direction == "desc" else level - own
