"""From a file on disk to a table of candles as it stands there: nothing judged, nothing changed.

Add kinds of files here; avoid the layouts of their columns (``layouts``) and rules about what a
good candle is (``checks``).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.json_rows import read_json
from coordinator_pipelines.feeds.candles.layouts import UTC, Columns, recognised
from coordinator_pipelines.feeds.candles.packed import Content, content_of
from coordinator_pipelines.feeds.candles.parquet import read_parquet
from coordinator_pipelines.feeds.candles.problems import EXAMPLES, listed
from coordinator_pipelines.feeds.candles.reading import Reading
from coordinator_pipelines.feeds.candles.table import (
    CandleTable,
    Finding,
    WrittenTable,
    is_numeric,
    numbers,
    typed,
)
from coordinator_pipelines.feeds.candles.text import read_text
from coordinator_pipelines.feeds.candles.times import ZONELESS, Times, notation_of, read_times

BLANK = ("", " ", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "n/a", "-")
"""What stands in place of a price where nothing was traded."""
PRICES = PRICE_COLUMNS[:4]
DATE = r"\d{4}[-.]\d{2}[-.]"


class ReadFile(NamedTuple):
    """The candles of a file, and how they were read."""

    table: CandleTable
    reading: Reading


def read_table(
    path: Path, layout: str | None = None, time_zone: ZoneInfo | None = None
) -> ReadFile:
    """The table of a file, in the layout that it has, which is ``layout`` or refused.

    ``time_zone``: that of times which say none.

    Raises:
        FeedConfigurationError: no such file, or not one of the kinds that are read.
        FeedDataError: the content is not what the name says, is empty, or in no known layout.
    """
    content = content_of(path)
    written = _reader(content)(content)
    columns = recognised(content.label, written, layout)
    written, columns, gaps = _without_gaps(content.label, written, columns)
    _require_one_of_what_is_left_out(content.label, written, columns)
    return _candles(content.label, written, columns, time_zone, gaps)


def _reader(content: Content) -> Callable[[Content], WrittenTable]:
    return {".json": read_json, ".parquet": read_parquet}.get(content.kind, read_text)


def _without_gaps(
    label: str, written: WrittenTable, columns: Columns
) -> tuple[WrittenTable, Columns, list[str]]:
    """The rows but those without any price and volume, and a note of those."""
    gap = np.ones(len(written.frame), dtype=bool)
    for name in PRICES:
        gap &= _is_blank(written.frame[columns.named[name]])
    volume = written.frame.loc[gap, columns.named["volume"]]
    gap[gap] = _is_blank(volume) | (numbers(volume) == 0).to_numpy()
    if not gap.any():
        return written, columns, []
    if gap.all():
        raise FeedDataError(f"{label} has no price in any row. Export it again, with prices.")
    first = ", ".join(map(str, written.places[gap][:EXAMPLES]))
    count = int(gap.sum())
    note = (
        f"{count:,} row{'s' if count > 1 else ''} without any price "
        f"{'are gaps' if count > 1 else 'is a gap'} ({written.place_name} {first}"
        f"{', ...' if count > EXAMPLES else ''})"
    )
    frame = written.frame[~gap].reset_index(drop=True)
    for name in {columns.named[column] for column in PRICE_COLUMNS}:
        frame[name] = frame[name] if is_numeric(frame[name]) else typed(frame[name])
    time = columns.time[~gap].reset_index(drop=True)
    kept = replace(written, frame=frame, places=written.places[~gap])
    return kept, replace(columns, time=time), [note]


def _is_blank(column: pd.Series) -> npt.NDArray[np.bool_]:
    if is_numeric(column):
        return column.isna().to_numpy()
    return column.isin(BLANK).to_numpy()


def _require_one_of_what_is_left_out(label: str, written: WrittenTable, columns: Columns) -> None:
    """A column of words tells rows apart, such as those of two markets: it is not left out."""
    for name in columns.left_out(written):
        column = written.frame[name]
        if column.dtype.kind in "iufM" or notation_of(column):
            continue
        words = column[~_is_blank(column)].astype(str)
        words = words[numbers(words).isna() & ~words.str.match(DATE)]
        if len(kinds := words.unique().tolist()) > 1:
            raise FeedDataError(
                f"{label} has a column {listed([name])} that no candle has, with several values "
                f"({listed(kinds)}). Keep the rows of one and leave out the column, or name it "
                f"symbol if these are symbols."
            )


def _candles(
    label: str,
    written: WrittenTable,
    columns: Columns,
    time_zone: ZoneInfo | None,
    notes: list[str],
) -> ReadFile:
    layout, frame = columns.layout, written.frame
    zone = time_zone or layout.zone
    times = read_times(columns.time, zone, units_change=layout.units_change)
    if time_zone and times.notation not in ZONELESS:
        raise FeedConfigurationError(
            f"{label}: its times are {times.notation}, which name an instant by themselves, and "
            f"the time zone {time_zone.key} would change nothing. Leave it out."
        )
    findings = list(times.findings)
    findings += _contradictions(frame, columns, times, zone or UTC)
    lengths = _lengths(frame, columns, times, zone)
    rows = pd.DataFrame(
        {"ts": times.seconds, **{name: frame[columns.named[name]] for name in PRICE_COLUMNS}}
    )
    if "symbol" in columns.named:
        rows["symbol"] = frame[columns.named["symbol"]]
    newest_first = _is_newest_first(rows)
    table = CandleTable(
        rows,
        written.places,
        written.place_name,
        written.problems,
        tuple(findings),
        frame,
        {"ts": [*columns.time_names], **{role: [name] for role, name in columns.named.items()}},
        lengths,
        columns.dated_by_end,
        newest_first,
    )
    return ReadFile(table, _reading(written, columns, times, time_zone, newest_first, notes))


def _contradictions(
    frame: pd.DataFrame, columns: Columns, times: Times, zone: ZoneInfo
) -> list[Finding]:
    """Rows whose other columns of time name another instant: one of both was misread."""
    findings: list[Finding] = []
    for name in columns.other_times:
        other = read_times(frame[name], zone, units_change=columns.layout.units_change)
        known = other.seconds.notna() & times.seconds.notna()
        if other.notation in ZONELESS and columns.layout.zone is None:
            continue  # A local time beside an instant contradicts nothing.
        kind = f"{listed([name])} and {listed(columns.time_names)} name two instants"
        broken = known & (other.seconds != times.seconds)
        advice = "Find out which is right, and delete the other column."
        findings.append((kind, broken, ["ts"], advice))
    return findings


def _lengths(
    frame: pd.DataFrame, columns: Columns, times: Times, zone: ZoneInfo | None
) -> pd.Series | None:
    """How long each bar is by its own columns."""
    if columns.end is None:
        return None
    end = read_times(frame[columns.end], zone, units_change=columns.layout.units_change)
    return end.seconds - times.seconds


def _is_newest_first(rows: pd.DataFrame) -> bool:
    """Whether most rows are before the row above them."""
    steps = rows.groupby("symbol")["ts"].diff() if "symbol" in rows else rows["ts"].diff()
    return int((steps < 0).sum()) > int((steps > 0).sum())


def _reading(
    written: WrittenTable,
    columns: Columns,
    times: Times,
    time_zone: ZoneInfo | None,
    newest_first: bool,
    notes: list[str],
) -> Reading:
    layout = columns.layout
    said = [*written.marks, *notes]
    if newest_first:
        said.append("newest first, and so sorted")
    if columns.dated_by_end:
        said.append(f"{listed(columns.time_names)} is the end of a bar")
    if times.notation in ZONELESS and time_zone is None and layout.zone is not None:
        taken = "are" if layout.zone_is_documented else "are ASSUMED to be"
        said.append(f"times without a zone {taken} {layout.zone.key}")
    left_out = columns.left_out(written)
    if left_out and written.headed:
        said.append(f"left out: {listed(left_out)}")
    named = [("time", " ".join(columns.time_names)), *columns.named.items()]
    unit = " and ".join([times.notation, *times.others]) or "unreadable times"
    unit += f" of {time_zone.key}" if time_zone else ""
    return Reading(layout.name, unit, named, left_out, said)
