"""Ground truths: what the outcome of each round was, version by version.

Add reads and writes of truths here; avoid how a truth is found.
"""

from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import GROUND_TRUTH_COLUMNS, Written
from coordinator_pipelines.domain.evidence.entry import truth_drafts
from coordinator_pipelines.storage import evidence_log
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.operation import due
from coordinator_pipelines.storage.store import Store, between
from coordinator_pipelines.storage.tables import ground_truths as table


class GroundTruths(Store):
    """Reads and writes of ground truths."""

    def ground_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest truth of each round, whatever its state: GROUND_TRUTH_COLUMNS."""
        window = between(table.c.performed_at, start, end)
        return self._newest(table, GROUND_TRUTH_COLUMNS, *window)

    def truth_versions(self, start: datetime, end: datetime) -> pd.DataFrame:
        """All versions of the truths with ``start <= performed_at < end``: GROUND_TRUTH_COLUMNS."""
        window = between(table.c.performed_at, start, end)
        return self._read(table, GROUND_TRUTH_COLUMNS, *window)

    def newest_truth(self) -> datetime | None:
        """The last ``resolvable_at`` of a round that has a truth, whatever its state."""
        return self._last(table.c.resolvable_at)

    def add_ground_truths(self, truths: pd.DataFrame) -> Written:
        """Add truth versions; those with ``version`` above 1 count as revised."""
        with self._database.writing(table.name) as connection:
            new = reads.unstored(connection, table, truths)
            written = bulk.add(connection, table, truths)
            due.settle(connection, truths)
            drafts = truth_drafts(evidence_log.challenge_of(connection), new)
            evidence_log.append(connection, drafts, self._notary)
        return written
