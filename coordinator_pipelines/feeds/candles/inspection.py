"""What is in a file of candles, told without using it: how it was read, its series, its gaps.

Add facts about a file here; avoid rules (``checks``) and words (``coordinator prices``).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.checks import checked_candles
from coordinator_pipelines.feeds.candles.file import read_table
from coordinator_pipelines.feeds.candles.problems import pointing_to_the_guide
from coordinator_pipelines.feeds.candles.reading import Reading
from coordinator_pipelines.feeds.candles.table import CandleTable, numbers

LEAST_SHARED = 30
"""So many instants tell whether two files agree."""
MOST_SHARED = 20_000
HALF_HOUR = 1800


@dataclass(frozen=True, slots=True)
class Series:
    """The candles of one symbol."""

    symbol: str
    """"" if the file has none."""
    closes: pd.Series
    """By epoch second at which the bar opens, ascending, each once."""
    rows: int
    granularity_seconds: int

    @property
    def first(self) -> int:
        """Epoch second at which the first bar opens."""
        return int(self.closes.index[0])

    @property
    def end(self) -> int:
        """Epoch second at which the last bar ends."""
        return int(self.closes.index[-1]) + self.granularity_seconds

    @property
    def repeated(self) -> int:
        """Rows whose instant is there already."""
        return self.rows - len(self.closes)

    def gaps(self) -> list[tuple[int, int]]:
        """First epoch second without a bar and number of bars, the longest gap first."""
        opened = self.closes.index.to_numpy()
        missing = np.diff(opened) // self.granularity_seconds - 1
        found = [
            (int(opened[place]) + self.granularity_seconds, int(missing[place]))
            for place in np.flatnonzero(missing > 0)
        ]
        return sorted(found, key=lambda gap: -gap[1])


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file as it was read, and what would become of it."""

    path: Path
    reading: Reading
    granularity_seconds: int
    series: Sequence[Series]
    refusal: str | None
    """Why nothing of it would be taken."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well the closes of two files fit at the same instants."""

    shared: int
    difference: float
    """Median relative difference, apart from a constant one such as that of two currencies."""
    shift: int
    """Seconds by which the second file must be moved to fit best; 0: none."""


def inspected(
    path: Path,
    layout: str | None = None,
    time_zone: ZoneInfo | None = None,
    granularity_seconds: int | None = None,
) -> Inspection:
    """What is in a file; bars are as long as the commonest step, if it is not said.

    Raises:
        FeedError: the file cannot be read as candles in any layout, or not in this one.
    """
    with pointing_to_the_guide():
        table, reading = read_table(path, layout, time_zone)
    granularity = granularity_seconds or _commonest_step(table)
    refusal = None
    try:
        with pointing_to_the_guide():
            checked_candles(table, granularity, path.name)
    except FeedDataError as error:
        refusal = str(error)
    return Inspection(path, reading, granularity, list(_series(table, granularity)), refusal)


def agreement(one: Series, other: Series) -> Agreement | None:
    """How the closes of two series fit, and whether they would fit far better if one were moved.

    A file whose times are ends of bars is a bar late; one of another zone, some half hours.
    None if they share too few instants to tell.
    """
    first, second = (np.log(series.closes.where(series.closes > 0)) for series in (one, other))
    bar = one.granularity_seconds
    hours = range(HALF_HOUR, 29 * HALF_HOUR, HALF_HOUR)
    shifts = [0, *(sign * shift for shift in (bar, *hours) for sign in (1, -1))]
    found = {shift: _differences(first, second, shift) for shift in shifts}
    fits = {
        shift: float(np.median(np.abs(differences - np.median(differences))))
        for shift, differences in found.items()
        if len(differences) >= LEAST_SHARED
    }
    if not fits:
        return None
    best = min(fits, key=lambda shift: (fits[shift], abs(shift)))
    moved = best if fits[best] < fits.get(0, np.inf) / 2 else 0
    return Agreement(len(found[moved]), fits[moved], moved)


def _differences(one: pd.Series, other: pd.Series, shift: int) -> npt.NDArray[np.float64]:
    at = other.index + shift
    shared = one.index.intersection(at)[:MOST_SHARED]
    difference = one.reindex(shared).to_numpy() - other.set_axis(at).reindex(shared).to_numpy()
    kept: npt.NDArray[np.float64] = difference[np.isfinite(difference)]
    return kept


def _commonest_step(table: CandleTable) -> int:
    """Seconds between most rows of one symbol and the next; a minute if there is no step."""
    steps: Counter[int] = Counter()
    for _, times in _times(table):
        found = np.diff(np.unique(times[np.isfinite(times)]))
        values, counts = np.unique(found[found >= 1].astype("int64"), return_counts=True)
        steps.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return steps.most_common(1)[0][0] if steps else 60


def _times(table: CandleTable) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    rows = table.rows
    if "symbol" not in rows:
        yield "", rows["ts"].to_numpy()
        return
    for symbol, times in rows.groupby("symbol", sort=False)["ts"]:
        yield str(symbol), times.to_numpy()


def _series(table: CandleTable, granularity: int) -> Iterator[Series]:
    rows = table.rows.assign(close=numbers(table.rows["close"]))
    if table.dated_by_end:
        rows["ts"] -= granularity
    rows = rows[np.isfinite(rows["ts"])]
    groups = rows.groupby("symbol", sort=False) if "symbol" in rows else [("", rows)]
    for symbol, own in groups:
        closes = own.set_index(own["ts"].astype("int64"))["close"]
        closes = closes[~closes.index.duplicated()].sort_index()
        if len(closes):
            yield Series(str(symbol), closes, len(own), granularity)
