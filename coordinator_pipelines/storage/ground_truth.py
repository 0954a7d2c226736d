"""Ground truths: what the outcome of each round was, version by version.

Add reads and writes of truths here; avoid how a truth is found.
"""

from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.ledger import GROUND_TRUTH_COLUMNS, Written
from coordinator_pipelines.domain.round import as_utc
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import ground_truths as table


class GroundTruths(Store):
    """Reads and writes of ground truths."""

    def ground_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest truth of each round, whatever its state: GROUND_TRUTH_COLUMNS."""
        performed_at = table.c.performed_at
        conditions = (performed_at >= as_utc(start), performed_at < as_utc(end))
        return self._newest(table, GROUND_TRUTH_COLUMNS, *conditions)

    def add_ground_truths(self, truths: pd.DataFrame) -> Written:
        """Add truth versions; those with ``version`` above 1 count as revised."""
        return self._add(table, truths)
