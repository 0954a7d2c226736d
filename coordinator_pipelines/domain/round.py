"""The timeline: rounds, batch windows, horizons, trailing windows. Pure functions of instants.

Add time arithmetic here; avoid clocks (the caller brings ``now``) and anything that is read
from somewhere. Naive datetimes are refused at every entrance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

SECOND = timedelta(seconds=1)
BATCH_WINDOWS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        TypeError: the datetime is naive.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise TypeError(f"{instant!r} is naive; every instant carries a time zone")
    return instant.astimezone(UTC)


def epoch(instant: datetime) -> int:
    """Whole seconds since 1970-01-01T00:00:00Z.

    Raises:
        ValueError: the instant is not on a whole second.
        TypeError: the datetime is naive.
    """
    instant = as_utc(instant)
    if instant.microsecond:
        raise ValueError(f"{instant.isoformat()} is not on a whole second")
    return int(instant.timestamp())


def from_epoch(seconds: int) -> datetime:
    """The aware UTC instant of whole epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def utc_index(seconds: Sequence[int] | range) -> pd.DatetimeIndex:
    """Epoch seconds as a ``datetime64[us, UTC]`` index."""
    return pd.DatetimeIndex(pd.to_datetime(list(seconds), unit="s", utc=True)).as_unit("us")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The half-open interval [start, end) between two aware instants."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts: {self}")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= as_utc(instant) < self.end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Cadence:
    """When rounds happen: ``performed_at`` = epoch + offset + k * interval, whole seconds.

    Without an interval they follow from nothing: an operator opens them.
    """

    interval_seconds: int | None
    offset_seconds: int
    horizon_seconds: int

    def rounds(self, window: Window) -> pd.DatetimeIndex:
        """Every ``performed_at`` in [start, end), ascending, whatever the time zone is."""
        if self.interval_seconds is None:
            return utc_index([])
        first = _first_at_or_after(window.start, self.interval_seconds, self.offset_seconds)
        stop = _ceil_epoch(window.end)
        return utc_index(range(first, stop, self.interval_seconds))

    def next_round(self, instant: datetime) -> datetime | None:
        """The first ``performed_at`` at or after the instant; None if that is not known."""
        if self.interval_seconds is None:
            return None
        return from_epoch(_first_at_or_after(instant, self.interval_seconds, self.offset_seconds))

    @property
    def horizon(self) -> timedelta:
        """From ``performed_at`` to ``resolvable_at``."""
        return timedelta(seconds=self.horizon_seconds)


def window_of(instant: datetime, length: timedelta) -> Window:
    """The one batch window, on the UTC grid of its length, in which the instant lies."""
    instant = as_utc(instant)
    size = int(length.total_seconds())
    start = _floor_epoch(instant) // size * size
    return Window(from_epoch(start), from_epoch(start + size))


def as_of(window: Window, now: datetime) -> datetime:
    """The instant of a window's board: its end, or the present, on the second, while it is open."""
    return min(window.end, as_utc(now).replace(microsecond=0))


def windows_between(start: datetime, end: datetime, length: timedelta) -> Iterator[Window]:
    """The batch windows that touch [start, end), in order."""
    current = window_of(start, length)
    while current.start < as_utc(end):
        yield current
        current = Window(current.end, current.end + length)


def within(frame: pd.DataFrame, window: Window, column: str = "performed_at") -> pd.DataFrame:
    """The rows of a frame whose instant lies in the window."""
    return frame[(frame[column] >= window.start) & (frame[column] < window.end)]


def batches(windows: Sequence[Window], most: int) -> Iterator[list[Window]]:
    """The windows in order, in groups of at most ``most`` that follow on one another."""
    group: list[Window] = []
    for window in sorted(windows):
        if group and (group[-1].end != window.start or len(group) == most):
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def trailing(as_of: datetime, hours: int) -> tuple[datetime, datetime]:
    """The trailing window (as_of - hours, as_of]: open on the left, closed on the right."""
    as_of = as_utc(as_of)
    return as_of - timedelta(hours=hours), as_of


def bucket_end(instants: "pd.Series[pd.Timestamp]", length: timedelta) -> "pd.Series[pd.Timestamp]":
    """End of the statistics bucket (end - length, end] in which each instant lies."""
    return instants.dt.ceil(f"{int(length / SECOND)}s")


def _floor_epoch(instant: datetime) -> int:
    return (as_utc(instant) - from_epoch(0)) // SECOND


def _ceil_epoch(instant: datetime) -> int:
    return -((from_epoch(0) - as_utc(instant)) // SECOND)


def _first_at_or_after(instant: datetime, interval: int, offset: int) -> int:
    reached = _ceil_epoch(instant) - offset
    return -(-reached // interval) * interval + offset
