"""The records in hand while rounds are captured: kept up with the feed, never waiting for it.

Add here how live records come in; avoid what may be seen of them (``question``) and how they
are stored (``ingest``). A fetch runs beside the capture; what it brings is in hand once it has
been collected, and a round that comes before that goes without it.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.errors import FeedError
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.ingest import Ingest
from coordinator_pipelines.domain.ledger import Ledger
from coordinator_pipelines.domain.question import Sight

logger = logging.getLogger(__name__)

VERSION = ["subject", "ended_at", "version"]
RETRY_GAPS = timedelta(seconds=60)
"""A bar that the feed did not have is asked for again this often."""


@dataclass
class Observation:
    """The records that live questions are made of, as of the last collection."""

    challenge: Challenge
    feed: Feed
    ledger: Ledger
    clock: Clock
    executor: Executor
    sight: Sight = field(init=False)
    _in_hand: pd.DataFrame | None = None
    _fetch: "Future[pd.DataFrame] | None" = None
    _gaps_asked_at: datetime | None = None

    def begin(self) -> None:
        """Bring the look-back up to date, gaps of an earlier outage included; waits for the feed.

        A feed that does not answer leaves what the ledger has.
        """
        try:
            self._ingest().records(self._since(), self.clock.now())
        except FeedError as error:
            logger.warning("feed: %s", error)
        self._look()

    def request(self) -> None:
        """Ask the feed for what it may have by now, unless it is still being asked.

        What an earlier, slow fetch has brought by now is taken in hand first.
        """
        self.collect()
        if self._fetch is not None:
            return
        until = self._ingest().published_until
        start = self._wanted_from(until)
        if start < until:
            self._fetch = self.executor.submit(
                self.feed.records, self.challenge.feed.symbols, start, until
            )

    def collect(self) -> None:
        """Take in hand what has arrived."""
        if self._fetch is None or not self._fetch.done():
            return
        fetch, self._fetch = self._fetch, None
        try:
            records = fetch.result()
        except FeedError as error:
            logger.warning("feed: %s", error)
            return
        if self._ingest().store(records).added:
            self._look()

    def _look(self) -> None:
        """Read the look-back; what is new since the last time came in hand now, however old."""
        now = self.clock.now()
        symbols = self.challenge.feed.symbols
        records = self.ledger.feed_records(symbols, self._since(), now, all_versions=True)
        if self._in_hand is not None:
            known = records[VERSION].merge(self._in_hand, on=VERSION, how="left")["observed_at"]
            records["observed_at"] = known.fillna(pd.Timestamp(now))
        self._in_hand = records[[*VERSION, "observed_at"]]
        self.sight = Sight.of(self.challenge, records)

    def _wanted_from(self, until: datetime) -> datetime:
        """The oldest bar worth asking for: a gap now and then, else what is new."""
        newest = self._newest_common()
        now = self.clock.now()
        if self._gaps_asked_at is not None and now - self._gaps_asked_at < RETRY_GAPS:
            return newest
        self._gaps_asked_at = now
        missing = self._ingest().missing(self._since(), until)
        return min(newest, missing[0].to_pydatetime()) if len(missing) else newest

    def _newest_common(self) -> datetime:
        """The end of the first bar that is not in hand of every subject."""
        bar = timedelta(seconds=self.challenge.feed.granularity_seconds)
        ends: Sequence[pd.Timestamp] = [
            frame["ended_at"].max() for frame in self.sight.frames.values()
        ]
        known = [end.to_pydatetime() + bar for end in ends if not pd.isna(end)]
        return min(known) if len(known) == len(ends) else self._since()

    def _since(self) -> datetime:
        return self.clock.now() - self.challenge.look_back

    def _ingest(self) -> Ingest:
        return Ingest(self.challenge, self.feed, self.ledger, self.clock.now())
