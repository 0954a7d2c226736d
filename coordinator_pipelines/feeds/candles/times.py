"""From the time columns of a file to epoch seconds: which unit or notation, and which zone.

Add a notation here; avoid what the columns are called (``layouts``). Nothing is guessed: plausible
instants in seconds, milliseconds, microseconds and nanoseconds lie in ranges that do not touch, and
a time without a zone is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from coordinator_pipelines.feeds.candles.table import Finding, is_numeric, numbers

UNITS = {
    "seconds": 1,
    "milliseconds": 10**3,
    "microseconds": 10**6,
    "nanoseconds": 10**9,
}
EARLIEST, LATEST = 100_000_000, 4_102_444_800
"""Seconds from 1973-03-03 to 2100: times a thousand, they begin after where these end."""
LOCAL_ISO = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.0+)?)?"  # a whole second
ZONE = r" ?(?:Z|UTC|[+-]\d{2}:?\d{2})"
DOTTED = r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}(?::\d{2})?"
DAY_FIRST = r"\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}(?::\d{2}(?:\.0+)?)?"
COMPACT = r"\d{8} \d{4}(?:\d{2})?"
NOTATIONS = {
    "ISO-8601": LOCAL_ISO + ZONE,
    "dates and times": LOCAL_ISO,
    "dotted dates": DOTTED,
    "dotted dates, the day first": DAY_FIRST,
    "dates and times without signs": COMPACT,
}
ZONELESS = tuple(NOTATIONS)[1:]
DASHED = {
    r"^(\d{4})\.(\d{2})\.": r"\1-\2-",
    r"^(\d{2})\.(\d{2})\.(\d{4})": r"\3-\2-\1",
    r"^(\d{4})(\d{2})(\d{2}) (\d{2})(\d{2})": r"\1-\2-\3 \4:\5",
    r"^(\d{4}-\d{2}-\d{2} \d{2}:\d{2})(\d{2})$": r"\1:\2",
    r" ?UTC$": "Z",
}
"""What makes each notation ISO-8601, one after another."""
TIME_OF_DAY = r"\d{1,2}:\d{2}(?::\d{2})?|\d{4}(?:\d{2})?"
READABLE = (
    "A time is unix seconds, or milli-, micro- or nanoseconds, or ISO-8601 on a whole second with "
    "a time zone, such as 2025-01-01T00:00:00Z."
)


@dataclass(frozen=True, slots=True)
class Times:
    """A column of instants, as it is written and as seconds."""

    seconds: pd.Series
    """NaN where there is no instant; a fraction where it is on no whole second."""
    notation: str
    """One of :data:`UNITS` or :data:`NOTATIONS`, that of most rows; "" if there is none."""
    others: Sequence[str] = ()
    """Units of other rows."""
    findings: Sequence[Finding] = field(default_factory=tuple)


def notation_of(column: pd.Series) -> str:
    """The unit or notation of most rows of a column; "" if none of them is a time."""
    sample = column.iloc[:: max(1, len(column) // 1000)]
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return "ISO-8601"
    if column.dtype.kind == "M":
        return "dates and times"
    if (epochs := numbers(sample)).notna().mean() > 0.5:
        return _most({unit: _within(epochs, factor) for unit, factor in UNITS.items()})
    text = sample.astype(str)
    return _most({name: text.str.fullmatch(form) for name, form in NOTATIONS.items()})


def read_times(column: pd.Series, zone: ZoneInfo | None, *, units_change: bool) -> Times:
    """The instants of a column; times without a zone are those of ``zone``.

    ``units_change``: whether the source is known to have changed its unit, so that a file may hold
    rows in two.
    """
    notation = notation_of(column)
    if notation in UNITS or is_numeric(column):
        return _epochs(column, notation or "seconds", units_change=units_change)
    return _instants(column, notation, zone)


def joined(date: pd.Series, time: pd.Series) -> pd.Series:
    """A column of dates and one of times of day as one."""
    return date.astype(str).str.cat(time.astype(str), sep=" ")


def is_time_of_day(column: pd.Series) -> bool:
    """Whether a column holds times without dates."""
    return bool(column.iloc[:100].astype(str).str.fullmatch(TIME_OF_DAY).any())


def _most(shares: dict[str, pd.Series]) -> str:
    name, rows = max(shares.items(), key=lambda share: int(share[1].sum()))
    return name if rows.any() else ""


def _within(epochs: pd.Series, factor: int) -> pd.Series:
    return (epochs >= EARLIEST * factor) & (epochs < LATEST * factor)


def _epochs(column: pd.Series, notation: str, *, units_change: bool) -> Times:
    exact = column if is_numeric(column) else numbers(column)
    seconds = pd.Series(np.nan, column.index)
    findings: list[Finding] = []
    others = []
    for unit, factor in UNITS.items():
        rows = _within(exact, factor)
        if not rows.any():
            continue
        seconds[rows] = _in_seconds(exact[rows], factor)
        if unit != notation:
            others.append(unit)
            kind = f"the open time is in {unit}, that of most rows in {notation}"
            findings.append((kind, rows, ["ts"], "Bring all rows to one unit."))
    read = exact.notna()
    if units_change:
        findings = []
    findings.append(_unread(~read))
    implausible = read & seconds.isna()
    kind = "the open time is before 1973 or after 2100, whatever its unit"
    findings.append((kind, implausible, ["ts"], READABLE))
    return Times(seconds, notation, others, findings)


def _in_seconds(epochs: pd.Series, factor: int) -> pd.Series:
    """What is not on a whole second stays so, though a float cannot hold its nanoseconds."""
    whole, rest = epochs // factor, epochs % factor
    fraction = (rest / factor).clip(lower=1e-6).where(rest > 0, 0)
    seconds: pd.Series = whole.astype("float64") + fraction
    return seconds


def _instants(column: pd.Series, notation: str, zone: ZoneInfo | None) -> Times:
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        times = column
        readable, zoned = column.notna(), isinstance(column.dtype, pd.DatetimeTZDtype)
        local = readable & (not zoned)
    else:
        times = column.astype(str)
        local = pd.Series(False, column.index)
        for name in ZONELESS:
            local |= times.str.fullmatch(NOTATIONS[name])
        readable = local | times.str.fullmatch(NOTATIONS["ISO-8601"])
    seconds = pd.Series(np.nan, column.index)
    seconds[readable & ~local] = _seconds(_parsed(times[readable & ~local]))
    findings: list[Finding] = []
    if zone is None:
        advice = (
            "Say whose time it is: write a zone, such as 2025-01-01T00:00:00Z, or name one "
            "(--time-zone, or time_zone of the feed), such as UTC or America/New_York."
        )
        findings.append(("the open time has no time zone", local, ["ts"], advice))
    else:
        there = _parsed(times[local]).dt.tz_localize(None)
        seconds[local] = _seconds(there.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT"))
        kind = f"the clocks of {zone.key} show the open time twice or never"
        never = local & seconds.isna()
        findings.append((kind, never, ["ts"], "Delete these rows, or export them in UTC."))
    findings.append(_unread(~readable | (readable & ~local & seconds.isna())))
    return Times(seconds, notation, (), findings)


def _parsed(times: pd.Series) -> pd.Series:
    """Aware instants; where no zone is said, as if it were UTC."""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return times
    if times.dtype.kind == "M":
        aware: pd.Series = times.dt.tz_localize("UTC")
        return aware
    if not times.str.fullmatch(LOCAL_ISO + r"Z?|").all():
        for sign, iso in DASHED.items():
            times = times.str.replace(sign, iso, regex=True)
    return pd.to_datetime(times, format="ISO8601", utc=True, errors="coerce")


def _seconds(times: pd.Series) -> pd.Series:
    whole = times.notna() & (times == times.dt.floor("s"))
    seconds: pd.Series = times.dt.as_unit("s").astype("int64").astype("float64")
    return seconds.where(whole)


def _unread(rows: pd.Series) -> Finding:
    return "the open time cannot be read", rows, ["ts"], READABLE
