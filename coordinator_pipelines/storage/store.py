"""What the parts of the SQL ledger share: the database they read and write, and who signs for it.

Add here what every part needs; avoid anything about one table.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import Column, ColumnElement, Table, select

from coordinator_pipelines.domain.doors.ledger import Mode, Written
from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.engine.database import Database


class Store:
    """Base of the parts that make up ``SqlLedger``, one part per stage."""

    _database: Database
    _notary: Notary | None

    def _read(
        self, table: Table, names: Sequence[str], *conditions: ColumnElement[bool]
    ) -> pd.DataFrame:
        with self._database.reading() as connection:
            return reads.read(connection, table, names, *conditions)

    def _newest(
        self, table: Table, names: Sequence[str], *conditions: ColumnElement[bool]
    ) -> pd.DataFrame:
        with self._database.reading() as connection:
            return reads.newest(connection, table, names, *conditions)

    def _last(self, instant: Column[datetime], *conditions: ColumnElement[bool]) -> datetime | None:
        """The last instant of the rows that meet the conditions: one seek in the right index."""
        statement = select(instant).where(*conditions).order_by(instant.desc()).limit(1)
        with self._database.reading() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def _add(self, table: Table, frame: pd.DataFrame) -> Written:
        with self._database.writing(table.name) as connection:
            return bulk.add(connection, table, frame)


def performed_in(
    table: Table, mode: Mode, start: datetime, end: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Conditions: the mode's rows with ``start <= performed_at < end``."""
    return table.c.mode == mode, *between(table.c.performed_at, start, end)


def between(
    instant: ColumnElement[datetime], start: datetime, end: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Conditions: ``start <= instant < end``."""
    return instant >= as_utc(start), instant < as_utc(end)


def after_until(
    table: Table, instant: str, mode: Mode, after: datetime, until: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Conditions: the mode's rows with ``after < instant <= until``."""
    column = table.c[instant]
    return table.c.mode == mode, column > as_utc(after), column <= as_utc(until)


def at_instants(
    table: Table, mode: str, as_of: Sequence[datetime]
) -> tuple[ColumnElement[bool], ...]:
    """Conditions: the mode's rows of these instants."""
    return table.c.mode == mode, table.c.as_of.in_([as_utc(instant) for instant in as_of])


def of_models(table: Table, model_ids: Sequence[str] | None) -> tuple[ColumnElement[bool], ...]:
    """Conditions: rows of the models named; none if all are meant."""
    return () if model_ids is None else (table.c.model_id.in_(model_ids),)
