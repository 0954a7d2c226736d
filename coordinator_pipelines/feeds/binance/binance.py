"""The ``binance`` provider: closed spot candles, without a key.

Add here which requests are made and which candles are final; avoid the shape of answers
(``klines``) and how a vendor is asked (``http.source``).
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, Feed, as_records, empty_records
from coordinator_pipelines.domain.feed_record.access import (
    BINANCE_URL_VARIABLE,
    DEFAULT_PATIENCE_SECONDS,
)
from coordinator_pipelines.domain.feed_record.feed_record import instants
from coordinator_pipelines.domain.spec.feed import BINANCE_INTERVALS
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.binance.klines import REFUSAL, read_klines
from coordinator_pipelines.feeds.http.answer import Answer, parsed
from coordinator_pipelines.feeds.http.rate_limit import RateLimit
from coordinator_pipelines.feeds.http.source import TIMEOUT_SECONDS, HttpSource
from coordinator_pipelines.feeds.http.timer import Timer
from coordinator_pipelines.feeds.subjects import check_settings, known_subjects

PATH = "api/v3/klines"
PAGE = 1000
NEWEST = 5
"""Candles asked for to find the newest final one: more than may be unfinished or settling."""
SETTLING_SECONDS = 1
"""From the end of a bar until it counts as closed. The vendor's clock is read to the second,
and after its answer was made: without a margin a bar's last instant could be missing."""
REQUESTS, PER_SECONDS = 100, 10.0
"""A weight of 1,200 a minute: what some processes of one node do at once is still allowed."""
WEIGHT_PER_MINUTE = 3000
"""Half of what Binance allows an address, from which others may be asking as well."""


def binance_source(
    base_url: str,
    timer: Timer,
    timeout_seconds: float = TIMEOUT_SECONDS,
    patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
    hold_directory: Path | None = None,
) -> HttpSource:
    """Binance, as one process asks it, whatever the number of feeds.

    ``hold_directory``: where processes learn of each other's requests and pauses.

    Raises:
        FeedConfigurationError: the base URL is none.
    """
    limit = RateLimit.shared(REQUESTS, PER_SECONDS, timer, base_url, hold_directory)
    return HttpSource(
        "binance", base_url, variable=BINANCE_URL_VARIABLE, limit=limit, timer=timer,
        timeout_seconds=timeout_seconds, patience_seconds=patience_seconds,
    )  # fmt: skip


