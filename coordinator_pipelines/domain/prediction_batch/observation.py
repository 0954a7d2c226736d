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

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.feed_record.feed_record import REQUESTS_PER_SPAN
from coordinator_pipelines.domain.feed_record.ingest import Ingest, Inquiry
from coordinator_pipelines.domain.prediction_batch.question import Sight
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import FeedDataError, FeedUnavailableError

logger = logging.getLogger(__name__)

VERSION = ["subject", "ended_at", "version"]
RETRY_GAPS = timedelta(seconds=60)
"""A bar that the feed did not have is asked for again this often."""
BEGINNING = timedelta(seconds=10)
"""So long a capture waits for its look-back: it must be there for its first round."""

Brought = list[tuple[Inquiry, pd.DataFrame]]
"""What the feed has answered."""


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
    _fetch: "Future[Brought] | None" = None
    _answered: list[Inquiry] = field(default_factory=list)
    """What the feed has been asked since the gaps were looked at."""
    _looked_at: datetime | None = None
    _behind: bool = False

    def begin(self) -> None:
        """Bring the look-back up to date, gaps of an earlier outage included; waits for the feed.

        A feed that does not answer leaves what the ledger has. What takes longer than
        :data:`BEGINNING` comes in while rounds are captured.
        """
        self._hold(self._stored(self._since()))
        began = self.clock.now()
        while self.clock.now() - began < BEGINNING:
            if not self._take(self._bring(self._wanted())):
                return

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
        if wanted := self._wanted():
            self._fetch = self.executor.submit(self._bring, wanted)

    def catch_up(self) -> None:
        """Ask for what the last request left for later, if it left anything."""
        if self._behind:
            self.request()

    def collect(self) -> None:
        """Take in hand what has arrived."""
        if self._fetch is not None and self._fetch.done():
            fetch, self._fetch = self._fetch, None
            self._take(fetch.result())

    def _bring(self, wanted: Sequence[Inquiry]) -> Brought:
        """Ask the feed, for the newest first, as far as it answers."""
        brought = []
        try:
            for inquiry in reversed(wanted):
                span = inquiry.span
                records = self.feed.records(inquiry.subjects, span.start, span.end)
                brought.append((inquiry, records))
        except (FeedUnavailableError, FeedDataError) as error:
            logger.warning("feed: %s", error)
        return brought

    def _take(self, brought: Brought) -> bool:
        """Store what was brought and take it in hand; whether any of it was new."""
        frames = [records for _, records in brought if len(records)]
        added = sum(self._ingest().store(records).added for records in frames)
        if frames:
            first = min(records["ended_at"].min() for records in frames)
            self._look(first.to_pydatetime())
        self._answered += [inquiry for inquiry, _ in brought]
        return added > 0

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

    def _wanted(self) -> list[Inquiry]:
        """How to ask for what is not in hand: for the newest of it, as much as is soon had."""
        now, ingest = self.clock.now(), self._ingest()
        if self._looked_at is None or now - self._looked_at >= RETRY_GAPS:
            self._looked_at, self._answered = now, []
            self._look(self._since())  # other runs fill gaps, too
        missing = ingest.missing(self._in_hand, self._since(), ingest.published_until)
        wanted = {symbol: self._worth_asking(symbol, ends) for symbol, ends in missing.items()}
        most = REQUESTS_PER_SPAN * self.feed.records_per_request
        self._behind = any(len(ends) > most for ends in wanted.values())
        return ingest.inquiries({symbol: ends[-most:] for symbol, ends in wanted.items()})

    def _worth_asking(self, symbol: str, missing: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """A young bar is asked for each time, an old one that the feed lacks now and then."""
        worth = np.ones(len(missing), dtype=bool)
        for inquiry in self._answered:
            if symbol in inquiry.subjects:
                span = inquiry.span
                first, stop = missing.searchsorted(pd.DatetimeIndex([span.start, span.end]))
                worth[first:stop] = False
        young = missing > pd.Timestamp(self.clock.now() - RETRY_GAPS)
        return missing[worth | young]

    def _since(self) -> datetime:
        return self.clock.now() - self.challenge.look_back

    def _ingest(self) -> Ingest:
        return Ingest(self.challenge, self.feed, self.ledger, self.clock.now())
