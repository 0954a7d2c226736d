"""Tables on their way from a file to candles: as they are written, and with known columns.

Add here what readers and rules hand to one another; avoid reading and judging.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.feeds.candles.problems import EXAMPLES, Problem, shown

Finding = tuple[str, pd.Series, Sequence[str], str]
"""Kind of problem, which rows have it, the columns to show, what to do."""
NUMBER = r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*"
"""Takes time in proportion to the text, also where a million digits end in a letter."""
CELL_END = "\x1f"


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """The cells of a file under the names of its header, or numbered without one.

    Numbers where a whole column is numeric, else the text of the file.
    """

    frame: pd.DataFrame
    headed: bool
    places: npt.NDArray[np.int64]
    """Where each row stands: line of a text file, else row, each from 1."""
    place_name: str
    """``line`` or ``row``."""
    problems: tuple[Problem, ...] = ()
    """Rows that do not even have the right number of values; they are not in ``frame``."""
    marks: tuple[str, ...] = ()
    """What stands around the table: :data:`ADDRESS`, :data:`TICKERS`."""


def unnamed(place: int) -> str:
    """The name of a column, counted from 1, for which the file has none."""
    return f"column {place}"


ADDRESS = "an address on the first line"
TICKERS = "a header of three rows, with tickers"


@dataclass(frozen=True, slots=True)
class CandleTable:
    """Candles as a file says them: ``ts`` (seconds), ``open`` to ``volume``, perhaps ``symbol``."""

    rows: pd.DataFrame
    places: npt.NDArray[np.int64]
    place_name: str
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is already known to be wrong with some of ``rows``."""
    written: pd.DataFrame | None = None
    """The same rows under the names of the file, where they differ."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column of ``rows`` -> its columns in ``written``."""
    lengths: pd.Series | None = None
    """Seconds from the start of each bar to its end, where the file says both."""
    dated_by_end: bool = False
    """Whether ``ts`` is the end of a bar, and not its start."""
    newest_first: bool = False

    def example(self, row: int, columns: Sequence[str]) -> str:
        """A row as a report shows it, such as ``line 17 (low=3.0, high=2.0)``."""
        cells = self.rows if self.written is None else self.written
        names = [name for column in columns for name in self.names.get(column, [column])]
        values = ", ".join(f"{shown(name, 30)}={shown(cells[name].iloc[row])}" for name in names)
        return f"{self.place_name} {self.places[row]} ({values})"

    def problem(self, finding: Finding) -> Problem:
        """A finding as the report tells it."""
        kind, broken, columns, advice = finding
        first = np.flatnonzero(broken)[:EXAMPLES]
        examples = tuple(self.example(row, columns) for row in first)
        return Problem(kind, advice, int(broken.sum()), examples)


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers, and not text that may look like them."""
    return column.dtype.kind in "iuf"


def numbers(column: pd.Series) -> pd.Series:
    """A column as numbers, NaN where there is none."""
    if is_numeric(column):
        return column.astype("float64")
    text = column.astype(str)
    return text.where(text.str.fullmatch(NUMBER), "nan").map(float).astype("float64")


def typed(column: pd.Series) -> pd.Series:
    """A column of text as numbers, if all of it is numeric; else as it is."""
    text = column.astype(str)
    if text.str.contains(f"[\n\r{CELL_END}\ufeff]").any():
        return column
    read = read_cells("\n".join(["cell", *text]).encode(), CELL_END)["cell"]
    return column if read.dtype == object else read.set_axis(column.index)


def read_cells(lines: bytes, separator: str, text: Sequence[str] = ()) -> pd.DataFrame:
    """Delimited lines with a header, typed by column; nothing is dropped, unquoted or rounded."""
    return pd.read_csv(
        io.BytesIO(lines),
        sep=separator,
        dtype=dict.fromkeys(text, str),
        na_filter=False,
        skip_blank_lines=False,
        quoting=csv.QUOTE_NONE,
        # The default parser may be off by a unit in the last place.
        float_precision="round_trip",
        low_memory=False,
    )
