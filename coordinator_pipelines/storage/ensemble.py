"""Ensembles: their weights as of an instant, and what they answered, version by version.

Add reads and writes of ensembles here; avoid weights and answers themselves.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ensemble import (
    ENSEMBLE_ANSWER_COLUMNS,
    ENSEMBLE_WEIGHT_COLUMNS,
)
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.store import Store, after_until, at_instants, performed_in
from coordinator_pipelines.storage.tables import ensemble_answers as answer_table
from coordinator_pipelines.storage.tables import ensemble_weights as weight_table


class Ensembles(Store):
    """Reads and writes of ensembles."""

    def ensemble_weights(self, mode: str, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Newest weights at these instants: ENSEMBLE_WEIGHT_COLUMNS."""
        conditions = at_instants(weight_table, mode, as_of)
        return self._newest(weight_table, ENSEMBLE_WEIGHT_COLUMNS, *conditions)

    def ensemble_answers(self, mode: str, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest answers with ``start <= performed_at < end``: ENSEMBLE_ANSWER_COLUMNS."""
        conditions = performed_in(answer_table, Mode(mode), start, end)
        return self._newest(answer_table, ENSEMBLE_ANSWER_COLUMNS, *conditions)

    def ensemble_answers_resolved(
        self, mode: str, after: datetime, until: datetime, *, members: bool = False
    ) -> pd.DataFrame:
        """Newest answers with ``after < resolvable_at <= until``, without their outputs."""
        unwanted = {"output_json"} | (set() if members else {"members_json"})
        names = [name for name in ENSEMBLE_ANSWER_COLUMNS if name not in unwanted]
        conditions = after_until(answer_table, "resolvable_at", Mode(mode), after, until)
        return self._newest(answer_table, names, *conditions)

    def add_ensembles(self, weights: pd.DataFrame, answers: pd.DataFrame) -> int:
        """Add versions of both in one transaction; how many answers were added."""
        with self._database.writing(answer_table.name) as connection:
            bulk.add(connection, weight_table, weights)
            return bulk.add(connection, answer_table, answers).added
