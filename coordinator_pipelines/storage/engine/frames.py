"""Data frames to columns that a database takes, and rows back to data frames.

Add here what holds for a kind of column (instants, JSON, numbers, text) in every table; avoid
SQL, and rules of one table.

On the way in, a column is checked whole and becomes a list of plain values: instants are epoch
microseconds, what is missing is None. On the way out, the kinds have one dtype each: instants
``datetime64[us, UTC]``, numbers and nullable integers ``float64``, other integers ``int64``,
flags ``bool``, text and JSON ``object`` with None.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Boolean, Column, Double, Integer, Table

from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.domain.values.json_text import UNSTORABLE, first_defect
from coordinator_pipelines.storage.engine.column_types import ZERO, UtcDateTime

DATABASE_COLUMNS = ("created_at",)
"""Columns that the database fills itself; no frame has them."""


def frame_columns(table: Table) -> list[Column[Any]]:
    """The columns of a table that frames bring and get."""
    return [column for column in table.columns if column.name not in DATABASE_COLUMNS]


def is_json(column: Column[Any]) -> bool:
    """Whether the column holds JSON documents: its name says so."""
    return column.name.endswith("_json")


def to_lists(table: Table, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """The frame's columns as checked lists, by name.

    Raises:
        TypeError: an instant is naive.
        LedgerError: a column is missing or unknown, a required value is missing, a number is
            infinite, a JSON text is unsound, or a row is there twice; the message names the
            column and the row's key.
    """
    columns = frame_columns(table)
    names = {column.name for column in columns}
    if names != set(frame.columns):
        wrong = ", ".join(sorted(names.symmetric_difference(frame.columns)))
        raise LedgerError(f"{table.name}: columns are missing or unknown: {wrong}")
    lists = {column.name: _list(column, frame) for column in columns}
    _refuse_repeated(table, frame)
    return lists


def to_frame(
    columns: Sequence[Column[Any]], rows: Sequence[tuple[Any, ...]], dialect: str
) -> pd.DataFrame:
    """Rows as a frame; instants come in microseconds since the dialect's epoch, JSON as text.

    Rows may have more values than there are columns.

    Raises:
        LedgerError: a stored value is of another type than its column.
    """
    data = {
        column.name: _read(
            column, np.fromiter(map(itemgetter(place), rows), object, len(rows)), dialect
        )
        for place, column in enumerate(columns)
    }
    return pd.DataFrame(data, copy=False)  # nothing else has these columns


def _list(column: Column[Any], frame: pd.DataFrame) -> list[Any]:
    missing = frame[column.name].array.isna()
    if missing.any() and not column.nullable:
        raise _bad(column, frame, int(missing.argmax()), "is missing")
    return _converter(column)(column, frame, missing)


def _converter(column: Column[Any]) -> Callable[..., list[Any]]:
    if isinstance(column.type, UtcDateTime):
        return _instants
    if isinstance(column.type, Boolean):
        return _flags
    if isinstance(column.type, Double):
        return _numbers
    if isinstance(column.type, Integer):
        return _integers
    return _documents if is_json(column) else _texts


def _instants(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    values = frame[column.name]
    if missing.all():
        return [None] * len(values)
    if values.dtype == object:
        aware = [pd.NaT if gone else as_utc(v) for v, gone in zip(values, missing, strict=True)]
        values = pd.Series(aware, dtype="datetime64[us, UTC]")
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        raise TypeError(f"{column} is naive; every instant carries a time zone")
    return _with_none(values.to_numpy("datetime64[us]").astype("int64"), missing)


def _flags(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    if frame[column.name].dtype == bool:
        return _with_none(frame[column.name].to_numpy(), missing)
    flags = frame[column.name].to_numpy(dtype=object)
    for position, flag in enumerate(flags):
        if not isinstance(flag, bool | np.bool_ | None):
            raise _bad(column, frame, position, f"is {flag!r}, neither true nor false")
    return _with_none(flags.astype(bool), missing)


def _numbers(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    return _with_none(_finite(column, frame), missing)


def _integers(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    numbers = _finite(column, frame)
    broken = (numbers % 1 != 0) & ~missing
    if broken.any():
        position = int(broken.argmax())
        raise _bad(column, frame, position, f"is {numbers[position]}, not a whole number")
    return _with_none(np.where(missing, 0, numbers).astype("int64"), missing)


def _finite(column: Column[Any], frame: pd.DataFrame) -> np.ndarray:
    values = frame[column.name]
    try:
        values = pd.to_numeric(values) if values.dtype == object else values
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"{column} holds what is not a number: {error}") from error
    infinite = np.isinf(numbers)
    if infinite.any():
        position = int(infinite.argmax())
        reason = f"is {numbers[position]}; a stored number is finite or missing"
        raise _bad(column, frame, position, reason)
    return numbers


def _texts(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    texts, joined = _joined(column, frame, missing)
    plain = joined.isascii() and "\0" not in joined  # most are, and this takes no time
    if not plain and UNSTORABLE.search(joined):
        # A participant's error text must not sink a batch; a key must not be changed.
        if not column.nullable:
            position = next(i for i, text in enumerate(texts) if UNSTORABLE.search(text))
            raise _bad(column, frame, position, "holds characters that cannot be stored")
        return [text if text is None else UNSTORABLE.sub("\ufffd", text) for text in texts]
    return texts


def _documents(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> list[Any]:
    texts, _ = _joined(column, frame, missing)
    found = first_defect([text for text in texts if text is not None])
    if found:
        position = int(np.flatnonzero(~missing)[found[0]])
        raise _bad(column, frame, position, f"is not a JSON text that can be stored: {found[1]}")
    return texts


def _joined(column: Column[Any], frame: pd.DataFrame, missing: np.ndarray) -> tuple[list[Any], str]:
    texts = _with_none(frame[column.name].to_numpy(dtype=object), missing)
    try:
        return texts, "\n".join([text for text in texts if text is not None])
    except TypeError as error:
        raise LedgerError(f"{column} holds what is not text: {error}") from error


def _with_none(values: np.ndarray, missing: np.ndarray) -> list[Any]:
    if missing.any():
        values = values.astype(object)
        values[missing] = None
    plain: list[Any] = values.tolist()
    return plain


def _refuse_repeated(table: Table, frame: pd.DataFrame) -> None:
    if len(frame) == 1:
        return
    repeated = frame.duplicated([column.name for column in table.primary_key]).to_numpy()
    if repeated.any():
        position = int(repeated.argmax())
        raise LedgerError(f"{table.name}: {_row(table, frame, position)} is there twice")


def _bad(column: Column[Any], frame: pd.DataFrame, position: int, reason: str) -> LedgerError:
    row = _row(column.table, frame, position)
    return LedgerError(f"{column} {reason} (in the row {row}); nothing was stored")


def _row(table: Any, frame: pd.DataFrame, position: int) -> str:
    row = frame.iloc[position]
    return ", ".join(f"{column.name}={row[column.name]}" for column in table.primary_key)


def _read(column: Column[Any], values: np.ndarray, dialect: str) -> Any:
    try:
        if isinstance(column.type, UtcDateTime):
            return _instant_index(values, ZERO[dialect])
        return values.astype(_dtype(column), copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        # SQLite lets whoever writes to the file by hand put anything anywhere.
        raise LedgerError(f"{column} holds a value of another type: {error}") from error


def _dtype(column: Column[Any]) -> str:
    if isinstance(column.type, Boolean):
        return "bool"
    if isinstance(column.type, Integer) and not column.nullable:
        return "int64"
    return "float64" if isinstance(column.type, Double | Integer) else "object"


def _instant_index(values: np.ndarray, zero: int) -> pd.DatetimeIndex:
    missing = pd.isna(values)
    microseconds = np.where(missing, 0, values).astype("int64") + zero
    microseconds[missing] = np.iinfo("int64").min  # what numpy takes for no instant
    return pd.DatetimeIndex(microseconds.view("datetime64[us]")).tz_localize("UTC")
