"""Real candles; ``COORDINATOR_TEST_PRICES`` names the directory that holds them."""

import csv
import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.feed_record.feed_record import describe_gaps, missing_instants
from coordinator_pipelines.feeds.file import FileFeed

pytestmark = pytest.mark.prices
PAST, FUTURE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def prices() -> Path:
    directory = os.environ.get("COORDINATOR_TEST_PRICES")
    if not directory:
        pytest.skip("COORDINATOR_TEST_PRICES is not set; it names the directory of real candles")
    return Path(directory)


@pytest.mark.parametrize("asset", ["BTC", "ETH", "SOL"])
def test_fifty_thousand_minutes_are_read_exactly_and_without_a_gap(prices, asset):
    path = prices / f"binance_spot_{asset}USDT_1m_20250101_20250204.csv.gz"
    feed = FileFeed(path, subjects=[asset], granularity_seconds=60)
    records = feed.records([asset], PAST, FUTURE)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(records) == len(rows) == 50_000
    for name in ("open", "high", "low", "close", "volume"):
        assert records[name].tolist() == [float(row[name]) for row in rows]
    assert [int(t.timestamp()) for t in records["ended_at"]] == [int(r["ts"]) + 60 for r in rows]
    first, last = records["ended_at"].iloc[[0, -1]]
    assert missing_instants(records, first, last + MINUTE, 60).empty


def test_three_assets_share_the_file_of_the_crash(prices):
    path = prices / "fixtures" / "crash_binance_BTC_ETH_SOL_1m_20250202_20250203.csv.gz"
    subjects = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    records = FileFeed(path, subjects=subjects, granularity_seconds=60).records(
        subjects, PAST, FUTURE
    )
    assert records["subject"].value_counts().to_dict() == dict.fromkeys(subjects, 2880)
    ether = records[records["subject"] == "ETHUSDT"]
    assert (ether["low"] / ether["open"] - 1).min() < -0.09


def test_the_outage_is_reported_with_its_433_minutes(prices):
    path = prices / "fixtures" / "gap_coinbase_BTCUSD_1m_20180404_20180406.csv.gz"
    feed = FileFeed(path, subjects=["BTC-USD"], granularity_seconds=60)
    start = datetime(2018, 4, 4, 0, 1, tzinfo=UTC)
    end = start + timedelta(days=3)
    missing = missing_instants(feed.records(["BTC-USD"], start, end), start, end, 60)
    assert len(missing) == 433
    assert describe_gaps(missing, 60) == [
        "2018-04-04 16:47 UTC (1 minute)",
        "2018-04-04 16:49 to 2018-04-05 00:00 UTC (432 minutes)",
    ]
    during = datetime(2018, 4, 4, 20, tzinfo=UTC)
    assert feed.latest(["BTC-USD"], during)["ended_at"].item() == datetime(
        2018, 4, 4, 16, 48, tzinfo=UTC
    )
