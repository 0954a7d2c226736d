"""Delimited text as a table: the separator, the header, and every line at its place.

Add here what text files need; avoid what columns mean (``layouts``) and what values are good
(``checks``).
"""

import codecs
import csv
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.layouts import plain, text_columns
from coordinator_pipelines.feeds.candles.packed import GZIP, ZIP, Content
from coordinator_pipelines.feeds.candles.problems import EXAMPLES, Problem, shown
from coordinator_pipelines.feeds.candles.table import (
    ADDRESS,
    TICKERS,
    WrittenTable,
    read_cells,
    unnamed,
)

SIGNATURES = {
    GZIP: "gzip-compressed",
    b"PAR1": "a Parquet file",
    ZIP: "a zip archive",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"\x28\xb5\x2f\xfd": "zstandard-compressed",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LONGEST_HEADER = 10_000
MOST_LINES = 20_000_000
AN_ADDRESS = re.compile(rb'"?(?:https?://|www\.)[^\s,;]*"?[,;\s]*', re.IGNORECASE)
TICKER_HEADER = ({"price"}, {"ticker"}, {"datetime", "date"})


def read_text(content: Content) -> WrittenTable:
    """The table of a text file.

    Raises:
        FeedDataError: it is no UTF-8 text, no table, or has no candles.
    """
    lines = _lines(content)
    marks: tuple[str, ...] = ()
    line_number = 1
    if AN_ADDRESS.fullmatch(lines[0]):
        marks, lines, line_number = (ADDRESS,), lines[1:], 2
    if not lines or len(lines[0]) > LONGEST_HEADER:
        raise FeedDataError(
            f"{content.label} is no table of candles: line {line_number} is neither a header nor "
            f"a candle. Write one candle to a line."
        )
    separator = _separator(content.label, lines[0], line_number)
    if b'"' in content.data:
        lines = [_unquoted(line, separator) for line in lines]
        _require_no_quotes(content.label, lines, line_number)
    columns = lines[0].decode().split(separator)
    headed = not re.match(r"\s*[-+.]?\d", columns[0])
    if headed and len(lines) == 1:
        raise FeedDataError(
            f"{content.label} has a header and no candles. Write at least one to it."
        )
    if headed and _has_tickers(lines, separator):
        return _of_tickers(lines, separator)
    names = _distinct(columns) if headed else [unnamed(n) for n in range(1, len(columns) + 1)]
    body = lines[1:] if headed else lines
    places = np.arange(line_number + headed, line_number + headed + len(body))
    return _table(names, body, places, separator, headed=headed, marks=marks)


def _lines(content: Content) -> list[bytes]:
    _require_text(content)
    text = content.data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip(b"\n")
    if b"\r" in text:
        line = text.count(b"\n", 0, text.index(b"\r")) + 1
        raise FeedDataError(
            f"{content.label} has a lone carriage return in line {line}. End lines with \\n or "
            f"\\r\\n."
        )
    if text.count(b"\n") > MOST_LINES:
        raise FeedDataError(
            f"{content.label} has more than {MOST_LINES:,} lines. Split it by time."
        )
    return text.split(b"\n")


def _require_text(content: Content) -> None:
    for signature, what in SIGNATURES.items():
        if content.data.startswith(signature):
            raise FeedDataError(
                f"{content.label} is {what}, not what its name says. Rename or convert it."
            )
    try:
        content.data.decode()
        broken = content.data.find(b"\0")
    except UnicodeDecodeError as error:
        broken = error.start
    if broken >= 0:
        line = content.data.count(b"\n", 0, broken) + 1
        raise FeedDataError(f"{content.label} is not UTF-8 text in line {line}. Save it as UTF-8.")


def _separator(label: str, line: bytes, line_number: int) -> str:
    counts = {separator: line.count(separator.encode()) for separator in SEPARATORS}
    separator = max(counts, key=lambda one: counts[one])
    if not counts[separator]:
        raise FeedDataError(
            f"{label} is no table: line {line_number} ('{shown(line.decode())}') has no commas, "
            f"semicolons, tabs or bars between values. Separate the values by commas."
        )
    return separator


def _unquoted(line: bytes, separator: str) -> bytes:
    """A line whose quotes only surround whole values, without them; else as it is."""
    if b'"' not in line:
        return line
    try:
        cells = next(csv.reader([line.decode()], delimiter=separator, strict=True))
    except csv.Error:
        return line
    if any(separator in cell or '"' in cell for cell in cells):
        return line
    return separator.join(cells).encode()


def _require_no_quotes(label: str, lines: Sequence[bytes], first: int) -> None:
    for number, line in enumerate(lines, first):
        if b'"' in line:
            raise FeedDataError(
                f"{label} has a quote in line {number} that is no pair around a value, or a "
                f"separator within quotes. Write plain values, with a decimal point."
            )


def _distinct(columns: Sequence[str]) -> list[str]:
    """The names of a header, one for each column; a second one of a name keeps its meaning."""
    names: list[str] = []
    for place, column in enumerate(columns, 1):
        name = column.strip() or unnamed(place)
        names.append(name if name not in names else f"{name} {'_' * place}")
    return names


def _table(
    names: Sequence[str],
    lines: Sequence[bytes],
    places: npt.NDArray[np.int64],
    separator: str,
    *,
    headed: bool,
    marks: tuple[str, ...] = (),
) -> WrittenTable:
    separators = np.array([line.count(separator.encode()) for line in lines])
    whole = separators == len(names) - 1
    ragged = _ragged(lines, places, np.flatnonzero(~whole), len(names), separator)
    if ragged:
        lines = [line for line, good in zip(lines, whole.tolist(), strict=True) if good]
    frame = _frame(names, lines, separator)
    return WrittenTable(frame, headed, places[whole], "line", ragged, marks)


def _frame(names: Sequence[str], lines: Sequence[bytes], separator: str) -> pd.DataFrame:
    """Typed by column; whatever is not a number leaves its column as text, untouched."""
    if not lines:
        return pd.DataFrame(columns=list(names), dtype=str)
    # With a header, since the parser swallows a byte order mark at the start.
    numbered = [str(place) for place in range(len(names))]
    text = [str(names.index(name)) for name in text_columns(names)]
    head = separator.join(numbered).encode()
    return read_cells(b"\n".join([head, *lines]), separator, text).set_axis(list(names), axis=1)


def _ragged(
    lines: Sequence[bytes],
    places: npt.NDArray[np.int64],
    broken: npt.NDArray[np.int64],
    width: int,
    separator: str,
) -> tuple[Problem, ...]:
    if not broken.size:
        return ()
    examples = tuple(
        f"line {places[row]} ({lines[row][:60].decode(errors='replace')!r})"
        for row in broken[:EXAMPLES].tolist()
    )
    advice = (
        f"Complete these lines, or delete them; values are separated by {SEPARATORS[separator]}."
    )
    return (Problem(f"not {width} values", advice, int(broken.size), examples),)


# -- yfinance: a row of columns, one of tickers, one of the index -----------------------------


def _has_tickers(lines: Sequence[bytes], separator: str) -> bool:
    first = [plain(line.decode().split(separator)[0]) for line in lines[:3]]
    heads = {first[0]}, {first[1]}
    return (
        len(first) == 3
        and heads in (TICKER_HEADER[:2], TICKER_HEADER[1::-1])
        and first[2] in TICKER_HEADER[2]
    )


def _of_tickers(lines: Sequence[bytes], separator: str) -> WrittenTable:
    """One candle of one ticker to a row, under each other."""
    upper, lower, index = (line.decode().split(separator) for line in lines[:3])
    columns, tickers = (upper, lower) if plain(upper[0]) == "price" else (lower, upper)
    keys = [f"{ticker}\n{name}" for ticker, name in zip(tickers, columns, strict=False)]
    time = index[0]
    wide = _table(
        _distinct([time, *keys[1:]]),
        lines[3:],
        np.arange(4, len(lines) + 1),
        separator,
        headed=True,
    )
    pieces = []
    for ticker in dict.fromkeys(tickers[1:]):
        own = {
            key: key.removeprefix(f"{ticker}\n") for key in keys if key.startswith(f"{ticker}\n")
        }
        piece = wide.frame[[time, *own]].rename(columns=own)
        pieces.append(piece.assign(symbol=ticker))
    frame = pd.concat(pieces, ignore_index=True)
    places = np.tile(wide.places, len(pieces))
    return WrittenTable(frame, True, places, "line", wide.problems, (TICKERS,))
