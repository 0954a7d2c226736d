"""Pauses of prediction configs: from when to when an operator wanted no rounds.

Add reads and writes of pauses here; avoid what a pause means for a capture.
"""

import pandas as pd

from coordinator_pipelines.domain.doors.operation import PAUSE_COLUMNS
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import config_pauses as table


class Pauses(Store):
    """Reads and writes of pauses."""

    def pauses(self) -> pd.DataFrame:
        """All pauses, by (prediction_config_id, paused_at): PAUSE_COLUMNS."""
        return self._read(table, PAUSE_COLUMNS)

    def record_pause(self, pause: pd.DataFrame) -> None:
        """Add a pause (PAUSE_COLUMNS, one row), or update ``resumed_at`` of one that exists."""
        with self._database.writing() as connection:
            bulk.merge(connection, table, pause, ("resumed_at",))
