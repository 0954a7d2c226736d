"""Ingest: records from the feed into the ledger.

Add here what brings records in; avoid providers and gaps (``feed``, ``feed_record``) and what
an instant may see of them (``question``). Idempotent: what is stored and equal is skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Ledger, Written
from coordinator_pipelines.domain.feed_record.feed_record import (
    grid_epochs,
    instants,
    missing_instants,
    spans,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

Missing = Mapping[str, pd.DatetimeIndex]
"""Subject -> ends of bars, ascending."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a feed is asked in one call: the records of subjects that end in a span."""

    subjects: Sequence[str]
    span: Window


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
        every = instants(grid_epochs(start, end, self._bar))
        return self._bring(dict.fromkeys(self.challenge.feed.symbols, every))

    def inquiries(self, wanted: Missing) -> list[Inquiry]:
        """How to ask for bars, the oldest first: subjects that want the same are asked together."""
        together: dict[bytes, list[str]] = {}
        for symbol, ends in wanted.items():
            together.setdefault(ends.to_numpy("datetime64[us]").tobytes(), []).append(symbol)
        inquiries = [
            Inquiry(symbols, span)
            for symbols in together.values()
            for span in spans(wanted[symbols[0]], self._bar, self.feed.records_per_request)
        ]
        return sorted(inquiries, key=lambda inquiry: inquiry.span.end)

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

    def missing(self, stored: pd.DataFrame, start: datetime, end: datetime) -> Missing:
        """The bars that end in [start, end), are published by now and not among the stored."""
        end = min(end, self.published_until)
        return {
            symbol: missing_instants(stored[stored["subject"] == symbol], start, end, self._bar)
            for symbol in self.challenge.feed.symbols
        }

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

    def _bring(self, wanted: Missing) -> Written:
        """Ask the feed for bars; a transaction for each answer."""
        self.feed.refuse_too_many(max(map(len, wanted.values()), default=0))
        written = [
            self.store(self.feed.records(inquiry.subjects, inquiry.span.start, inquiry.span.end))
            for inquiry in self.inquiries(wanted)
        ]
        return Written(sum(each.added for each in written), sum(each.revised for each in written))
