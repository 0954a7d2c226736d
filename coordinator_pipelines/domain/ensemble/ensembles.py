"""Ensembles computed from what the ledger holds: the one place that knows what they need of it.

Add here what must be read for answers; avoid what is computed from it (``weights``, ``ensemble``)
and what weights look back at (``lookback``).

What is read of the past is bounded by the longest trailing window, whatever the number of ensembles
and rounds. Nothing counts of a time that is not over for the rounds that it decides.
"""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ensemble.ensemble import (
    answer_rows,
    new_answers,
    newest_weights,
    weight_rows,
    weights_as_of,
)
from coordinator_pipelines.domain.ensemble.lookback import Lookback, SpanPast
from coordinator_pipelines.domain.ensemble.weights import Weights, everybody, weights
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.timeline.window import Window


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
        self._lookback = Lookback(challenge, ledger, mode)

    def compute(self, span: Window, now: datetime) -> Computed:
        """Add what is new of the span's answers, and the weights that they rest on.

        While the span is open, the weights of rounds to come are added too.
        """
        stored = self._ledger.predictions(self._mode, span.start, span.end)
        predictions = stored[is_unchanged(stored)]
        truths = self._ledger.ground_truths(span.start, span.end)
        newest = [newest_weights(self._challenge, now)] if span.end > now else []
        past = self._past(predictions, newest)
        made: dict[tuple[str, datetime], Weights] = {}
        rows = []
        for spec in self._challenge.ensembles:

            def at(as_of: datetime, spec: EnsembleSpec = spec) -> Weights:
                if past is None or not spec.looks_back:
                    return everybody(as_of)
                key = (spec.model_id, as_of)
                if key not in made:
                    made[key] = self._weights(spec, past, as_of)
                return made[key]

            for as_of in newest:
                at(as_of)
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

    def _weights(self, spec: EnsembleSpec, past: SpanPast, as_of: datetime) -> Weights:
        least = spec.minimum_samples or self._challenge.ranking.minimum_samples
        return weights(spec, past.known(spec, as_of), as_of, least, self._rules.weigh)

    def _past(self, predictions: pd.DataFrame, newest: list[datetime]) -> SpanPast | None:
        """The past of all instants that rounds, and ``newest``, need weights of."""
        asked = predictions["performed_at"].agg(["min", "max"]).dropna()
        needed = [weights_as_of(self._challenge, at.to_pydatetime()) for at in asked] + newest
        return self._lookback.over(min(needed), max(needed)) if needed else None
