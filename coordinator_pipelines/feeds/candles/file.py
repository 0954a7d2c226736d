"""From a file on disk to a table of candles as it stands there: nothing judged, nothing changed.

Add file formats here; avoid rules about what a good candle is (``checks``).

Columns: ``ts`` (open time in unix seconds) or ``open_time`` (ISO-8601 with a time zone), then
``open, high, low, close, volume`` and optionally ``symbol``, in any order, and no others.
"""

import codecs
import csv
import gzip
import importlib
import io
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.problems import EXAMPLES, Problem

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
SIGNATURES = {
    GZIP: "gzip-compressed",
    PARQUET: "a Parquet file",
    b"PK\x03\x04": "a zip archive",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"\x28\xb5\x2f\xfd": "zstandard-compressed",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(frozen=True, slots=True)
class CandleTable:
    """The rows of a file: numbers where a whole column is numeric, else the text of the file."""

    rows: pd.DataFrame
    places: npt.NDArray[np.int64]
    """Where each row stands: line of a text file (the header is line 1), else row from 1."""
    place_name: str
    """``line`` or ``row``."""
    problems: tuple[Problem, ...] = ()
    """Rows that do not even have the right number of values; they are not in ``rows``."""


def read_table(path: Path) -> CandleTable:
    """The table of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Raises:
        FeedConfigurationError: no such file, or not one of these formats.
        FeedDataError: the content is not what the name says, is empty, or has other columns.
    """
    if path.is_dir():
        raise FeedConfigurationError(f"{path} is a directory. Name one file of candles.")
    reader = _reader(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FeedConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if not content:
        raise FeedDataError(f"{path} is empty. Write the header and at least one candle to it.")
    return reader(path, content)


def _reader(path: Path) -> Callable[[Path, bytes], CandleTable]:
    name = path.name.lower()
    readers = {".csv": _read_csv, ".csv.gz": _read_csv_gz, ".parquet": _read_parquet}
    for suffix, reader in readers.items():
        if name.endswith(suffix):
            return reader
    raise FeedConfigurationError(
        f"{path} is none of {', '.join(readers)}. Name a file in one of these formats."
    )


def _read_csv_gz(path: Path, content: bytes) -> CandleTable:
    if not content.startswith(GZIP):
        raise FeedDataError(f"{path} is not gzip-compressed. Compress it, or name it .csv.")
    try:
        return _read_csv(path, gzip.decompress(content))
    except (OSError, EOFError, zlib.error) as error:
        raise FeedDataError(f"{path} is a damaged gzip file: {error}. Get it again.") from error


def _read_csv(path: Path, content: bytes) -> CandleTable:
    _require_text(path, content)
    text = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip(b"\n")
    if b"\r" in text:
        line = text.count(b"\n", 0, text.index(b"\r")) + 1
        raise FeedDataError(
            f"{path} has a lone carriage return in line {line}. End lines with \\n or \\r\\n."
        )
    header, *lines = text.split(b"\n")
    columns = header.decode().split(",")
    _require_columns(path, columns)
    if not lines:
        raise FeedDataError(f"{path} has a header and no candles. Write at least one to it.")
    return _parse(columns, lines)


def _require_text(path: Path, content: bytes) -> None:
    for signature, what in SIGNATURES.items():
        if content.startswith(signature):
            raise FeedDataError(f"{path} is {what}, not what its name says. Rename or convert it.")
    try:
        content.decode()
        broken = content.find(b"\0")
    except UnicodeDecodeError as error:
        broken = error.start
    if broken >= 0:
        line = content.count(b"\n", 0, broken) + 1
        raise FeedDataError(f"{path} is not UTF-8 text in line {line}. Save it as UTF-8.")


def _parse(columns: list[str], lines: list[bytes]) -> CandleTable:
    commas = np.array([line.count(b",") for line in lines])
    whole = commas == len(columns) - 1
    places = np.arange(2, len(lines) + 2)
    ragged = _ragged(lines, places, np.flatnonzero(~whole), len(columns))
    if ragged:
        lines = [lines[row] for row in np.flatnonzero(whole)]
    return CandleTable(_frame(columns, lines), places[whole], "line", ragged)


def _frame(columns: list[str], lines: list[bytes]) -> pd.DataFrame:
    """Typed by column; whatever is not a number leaves its column as text, untouched."""
    if not lines:
        return pd.DataFrame(columns=columns, dtype=str)
    return pd.read_csv(
        # With its header, since the parser swallows a byte order mark at the start.
        io.BytesIO(b"\n".join([",".join(columns).encode(), *lines])),
        dtype={name: str for name in columns if name in ("symbol", "open_time")},
        na_filter=False,
        skip_blank_lines=False,
        quoting=csv.QUOTE_NONE,
        # The default parser may be off by a unit in the last place.
        float_precision="round_trip",
        low_memory=False,
    )


def _ragged(
    lines: list[bytes],
    places: npt.NDArray[np.int64],
    broken: npt.NDArray[np.int64],
    width: int,
) -> tuple[Problem, ...]:
    if not broken.size:
        return ()
    examples = tuple(
        f"line {places[row]} ({lines[row][:60].decode(errors='replace')!r})"
        for row in broken[:EXAMPLES]
    )
    advice = "Complete these lines; values are separated by commas and not quoted."
    return (Problem(f"not {width} values", advice, broken.size, examples),)


def _read_parquet(path: Path, content: bytes) -> CandleTable:
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise FeedConfigurationError(
            f"{path} is a Parquet file, and pyarrow is not installed. Install the extra: "
            f"pip install 'coordinator-pipelines[parquet]'."
        ) from error
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise FeedDataError(
            f"{path} is not a sound Parquet file: {error}. Get it again."
        ) from error
    _require_columns(path, table.column_names)
    if not table.num_rows:
        raise FeedDataError(f"{path} has no candles. Write at least one to it.")
    rows = table.to_pandas(ignore_metadata=True)
    return CandleTable(rows, np.arange(1, table.num_rows + 1), "row")


def _require_columns(path: Path, columns: Sequence[str]) -> None:
    times = [name for name in columns if name in ("ts", "open_time")]
    missing = [name for name in PRICE_COLUMNS if name not in columns]
    unknown = [n for n in columns if n not in ("ts", "open_time", "symbol", *PRICE_COLUMNS)]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    faults = {
        "missing": missing if times else ["ts", *missing],
        "unknown": unknown,
        "twice": twice,
        "one too many": times if len(set(times)) > 1 else [],
    }
    if any(faults.values()):
        found = "; ".join(f"{k}: {', '.join(map(repr, v))}" for k, v in faults.items() if v)
        raise FeedDataError(
            f"{path} has the wrong columns ({found}). It needs exactly ts or open_time, "
            f"{', '.join(PRICE_COLUMNS)} and optionally symbol, separated by commas, not quoted."
        )
