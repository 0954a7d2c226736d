"""The tables of an opened round: features that models are given, answers, true values.

Add here what makes a table acceptable; avoid files (``table_file``) and rounds
(``opened_round``). Every refusal names the row and the column.
"""

import json
import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.values.content import canonical, content_hash
from coordinator_pipelines.domain.values.errors import TableError

ID, TRUTH = "id", "truth"
MOST_ROWS = 100_000
MOST_BYTES = 3_000_000
"""Of a feature table as JSON: it goes to each model in one message."""
LONGEST_ID = 100
MOST_NAMED = 3
"""Of several rows that are wrong, so many are named."""


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Rows that are predicted, each with an id of its own, and what models may know of them."""

    ids: tuple[str, ...]
    columns: dict[str, list[float | None]]
    """Name of the feature -> a number per row; None where it is missing."""

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "FeatureTable":
        """The table of a frame with a column ``id`` and one column of numbers per feature.

        Raises:
            TableError: the frame is no such table; the message names row and column.
        """
        ids = _ids(frame)
        names = [name for name in frame.columns if name != ID]
        if not names:
            raise TableError("the table has no column but 'id'; features are columns of numbers")
        table = cls(ids, {name: _feature(frame[name], name, ids) for name in names})
        if len(table.as_json()) > MOST_BYTES:
            raise TableError(
                f"the table has {len(table.as_json())} bytes as JSON, at most {MOST_BYTES} can be "
                "sent to models; open several rounds, or leave out features"
            )
        return table

    @classmethod
    def from_json(cls, text: str) -> "FeatureTable":
        """A table that was stored."""
        stored = json.loads(text)
        return cls(tuple(stored["ids"]), stored["columns"])

    def as_json(self) -> str:
        """``{"columns": {feature: [number or null, ...]}, "ids": [...]}``, as models get it."""
        return canonical({"ids": self.ids, "columns": self.columns})

    @property
    def content_hash(self) -> str:
        """A digest that two tables share exactly if they say the same."""
        return content_hash({"ids": self.ids, "columns": self.columns})

    def values(self, output: Any) -> dict[str, float]:
        """An answer as one finite number per row, in the order of the rows.

        ``output``: a list of numbers in that order, or an object id -> number.

        Raises:
            TableError: rows are missing, unknown, or have no finite number.
        """
        if isinstance(output, Mapping):
            _require_same_ids(self.ids, list(output))
            values = [output[row] for row in self.ids]
        elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
            if len(output) != len(self.ids):
                raise TableError(f"{len(output)} values for {len(self.ids)} rows")
            values = list(output)
        else:
            kind = type(output).__name__
            raise TableError(f"a {kind}, not a list of numbers or an object id -> number")
        return dict(zip(self.ids, _finite(values, self.ids), strict=True))

    def truths(self, frame: pd.DataFrame) -> dict[str, float]:
        """The true values of all rows: id -> finite number, in the order of the rows.

        ``frame``: the columns ``id`` and ``truth``, rows in any order.

        Raises:
            TableError: the frame is not that; the message names row and column.
        """
        other = [str(name) for name in frame.columns if name not in (ID, TRUTH)]
        if other or TRUTH not in frame.columns:
            found = ", ".join(map(str, frame.columns))
            raise TableError(f"a truth has exactly the columns id and truth, found ({found})")
        ids = _ids(frame)
        _require_same_ids(self.ids, ids)
        truths = _numbers(frame[TRUTH], TRUTH, ids)
        missing = [row for row, value in zip(ids, truths, strict=True) if value is None]
        if missing:
            raise TableError(f"column 'truth' has no value in {_named(missing, 'row')}")
        told = dict(zip(ids, truths, strict=True))
        return {row: float(told[row] or 0.0) for row in self.ids}


def _ids(frame: pd.DataFrame) -> tuple[str, ...]:
    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"column {twice!r} is there twice")
    if unnamed := [i for i, name in enumerate(names, 1) if not name.strip()]:
        raise TableError(f"column {unnamed[0]} has no name")
    if ID not in names:
        raise TableError(f"there is no column 'id'; found ({', '.join(names)})")
    if not 0 < len(frame) <= MOST_ROWS:
        raise TableError(f"the table has {len(frame)} rows; it must have 1 to {MOST_ROWS}")
    return _unique([_id(value, row) for row, value in enumerate(frame[ID].tolist(), 1)])


def _id(value: Any, row: int) -> str:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    text = str(value) if whole or isinstance(value, str) else ""
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_ID:
        wanted = f"must be a text of 1 to {LONGEST_ID} printable characters or a whole number"
        raise TableError(f"row {row}, column 'id': {wanted} (value {str(value)[:60]!r})")
    return text


def _unique(ids: list[str]) -> tuple[str, ...]:
    first: dict[str, int] = {}
    for row, text in enumerate(ids, 1):
        if text in first:
            raise TableError(f"row {row}, column 'id': {text!r} is in row {first[text]} already")
        first[text] = row
    return tuple(ids)


def _feature(column: "pd.Series[Any]", name: Hashable, ids: Sequence[str]) -> list[float | None]:
    return _numbers(column, str(name), ids)


def _numbers(column: "pd.Series[Any]", name: str, ids: Sequence[str]) -> list[float | None]:
    """The numbers of a column, None where it is empty; text is read as it is written in JSON."""
    given = column.astype("object")
    empty = (given.isna() | (given == "")).tolist()
    numbers = [
        None if gap else _number(value) for gap, value in zip(empty, given.tolist(), strict=True)
    ]
    wrong = [row for row, x in enumerate(numbers) if x is not None and not math.isfinite(x)]
    if wrong:
        row = wrong[0]
        raise TableError(
            f"row {row + 1} (id {ids[row]!r}), column {name!r}: not a finite number "
            f"(value {str(given.iloc[row])[:60]!r})"
        )
    return numbers


def _number(value: Any) -> float:
    """The number that a cell says; NaN if it says none."""
    if isinstance(value, str):
        return float(value) if re.fullmatch(_WRITTEN_NUMBER, value.strip(), re.ASCII) else math.nan
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not _is_finite(value):
        return math.nan
    return float(value)


_WRITTEN_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def _finite(values: Sequence[Any], ids: Sequence[str]) -> list[float]:
    for row, value in zip(ids, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value):
            raise TableError(f"row {row!r} has {str(value)[:60]}, not a finite number")
    return [float(value) for value in values]


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _require_same_ids(wanted: Sequence[str], given: Iterable[Any]) -> None:
    given = list(given)
    known, there = set(wanted), set(given)
    if unknown := [row for row in given if row not in known]:
        raise TableError(f"{_named(unknown, 'unknown row')}: the round has no such id")
    if missing := [row for row in wanted if row not in there]:
        raise TableError(f"{_named(missing, 'row')} missing")


def _named(rows: Sequence[Any], word: str) -> str:
    """Some rows in words, the first few by id."""
    shown = ", ".join(repr(row)[:60] for row in rows[:MOST_NAMED])
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return f"{word}{'s' if len(rows) > 1 else ''} {shown}{more}"
