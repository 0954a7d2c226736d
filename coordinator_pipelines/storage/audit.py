"""Reads of an audit: one state of the database, and when rows were written.

Add reads of ``domain.doors.books`` here; avoid comparing anything.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, Table, func, select

from coordinator_pipelines.domain.doors.books import Books
from coordinator_pipelines.domain.doors.evidence import Kind
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.report import BOARD_COLUMNS, POINT_COLUMNS
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.store import Store, after_until, between, performed_in
from coordinator_pipelines.storage.tables import (
    evidence_entries,
    feed_records,
    ground_truths,
    leaderboards,
    model_memberships,
    model_scores,
    rounds,
    scores,
)


class AuditReads(Store, Books):
    """The reads of ``domain.doors.books`` that nothing else needs."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Until it ends, reads see one state, and every write raises ``LedgerError``."""
        return self._database.snapshot()

    def published(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest model scores with ``after < as_of <= until``: POINT_COLUMNS."""
        conditions = after_until(model_scores, "as_of", mode, after, until)
        return self._newest(model_scores, POINT_COLUMNS, *conditions)

    def published_boards(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest boards with ``after < as_of <= until``: BOARD_COLUMNS."""
        conditions = after_until(leaderboards, "as_of", mode, after, until)
        return self._newest(leaderboards, BOARD_COLUMNS, *conditions)

    def last_resolved_at(self, mode: Mode, after: datetime, until: datetime) -> datetime | None:
        """When the last truth, or score of the mode, with ``after < resolvable_at <= until`` came.

        That is when its row was written, whichever version it is.
        """
        due = ground_truths.c.resolvable_at
        written = (
            self._written(scores, *after_until(scores, "resolvable_at", mode, after, until)),
            self._written(ground_truths, due > as_utc(after), due <= as_utc(until)),
        )
        return max((at for at in written if at is not None), default=None)

    def last_member_at(self, mode: Mode) -> datetime | None:
        """When the last membership of the mode was written."""
        return self._written(model_memberships, model_memberships.c.mode == mode)

    def last_record_at(self, start: datetime, end: datetime) -> datetime | None:
        """When the last feed record with ``start <= ended_at < end`` was written."""
        return self._written(feed_records, *between(feed_records.c.ended_at, start, end))

    def first_asked_at(self, mode: Mode, start: datetime, end: datetime) -> datetime | None:
        """When the first round with ``start <= performed_at < end`` was written."""
        own = performed_in(rounds, mode, start, end)
        with self._database.reading() as connection:
            first: datetime | None = connection.scalar(
                select(func.min(rounds.c.created_at)).where(*own)
            )
        return first

    def positions_about(self, kinds: Collection[Kind], start: datetime, end: datetime) -> list[int]:
        """Where in the log the entries of kinds about instants in [start, end) are, ascending."""
        own = evidence_entries.c
        about = (own.kind.in_([kind.value for kind in kinds]), *between(own.at, start, end))
        with self._database.reading() as connection:
            found = connection.scalars(select(own.position).where(*about).order_by(own.position))
            return list(found)

    def _written(self, table: Table, *conditions: ColumnElement[bool]) -> datetime | None:
        with self._database.reading() as connection:
            last: datetime | None = connection.scalar(
                select(func.max(table.c.created_at)).where(*conditions)
            )
        return last
