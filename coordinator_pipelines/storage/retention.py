"""Retention: deleting old feed records, and what live operation noted of itself.

Add here what may be deleted by age; predictions, truths, scores and boards never are. Avoid
deciding how old is old: the caller knows the challenge.

Rows go in batches, a short transaction each, with a pause in between: a live capture that waits
for its turn gets it.
"""

import time
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, delete, func, select

from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import (
    captures,
    feed_records,
    round_leases,
    round_timings,
)

BATCH_ROWS = 10_000
PAUSE_SECONDS = 0.1


class Retention(Store):
    """Deletions by age."""

    def prune_feed_records(self, before: datetime) -> int:
        """Delete all versions of records with ``ended_at < before``; how many rows they were."""
        before, deleted = as_utc(before), 0
        subject = self._subject_after("")
        while subject is not None:
            own = feed_records.c.subject == subject
            deleted += self._delete(feed_records.c.ended_at, before, own)
            subject = self._subject_after(subject)
        return deleted

    def prune_operation(self, before: datetime) -> int:
        """Delete leases and timings of rounds before an instant, and captures over by then."""
        before = as_utc(before)
        deleted = self._delete(round_leases.c.performed_at, before)
        deleted += self._delete(round_timings.c.performed_at, before)
        with self._database.writing() as connection:
            return deleted + _delete_captures(connection, before)

    def _subject_after(self, subject: str) -> str | None:
        """The next subject in order: a seek, where a list of all would read every record."""
        column = feed_records.c.subject
        statement = select(func.min(column)).where(column > subject)
        with self._database.reading() as connection:
            return connection.execute(statement).scalar()

    def _delete(
        self, instant: Column[datetime], before: datetime, *scope: ColumnElement[bool]
    ) -> int:
        """Delete the rows of the scope with ``instant < before``, the oldest first."""
        old, deleted = (*scope, instant < before), 0
        bound = select(instant).where(*old).order_by(instant).offset(BATCH_ROWS - 1).limit(1)
        while True:
            with self._database.writing() as connection:
                last = connection.execute(bound).scalar()
                batch = old if last is None else (*scope, instant <= last)
                deleted += connection.execute(delete(instant.table).where(*batch)).rowcount
            if last is None:
                return deleted
            time.sleep(PAUSE_SECONDS)


def _delete_captures(connection: Connection, before: datetime) -> int:
    own = captures.c
    first = select(own.run_id).order_by(own.span_start, own.run_id).limit(1)
    newest = select(own.run_id).order_by(own.started_at.desc(), own.run_id.desc()).limit(1)
    kept = [connection.execute(one).scalar() for one in (first, newest)]
    over: Any = func.coalesce(own.ended_at, own.alive_until) < before
    return connection.execute(delete(captures).where(over, own.run_id.not_in(kept))).rowcount
