"""Ingest: records from the feed into the ledger.

Add here what brings records in; avoid providers and gaps (``feed``, ``feed_record``) and what
an instant may see of them (``question``). Idempotent: what is stored and equal is skipped.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.feed_record import missing_instants
from coordinator_pipelines.domain.ledger import Ledger, Written


@dataclass(frozen=True, slots=True)
class Ingest:
    """The way from one feed into one ledger, as of ``now``: nothing published later is taken."""

    challenge: Challenge
    feed: Feed
    ledger: Ledger
    now: datetime

    def ingest(self, start: datetime, end: datetime) -> Written:
        """Add every record with ``start <= ended_at < end`` that is new or has changed."""
        spec = self.challenge.feed
        end = min(end, self.published_until)
        if end <= start:
            return Written(0)
        return self.store(self.feed.records(spec.symbols, start, end))

    def store(self, records: pd.DataFrame) -> Written:
        """Add a record frame that the feed has given."""
        delay = self.challenge.feed.publication_delay_seconds
        return self.ledger.add_feed_records(records, publication_delay=delay, now=self.now)

    def records(
        self, start: datetime, end: datetime, *, all_versions: bool = False
    ) -> pd.DataFrame:
        """The stored records with ``start <= ended_at < end``, after adding what was missing."""
        symbols = self.challenge.feed.symbols
        stored = self.ledger.feed_records(symbols, start, end, all_versions=all_versions)
        missing = self.missing(stored, start, end)
        if len(missing) == 0:
            return stored
        bar = timedelta(seconds=self.challenge.feed.granularity_seconds)
        if not self.ingest(missing[0].to_pydatetime(), missing[-1].to_pydatetime() + bar).added:
            return stored
        return self.ledger.feed_records(symbols, start, end, all_versions=all_versions)

    def missing(self, stored: pd.DataFrame, start: datetime, end: datetime) -> pd.DatetimeIndex:
        """Ends of the bars in [start, end) that are published by now and not among the stored."""
        end = min(end, self.published_until)
        if end <= start:
            return pd.DatetimeIndex([], tz="UTC")
        bar = self.challenge.feed.granularity_seconds
        missing = pd.DatetimeIndex([], tz="UTC")
        for symbol in self.challenge.feed.symbols:
            own = stored[stored["subject"] == symbol]
            missing = missing.union(missing_instants(own, start, end, bar))
        return missing

    def newest(self) -> "pd.Series[pd.Timestamp]":
        """Subject -> end of the newest record that the feed has by now, or ever had."""
        symbols = self.challenge.feed.symbols
        latest = self.feed.latest(symbols, self.published_until)
        stored = self.ledger.newest_record(symbols)
        both = [frame.set_index("subject")["ended_at"] for frame in (latest, stored) if len(frame)]
        return pd.concat(both).groupby(level=0).max() if both else latest["ended_at"]

    @property
    def published_until(self) -> datetime:
        """The first instant for which a record cannot be expected yet."""
        delay = timedelta(seconds=self.challenge.feed.publication_delay_seconds)
        return self.now - delay + timedelta(microseconds=1)
