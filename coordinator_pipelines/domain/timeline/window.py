"""Intervals of time: batch windows on their grid, trailing windows, and what lies in them.

Add arithmetic of intervals here; avoid clocks (the caller brings ``now``) and anything that is
read from somewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.timeline.instant import SECOND, as_utc, floor_epoch, from_epoch

BATCH_WINDOWS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
CHECKPOINT_PERIODS = (
    900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 604800,
)  # fmt: skip
"""Lengths in seconds of a checkpoint period. Like rounds, periods are counted from the Unix epoch,
so those of a week begin on Thursdays."""


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


def window_of(instant: datetime, length: timedelta) -> Window:
    """The one batch window, on the UTC grid of its length, in which the instant lies."""
    instant = as_utc(instant)
    size = int(length.total_seconds())
    start = floor_epoch(instant) // size * size
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
