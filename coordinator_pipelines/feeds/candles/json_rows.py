"""JSON as a table: rows of values, rows with names, or columns, wherever they stand.

Add shapes of JSON here; avoid what columns mean (``layouts``) and what values are good
(``checks``).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.layouts import text_columns
from coordinator_pipelines.feeds.candles.packed import Content
from coordinator_pipelines.feeds.candles.problems import EXAMPLES, Problem, shown
from coordinator_pipelines.feeds.candles.table import WrittenTable, typed, unnamed

LARGEST = 200_000_000
"""Bytes: what is parsed takes ten times as much."""
DEPTH = 4
CANDLE_COLUMNS = 5


def read_json(content: Content) -> WrittenTable:
    """The table of a JSON file.

    Raises:
        FeedDataError: it is no JSON, or holds no table or more than one.
    """
    if len(content.data) > LARGEST:
        raise FeedDataError(
            f"{content.label} holds more than {LARGEST // 10**6} MB of JSON. Write it as CSV."
        )
    try:
        said = json.loads(content.data)
    except (ValueError, RecursionError) as error:
        raise FeedDataError(f"{content.label} is no JSON: {shown(error)}. Get it again.") from error
    tables = list(_tables(said, DEPTH))
    if len(tables) != 1:
        held = f"{len(tables)} lists of candles" if tables else "no list of candles"
        raise FeedDataError(
            f"{content.label} holds {held}. Keep one list, with one list or one object to a candle."
        )
    return _named(tables[0]) if isinstance(tables[0][0], dict) else _numbered(tables[0])


def _tables(value: Any, depth: int) -> Iterator[Sequence[Any]]:
    if isinstance(value, list):
        if value and any(all(isinstance(row, kind) for row in value) for kind in (list, dict)):
            yield value
    elif isinstance(value, dict) and depth:
        if columns := _columns(value):
            yield [
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]
            return
        for inner in value.values():
            yield from _tables(inner, depth - 1)


def _columns(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Lists of values under the names of a candle, all of one length."""
    lists = {
        name: column
        for name, column in value.items()
        if isinstance(column, list) and not any(isinstance(cell, list | dict) for cell in column)
    }
    lengths = {len(column) for column in lists.values()}
    return lists if len(lists) >= CANDLE_COLUMNS and len(lengths) == 1 and lengths != {0} else {}


def _named(rows: Sequence[Mapping[str, Any]]) -> WrittenTable:
    frame = pd.DataFrame(list(rows))
    kept_as_text = text_columns([str(name) for name in frame.columns])
    return WrittenTable(cleaned(frame, kept_as_text), True, np.arange(1, len(rows) + 1), "row")


def _numbered(rows: Sequence[Sequence[Any]]) -> WrittenTable:
    (width, _), *_ = Counter(map(len, rows)).most_common(1)
    ragged = [(place, row) for place, row in enumerate(rows, 1) if len(row) != width]
    problems = (
        Problem(
            f"not {width} values",
            "Complete these rows, or delete them.",
            len(ragged),
            tuple(f"row {place} ({shown(row)})" for place, row in ragged[:EXAMPLES]),
        ),
    )
    whole = [(place, row) for place, row in enumerate(rows, 1) if len(row) == width]
    names = [unnamed(place) for place in range(1, width + 1)]
    frame = cleaned(pd.DataFrame([row for _, row in whole], columns=names))
    places = np.array([place for place, _ in whole])
    return WrittenTable(frame, False, places, "row", problems if ragged else ())


def cleaned(frame: pd.DataFrame, kept_as_text: Sequence[str] = ()) -> pd.DataFrame:
    """Columns of numbers, of instants and of text, and none of mixed values."""
    columns = {}
    for name, column in frame.items():
        if column.dtype == object:
            text = column.map(lambda cell: "" if cell is None else str(cell))
            columns[str(name)] = text if name in kept_as_text else typed(text)
        else:
            columns[str(name)] = column
    return pd.DataFrame(columns, index=frame.index)
