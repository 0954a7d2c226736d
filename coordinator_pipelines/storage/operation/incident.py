"""Incidents: what was wrong from when to when, who was told, who has taken note.

Add reads and writes of incidents here; avoid what is wrong and telling anybody.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.operation import INCIDENT_COLUMNS
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import incidents as table

FOLLOWED = ("problem", "seen_at", "ended_at")
TOLD = ("told_at", "end_told_at")
SILENCED = ("silenced_at", "silenced_by", "reason")


class Incidents(Store):
    """Reads and writes of incidents."""

    def incidents(self, since: datetime) -> pd.DataFrame:
        """Those that last, or ended at or after an instant, by key: INCIDENT_COLUMNS."""
        ended_at = table.c.ended_at
        return self._read(table, INCIDENT_COLUMNS, ended_at.is_(None) | (ended_at >= as_utc(since)))

    def follow_incidents(self, incidents: pd.DataFrame) -> None:
        """Add incidents; of those that exist, update what is wrong and until when."""
        self._merge(incidents, FOLLOWED)

    def mark_told(self, incidents: pd.DataFrame) -> None:
        """Note when incidents, and their ends, were told."""
        self._merge(incidents, TOLD)

    def silence_incidents(self, incidents: pd.DataFrame) -> None:
        """Note who has taken note of incidents."""
        self._merge(incidents, SILENCED)

    def _merge(self, incidents: pd.DataFrame, columns: Sequence[str]) -> None:
        if len(incidents):
            with self._database.writing(table.name) as connection:
                bulk.merge(connection, table, incidents, columns)
