"""What each model adds to the challenge's ensembles, with an interval.

Add here what is told of contributions; avoid the answers that they rest on (``domain.ensemble``).

A contribution is the mean, over the rounds of an ensemble in the window that ranks, of its score
less its score without the model, turned so that more is better. Where a model had no weight it
added nothing, so a round that it left out counts as 0.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.blocks import block_length
from coordinator_pipelines.domain.certainty.bootstrap import Bootstrap
from coordinator_pipelines.domain.certainty.influence import estimate
from coordinator_pipelines.domain.certainty.series import ScoreSeries, joined
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ensemble.ensemble import as_scores
from coordinator_pipelines.domain.leaderboard.ranking import Entry, key_window
from coordinator_pipelines.domain.leaderboard.sure_boards import too_costly
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.days import ByDay
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import Window, trailing
from coordinator_pipelines.domain.values.content import content_hash

Told = dict[str, dict[str, Any]]

DIGITS = 8


@dataclass(frozen=True, slots=True)
class _Rounds:
    """An ensemble's rounds: what each model added, and its weight, in matrices of one shape."""

    added: ScoreSeries
    weight: ScoreSeries


class Contributions:
    """Tells what models add to ensembles, for boards of one mode in ascending order."""

    def __init__(
        self, challenge: Challenge, ledger: Ledger, mode: Mode, models: Sequence[str]
    ) -> None:
        self._challenge, self._ledger, self._mode = challenge, ledger, mode
        self._models = sorted(models)
        self._configs = [config.id for config in challenge.configs]
        self._sign = 1.0 if challenge.score_direction == "desc" else -1.0
        self._days = ByDay(self._read)

    def tell(self, entries: Sequence[Entry], as_of: datetime) -> tuple[Told, dict[str, Any]]:
        """Of each model ``{ensemble: {"value", "interval", "rounds", "weight"}}``, and facts.

        ``rounds``: those of the ensemble in the window. ``weight``: the mean over them. Facts are
        ``{"window", "level", "reason"}``, with the reason why nothing is told of a board.
        """
        challenge = self._challenge
        name = key_window(challenge, challenge.ranking.key)
        facts = {"window": name, "level": challenge.certainty.level, "reason": None}
        reason = too_costly(challenge, self._mode, entries, as_of)
        if reason:
            return {}, {**facts, "reason": reason}
        span = trailing(as_of, challenge.trailing_windows_hours[name])
        days = self._days.over(*span)
        told: Told = {entry["model_id"]: {} for entry in entries}
        for spec in challenge.ensembles:
            parts = [day[spec.model_id] for day in days]
            added = joined([part.added for part in parts])
            weight = joined([part.weight for part in parts])
            inside = _inside(added, *map(microseconds, span))
            for model, own in self._of_ensemble(added.rows(inside), weight.rows(inside)).items():
                if model in told:
                    told[model][spec.name] = own
        return told, facts

    def _of_ensemble(self, added: ScoreSeries, weight: ScoreSeries) -> Told:
        if len(added) == 0:
            return {}
        sure = self._challenge.certainty
        own = estimate(added, "mean")
        values = [_number(value) for value in own.value]
        seed = int(content_hash([added.models, len(added), values])[:16], 16)
        moving = own.influence[:, own.influence.any(axis=0)]
        bootstrap = Bootstrap(len(added), block_length(moving, added.overlap), sure.draws, seed)
        ends = None
        if bootstrap.is_possible:
            ends = bootstrap.intervals(own.value, own.influence, sure.level)
        means = weight.values.mean(axis=0)
        return {
            model: {
                "value": values[k],
                "interval": None if ends is None else [_number(end) for end in ends[:, k]],
                "rounds": len(added),
                "weight": _number(means[k]),
            }
            for k, model in enumerate(added.models)
        }

    def _read(self, day: Window) -> dict[str, _Rounds]:
        answers = self._ledger.ensemble_answers_resolved(
            self._mode, day.start, day.end, members=True
        )
        scored = as_scores(answers)
        scored = scored[scored["rule"] == "scorer"]
        return {
            spec.model_id: self._rounds(scored[scored["model_id"] == spec.model_id])
            for spec in self._challenge.ensembles
        }

    def _rounds(self, answers: pd.DataFrame) -> _Rounds:
        """Of a round in which nothing would be left without a model, nothing is known of it."""
        config = pd.Index(self._configs).get_indexer(pd.Index(answers["prediction_config_id"]))
        performed, resolvable = (
            answers[name].to_numpy("datetime64[us]").astype("int64")
            for name in ("performed_at", "resolvable_at")
        )
        order = np.lexsort((config, performed))
        order = order[config[order] >= 0]
        column = {model: k for k, model in enumerate(self._models)}
        added, weight = np.zeros((2, len(order), len(self._models)))
        rows = answers[["value", "members_json"]].iloc[order].itertuples(index=False, name=None)
        for row, (value, text) in enumerate(rows):
            for model, (share, without) in json.loads(text).items():
                if model in column:
                    weight[row, column[model]] = share
                    known = np.nan if without is None else self._sign * (value - without)
                    added[row, column[model]] = known
        of = (tuple(self._models), len(self._configs))
        rounds = (performed[order], resolvable[order], config[order].astype(np.int64))
        return _Rounds(ScoreSeries(*of, *rounds, added), ScoreSeries(*of, *rounds, weight))


def _inside(series: ScoreSeries, after: int, until: int) -> NDArray[np.bool_]:
    return np.asarray((series.resolvable_at > after) & (series.resolvable_at <= until))


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
