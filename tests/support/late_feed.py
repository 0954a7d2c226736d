"""A feed that is out, late, or of another opinion than before, as a test plans it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.values.errors import FeedUnavailableError

Span = tuple[datetime, datetime]
LOOK_BACK = timedelta(minutes=10)


@dataclass
class LateFeed(Feed):
    """Another feed's records, as far as they are let through."""

    inner: Feed
    clock: Clock
    out: list[Span] = field(default_factory=list)
    """When it does not answer."""
    withheld: list[tuple[Span, datetime]] = field(default_factory=list)
    """Which records it does not have before an instant."""
    changed: dict[datetime, tuple[datetime, float]] = field(default_factory=dict)
    """End of a record -> since when its close is another one."""

    @property
    def source(self) -> str:
        """That of the other feed."""
        return self.inner.source

    @property
    def simulated(self) -> bool:
        """As the other feed."""
        return self.inner.simulated

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """What it has by now."""
        self._answer()
        records = self.inner.records(subjects, start, end)
        at = records["ended_at"]
        for (first, stop), until in self.withheld:
            if self.clock.now() < until:
                records = records[(at < first) | (at >= stop)]
        return self._told_now(records.reset_index(drop=True))

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The newest of that."""
        records = self.records(subjects, as_of - LOOK_BACK, as_of + timedelta(microseconds=1))
        return records.drop_duplicates("subject", keep="last").reset_index(drop=True)

    def _answer(self) -> None:
        if any(start <= self.clock.now() < end for start, end in self.out):
            raise FeedUnavailableError("the feed is out")

    def _told_now(self, records: pd.DataFrame) -> pd.DataFrame:
        for ended_at, (since, close) in self.changed.items():
            if self.clock.now() >= since:
                own = records["ended_at"] == ended_at
                records.loc[own, ["open", "high", "low", "close"]] = close
        return records