class BinanceFeed(Feed):
    """Candles from ``/api/v3/klines``; a bar is a record once the vendor's clock is past it."""

    def __init__(
        self, source: HttpSource, *, subjects: Collection[str], granularity_seconds: int
    ) -> None:
        self._http = source
        self._subjects = frozenset(subjects)
        self._bar = granularity_seconds
        check_settings(self._subjects, granularity_seconds, self.source)
        if granularity_seconds not in BINANCE_INTERVALS:
            raise FeedConfigurationError(
                f"feed binance: granularity_seconds is {granularity_seconds}; it must be one of "
                f"{', '.join(map(str, BINANCE_INTERVALS))}"
            )

    @property
    def source(self) -> str:
        """``binance``, whichever host answers."""
        return "binance"

    @property
    def simulated(self) -> bool:
        """Never."""
        return False

    @property
    def records_per_request(self) -> int:
        """A page."""
        return PAGE

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """The closed candles with ``start <= ended_at < end``; a request per 1,000 of them.

        Raises:
            FeedUnavailableError: Binance cannot be reached, or wants not to be asked for now.
        """
        asked = known_subjects(subjects, self._subjects, self.source)
        opens = self._opens(start, end)
        return _joined(page for subject in asked for page in self._pages(subject, opens))

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The last closed candle of each subject that had ended by then; raises likewise."""
        asked = known_subjects(subjects, self._subjects, self.source)
        last = (math.floor(as_utc(as_of).timestamp()) // self._bar - 1) * self._bar
        candles = (self._newest(subject, last) for subject in asked if last >= 0)
        return _joined(candles)

    def _opens(self, start: datetime, end: datetime) -> range:
        """Open times, in epoch seconds, of the bars that end within [start, end)."""
        first, stop = (math.ceil(as_utc(instant).timestamp()) for instant in (start, end))
        first_open = -(-first // self._bar) * self._bar - self._bar
        return range(max(first_open, 0), stop - self._bar, self._bar)

    def _pages(self, subject: str, opens: range) -> Iterator[pd.DataFrame]:
        """Page by page; only an empty page or an unfinished bar says that there is no more."""
        while opens:
            candles, closed = self._page(subject, PAGE, opens[-1], opens[0])
            yield self._records(subject, candles[closed & candles["sound"]])
            if not closed.any() or not closed.iloc[-1]:
                return
            opens = range(int(candles["ts"].iloc[-1]) + self._bar, opens.stop, self._bar)

    def _newest(self, subject: str, last: int) -> pd.DataFrame:
        candles, closed = self._page(subject, NEWEST, last)
        return self._records(subject, candles[closed & candles["sound"]].iloc[-1:])

    def _page(
        self, subject: str, limit: int, last: int, first: int | None = None
    ) -> "tuple[pd.DataFrame, pd.Series[bool]]":
        """At most ``limit`` candles that open by ``last``, and which of them have closed.

        The oldest from ``first`` on, or the newest if there is no ``first``.
        """
        bounds = {"startTime": first, "endTime": last}
        return self._http.get(
            PATH,
            [
                ("symbol", subject),
                ("interval", BINANCE_INTERVALS[self._bar]),
                *((name, at * 1000) for name, at in bounds.items() if at is not None),
                ("limit", limit),
            ],
            partial(self._read, subject, first or 0, last),
        )

    def _read(
        self, subject: str, first: int, last: int, answer: Answer
    ) -> "tuple[pd.DataFrame, pd.Series[bool]]":
        if answer.status != 200:
            raise self._refusal(answer)
        now = answer.server_time
        if now is None:
            raise FeedDataError("the answer has no Date, so nothing in it is known to be final")
        self._spare(answer, 60 - now.second)
        candles = read_klines(answer.content, subject, self._bar, first, last)
        return candles, candles["ts"] + self._bar + SETTLING_SECONDS <= now.timestamp()

    def _spare(self, answer: Answer, rest_of_minute: int) -> None:
        """Ask nothing more in a minute of which this address has used up our share."""
        used = answer.headers.get("x-mbx-used-weight-1m", "")
        if re.fullmatch("[0-9]{1,9}", used) and int(used) >= WEIGHT_PER_MINUTE:
            self._http.limit.hold(rest_of_minute + 1)

    def _refusal(self, answer: Answer) -> FeedConfigurationError:
        if answer.status in (403, 451):
            return self._http.refusal(
                answer, f"It serves no requests from here; set {BINANCE_URL_VARIABLE} to a host "
                "that does.",
            )  # fmt: skip
        try:
            code = parsed(REFUSAL, answer.content, "refusal").code
        except FeedDataError:
            advice = f"Check {BINANCE_URL_VARIABLE}: there is no such route."
            return self._http.refusal(answer, advice)
        unknown = "Correct the symbols in feed.subjects, such as BTCUSDT."
        advice = unknown if code in (-1121, -1100) else f"See error {code} in its documentation."
        return self._http.refusal(answer, advice)

    def _records(self, subject: str, candles: pd.DataFrame) -> pd.DataFrame:
        return as_records(
            {
                "subject": subject,
                "ended_at": instants(candles["ts"].to_numpy() + self._bar),
                **{name: candles[name] for name in PRICE_COLUMNS},
                "source": self.source,
            }
        )


def _joined(pieces: Iterable[pd.DataFrame]) -> pd.DataFrame:
    frames = [piece for piece in pieces if len(piece)]
    return pd.concat(frames, ignore_index=True) if frames else empty_records()
