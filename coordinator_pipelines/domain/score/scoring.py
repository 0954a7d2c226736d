"""Scores of a span computed from what the ledger holds: the one place that knows what they need.

Add here what must be read for a score; avoid what is computed from it (``score``).
"""

from dataclasses import dataclass

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, Written
from coordinator_pipelines.domain.score.score import new_versions, score_batch
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores the predictions of one mode against the newest truths."""

    challenge: Challenge
    rules: Rules
    ledger: Ledger
    mode: Mode
    run_id: str

    def score(self, span: Window) -> tuple[pd.DataFrame, pd.DataFrame, Written]:
        """Add what is new of the span's scores; the predictions and truths it was made of."""
        predictions = self.ledger.predictions(self.mode, span.start, span.end)
        truths = self.ledger.ground_truths(span.start, span.end)
        scored = score_batch(self.challenge, self.rules, predictions, truths, run_id=self.run_id)
        stored = self.ledger.scores(self.mode, span.start, span.end)
        return predictions, truths, self.ledger.add_scores(new_versions(scored, stored))
