"""Prediction batches: rounds, and what each model answered.

Add reads and writes of rounds and predictions here; avoid truths, scores and validation.
"""

from datetime import datetime
from secrets import token_bytes

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import (
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    Mode,
    RoundStatus,
    Written,
)
from coordinator_pipelines.domain.evidence.entry import prediction_drafts
from coordinator_pipelines.storage import evidence_log
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.operation import due
from coordinator_pipelines.storage.store import Store, performed_in
from coordinator_pipelines.storage.tables import predictions as prediction_table
from coordinator_pipelines.storage.tables import rounds as round_table

OUTPUT_COLUMNS = ("output_json", "raw_output_json", "answer_hash")


class PredictionBatches(Store):
    """Reads and writes of rounds and predictions."""

    def rounds(
        self, mode: Mode, start: datetime, end: datetime, *, inputs: bool = False
    ) -> pd.DataFrame:
        """Rounds of the window: ROUND_COLUMNS, without ``input_json`` if not ``inputs``."""
        names = [name for name in ROUND_COLUMNS if inputs or name != "input_json"]
        conditions = performed_in(round_table, mode, start, end)
        return self._read(round_table, names, *conditions)

    def newest_round(self, mode: Mode, status: RoundStatus | None = None) -> datetime | None:
        """The last ``performed_at`` of the mode's rounds (of those with the status)."""
        columns = round_table.c
        conditions = [columns.mode == mode]
        if status is not None:
            conditions.append(columns.status == status)
        return self._last(columns.performed_at, *conditions)

    def predictions(
        self, mode: Mode, start: datetime, end: datetime, *, outputs: bool = True
    ) -> pd.DataFrame:
        """Newest version of each cell; without JSON columns and hash if not ``outputs``."""
        names = [name for name in PREDICTION_COLUMNS if outputs or name not in OUTPUT_COLUMNS]
        conditions = performed_in(prediction_table, mode, start, end)
        return self._newest(prediction_table, names, *conditions)

    def add_prediction_batch(self, rounds: pd.DataFrame, predictions: pd.DataFrame) -> Written:
        """Add rounds and predictions, and commit to them; counts predictions added."""
        with self._database.writing(prediction_table.name) as connection:
            new_rounds = reads.unstored(connection, round_table, rounds)
            new = reads.unstored(connection, prediction_table, predictions)
            bulk.add(connection, round_table, rounds)
            due.list_as_open(connection, rounds)
            written = bulk.add_new(connection, prediction_table, new)
            challenge = evidence_log.challenge_of(connection)
            drafts = prediction_drafts(challenge, new_rounds, new, token_bytes)
            evidence_log.append(connection, drafts, self._notary)
            return written
