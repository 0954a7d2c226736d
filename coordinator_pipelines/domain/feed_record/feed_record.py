"""Which records a grid should have, which of them are missing, and how to say so.

Add pure functions of record frames here; avoid reading or repairing anything: a gap is
reported, never filled. The instants are those of ``ended_at``: multiples of the granularity
since 1970-01-01T00:00:00Z.
"""

import math
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.timeline.instant import as_utc, from_epoch
from coordinator_pipelines.domain.timeline.window import Window

REQUESTS_PER_SPAN = 10
"""So many requests' records are stored at a time: who is stopped meanwhile has the others."""
UNITS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


def grid_epochs(start: datetime, end: datetime, granularity_seconds: int) -> npt.NDArray[np.int64]:
    """Epoch seconds of every grid instant in [start, end), ascending; none if end <= start.

    Raises:
        TypeError: an instant is naive.
    """
    first, stop = (math.ceil(as_utc(instant).timestamp()) for instant in (start, end))
    return np.arange(-(-first // granularity_seconds) * granularity_seconds, stop,
                     granularity_seconds, dtype=np.int64)  # fmt: skip


def instants(epochs: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    """Epoch seconds as a ``datetime64[us, UTC]`` index."""
    return pd.DatetimeIndex((epochs * 1_000_000).view("datetime64[us]")).tz_localize("UTC")


def missing_instants(
    records: pd.DataFrame, start: datetime, end: datetime, granularity_seconds: int
) -> pd.DatetimeIndex:
    """The grid instants in [start, end) for which one subject has no record, ascending.

    Raises:
        ValueError: the records are those of more than one subject.
        TypeError: an instant is naive.
    """
    if records["subject"].nunique() > 1:
        raise ValueError("missing instants are those of one subject; select its records first")
    expected = instants(grid_epochs(start, end, granularity_seconds))
    return expected[~expected.isin(records["ended_at"])]


def spans(wanted: pd.DatetimeIndex, granularity_seconds: int, per_request: int) -> list[Window]:
    """The spans in which to ask for instants of the grid, ascending.

    Each holds at most :data:`REQUESTS_PER_SPAN` times what one request brings. What lies between
    two instants is asked for as well where that is less than another request would bring.
    """
    if wanted.empty:
        return []
    epochs = wanted.as_unit("s").astype("int64").to_numpy()
    number = np.append(0, np.cumsum(np.diff(epochs) > per_request * granularity_seconds))
    most = REQUESTS_PER_SPAN * per_request * granularity_seconds
    pieces = (epochs - epochs[np.searchsorted(number, number)]) // most
    first = np.flatnonzero(np.append(True, (np.diff(number) != 0) | (np.diff(pieces) != 0)))
    last = np.append(first[1:] - 1, len(epochs) - 1)
    return [
        Window(from_epoch(int(epochs[i])), from_epoch(int(epochs[j]) + granularity_seconds))
        for i, j in zip(first, last, strict=True)
    ]


def describe_gaps(missing: pd.DatetimeIndex, granularity_seconds: int) -> list[str]:
    """One text per run of adjacent missing instants, in order.

    Such as ``2018-04-04 10:00 to 17:11 UTC (432 minutes)``: first and last missing ``ended_at``.
    """
    if missing.empty:
        return []
    steps = np.diff(missing.as_unit("s").astype("int64"))
    last = np.append(np.flatnonzero(steps != granularity_seconds), len(missing) - 1)
    first = np.append(0, last[:-1] + 1)
    return [
        _gap_text(missing[i], missing[j], int(j - i + 1), granularity_seconds)
        for i, j in zip(first, last, strict=True)
    ]


def _gap_text(first: pd.Timestamp, last: pd.Timestamp, count: int, granularity: int) -> str:
    clock = "%H:%M" if granularity % 60 == 0 else "%H:%M:%S"
    text = first.strftime(f"%Y-%m-%d {clock}")
    if count > 1:
        day = "" if first.date() == last.date() else "%Y-%m-%d "
        text += " to " + last.strftime(day + clock)
    return f"{text} UTC ({_amount(count, granularity)})"


def _amount(count: int, granularity: int) -> str:
    unit = UNITS.get(granularity)
    plural = "" if count == 1 else "s"
    return f"{count} {unit}{plural}" if unit else f"{count} bar{plural} of {granularity} s"
