"""Ingest: records from the feed into the ledger.

Add here what brings records in; avoid providers and gaps (``feed``, ``feed_record``) and what
an instant may see of them (``question``). Idempotent: what is stored and equal is skipped.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.feed_record import (
    grid_epochs,
    instants,
    missing_instants,
    spans,
)
from coordinator_pipelines.domain.ledger import Ledger, Written
from coordinator_pipelines.domain.round import Window


@dataclass(frozen=True, slots=True)
class Ingest:
    """The way from one feed into one ledger, as of ``now``: nothing published later is taken."""

    challenge: Challenge
    feed: Feed
    ledger: Ledger
    now: datetime

    def ingest(self, start: datetime, end: datetime) -> Written:
        """Add every record with ``start <= ended_at < end`` that is new or has changed."""
        if not self.feed.revises:
            stored = self.ledger.feed_records(self.challenge.feed.symbols, start, end)
            return self._bring(self.missing(stored, start, end))
        end = min(end, self.published_until)
        return self._bring(instants(grid_epochs(start, end, self._bar)))

    def spans(self, wanted: pd.DatetimeIndex) -> list[Window]:
        """In which spans the feed is asked for bars, by their ends."""
        return spans(wanted, self._bar, self.feed.records_per_request)

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
        if not self._bring(self.missing(stored, start, end)).added:
            return stored
        return self.ledger.feed_records(symbols, start, end, all_versions=all_versions)

    def missing(self, stored: pd.DataFrame, start: datetime, end: datetime) -> pd.DatetimeIndex:
        """Ends of the bars in [start, end) that are published by now and not among the stored."""
        end = min(end, self.published_until)
        if end <= start:
            return pd.DatetimeIndex([], tz="UTC")
        missing = pd.DatetimeIndex([], tz="UTC")
        for symbol in self.challenge.feed.symbols:
            own = stored[stored["subject"] == symbol]
            missing = missing.union(missing_instants(own, start, end, self._bar))
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

    @property
    def _bar(self) -> int:
        return self.challenge.feed.granularity_seconds

    def _bring(self, wanted: pd.DatetimeIndex) -> Written:
        """Ask the feed for bars, by their ends; a transaction for each span."""
        symbols = self.challenge.feed.symbols
        self.feed.refuse_too_many(len(wanted))
        written = [
            self.store(self.feed.records(symbols, span.start, span.end))
            for span in self.spans(wanted)
        ]
        return Written(sum(each.added for each in written), sum(each.revised for each in written))
