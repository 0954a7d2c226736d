"""Scores, and the statistics that trailing windows are added up from.

Add reads and writes of scores here; avoid the sums themselves (``domain.score.statistics``) and
scoring rules. Statistics are recomputed from the newest scores of their buckets, never updated
in place, so they depend on what is stored and not on the order in which it came.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Connection

from coordinator_pipelines.domain.doors.ledger import (
    SCORE_COLUMNS,
    SCORE_VALUE_COLUMNS,
    STATISTIC_COLUMNS,
    Mode,
    Written,
)
from coordinator_pipelines.domain.score.statistics import GROUP, score_statistics
from coordinator_pipelines.domain.timeline.window import Window, batches, bucket_end
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.operation import due
from coordinator_pipelines.storage.store import Store, after_until, of_models, performed_in
from coordinator_pipelines.storage.tables import score_statistics as statistic_table
from coordinator_pipelines.storage.tables import scores as score_table

COUNTED = (
    "mode", "prediction_config_id", "performed_at", "model_id", "version", "resolvable_at",
    "status", "value", "rule",
)  # fmt: skip
BUCKETS_PER_READ = 168
"""Bounds the memory of a recomputation over a long stretch of scores."""
SUMS = [name for name in STATISTIC_COLUMNS if name not in GROUP]


class Scores(Store):
    """Reads and writes of scores and their statistics."""

    _statistics_bucket: timedelta

    def newest_score(self, mode: Mode) -> datetime | None:
        """The last ``resolvable_at`` of a cell that has a score, whatever its state."""
        return self._last(score_table.c.resolvable_at, score_table.c.mode == mode)

    def scores(self, mode: Mode, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest version of each cell's score by ``performed_at``."""
        conditions = performed_in(score_table, mode, start, end)
        return self._newest(score_table, SCORE_COLUMNS, *conditions)

    def scores_resolved(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest version of each cell's score with ``after < resolvable_at <= until``."""
        conditions = after_until(score_table, "resolvable_at", mode, after, until)
        return self._newest(score_table, SCORE_COLUMNS, *conditions)

    def score_values(
        self,
        mode: Mode,
        after: datetime,
        until: datetime,
        model_ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """``scores_resolved`` with fewer columns, of some models: SCORE_VALUE_COLUMNS."""
        conditions = (
            *after_until(score_table, "resolvable_at", mode, after, until),
            *of_models(score_table, model_ids),
        )
        return self._newest(score_table, SCORE_VALUE_COLUMNS, *conditions)

    def add_scores(self, scores: pd.DataFrame) -> Written:
        """Add score versions; recompute the statistics of the buckets that they touch."""
        with self._database.writing(score_table.name) as connection:
            new = reads.unstored(connection, score_table, scores)
            written = bulk.add_new(connection, score_table, new)
            if written.added:
                self._refresh_statistics(connection, scores)
                due.settle(connection, scores[scores["mode"] == Mode.LIVE])
        return written

    def score_statistics(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Statistics of the buckets with ``after < bucket_end <= until``: STATISTIC_COLUMNS."""
        conditions = after_until(statistic_table, "bucket_end", mode, after, until)
        with self._database.reading() as connection:
            return reads.read(connection, statistic_table, STATISTIC_COLUMNS, *conditions)

    def _refresh_statistics(self, connection: Connection, scores: pd.DataFrame) -> None:
        length = self._statistics_bucket
        for mode, resolvable_at in scores.groupby("mode")["resolvable_at"]:
            ends = bucket_end(resolvable_at.drop_duplicates(), length).unique()
            buckets = [Window(end - length, end) for end in ends]
            for group in batches(buckets, BUCKETS_PER_READ):
                conditions = after_until(
                    score_table, "resolvable_at", Mode(str(mode)), group[0].start, group[-1].end
                )
                counted = reads.newest(connection, score_table, COUNTED, *conditions)
                statistics = score_statistics(counted, length)
                bulk.merge(connection, statistic_table, statistics, SUMS)
