"""A live exchange on this machine: Binance's klines as they come, with everything that goes wrong.

It lives by the clock that it is given, which may run faster than time does, and answers like the
real one: the newest candle is unfinished, and its values are never those that it ends with. A
schedule says what goes wrong when. It writes down what no client may do.

    with Exchange(clock.now, troubles=hour_of_faults(clock.now())) as exchange:
        ...  # BINANCE_API_URL=exchange.url
    assert exchange.violations == []
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, Feed
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.feeds.http.timer import Timer
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from tests.feeds.exchange_server import UNITS, ExchangeServer, Fault, Request
from tests.support.recording import Recording

KLINES = "/api/v3/klines"
KLINES_WEIGHT = 2
WEIGHT_PER_MINUTE = 6000
UNFINISHED = 1.001
"""Close of an unfinished candle over the one that it ends with: none is taken for the other."""
MINUTE = timedelta(minutes=1)
UNREVISED = 0.9995
"""Close of a candle before it is corrected over the one after."""
INVALID_SYMBOL = json.dumps({"code": -1121, "msg": "Invalid symbol."})

Prices = Callable[[str, int], Feed | None]
"""Symbol and granularity -> the true candles; None for a symbol that is not traded."""


@dataclass
class Schedule:
    """What goes wrong when."""

    faults: list[tuple[datetime, Fault]] = field(default_factory=list)
    """What the first request at or after an instant meets, ascending; each once."""
    appears: Mapping[datetime, datetime | None] = field(default_factory=dict)
    """End of a candle -> when it can first be seen; None for one that is never published."""
    revised: Mapping[datetime, datetime] = field(default_factory=dict)
    """End of a candle -> when it gets its true values; before, it has others."""


def hour_of_faults(start: datetime, bar: timedelta = MINUTE) -> Schedule:
    """Every kind of fault within an hour from ``start``, which is the end of a candle.

    The candles of one minute appear late, those of another never, those of a third are revised.
    """

    def at(minutes: float) -> datetime:
        return start + minutes * MINUTE

    def minute(last: int) -> list[datetime]:
        """Ends of the candles of the minute that ends so many minutes after the start."""
        return [at(last) - k * bar for k in range(MINUTE // bar)]

    return Schedule(
        faults=[
            (at(3.0), Fault(429, "Too many requests", {"Retry-After": "45"})),
            (at(8.0), Fault(503, "maintenance")),
            (at(8.1), Fault(502)),
            (at(12.0), Fault(hangs=True)),
            (at(15.0), Fault(cut=20)),
            (at(18.0), Fault(broken_off=True)),
            (at(21.0), Fault(200, "[]")),
            (at(25.0), Fault(418, '{"code":-1003,"msg":"banned"}', {"Retry-After": "150"})),
            (at(40.0), Fault(429, '{"code":-1003,"msg":"slow down"}', {"Retry-After": "5"})),
            *((at(46.0), Fault(500, "oops")) for _ in range(7)),
        ],
        appears=dict.fromkeys(minute(31), at(34)) | dict.fromkeys(minute(36)),
        revised=dict.fromkeys(minute(50), at(53)),
    )


def simulated_prices(seed: int = 1) -> Prices:
    """Every symbol, each on a path of its own."""
    return cache(
        lambda symbol, granularity: SimulatedFeed(
            seed=seed, granularity_seconds=granularity, subjects=[symbol], tick_size=0.01
        )
    )


def recorded_prices(directory: Path, recorded_from: datetime, live_from: datetime) -> Prices:
    """The candles of the files in the directory of real prices, played from an instant on.

    Each is played as one of the length that is asked for, up to the minute in which it was made.
    """

    def feed(symbol: str, granularity: int) -> Feed | None:
        paths = sorted(directory.glob(f"binance_spot_{symbol}_1m_*.csv.gz"))
        if not paths:
            return None
        return Recording(paths[0], symbol, recorded_from, live_from, 60 // granularity)

    return cache(feed)


class Exchange(ExchangeServer):
    """Answers at ``url`` while it is entered; ``requests`` are those that it got."""

    def __init__(
        self,
        now: Callable[[], datetime],
        prices: Prices | None = None,
        troubles: Schedule | None = None,
    ) -> None:
        super().__init__(_Present(now))
        self.prices = prices or simulated_prices()
        self.troubles = troubles or Schedule()
        self.violations: list[str] = []
        """What no client may do: asking while it is banned, or more than the limit allows."""
        self.weights: Counter[int] = Counter()
        """Minute since 1970 -> weight used in it."""
        self._asked_to_wait_until = 0.0

    def true_close(self, symbol: str, ended_at: datetime, granularity_seconds: int = 60) -> float:
        """The price at an instant, whether or not anybody was shown it."""
        feed = self.prices(symbol, granularity_seconds)
        assert feed is not None
        just_after = ended_at + timedelta(microseconds=1)
        return float(feed.records([symbol], ended_at, just_after)["close"].item())

    def receive(self, request: Request) -> Fault | None:
        """Count a request, hold it against the rules, and decide how it fails, if it does."""
        with self._lock:
            self.requests.append(request)
            minute = int(request.at // 60)
            self.weights[minute] += KLINES_WEIGHT
            self.used_weight = self.weights[minute]
            if request.at < self._asked_to_wait_until:
                left = self._asked_to_wait_until - request.at
                self._violated(request, f"{left:.1f} s before it was allowed")
                return Fault(418, "banned", {"Retry-After": str(int(left) + 1)})
            if self.used_weight > WEIGHT_PER_MINUTE:
                self._violated(request, f"weight {self.used_weight} in one minute")
                return self._pause(request, Fault(429, "weight", {"Retry-After": "60"}))
            return self._next_fault(request)

    def answer(self, request: Request) -> tuple[int, str]:
        """Klines and nothing else."""
        return self._klines(request) if request.path == KLINES else (404, "Not Found")

    def _violated(self, request: Request, what: str) -> None:
        self.violations.append(f"{from_epoch(int(request.at)):%H:%M:%S} {request.path}: {what}")

    def _next_fault(self, request: Request) -> Fault | None:
        faults = self.troubles.faults
        if not faults or request.at < faults[0][0].timestamp():
            return None
        return self._pause(request, faults.pop(0)[1])

    def _pause(self, request: Request, fault: Fault) -> Fault:
        seconds = float(fault.headers.get("Retry-After", 0))
        self._asked_to_wait_until = max(self._asked_to_wait_until, request.at + seconds)
        return fault

    def _klines(self, request: Request) -> tuple[int, str]:
        symbol, interval = request.one("symbol"), request.one("interval")
        bar = int(interval[:-1]) * UNITS[interval[-1]]
        feed = self.prices(symbol, bar)
        if feed is None:
            return 400, INVALID_SYMBOL
        limit = min(int(request.query.get("limit", ["500"])[0]), self.longest_page)
        candles = feed.records([symbol], *self._span(request, bar, limit))
        shown = candles[~candles["ended_at"].isin(self._hidden())]
        page = shown.head(limit) if "startTime" in request.query else shown.tail(limit)
        rows = page[["ended_at", *PRICE_COLUMNS]].itertuples(index=False, name=None)
        return 200, json.dumps([self._row(bar, *row) for row in rows])

    def _span(self, request: Request, bar: int, limit: int) -> tuple[datetime, datetime]:
        """Between which ends of candles the answer lies: the unfinished one is the last."""
        now = int(self.timer.now().timestamp())
        newest = now // bar * bar + bar
        given = {name: int(request.one(name)) // 1000 for name in ("startTime", "endTime")
                 if name in request.query}  # fmt: skip
        last = min(given.get("endTime", now) // bar * bar + bar, newest)
        reach = (limit + len(self.troubles.appears)) * bar
        if "startTime" in given:
            first = -(-given["startTime"] // bar) * bar + bar
            last = min(last, first + reach)
        else:
            first = max(last - reach, bar)
        return from_epoch(first), from_epoch(last + 1)

    def _hidden(self) -> list[datetime]:
        """Ends of the candles that are over and not published."""
        now = self.timer.now()
        appears = self.troubles.appears.items()
        return [end for end, shown_at in appears if shown_at is None or shown_at > now]

    def _row(self, bar: int, ended_at: pd.Timestamp, *prices: float) -> list[object]:
        opened, high, low, close, volume = prices
        now = self.timer.now()
        if ended_at > now:
            close, volume = close * UNFINISHED, volume / 2
        elif self.troubles.revised.get(ended_at, now) > now:
            close *= UNREVISED
        end = int(ended_at.timestamp())
        values = (opened, max(high, close), min(low, close), close, volume)
        texts = [f"{value:.8f}" for value in values]
        return [(end - bar) * 1000, *texts, end * 1000 - 1, "1.0", 7, "0.5", "0.5", "0"]


class _Present(Timer):
    """The present of a clock that others move."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now()

    def monotonic(self) -> float:
        return self._now().timestamp()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"an exchange does not wait ({seconds} s)")
