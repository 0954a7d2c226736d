"""What happened to seasons.

Add reads and writes of it here; avoid what is closed by it (``published``).
"""

import pandas as pd

from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.engine.database import take_turn
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import (
    checkpoint_events,
    checkpoints,
    leaderboards,
    model_scores,
    round_voids,
)
from coordinator_pipelines.storage.tables import season_events as table

CLOSED_BY_IT = (model_scores, leaderboards, checkpoints, checkpoint_events, round_voids)


class Seasons(Store):
    """Reads and writes of what happened to seasons."""

    def season_events(self) -> pd.DataFrame:
        """What happened to all seasons, of each in order: SEASON_EVENT_COLUMNS."""
        return self._read(table, SEASON_EVENT_COLUMNS)

    def add_season_event(self, event: pd.DataFrame) -> bool:
        """Add one; False if its sequence is taken. Writers of what it closes are waited for."""
        with self._database.writing(table.name) as connection:
            for closed in CLOSED_BY_IT:
                take_turn(connection, closed.name)
            return bool(bulk.add(connection, table, event).added)
