"""Recorded minutes, played in another time, and faster than they were made."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.feeds.file import FileFeed


class Recording(Feed):
    """The minute that ended at ``recorded_from`` ends at ``live_from``; ``times``: how much faster.

    Sixty times faster, every recorded minute is a candle of one second.
    """

    def __init__(
        self, path: Path, symbol: str, recorded_from: datetime, live_from: datetime, times: int
    ) -> None:
        self._file = FileFeed(path, subjects=[symbol], granularity_seconds=60)
        self._recorded_from, self._live_from, self._times = recorded_from, live_from, times

    @property
    def source(self) -> str:
        """Where it is from."""
        return f"played:{self._file.source}"

    @property
    def simulated(self) -> bool:
        """The prices are not those of their instants."""
        return True

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """What was recorded in the time that is played then."""
        then = [self._recorded_from + (at - self._live_from) * self._times for at in (start, end)]
        return self._played(self._file.records(subjects, *then))

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The last one that is over by then."""
        then = self._recorded_from + (as_of - self._live_from) * self._times
        return self._played(self._file.latest(subjects, then))

    def _played(self, records: pd.DataFrame) -> pd.DataFrame:
        since = (records["ended_at"] - self._recorded_from) / self._times
        return records.assign(ended_at=(self._live_from + since).astype("datetime64[us, UTC]"))
