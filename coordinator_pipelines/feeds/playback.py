"""A recording played in another time: the records of a feed, moved, and labelled for what they are.

Add here what makes a recording look live; avoid clocks: whoever asks bounds what is final by
now, and that makes the playback run.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.timeline.instant import as_utc


class PlaybackFeed(Feed):
    """The records of ``recording``, each shown as ended ``shift`` later than it was.

    Before the first one and after the last one there is nothing. ``shift`` is a multiple of
    the granularity, so that bars come to lie on the grid.
    """

    def __init__(self, recording: Feed, shift: timedelta) -> None:
        self._recording = recording
        self._shift = shift

    @property
    def source(self) -> str:
        """``playback:`` and the source of the recording, such as ``playback:file:btc.csv``."""
        return f"playback:{self._recording.source}"

    @property
    def simulated(self) -> bool:
        """Always: these are not the prices of their instants."""
        return True

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """The records shown with ``start <= ended_at < end``; raises like the recording."""
        first, last = (as_utc(instant) - self._shift for instant in (start, end))
        return self._played(self._recording.records(subjects, first, last))

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The record of each subject that is shown as the last by then."""
        return self._played(self._recording.latest(subjects, as_utc(as_of) - self._shift))

    def _played(self, records: pd.DataFrame) -> pd.DataFrame:
        return records.assign(ended_at=records["ended_at"] + self._shift, source=self.source)
