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
from coordinator_pipelines.domain.errors import FeedDataError, FeedUnavailableError
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
    _in_hand: pd.DataFrame = field(init=False)
    _fetch: "Future[pd.DataFrame] | None" = None
    _gaps_asked_at: datetime | None = None

    def begin(self) -> None:
        """Bring the look-back up to date, gaps of an earlier outage included; waits for the feed.

        A feed that does not answer leaves what the ledger has.
        """
        self._hold(self._stored(self._since()))
        try:
            self._ingest().records(self._since(), self.clock.now())
        except (FeedUnavailableError, FeedDataError) as error:
            logger.warning("feed: %s", error)
        self._look(self._since())

    def resume(self, asked: pd.DataFrame) -> None:
        """Go on after an instant that another capture asked; ``asked``: its rounds, as stored.

        What that capture had in hand is not new, though it came to us only now; what it had not
        is new, however long it had been published.
        """
        self._look(self._since(), came_now=False)
        hand, subjects = self._in_hand, self.challenge.feed.subjects
        symbols = {config.id: subjects[config.asset] for config in self.challenge.configs}
        seen = asked["input_ended_at"].groupby(asked["prediction_config_id"].map(symbols)).max()
        unseen = hand["ended_at"] > hand["subject"].map(seen).fillna(seen.min())
        unseen &= hand["observed_at"] <= asked["performed_at"].max()
        now = pd.Timestamp(self.clock.now())
        self._hold(hand.assign(observed_at=hand["observed_at"].mask(unseen, now)))

    def request(self) -> None:
        """Ask the feed for what it may have by now, unless it is still being asked.

        What an earlier, slow fetch has brought by now is taken in hand first.
        """
        self.collect()
        if self._fetch is not None or not self.challenge.feed.symbols:
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
        except (FeedUnavailableError, FeedDataError) as error:
            logger.warning("feed: %s", error)
            return
        if len(records):
            self._ingest().store(records)
            self._look(records["ended_at"].min().to_pydatetime())

    def _look(self, start: datetime, *, came_now: bool = True) -> None:
        """Read what ended from ``start`` on; what is new to us came in hand now, however old.

        Unless it did not come now: then it did when it was published.
        """
        held = self._in_hand[self._in_hand["ended_at"] >= self._since()]
        records = self._stored(start)
        known = records[VERSION].merge(held[[*VERSION, "observed_at"]], on=VERSION, how="left")
        came_at = pd.Timestamp(self.clock.now()) if came_now else records["observed_at"]
        records["observed_at"] = known["observed_at"].fillna(came_at)
        self._hold(pd.concat([held[held["ended_at"] < start], records], ignore_index=True))

    def _stored(self, start: datetime) -> pd.DataFrame:
        symbols, now = self.challenge.feed.symbols, self.clock.now()
        return self.ledger.feed_records(symbols, start, now, all_versions=True)

    def _hold(self, records: pd.DataFrame) -> None:
        self._in_hand = records
        self.sight = Sight.of(self.challenge, records)

    def _wanted_from(self, until: datetime) -> datetime:
        """The oldest bar worth asking for: a gap now and then, else what is new."""
        now = self.clock.now()
        if self._gaps_asked_at is not None and now - self._gaps_asked_at < RETRY_GAPS:
            return self._newest_common()
        self._gaps_asked_at = now
        self._look(self._since())  # other runs fill gaps, too
        missing = self._ingest().missing(self._in_hand, self._since(), until)
        newest = self._newest_common()
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
