"""The pipeline on prices of a vendor: the same as on a file of the same prices, or a clear stop."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pandas as pd
import pytest

from coordinator_pipelines.feeds.binance.binance import BinanceFeed, binance_source
from coordinator_pipelines.feeds.pyth.pyth import PythFeed, pyth_source
from tests.feeds.exchange_server import ExchangeServer, FakeTimer
from tests.support.challenges import START
from tests.support.pipeline import failure_text

FEED_ID = "e62d" * 16
COMMON = {
    "granularity_seconds": 60,
    "publication_delay_seconds": 2,
    "staleness_limit_seconds": 180,
}
BINANCE = {"feed": {"provider": "binance", "subjects": {"BTC": "BTCUSDT"}, **COMMON}}
PYTH = {
    "feed": {"provider": "pyth", "subjects": {"BTC": FEED_ID}, **COMMON},
    "truth__convention": "straddling_update",
}


@pytest.fixture
def exchange(closes) -> Iterator[ExchangeServer]:
    """A vendor with the prices of the file, a year later."""
    with ExchangeServer(FakeTimer(datetime(2026, 1, 1, tzinfo=UTC))) as server:
        server.candles["BTCUSDT"] = {
            end - 60: (close, close, close, close, 1.0) for end, close in closes.items()
        }
        ends = sorted(closes)
        server.updates[FEED_ID] = [
            (before, end, round(closes[end] * 10**8))
            for before, end in zip([0, *ends], ends, strict=False)
        ]
        yield server


def outcome(pipeline) -> dict[str, pd.DataFrame]:
    pipeline.succeed(START, 4)
    contents = pipeline.contents()
    contents["feed_records"] = contents["feed_records"].drop(columns=["source", "volume"])
    return {table: rows.replace(FEED_ID, "BTCUSDT") for table, rows in contents.items()}


@pytest.mark.slow
def test_prices_of_a_vendor_give_the_board_that_a_file_of_them_gives(make_pipeline, exchange):
    expected = outcome(make_pipeline("file"))
    timer = exchange.timer
    with (
        closing(binance_source(exchange.url, timer)) as binance,
        closing(pyth_source(exchange.url, None, timer)) as pyth,
    ):
        feeds = {
            "binance": BinanceFeed(binance, subjects=["BTCUSDT"], granularity_seconds=60),
            "pyth": PythFeed(pyth, subjects=[FEED_ID], granularity_seconds=60),
        }
        for changes in (BINANCE, PYTH):
            name = changes["feed"]["provider"]
            found = outcome(make_pipeline(name, resources={"feed": feeds[name]}, **changes))
            assert len(expected["leaderboards"])
            for table, rows in expected.items():
                pd.testing.assert_frame_equal(found[table], rows, obj=f"{name} {table}")


def test_a_vendor_without_its_key_stops_the_run_and_says_what_to_set(
    make_pipeline, exchange, monkeypatch
):
    exchange.key = "a key"
    monkeypatch.setenv("PYTH_HERMES_URL", exchange.url)
    monkeypatch.delenv("PYTH_API_KEY", raising=False)
    pipeline = make_pipeline(**PYTH)
    result = pipeline.run(START, 4)
    assert not result.success
    assert failure_text(result) == (
        "pyth (127.0.0.1) refused the request with HTTP 401: unauthorized. Set PYTH_API_KEY in "
        "the environment; prices need a key."
    )
    assert len(exchange.requests) == 1
    assert pipeline.rows("feed_records").empty
    assert pipeline.rows("rounds").empty
