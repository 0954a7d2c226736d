"""The ``pyth`` provider: the price of Hermes at each instant of the grid, one update each.

Add here which requests are made and what refusals mean; avoid the shape of answers
(``updates``) and how a vendor is asked (``http.source``).
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import SecretStr

from coordinator_pipelines.domain.doors.feed import Feed, as_records, empty_records
from coordinator_pipelines.domain.feed_record.access import (
    DEFAULT_PATIENCE_SECONDS,
    PYTH_KEY_VARIABLE,
    PYTH_URL_VARIABLE,
)
from coordinator_pipelines.domain.feed_record.feed_record import instants
from coordinator_pipelines.domain.spec.feed import pyth_feed_id
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.http.answer import Answer
from coordinator_pipelines.feeds.http.rate_limit import RateLimit
from coordinator_pipelines.feeds.http.source import TIMEOUT_SECONDS, HttpSource
from coordinator_pipelines.feeds.http.timer import Timer
from coordinator_pipelines.feeds.pyth.updates import Update, read_updates
from coordinator_pipelines.feeds.subjects import check_settings, known_subjects

PATH = "v2/updates/price"
NO_UPDATE = b"update data not found"
UNKNOWN_ID = b"price ids not found"
REQUESTS, PER_SECONDS = 10, 11.0
"""Documented: 10 in 10 s. The second more is for requests that overtake each other."""
MOST_INSTANTS = 10_080
"""A week of minutes in one call: three hours of asking."""
LOOKBACK = 10
"""How many instants of the grid are tried for the newest price."""

Found = Mapping[str, Update]


def pyth_source(
    base_url: str,
    key: SecretStr | None,
    timer: Timer,
    timeout_seconds: float = TIMEOUT_SECONDS,
    patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
    hold_directory: Path | None = None,
) -> HttpSource:
    """Hermes, as one process asks it, whatever the number of feeds.

    ``hold_directory``: where processes learn of each other's requests and pauses.

    Raises:
        FeedConfigurationError: the base URL or the key is none.
    """
    limit = RateLimit.shared(REQUESTS, PER_SECONDS, timer, base_url, hold_directory)
    return HttpSource(
        "pyth", base_url, variable=PYTH_URL_VARIABLE, limit=limit, timer=timer, key=key,
        timeout_seconds=timeout_seconds, patience_seconds=patience_seconds,
    )  # fmt: skip


class PythFeed(Feed):
    """Prices from ``/v2/updates/price``; subjects are feed ids, lowercase and without 0x.

    A record's open, high, low and close are one price, the one at ``ended_at``; its volume is 0.
    """

    def __init__(
        self, source: HttpSource, *, subjects: Collection[str], granularity_seconds: int
    ) -> None:
        self._http = source
        self._subjects = frozenset(map(pyth_feed_id, subjects))
        self._step = granularity_seconds
        check_settings(self._subjects, granularity_seconds, self.source)

    @property
    def source(self) -> str:
        """``pyth``, whichever host answers."""
        return "pyth"

    @property
    def simulated(self) -> bool:
        """Never."""
        return False

    @property
    def revises(self) -> bool:
        """Never: an update is what it was, and the price at an instant is one update."""
        return False

    @property
    def records_per_request(self) -> int:
        """One."""
        return 1

    def refuse_too_many(self, instants: int) -> None:
        """Refuse more than :data:`MOST_INSTANTS`."""
        if instants > MOST_INSTANTS:
            raise FeedConfigurationError(
                f"feed pyth: {instants:,} prices in one range are more than {MOST_INSTANTS:,}; "
                "each is a request. Ask for fewer windows at once, or set a coarser "
                "feed.granularity_seconds."
            )

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """The prices at the instants of the grid in [start, end); at most a request for each.

        Raises:
            FeedUnavailableError: Hermes cannot be reached, or wants not to be asked for now.
            FeedConfigurationError: also for too many instants.
        """
        asked = known_subjects(map(pyth_feed_id, subjects), self._subjects, self.source)
        grid = self._grid(start, end)
        self.refuse_too_many(len(grid))
        found: list[tuple[int, Found]] = []
        known: dict[str, Update] = {}
        for instant in grid:
            unknown = [i for i in asked if i not in known or not known[i].straddles(instant)]
            updates, ended = self._first_at(instant, unknown)
            known |= updates
            asked = [id_ for id_ in asked if id_ not in ended]
            found.append((instant, _prices_at(instant, known)))
        return self._records(found)

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The price at the last instant of the grid that has one; raises likewise.

        A feed that stopped keeps its age: Hermes goes on naming its last update, and so the
        instants before that update are tried, :data:`LOOKBACK` of them.
        """
        asked = known_subjects(map(pyth_feed_id, subjects), self._subjects, self.source)
        now = math.floor(as_utc(as_of).timestamp())
        newest = self._newest(asked)
        due = {id_: self._floor(min(now, u.publish_time)) for id_, u in newest.items()}
        found: list[tuple[int, Found]] = []
        for _ in range(LOOKBACK):
            tried = [(instant, self._at(instant, ids)) for instant, ids in _by_instant(due)]
            found += tried
            known = {id_ for _, updates in tried for id_ in updates}
            due = {id_: instant - self._step for id_, instant in due.items() if id_ not in known}
        return self._records(found)

    def _grid(self, start: datetime, end: datetime) -> range:
        first, stop = (math.ceil(as_utc(instant).timestamp()) for instant in (start, end))
        return range(max(-(-first // self._step) * self._step, 0), stop, self._step)

    def _floor(self, second: int) -> int:
        return second // self._step * self._step

    def _at(self, instant: int, ids: Sequence[str]) -> Found:
        """The updates that are the prices at the instant; ids without one are absent."""
        return _prices_at(instant, self._first_at(instant, ids)[0])

    def _first_at(self, instant: int, ids: Sequence[str]) -> tuple[Found, Collection[str]]:
        """The first updates at or after the instant, and the ids that have none yet.

        Hermes answers all ids or none. If none, it is asked for the newest update of each, and
        then for those that have one, if need be one by one.
        """
        updates = self._updates(str(instant), ids)
        if updates or not ids:
            return updates, ()
        newest = self._newest(ids)
        ended = {i for i in ids if i not in newest or newest[i].publish_time < instant}
        there = [id_ for id_ in ids if id_ not in ended]
        if ended:
            updates = self._updates(str(instant), there)
        return updates or self._each(str(instant), there), ended

    def _newest(self, ids: Sequence[str]) -> Found:
        """The newest update of each id that has any."""
        return self._updates("latest", ids) or self._each("latest", ids)

    def _each(self, which: str, ids: Sequence[str]) -> Found:
        """The answers to one request for each id, if there are several."""
        asked = ids if len(ids) > 1 else ()
        return {id_: own for one in asked for id_, own in self._updates(which, [one]).items()}

    def _updates(self, which: str, ids: Sequence[str]) -> Found:
        """The answer to one request; nothing if Hermes lacks one of the ids."""
        if not ids:
            return {}
        parameters = [*(("ids[]", id_) for id_ in ids), ("parsed", "true"), ("encoding", "hex")]
        return self._http.get(f"{PATH}/{which}", parameters, partial(self._read, ids))

    def _read(self, ids: Sequence[str], answer: Answer) -> Found:
        if answer.status == 200:
            return read_updates(answer.content, ids)
        if answer.status == 404 and NO_UPDATE in answer.content.lower():
            return {}
        raise self._http.refusal(answer, self._advice(answer))

    def _advice(self, answer: Answer) -> str:
        if answer.status == 401:
            given = "The key was not accepted: correct" if self._http.has_key else "Set"
            return f"{given} {PYTH_KEY_VARIABLE} in the environment; prices need a key."
        if answer.status == 403:
            return (
                f"Have the key in {PYTH_KEY_VARIABLE} granted every feed of feed.subjects, or "
                "take the others out."
            )
        if answer.status == 404 and UNKNOWN_ID in answer.content.lower():
            return "Correct the feed ids in feed.subjects."
        return f"Check {PYTH_URL_VARIABLE}: this is no route of it, or it has been retired."

    def _records(self, found: Sequence[tuple[int, Found]]) -> pd.DataFrame:
        rows = [(id_, at, update.price) for at, updates in found for id_, update in updates.items()]
        if not rows:
            return empty_records()
        ids, epochs, prices = zip(*rows, strict=True)
        price = dict.fromkeys(("open", "high", "low", "close"), prices)
        ended_at = instants(np.array(epochs, dtype=np.int64))
        return as_records(
            {"subject": ids, "ended_at": ended_at, **price, "volume": 0.0, "source": self.source}
        )


def _prices_at(instant: int, updates: Found) -> Found:
    """Those that are the price at an instant."""
    return {id_: update for id_, update in updates.items() if update.is_price_at(instant)}


def _by_instant(due: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    """The ids that are due at each instant, to be asked together."""
    for instant in sorted({at for at in due.values() if at >= 0}):
        yield instant, sorted(id_ for id_, at in due.items() if at == instant)
