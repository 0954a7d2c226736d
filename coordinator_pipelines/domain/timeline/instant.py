"""Instants: aware, in UTC, to whole seconds where a grid is meant.

Add conversions of single instants here; avoid intervals (``window``) and grids (``cadence``).
Naive datetimes are refused at every entrance.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd

SECOND = timedelta(seconds=1)


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


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z."""
    return (as_utc(instant) - from_epoch(0)) // timedelta(microseconds=1)


def from_epoch(seconds: int) -> datetime:
    """The aware UTC instant of whole epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC instant of microseconds since the epoch."""
    return from_epoch(0) + timedelta(microseconds=microseconds)


def utc_index(seconds: Sequence[int] | range) -> pd.DatetimeIndex:
    """Epoch seconds as a ``datetime64[us, UTC]`` index."""
    return pd.DatetimeIndex(pd.to_datetime(list(seconds), unit="s", utc=True)).as_unit("us")


def floor_epoch(instant: datetime) -> int:
    """The last whole epoch second at or before an instant."""
    return (as_utc(instant) - from_epoch(0)) // SECOND


def ceil_epoch(instant: datetime) -> int:
    """The first whole epoch second at or after an instant."""
    return -((from_epoch(0) - as_utc(instant)) // SECOND)
