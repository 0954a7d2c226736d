"""Trailing windows as sums of buckets: the array in which every window is one slice.

Add here what brings statistics into windows; avoid what is made of them (``metrics.summary``)
and who is ranked (``leaderboard``).

A slice is summed afresh for every window. Differences of cumulative sums would be faster and
lose digits, and the result would depend on where the array begins.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.doors.ledger import STATISTIC_COLUMNS
from coordinator_pipelines.domain.metrics.summary import combine_squares
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc, from_epoch
from coordinator_pipelines.domain.timeline.window import trailing

Array = NDArray[np.float64]
Sums = dict[str, Array]

CELL = ["mode", "prediction_config_id", "performed_at", "model_id"]
SUMS = STATISTIC_COLUMNS[4:]
_EPOCH = from_epoch(0)


def edge_spans(challenge: Challenge, as_of: datetime) -> list[tuple[datetime, datetime]]:
    """Spans (after, until] of ``resolvable_at`` whose scores no whole bucket covers.

    Empty where ``as_of`` ends a bucket. Otherwise: the bucket that ``as_of`` cuts, and one for
    the far end of each trailing window.
    """
    size = challenge.statistics_bucket
    if _floor(as_of, size) == as_utc(as_of):
        return []
    starts = {trailing(as_of, hours)[0] for hours in challenge.trailing_windows_hours.values()}
    far = [(start, _floor(start, size) + size) for start in sorted(starts)]
    return [*far, (_floor(as_of, size), as_utc(as_of))]


class WindowSums:
    """Statistics of some models in every trailing window that ends at some instants."""

    def __init__(
        self,
        challenge: Challenge,
        statistics: pd.DataFrame,
        models: Sequence[str],
        as_of: Sequence[datetime],
        edges: pd.DataFrame | None = None,
    ) -> None:
        """Spread the statistics over an array [sum, model, config, bucket].

        Args:
            challenge: gives the configs, the bucket and the longest window.
            statistics: STATISTIC_COLUMNS of one mode; other models and configs are ignored.
            models: ids, the order of the results.
            as_of: the instants asked for later.
            edges: scores of the :func:`edge_spans` of instants within a bucket; the spans of
                several instants may overlap.
        """
        self._size = challenge.statistics_bucket
        self._models = list(models)
        self._configs = [config.id for config in challenge.configs]
        # In one order, so that sums do not depend on which instants are asked for together.
        self._edges = None if edges is None else edges.drop_duplicates(CELL).sort_values(CELL)
        longest = timedelta(hours=challenge.longest_window_hours)
        self._origin = _floor(min(as_of) - longest, self._size)
        buckets = (_floor(max(as_of), self._size) - self._origin) // self._size
        self._sums = self._dense(statistics, self._origin, buckets)

    def window(self, as_of: datetime, hours: int) -> Sums:
        """The sums over (as_of - hours, as_of], each an array [model, config].

        Raises:
            ValueError: ``as_of`` lies within a bucket and no edge scores were given.
        """
        start, end = trailing(as_of, hours)
        first = -((self._origin - start) // self._size)
        last = (end - self._origin) // self._size
        parts = self._sums[..., first:last]
        if _floor(end, self._size) != end:
            parts = np.concatenate([parts, *self._cut(start, end)], axis=-1)
        sums = dict(zip(SUMS, parts.sum(axis=-1), strict=True))
        n, total, squares = (parts[SUMS.index(name)] for name in ("n", "total", "squares"))
        sums["squares"] = combine_squares(n, total, squares)
        return sums

    def _cut(self, start: datetime, end: datetime) -> list[Array]:
        """The two buckets that the window cuts, with only their scores inside the window."""
        if self._edges is None:
            raise ValueError(f"{end.isoformat()} lies within a bucket: its edge scores are needed")
        at = self._edges["resolvable_at"]
        inside = self._edges[(at > start) & (at <= end)]
        at = inside["resolvable_at"]
        low, high = _floor(start, self._size), _floor(end, self._size)
        return [
            self._dense(score_statistics(inside[at <= low + self._size], self._size), low, 1),
            self._dense(score_statistics(inside[at > high], self._size), high, 1),
        ]

    def _dense(self, statistics: pd.DataFrame, origin: datetime, buckets: int) -> Array:
        array = np.zeros((len(SUMS), len(self._models), len(self._configs), buckets))
        if len(statistics) == 0:
            return array
        model = pd.Index(self._models).get_indexer(pd.Index(statistics["model_id"]))
        config = pd.Index(self._configs).get_indexer(pd.Index(statistics["prediction_config_id"]))
        offset = statistics["bucket_end"] - pd.Timestamp(origin)
        bucket = (offset // pd.Timedelta(self._size)).to_numpy() - 1
        known = (model >= 0) & (config >= 0) & (bucket >= 0) & (bucket < buckets)
        values = statistics[list(SUMS)].to_numpy(dtype="float64")[known]
        array[:, model[known], config[known], bucket[known]] = values.T
        return array


def _floor(instant: datetime, size: timedelta) -> datetime:
    return _EPOCH + (as_utc(instant) - _EPOCH) // size * size
