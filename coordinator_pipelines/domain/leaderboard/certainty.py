"""How sure a board is: intervals, ranks that might have been, tiers, from one set of draws.

Add here what a board says of its certainty; avoid the statistics (``domain.certainty``), and
reading scores (``boards``).

It is told of the statistic that ranks, in every trailing window. All of a window comes from the
same draws of blocks of rounds, whose seed is the board's own content: who computes the board again
gets the same digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.blocks import block_length
from coordinator_pipelines.domain.certainty.bootstrap import FEWEST_BLOCKS, Bootstrap
from coordinator_pipelines.domain.certainty.confidence_set import tiers
from coordinator_pipelines.domain.certainty.influence import Estimate, difference, estimate
from coordinator_pipelines.domain.certainty.ranks import (
    chance_of_rank,
    drawn_ranks,
    rank_intervals,
)
from coordinator_pipelines.domain.certainty.series import ScoreSeries
from coordinator_pipelines.domain.leaderboard.ranking import Entry, key_window
from coordinator_pipelines.domain.leaderboard.sequences import sequences
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import trailing
from coordinator_pipelines.domain.values.content import content_hash

Array = NDArray[np.float64]

CHANCES = (1, 3, 10)
"""The ranks k of which P(rank <= k) is told."""
DIGITS = 8
"""Significant digits that are told: the last bits of a root are not the same everywhere."""


def board_certainty(
    challenge: Challenge,
    entries: Sequence[Entry],
    series: ScoreSeries,
    as_of: datetime,
    *,
    ranked_by_key: bool = True,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What is told of each model, by its id, and of the board.

    Args:
        challenge: gives windows, ranking key, level, draws, baseline and bounds of scores.
        entries: of the board, the ranked ones first and in order.
        series: scores of at least the longest trailing window; may hold other models too.
        as_of: the board's instant.
        ranked_by_key: False: code of the challenge's own ranks, so nothing is said of ranks.

    Of a model: ``{"level", "windows": {name: {"rounds", "value", "interval", "to_leader",
    "to_baseline", "rank_interval", "chance_of_rank", "tier"}}, "sequence"}``; ``to_...`` are
    ``{"value", "interval"}`` over the rounds that both have. What is not known is null.

    Of the board: ``{"level", "draws", "baseline_model", "seed", "windows": {name: {"rounds",
    "overlap", "block_rounds", "reason"}}, "sequence"}``, with the reason why a window has no
    intervals.
    """
    listed = [entry["model_id"] for entry in entries if entry["model_id"] in series.models]
    ranked = [entry["model_id"] for entry in entries if entry["rank"] is not None]
    ranked = [model for model in ranked if model in listed]
    seed = int(content_hash({"entries": list(entries), "as_of": as_of.isoformat()})[:16], 16)
    own = series.of(listed)
    told: dict[str, dict[str, Any]] = {
        model: {"level": challenge.certainty.level, "windows": {}} for model in listed
    }
    facts: dict[str, Any] = {
        "level": challenge.certainty.level,
        "draws": challenge.certainty.draws,
        "baseline_model": challenge.baseline_model,
        "seed": f"{seed:016x}",
        "windows": {},
    }
    for name, hours in challenge.trailing_windows_hours.items():
        after, until = map(microseconds, trailing(as_of, hours))
        window = _Window(challenge, own.resolved_in(after, until), ranked, seed)
        facts["windows"][name] = window.facts()
        places = window.places(ranked) if ranked_by_key else {}
        for model, sayings in window.told(places).items():
            told[model]["windows"][name] = sayings
    by_model, facts["sequence"] = sequences(challenge, own, ranked, as_of)
    for model in listed:
        told[model]["sequence"] = by_model.get(model)
    return told, facts


def in_ranking_window(challenge: Challenge, entry: Entry) -> dict[str, Any]:
    """What a board tells of a model's certainty in the window that ranks; empty if nothing."""
    told = entry["score"].get("certainty") or {"windows": {}}
    window = key_window(challenge, challenge.ranking.key)
    return dict(told["windows"].get(window) or {})


@dataclass(frozen=True, slots=True)
class _Compared:
    """A statistic or a difference of each model, with its interval."""

    value: Array
    interval: Array | None

    def of(self, k: int) -> dict[str, Any] | None:
        value = _number(self.value[k])
        return None if value is None else {"value": value, "interval": self.ends(k)}

    def ends(self, k: int) -> list[float | None] | None:
        if self.interval is None or np.isnan(self.interval[:, k]).any():
            return None
        return [_number(end) for end in self.interval[:, k]]


