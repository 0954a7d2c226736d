"""From a spec to the provider it names."""

from datetime import timedelta

from pydantic import TypeAdapter

from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.spec.feed import FeedSpec
from coordinator_pipelines.feeds.registry import open_feed

COMMON = {"granularity_seconds": 60, "staleness_limit_seconds": 300}


def opened(**section):
    spec = TypeAdapter(FeedSpec).validate_python({**COMMON, **section})
    return open_feed(spec, FeedAccess())


def test_a_file_spec_opens_its_file(write, candles, start):
    feed = opened(provider="file", path=write(candles), subjects={"BTC": "BTCUSDT"})
    records = feed.latest(["BTCUSDT"], start + timedelta(minutes=5))
    assert feed.source == "file:prices.csv"
    assert records["close"].item() == candles["close"].iloc[4]


def test_a_simulated_spec_opens_the_path_of_its_settings(start):
    section = {"provider": "simulated", "subjects": {"BTC": "X"}, "seed": 3}
    feed, coarse = opened(**section), opened(**section, start_price=100.0, tick_size=50.0)
    assert feed.simulated
    assert feed.latest(["X"], start)["close"].item() > 10_000
    assert coarse.latest(["X"], start)["close"].item() in (50.0, 100.0, 150.0, 200.0)
    calm = opened(**section, annual_volatility=0.001)
    assert abs(calm.latest(["X"], start)["close"].item() - 60_000) < 200


def test_assets_that_share_a_symbol_are_one_subject(start):
    feed = opened(provider="simulated", subjects={"A": "X", "B": "X"}, seed=3)
    assert len(feed.latest(["X"], start)) == 1


def test_vendors_are_opened_without_asking_them():
    binance = opened(provider="binance", subjects={"BTC": "BTCUSDT"})
    pyth = opened(provider="pyth", subjects={"BTC": "0x" + "AB" * 32})
    assert [feed.source for feed in (binance, pyth)] == ["binance", "pyth"]
    assert [feed.simulated for feed in (binance, pyth)] == [False, False]
