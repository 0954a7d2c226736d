"""The binance feed over an hour in which everything goes wrong, and the exchange that it asks."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import httpx
import pytest

from coordinator_pipelines.domain.values.errors import FeedUnavailableError
from coordinator_pipelines.feeds.binance.binance import BinanceFeed, binance_source
from tests.feeds.exchange_server import FakeTimer, Fault
from tests.support.exchange import (
    UNREVISED,
    Exchange,
    Schedule,
    hour_of_faults,
    recorded_prices,
    simulated_prices,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
RECORDED = datetime(2025, 1, 10, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ROUND = timedelta(seconds=15)
PATH = "/api/v3/klines"


class Live:
    """Asks as live capture does: every 15 s for the newest bar, once a minute for the last ones."""

    def __init__(self, feed, timer, exchange) -> None:
        self.feed, self.timer, self.exchange = feed, timer, exchange
        self.seen, self.refused = {}, 0
        self.true_close = cache(partial(exchange.true_close, "BTCUSDT"))

    def run(self, until):
        while self.timer.now() < until:
            further = [self._last_minutes] if self.timer.now().second >= 45 else []
            for ask in (self._newest, *further):
                began = self.timer.now()
                try:
                    self._check(ask())
                except FeedUnavailableError:
                    self.refused += 1
                assert self.timer.now() - began <= timedelta(seconds=20)
            now = self.timer.now()
            self.timer.sleep((ROUND - (now - START) % ROUND).total_seconds())

    def _newest(self):
        return self.feed.latest(["BTCUSDT"], self.timer.now())

    def _last_minutes(self):
        return self.feed.records(["BTCUSDT"], self.timer.now() - 10 * MINUTE, self.timer.now())

    def _check(self, records):
        now = self.timer.now()
        for ended_at, close in zip(records["ended_at"], records["close"], strict=True):
            true = self.true_close(ended_at)
            if now < self.exchange.troubles.revised.get(ended_at, now):
                true *= UNREVISED
            assert ended_at <= now
            assert close == pytest.approx(true, rel=1e-9)
            self.seen[ended_at] = close


def an_hour_of_faults(prices):
    timer = FakeTimer(START)
    troubles = hour_of_faults(START)
    with (
        Exchange(timer.now, prices, troubles) as exchange,
        closing(binance_source(exchange.url, timer, timeout_seconds=0.3)) as source,
    ):
        feed = BinanceFeed(source, subjects=["BTCUSDT"], granularity_seconds=60)
        live = Live(feed, timer, exchange)
        live.run(START + HOUR + MINUTE)
        whole = feed.records(["BTCUSDT"], START, START + HOUR)
    published = [START + k * MINUTE for k in range(60)]
    published.remove(START + 36 * MINUTE)
    assert list(whole["ended_at"]) == published
    assert list(whole["close"]) == pytest.approx(
        [exchange.true_close("BTCUSDT", ended_at) for ended_at in published], rel=1e-9
    )
    assert set(published) <= set(live.seen)
    assert exchange.violations == []
    assert exchange.troubles.faults == []
    assert max(exchange.weights.values()) < 100
    assert 0 < live.refused < 60


@pytest.mark.slow
def test_an_hour_of_faults_ends_with_every_published_bar_and_no_unfinished_one():
    an_hour_of_faults(simulated_prices())


@pytest.mark.prices
@pytest.mark.slow
def test_an_hour_of_faults_on_recorded_prices(prices_dir):
    an_hour_of_faults(recorded_prices(prices_dir, RECORDED, START))


# -- the exchange itself ---------------------------------------------------------------------


@pytest.fixture
def timer():
    return FakeTimer(START + timedelta(seconds=90))


def klines(exchange, **parameters):
    query = {"symbol": "BTCUSDT", "interval": "1m", **parameters}
    return httpx.get(exchange.url + PATH, params=query)


def closes(exchange, **parameters):
    rows = klines(exchange, **parameters).json()
    return {datetime.fromtimestamp((row[6] + 1) / 1000, UTC): float(row[4]) for row in rows}


def test_the_newest_candle_is_unfinished_and_changes_when_it_ends(timer):
    with Exchange(timer.now) as exchange:
        early = closes(exchange, limit=2)
        assert list(early) == [START + MINUTE, START + 2 * MINUTE]
        timer.sleep(30)
        final = closes(exchange, limit=3)
        ends = [START + k * MINUTE for k in (1, 2, 3)]
        assert list(final) == ends
        true = [exchange.true_close("BTCUSDT", end) for end in ends]
        assert [final[end] == pytest.approx(price) for end, price in zip(ends, true, strict=True)
                ] == [True, True, False]  # fmt: skip
        assert early[ends[0]] == final[ends[0]]
        assert early[ends[1]] != final[ends[1]]


def test_bounds_and_limits_are_those_of_the_vendor(timer):
    timer.sleep(3600)
    milliseconds = int(START.timestamp()) * 1000
    with Exchange(timer.now) as exchange:
        assert len(closes(exchange)) == 500
        assert list(closes(exchange, startTime=milliseconds, limit=2)) == [
            START + MINUTE, START + 2 * MINUTE,
        ]  # fmt: skip
        assert list(closes(exchange, endTime=milliseconds, limit=2)) == [START, START + MINUTE]
        both = closes(exchange, startTime=milliseconds, endTime=milliseconds + 119_999)
        assert list(both) == [START + MINUTE, START + 2 * MINUTE]
        assert closes(exchange, startTime=milliseconds + 10**8) == {}


def test_a_request_before_it_is_allowed_is_written_down(timer):
    pause = Schedule([(START, Fault(429, "", {"Retry-After": "30"}))])
    with Exchange(timer.now, troubles=pause) as exchange:
        assert klines(exchange).status_code == 429
        timer.sleep(29)
        early = klines(exchange)
        assert (early.status_code, early.headers["Retry-After"]) == (418, "2")
        assert exchange.violations == ["00:01:59 /api/v3/klines: 1.0 s before it was allowed"]
        timer.sleep(1)
        assert klines(exchange).status_code == 200
    assert len(exchange.violations) == 1


def test_more_weight_than_a_minute_allows_is_written_down(timer):
    with Exchange(timer.now) as exchange:
        exchange.weights[int(timer.now().timestamp() // 60)] = 5998
        assert klines(exchange).headers["X-MBX-USED-WEIGHT-1M"] == "6000"
        assert klines(exchange).status_code == 429
        assert exchange.violations == ["00:01:30 /api/v3/klines: weight 6002 in one minute"]
        timer.sleep(61)
        assert klines(exchange).headers["X-MBX-USED-WEIGHT-1M"] == "2"


@pytest.mark.prices
def test_a_symbol_that_is_not_recorded_is_not_traded(timer, prices_dir):
    with Exchange(timer.now, recorded_prices(prices_dir, RECORDED, START)) as exchange:
        assert len(closes(exchange, limit=5)) == 5
        refused = klines(exchange, symbol="BEANS")
    assert refused.status_code == 400
    assert json.loads(refused.text)["code"] == -1121
