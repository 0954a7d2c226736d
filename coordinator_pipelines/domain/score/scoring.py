"""Scores of a span computed from what the ledger holds: the one place that knows what they need.

Add here what must be read for a score, and whether it may be relied upon; avoid what is computed
from it (``score``).
"""

from dataclasses import dataclass

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, Written
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.score.score import new_versions, score_batch
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window


@dataclass(frozen=True, slots=True)
class Scored:
    """What scores were made of, and how many were added."""

    predictions: pd.DataFrame
    truths: pd.DataFrame
    changed: pd.DataFrame
    """The predictions that are not as they were stored; they were left out."""
    written: Written


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores the predictions of one mode against the newest truths."""

    challenge: Challenge
    rules: Rules
    ledger: Ledger
    mode: Mode
    run_id: str

    def score(self, span: Window) -> Scored:
        """Add what is new of the span's scores.

        A prediction that was changed since it was stored has no score of this run: a score that
        it has already, of what was answered, stays; nobody is charged for it.
        """
        stored = self.ledger.predictions(self.mode, span.start, span.end)
        unchanged = is_unchanged(stored)
        predictions = stored if unchanged.all() else stored[unchanged].reset_index(drop=True)
        truths = self.ledger.ground_truths(span.start, span.end)
        scored = score_batch(self.challenge, self.rules, predictions, truths, run_id=self.run_id)
        known = self.ledger.scores(self.mode, span.start, span.end)
        written = self.ledger.add_scores(new_versions(scored, known))
        return Scored(predictions, truths, stored[~unchanged], written)
