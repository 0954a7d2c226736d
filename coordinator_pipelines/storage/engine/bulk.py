"""Bulk writes: whole frames in few statements, counting what was really added.

Add ways of writing many rows here; avoid reads, and knowledge of any one table.

SQLite: ``executemany``. PostgreSQL: one ``INSERT`` for a few rows; for many ``COPY``, into the
table where they are known to be new, else into a staging table of the connection with one
``INSERT ... SELECT`` after it. Rows whose primary key exists are skipped, or updated where asked;
the violation of any other constraint is an error and never skips a row silently.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Boolean, Column, Connection, Table

from coordinator_pipelines.domain.doors.ledger import Written
from coordinator_pipelines.storage.engine.column_types import EPOCH, MICROSECOND, UtcDateTime
from coordinator_pipelines.storage.engine.frames import frame_columns, to_lists

FEW_ROWS = 8
"""Up to so many, the four statements of a ``COPY`` cost more than they save."""

Changes = Sequence[str] | None
"""Which columns of rows that exist are set: none at all, if empty. None: no row exists yet."""


def add(connection: Connection, table: Table, frame: pd.DataFrame) -> Written:
    """Add the rows whose primary key is not there yet; a version above 1 counts as revised.

    Raises:
        TypeError, LedgerError: like :func:`to_lists`; nothing was written.
    """
    if frame.empty:
        return Written(0)
    lists = to_lists(table, frame)
    if "version" not in lists or max(lists["version"]) <= 1:
        return Written(_insert(connection, table, lists, ()))
    later = [version > 1 for version in lists["version"]]
    first = _insert(connection, table, _where(lists, [not late for late in later]), ())
    revised = _insert(connection, table, _where(lists, later), ())
    return Written(first + revised, revised)


def add_new(connection: Connection, table: Table, frame: pd.DataFrame) -> Written:
    """Like :func:`add`, of rows that are known to be new: see ``unstored``.

    Raises:
        TypeError, LedgerError: like :func:`to_lists`; nothing was written.
        DBAPIError: a primary key exists already.
    """
    if frame.empty:
        return Written(0)
    lists = to_lists(table, frame)
    append(connection, table, lists)
    return Written(len(frame), sum(version > 1 for version in lists.get("version", ())))


def append(connection: Connection, table: Table, lists: dict[str, list[Any]]) -> None:
    """Add new rows of this project's own making, as :func:`to_lists` gives them."""
    _insert(connection, table, lists, None)


def merge(connection: Connection, table: Table, frame: pd.DataFrame, update: Sequence[str]) -> None:
    """Add rows; of those whose primary key exists, set the columns named in ``update``.

    Raises:
        TypeError, LedgerError: like :func:`to_lists`; nothing was written.
    """
    if not frame.empty:
        _insert(connection, table, to_lists(table, frame), update)


def _where(lists: dict[str, list[Any]], wanted: list[bool]) -> dict[str, list[Any]]:
    return {
        name: [value for value, keep in zip(values, wanted, strict=True) if keep]
        for name, values in lists.items()
    }


def _insert(
    connection: Connection, table: Table, lists: dict[str, list[Any]], update: Changes
) -> int:
    columns = frame_columns(table)
    values = [lists[column.name] for column in columns]
    if not values[0]:
        return 0
    if connection.dialect.name == "postgresql":
        write = _copy if len(values[0]) > FEW_ROWS else _insert_few
        return write(connection, table, columns, values, update)
    marks = ", ".join("?" * len(columns))
    statement = _statement(connection, table, columns, f"VALUES ({marks})", update)
    rows = list(zip(*values, strict=True))
    return int(connection.exec_driver_sql(statement, rows).rowcount)


def _insert_few(
    connection: Connection,
    table: Table,
    columns: Sequence[Column[Any]],
    values: Sequence[list[Any]],
    update: Changes,
) -> int:
    marks = f"({', '.join(['%s'] * len(columns))})"
    source = f"VALUES {', '.join([marks] * len(values[0]))}"
    statement = _statement(connection, table, columns, source, update)
    bound = [_bound(column, items) for column, items in zip(columns, values, strict=True)]
    flat = tuple(value for row in zip(*bound, strict=True) for value in row)
    return int(connection.exec_driver_sql(statement, flat).rowcount)


def _bound(column: Column[Any], values: list[Any]) -> list[Any]:
    if isinstance(column.type, UtcDateTime):
        return [None if value is None else EPOCH + value * MICROSECOND for value in values]
    return values


def _copy(
    connection: Connection,
    table: Table,
    columns: Sequence[Column[Any]],
    values: Sequence[list[Any]],
    update: Changes,
) -> int:
    names = _names(connection, columns)
    rendered = [_render(column, items) for column, items in zip(columns, values, strict=True)]
    text = "\n".join(map("\t".join, zip(*rendered, strict=True)))
    if update is None:
        return _send(connection, f"COPY {table.name} ({names}) FROM STDIN", text)
    staging = f"staging_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS "
        f"AS SELECT {names} FROM {table.name} WITH NO DATA"
    )
    connection.exec_driver_sql(f"DELETE FROM {staging}")
    _send(connection, f"COPY {staging} ({names}) FROM STDIN", text)
    source = f"SELECT {names} FROM {staging}"
    statement = _statement(connection, table, columns, source, update)
    return int(connection.exec_driver_sql(statement).rowcount)


def _send(connection: Connection, statement: str, text: str) -> int:
    cursor = connection.connection.cursor()
    with cursor.copy(statement) as copy:
        copy.write(text)
    return int(cursor.rowcount)


def _statement(
    connection: Connection,
    table: Table,
    columns: Sequence[Column[Any]],
    source: str,
    update: Changes,
) -> str:
    into = f"INSERT INTO {table.name} ({_names(connection, columns)}) {source}"
    if update is None:
        return into
    quote = connection.dialect.identifier_preparer.quote
    key = _names(connection, list(table.primary_key))
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in update)
    action = f"DO UPDATE SET {changes}" if update else "DO NOTHING"
    return f"{into} ON CONFLICT ({key}) {action}"


def _names(connection: Connection, columns: Sequence[Column[Any]]) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return ", ".join(quote(column.name) for column in columns)


def _render(column: Column[Any], values: list[Any]) -> list[str]:
    """The values in the text format of COPY. Instants, flags and integers repeat a lot."""
    if isinstance(column.type, UtcDateTime):
        return _render_each(values, _render_instant)
    if isinstance(column.type, Boolean):
        return _render_each(values, lambda flag: "t" if flag else "f")
    if column.type.python_type is not str:
        return ["\\N" if value is None else repr(value) for value in values]
    if any(map("".join(filter(None, values)).__contains__, "\\\t\n\r")):
        return ["\\N" if value is None else value.translate(_ESCAPES) for value in values]
    return ["\\N" if value is None else value for value in values]


def _render_each(values: list[Any], render: Callable[[Any], str]) -> list[str]:
    rendered = {value: "\\N" if value is None else render(value) for value in set(values)}
    return [rendered[value] for value in values]


def _render_instant(microseconds: int) -> str:
    return (EPOCH + microseconds * MICROSECOND).isoformat()


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
