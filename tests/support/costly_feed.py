"""A feed that is asked for one record at a time, as Hermes is, and counts what it is asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.feed_record.feed_record import grid_epochs
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.values.errors import FeedUnavailableError


@dataclass
class CostlyFeed(Feed):
    """Another feed's records, each of which costs a request and stays what it is."""

    inner: Feed
    bar: timedelta
    lacking: Collection[datetime] = ()
    """Ends of the bars that it does not have."""
    most: int = 10**9
    """It answers so many requests."""
    asked: list[datetime] = field(default_factory=list)
    """Ends of bars, in the order of asking."""

    @property
    def source(self) -> str:
        """That of the other feed."""
        return self.inner.source

    @property
    def simulated(self) -> bool:
        """As the other feed."""
        return self.inner.simulated

    @property
    def revises(self) -> bool:
        """Never."""
        return False

    @property
    def records_per_request(self) -> int:
        """One."""
        return 1

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """What it has."""
        for epoch in grid_epochs(start, end, int(self.bar.total_seconds())):
            if len(self.asked) == self.most:
                raise FeedUnavailableError("that is enough")
            self.asked.append(from_epoch(int(epoch)))
        records = self.inner.records(subjects, start, end)
        return records[~records["ended_at"].isin(self.lacking)].reset_index(drop=True)

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """Its newest record, lacking or not."""
        return self.inner.latest(subjects, as_of)
