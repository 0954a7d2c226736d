"""What operators post: opened rounds with their features, and truths version by version.

Add reads and writes of either here; avoid what may be posted when.
"""

from datetime import datetime

import pandas as pd
from sqlalchemy import and_, select

from coordinator_pipelines.domain.doors.posted import OPENED_ROUND_COLUMNS, POSTED_TRUTH_COLUMNS
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.operation import due
from coordinator_pipelines.storage.store import Store, between
from coordinator_pipelines.storage.tables import (
    open_rounds,
    opened_rounds,
    posted_truths,
    round_leases,
)


class PostedRounds(Store):
    """Reads and writes of opened rounds and posted truths."""

    def opened_rounds(
        self, start: datetime, end: datetime, *, features: bool = False
    ) -> pd.DataFrame:
        """Rounds with ``start <= performed_at < end``; ``features_json`` only if asked for."""
        names = [name for name in OPENED_ROUND_COLUMNS if features or name != "features_json"]
        return self._read(opened_rounds, names, *between(opened_rounds.c.performed_at, start, end))

    def unclosed_rounds(self, now: datetime, *, leased: bool = False) -> pd.DataFrame:
        """Rounds that close after an instant, without features; only if asked for with a lease."""
        names = [name for name in OPENED_ROUND_COLUMNS if name != "features_json"]
        conditions = [opened_rounds.c.closes_at > as_utc(now)]
        if not leased:
            keys = ("performed_at", "prediction_config_id")
            same = and_(*(round_leases.c[name] == opened_rounds.c[name] for name in keys))
            conditions.append(~select(round_leases.c.run_id).where(same).exists())
        return self._read(opened_rounds, names, *conditions)

    def add_opened_round(self, opened: pd.DataFrame) -> bool:
        """Add one round (OPENED_ROUND_COLUMNS); False if the key was there already."""
        return bool(self._add(opened_rounds, opened).added)

    def posted_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """The newest truth of each round with ``start <= performed_at < end``."""
        window = between(posted_truths.c.performed_at, start, end)
        return self._newest(posted_truths, POSTED_TRUTH_COLUMNS, *window)

    def add_posted_truth(self, truth: pd.DataFrame, resolvable_at: datetime) -> bool:
        """Add one truth; in the same transaction the round is one that awaits work."""
        with self._database.writing(posted_truths.name) as connection:
            written = bulk.add(connection, posted_truths, truth)
            listed = truth.assign(resolvable_at=pd.Timestamp(as_utc(resolvable_at)))
            listed = listed.astype({"resolvable_at": "datetime64[us, UTC]"})
            bulk.add(connection, open_rounds, listed[due.OPEN_COLUMNS])
        return bool(written.added)
