"""Bulk reads: the rows of a table that meet conditions, as a frame.

Add ways of reading many rows here; avoid writes, and knowledge of any one table.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import pandas as pd
from sqlalchemy import Column, ColumnElement, Connection, Table, Text, cast, select

from coordinator_pipelines.storage.engine.column_types import UtcDateTime
from coordinator_pipelines.storage.engine.database import BINARY
from coordinator_pipelines.storage.engine.frames import is_json, to_frame


def read(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    *conditions: ColumnElement[bool],
) -> pd.DataFrame:
    """The columns named, of all rows that meet the conditions, sorted by key and version.

    They are sorted here: the key's order is seldom the index's, and PostgreSQL would sort whole
    rows, on disk where they are many.
    """
    dialect = connection.dialect.name
    order = [name for name in (*table.info["key"], "version") if name in table.c]
    columns = [table.columns[name] for name in dict.fromkeys((*names, *order))]
    statement = select(*(_plain(column, dialect) for column in columns)).where(*conditions)
    result = connection.execute(statement, execution_options={BINARY: True})
    rows: list[Any] = list(result.cursor.fetchall())
    rows.sort(key=itemgetter(*[columns.index(table.columns[name]) for name in order]))
    return to_frame(columns[: len(names)], rows, dialect)


def newest(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    *conditions: ColumnElement[bool],
) -> pd.DataFrame:
    """Like :func:`read`, but only the newest version of each key.

    ``names`` must include the key and ``version``; the conditions must hold for all versions of
    a key or for none. Superseded versions are rare, so they are read and dropped here: that
    costs nothing where there are none.
    """
    frame = read(connection, table, names, *conditions)
    if (frame["version"] > 1).any():
        keys = list(table.info["key"])
        frame = frame.drop_duplicates(keys, keep="last", ignore_index=True)
    return frame


def unstored(connection: Connection, table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a frame whose primary key is not in the table yet, for whose turn it is to write.

    Windows are ranges of the key, in which there is an instant: one is read, and only its keys.
    What a frame lacks is left to the write that follows, which refuses it by name.
    """
    names = [column.name for column in table.primary_key]
    if frame.empty or not set(names).issubset(frame.columns):
        return frame
    instant = next(each for each in table.primary_key if isinstance(each.type, UtcDateTime))
    instants = pd.to_datetime(frame[instant.name], utc=True, errors="coerce").dropna()
    if instants.empty:
        return frame
    within = [instant.between(instants.min(), instants.max())]
    if "mode" in names:
        within.append(table.c.mode.in_(sorted(map(str, frame["mode"].unique()))))
    known = read(connection, table, names, *within)
    if known.empty:
        return frame
    keys = set(known.itertuples(index=False, name=None))
    new = [key not in keys for key in frame[names].itertuples(index=False, name=None)]
    return frame[new]


def _plain(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """The column as its frame has it: JSON as text."""
    return cast(column, Text) if is_json(column) and dialect == "postgresql" else column
