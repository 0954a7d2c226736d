"""Ensembles computed from what the ledger holds: the one place that knows what they need of it.

Add here what must be read for weights and answers; avoid what is computed from it (``weights``,
``ensemble``).

What is read of the past is bounded by ``window_hours``, and every day of it is read once in a run.
Nothing is read of a time that is not over for the rounds that it decides.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ensemble.ensemble import (
    answer_rows,
    new_answers,
    newest_weights,
    weight_rows,
)
from coordinator_pipelines.domain.ensemble.past import Past, joined, past_of
from coordinator_pipelines.domain.ensemble.weights import Known, Weights, everybody, weights
from coordinator_pipelines.domain.membership.standing import histories
from coordinator_pipelines.domain.model_score.model_score import statistics_of
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.model_score.window_sums import WindowSums
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.timeline.days import ByDay
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import Window, trailing

LOWER_IS_BETTER = ("volatility",)


@dataclass(frozen=True, slots=True)
class Computed:
    """What a run did to a span of rounds."""

    answers: pd.DataFrame
    """All answers of the span as they are stored now."""
    weights: pd.DataFrame
    """The weights that they rest on, and the newest."""
    added: int


class EnsembleStage:
    """Computes the ensembles of one mode, for spans asked for in ascending order."""

    def __init__(
        self, challenge: Challenge, rules: Rules, ledger: Ledger, mode: Mode, run_id: str
    ) -> None:
        self._challenge, self._rules, self._ledger = challenge, rules, ledger
        self._mode, self._run_id = mode, run_id
        self._configs = [config.id for config in challenge.configs]
        members = histories(ledger.memberships(mode))
        self._models = tuple(member.model_id for member in members)
        self._days = ByDay(self._read)

    def compute(self, span: Window, now: datetime) -> Computed:
        """Add what is new of the span's answers, and the weights that they rest on.

        While the span is open, the weights of rounds to come are added too.
        """
        stored = self._ledger.predictions(self._mode, span.start, span.end)
        predictions = stored[is_unchanged(stored)]
        truths = self._ledger.ground_truths(span.start, span.end)
        made: dict[tuple[str, datetime], Weights] = {}
        rows = []
        for spec in self._challenge.ensembles:

            def at(as_of: datetime, spec: EnsembleSpec = spec) -> Weights:
                if not spec.looks_back:
                    return everybody(as_of)
                key = (spec.model_id, as_of)
                if key not in made:
                    made[key] = self._weights(spec, as_of)
                return made[key]

            if spec.looks_back and span.end > now:
                at(newest_weights(self._challenge, now))
            rows.append(
                answer_rows(
                    self._challenge, self._rules, spec.model_id, predictions, truths, at,
                    run_id=self._run_id,
                )
            )  # fmt: skip
        return self._written(span, weight_rows(self._mode, made, self._run_id), pd.concat(rows))

    def _written(self, span: Window, weighed: pd.DataFrame, rows: pd.DataFrame) -> Computed:
        known = self._ledger.ensemble_answers(self._mode, span.start, span.end)
        instants = [at.to_pydatetime() for at in weighed["as_of"].unique()]
        known_weights = self._ledger.ensemble_weights(self._mode, instants)
        new = new_answers(rows, known)
        added = self._ledger.add_ensembles(new_versions_as_of(weighed, known_weights), new)
        return Computed(
            self._ledger.ensemble_answers(self._mode, span.start, span.end),
            self._ledger.ensemble_weights(self._mode, instants),
            added,
        )

    def _weights(self, spec: EnsembleSpec, as_of: datetime) -> Weights:
        hours = spec.window_hours or self._challenge.longest_window_hours
        least = spec.minimum_samples or self._challenge.ranking.minimum_samples
        return weights(spec, self._known(spec, as_of, hours), as_of, least, self._rules.weigh)

    def _known(self, spec: EnsembleSpec, as_of: datetime, hours: int) -> Known:
        after, until = trailing(as_of, hours)
        statistics = self._ledger.score_statistics(self._mode, after, until)
        sums = WindowSums(self._challenge, statistics, self._models, [as_of]).window(as_of, hours)
        quality = statistics_of(sums)[spec.filter_by or "mean"].mean(axis=1)
        samples = (sums["n"] - sums["n_imputed"]).sum(axis=1).astype(np.int64)
        reads_answers = spec.strategy in ("inverse_variance", "log_score")
        return Known(
            self._models,
            samples,
            quality * self._sign(spec),
            None if spec.threshold is None else spec.threshold * self._sign(spec),
            self._past(after, until) if reads_answers else None,
            self._scores(after, until) if spec.strategy == "author" else None,
        )

    def _sign(self, spec: EnsembleSpec) -> float:
        """1 where a higher value of the filter's statistic is better, else -1."""
        statistic = spec.filter_by or "mean"
        if statistic in ("mean", "mean_return"):
            return 1.0 if self._challenge.score_direction == "desc" else -1.0
        return -1.0 if statistic in LOWER_IS_BETTER else 1.0

    def _past(self, after: datetime, until: datetime) -> Past:
        whole = joined(self._days.over(after, until))
        return whole.between(microseconds(after), microseconds(until))

    def _read(self, day: Window) -> Past:
        """The rounds that were resolvable in a day, both ends included; asked before or in it."""
        farthest = max(config.cadence.horizon for config in self._challenge.configs)
        start = day.start - farthest
        predictions = self._ledger.predictions(self._mode, start, day.end)
        due = predictions["resolvable_at"]
        predictions = predictions[(due > day.start) & (due <= day.end)]
        predictions = predictions[is_unchanged(predictions)]
        truths = self._ledger.ground_truths(start, day.end)
        return past_of(predictions, truths, self._configs, self._models)

    def _scores(self, after: datetime, until: datetime) -> pd.DataFrame:
        """Scores by round and model, for an author's callable."""
        values = self._ledger.score_values(self._mode, after, until)
        table = values.pivot(
            index=["performed_at", "prediction_config_id"], columns="model_id", values="value"
        )
        return table.reindex(columns=list(self._models)).droplevel("prediction_config_id")