class _Window:
    """One trailing window of a board."""

    def __init__(
        self, challenge: Challenge, series: ScoreSeries, ranked: Sequence[str], seed: int
    ) -> None:
        self._series, self._level = series, challenge.certainty.level
        self._statistic = challenge.metric(challenge.ranking.key).statistic
        self._sign = 1.0 if challenge.ranking.direction == "desc" else -1.0
        self._own = estimate(series, self._statistic)
        leader = self._against(ranked[0] if ranked else None)
        baseline = self._against(challenge.baseline_model)
        moving = [self._own] if leader is None else [self._own, leader]
        columns = np.hstack([one.influence[:, one.influence.any(axis=0)] for one in moving])
        self._length = block_length(columns, series.overlap)
        self._bootstrap = Bootstrap(len(series), self._length, challenge.certainty.draws, seed)
        self._common = self._own if leader is None else leader
        every = [self._own, leader, baseline]
        # Counting what is drawn takes longest, so all is drawn at once.
        self._moves = self._drawn([one for one in every if one is not None])
        self._scores = self._compared(self._own, 0)
        self._to_leader = None if leader is None else self._compared(leader, 1)
        self._to_baseline = None if baseline is None else self._compared(baseline, -1)
        self._leader = ranked[0] if ranked else None
        self._baseline = challenge.baseline_model

    def facts(self) -> dict[str, Any]:
        """What the intervals of the window rest on."""
        rounds, possible = len(self._series), self._bootstrap.is_possible
        reason = (
            f"{rounds} rounds hold fewer than {FEWEST_BLOCKS} blocks of {self._length}, within "
            "which scores depend on each other"
        )
        return {
            "rounds": rounds,
            "overlap": self._series.overlap,
            "block_rounds": self._length,
            "reason": None if possible else reason,
        }

    def told(self, places: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What is told of each model; ``places``: what :meth:`places` tells."""
        counts = (~np.isnan(self._series.values)).sum(axis=0)
        nowhere = {"rank_interval": None, "chance_of_rank": None, "tier": None}
        return {
            model: {
                "rounds": int(counts[k]),
                "value": _number(self._scores.value[k]),
                "interval": self._scores.ends(k),
                "to_leader": _other(self._to_leader, k, model, self._leader),
                "to_baseline": _other(self._to_baseline, k, model, self._baseline),
                **places.get(model, nowhere),
            }
            for k, model in enumerate(self._series.models)
        }

    def _against(self, other: str | None) -> Estimate | None:
        if other is None or other not in self._series.models:
            return None
        return difference(self._series, self._statistic, other)

    def _drawn(self, told: Sequence[Estimate]) -> list[Array]:
        """The moves of each estimate; none where there are too few rounds."""
        if not self._bootstrap.is_possible:
            return []
        moves = self._bootstrap.moves(np.hstack([one.influence for one in told]))
        return np.split(moves, len(told), axis=1)

    def _compared(self, told: Estimate, place: int) -> _Compared:
        if not self._moves:
            return _Compared(told.value, None)
        ends = self._bootstrap.intervals(
            told.value, told.influence, self._level, self._moves[place]
        )
        return _Compared(told.value, ends)

    def places(self, ranked: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Rank intervals, chances and tiers of the ranked models that have a value here."""
        if not self._moves:
            return {}
        places = [self._series.models.index(model) for model in ranked]
        places = [k for k in places if not np.isnan(self._own.value[k])]
        values = self._sign * self._own.value[places]
        order = np.argsort(-values, kind="stable")
        places = [places[k] for k in order]
        values = values[order]
        wider = self._bootstrap.common_widening(self._common.influence, self._level)
        moves = self._moves[0][:, places] * (self._sign * wider)
        ranks = drawn_ranks(values + moves)
        ends = rank_intervals(ranks, self._level) if places else np.empty((2, 0), dtype=np.int64)
        chances = {k: chance_of_rank(ranks, k) for k in CHANCES}
        tier = tiers(values, moves, self._level)
        return {
            self._series.models[place]: {
                "rank_interval": ends[:, k].tolist(),
                "chance_of_rank": {str(at): _number(share[k]) for at, share in chances.items()},
                "tier": int(tier[k]),
            }
            for k, place in enumerate(places)
        }


def _other(
    compared: _Compared | None, k: int, model: str, other: str | None
) -> dict[str, Any] | None:
    """A difference to another model; a model has none to itself."""
    return None if compared is None or model == other else compared.of(k)


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
