"""Answers that the real vendors gave; ``COORDINATOR_TEST_PRICES`` names where they are kept."""

import json
from urllib.parse import parse_qs

import pytest

from coordinator_pipelines.domain.spec.feed import BINANCE_INTERVALS
from coordinator_pipelines.feeds.binance.klines import REFUSAL, read_klines
from coordinator_pipelines.feeds.http.answer import parsed
from coordinator_pipelines.feeds.pyth.updates import read_updates

pytestmark = pytest.mark.prices
BTC = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
OTHER = "c96458d393fe9deb7a7d63a0ac41e2898a67a7750dbd166673279e06c868df0a"
SECONDS = {interval: seconds for seconds, interval in BINANCE_INTERVALS.items()}


@pytest.fixture
def recorded(prices_dir):
    """The content of one recorded answer, by the start of its file's name."""

    def read(name):
        (path,) = (prices_dir / "api_responses").glob(f"{name}*")
        return path.read_text()

    return read


def test_recorded_candles_are_taken_to_the_last_digit(recorded):
    exchanges = json.loads(recorded("binance_api_v3_klines__gocryptotrader"))
    assert len(exchanges) == 13
    for exchange in exchanges:
        query = {name: value for name, (value,) in parse_qs(exchange["request"]["query"]).items()}
        first = int(query.get("startTime", 0)) / 1000
        last = int(query.get("endTime", 2**42)) / 1000
        rows = exchange["response"]
        body = json.dumps(rows).encode()
        candles = read_klines(body, query["symbol"], SECONDS[query["interval"]], first, last)
        assert candles["ts"].tolist() == [row[0] // 1000 for row in rows]
        assert candles["sound"].all()
        assert candles["close"].tolist() == [float(row[4]) for row in rows]
        assert candles["volume"].tolist() == [float(row[5]) for row in rows]


def test_a_recorded_minute_ends_where_the_next_one_begins(recorded):
    body = recorded("binance_api_v3_klines__nautilus").encode()
    candles = read_klines(body, "BTCUSDT", 60, 0, 2**40)
    assert (candles["ts"].diff().iloc[1:] == 60).all()


def test_the_recorded_refusal_is_understood(recorded):
    refusal = json.loads(recorded("binance_error_invalid_symbol"))
    answer = parsed(REFUSAL, json.dumps(refusal["body"]).encode(), "refusal")
    assert (answer.code, answer.msg) == (-1121, "Invalid symbol.")


def test_recorded_prices_are_the_whole_number_times_its_power_of_ten(recorded):
    body = recorded("pyth_hermes_v2_updates_price_latest__capture").encode()
    update = read_updates(body, [BTC])[BTC]
    assert update.price == 62710.68500001
    assert update.is_price_at(1785738586)
    assert not update.is_price_at(1785738585)


def test_a_recorded_second_with_several_updates_has_no_price_in_the_later_ones(recorded):
    updates = read_updates(
        recorded("pyth_hermes_v2_updates_price_latest__docs").encode(), [OTHER, BTC]
    )
    assert updates[BTC].previous == updates[BTC].publish_time == 1714746101
    assert not updates[BTC].is_price_at(1714746101)
