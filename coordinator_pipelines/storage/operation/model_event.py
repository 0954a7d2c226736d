"""What happened to live models: joined, left, vanished, failed.

Add reads and writes of these events here; avoid memberships, which follow from them.
"""

from datetime import datetime

import pandas as pd
from sqlalchemy import CTE, func, select

from coordinator_pipelines.domain.doors.operation import MODEL_EVENT_COLUMNS
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
        models = _models()
        own = table.alias()
        last = select(func.max(own.c.at)).where(own.c.model_id == models.c.model_id)
        newest = select(models.c.model_id, last.scalar_subquery().label("at")).subquery()
        same = (table.c[name] == newest.c[name] for name in ("model_id", "at"))
        events = self._read(table, MODEL_EVENT_COLUMNS, *same).sort_values("model_id")
        return events.drop_duplicates("model_id", keep="last", ignore_index=True)


def _models() -> CTE:
    """Who has events: a seek for each, where a list of all would read every event."""
    models = select(func.min(table.c.model_id).label("model_id")).cte("models", recursive=True)
    following = select(func.min(table.c.model_id)).where(table.c.model_id > models.c.model_id)
    return models.union_all(
        select(following.scalar_subquery()).where(models.c.model_id.is_not(None))
    )
