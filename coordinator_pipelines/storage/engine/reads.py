"""Bulk reads: the rows of a table that meet conditions, as a frame.

Add ways of reading many rows here; avoid writes, and knowledge of any one table.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    extract,
    select,
    type_coerce,
)

from coordinator_pipelines.storage.engine.column_types import UtcDateTime
from coordinator_pipelines.storage.engine.frames import is_json, to_frame


def read(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    *conditions: ColumnElement[bool],
) -> pd.DataFrame:
    """The columns named, of all rows that meet the conditions, sorted by key and version."""
    columns = [table.columns[name] for name in names]
    wanted = [_plain(column, connection.dialect.name) for column in columns]
    order = [table.columns[name] for name in (*table.info["key"], "version") if name in table.c]
    statement = select(*wanted).where(*conditions).order_by(*order)
    return to_frame(columns, connection.execute(statement).cursor.fetchall())


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


def _plain(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """The column in the form that becomes a frame fastest."""
    if isinstance(column.type, UtcDateTime):
        if dialect == "sqlite":
            return type_coerce(column, BigInteger)
        return cast(extract("epoch", column) * 1_000_000, BigInteger)
    if is_json(column) and dialect == "postgresql":
        return cast(column, Text)
    return column
