"""What happened to live models: joined, left, vanished, failed.

Add reads and writes of these events here; avoid memberships, which follow from them.
"""

from datetime import datetime

import pandas as pd
from sqlalchemy import func, select, tuple_

from coordinator_pipelines.domain.operation import MODEL_EVENT_COLUMNS
from coordinator_pipelines.storage.store import Store, between
from coordinator_pipelines.storage.tables import model_events as table


class ModelEvents(Store):
    """Reads and writes of model events."""

    def add_model_events(self, events: pd.DataFrame) -> None:
        """Add what happened to models (MODEL_EVENT_COLUMNS); known ones are skipped."""
        self._add(table, events)

    def model_events(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Events with ``start <= at < end``, by (at, model_id): MODEL_EVENT_COLUMNS."""
        return self._read(table, MODEL_EVENT_COLUMNS, *between(table.c.at, start, end))

    def newest_model_events(self) -> pd.DataFrame:
        """The newest event of each model, by model; of several at one instant, any one."""
        last = select(table.c.model_id, func.max(table.c.at)).group_by(table.c.model_id)
        newest = tuple_(table.c.model_id, table.c.at).in_(last)
        events = self._read(table, MODEL_EVENT_COLUMNS, newest).sort_values("model_id")
        return events.drop_duplicates("model_id", keep="last", ignore_index=True)
