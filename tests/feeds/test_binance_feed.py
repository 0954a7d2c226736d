"""The binance provider against a vendor on this machine: what is asked, taken and refused."""

import json
import re
from datetime import timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.spec.feed import BINANCE_INTERVALS
from coordinator_pipelines.domain.values.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedUnavailableError,
)
from coordinator_pipelines.feeds.binance.binance import BinanceFeed
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.feeds.exchange_server import Fault, every_minute

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CANDLE = (100.0, 101.5, 99.5, 100.25, 2.0)


def candle(k):
    return (100.0 + k, 101.5 + k, 99.5 + k, 100.25 + k, 2.0)


@pytest.fixture
def day(exchange, start):
    """Every minute of the day, the hours to come included."""
    candles = every_minute(int(start.timestamp()), map(candle, range(1440)))
    exchange.candles["BTCUSDT"] = candles
    return candles


@pytest.fixture
def feed(binance, day) -> BinanceFeed:
    del day  # there are prices to be had
    return BinanceFeed(binance, subjects=["BTCUSDT"], granularity_seconds=60)


def read(feed, start, end):
    return feed.records(["BTCUSDT"], start, end)


def row(answer, **values):
    """An answer like Binance's with some values of its second row replaced, by position."""
    rows = json.loads(answer)
    for place, value in values.items():
        rows[1][int(place[1:])] = value
    return json.dumps(rows)


def answer_of(exchange, feed, start, minutes=3):
    """The true answer about the first candles, as text, for a test to spoil."""
    read(feed, start + MINUTE, start + (minutes + 1) * MINUTE)
    return exchange.answer(exchange.requests[-1])[1]


# -- what is taken ---------------------------------------------------------------------------


def test_a_candle_is_the_price_at_the_end_of_its_bar(feed, start):
    records = read(feed, start + MINUTE, start + 2 * MINUTE)
    assert records.iloc[0].to_dict() == {
        "subject": "BTCUSDT", "ended_at": start + MINUTE, "open": 100.0, "high": 101.5,
        "low": 99.5, "close": 100.25, "volume": 2.0, "source": "binance",
    }  # fmt: skip


def test_a_long_range_is_asked_in_pages_of_a_thousand(feed, exchange, start, timer):
    timer.sleep(2 * DAY.total_seconds())
    records = read(feed, start, start + DAY + MINUTE)
    assert len(records) == 1440
    assert [request.one("limit") for request in exchange.requests] == ["1000", "1000"]
    second_page = (start + 1000 * MINUTE).timestamp()
    assert exchange.requests[1].one("startTime") == str(int(second_page) * 1000)


def test_a_host_with_shorter_pages_loses_nothing(feed, exchange, start):
    exchange.longest_page = 100
    assert len(read(feed, start + MINUTE, start + 4 * HOUR + MINUTE)) == 240
    assert len(exchange.requests) == 3


def test_the_bar_in_progress_is_never_a_record(feed, start, timer):
    timer.sleep(30)
    now = timer.now()
    assert read(feed, now - 5 * MINUTE, now + HOUR)["ended_at"].max() == start + 12 * HOUR
    assert feed.latest(["BTCUSDT"], now + HOUR)["ended_at"].item() == start + 12 * HOUR


@pytest.mark.parametrize(("seconds", "closed"), [(59, False), (60, False), (61, True)])
def test_a_bar_counts_a_second_after_the_vendors_clock_has_passed_its_end(
    feed, start, timer, seconds, closed
):
    timer.sleep(seconds)
    end = start + 12 * HOUR + MINUTE
    assert len(read(feed, end, end + MINUTE)) == closed
    assert (feed.latest(["BTCUSDT"], end)["ended_at"].item() == end) is closed


def test_the_vendors_clock_decides_not_ours(exchange, feed, start, timer):
    end = start + 12 * HOUR + MINUTE
    body = json.dumps([exchange.kline("BTCUSDT", int((end - MINUTE).timestamp()), 60)])
    timer.sleep(600)
    exchange.fail(Fault(200, body, {"Date": "Wed, 01 Jan 2025 12:00:30 GMT"}))
    assert read(feed, end, end + MINUTE).empty


def test_an_answer_without_a_date_proves_nothing_final(feed, exchange, start):
    exchange.dated = False
    with pytest.raises(FeedDataError, match="no Date"):
        read(feed, start + MINUTE, start + HOUR)


def test_a_missing_minute_is_absent(feed, day, start):
    del day[int((start + 5 * MINUTE).timestamp())]
    ended = read(feed, start + MINUTE, start + 11 * MINUTE)["ended_at"]
    assert len(ended) == 9
    assert start + 6 * MINUTE not in set(ended)


def test_an_empty_range_is_no_mistake(feed, exchange, start):
    assert read(feed, start - DAY, start).empty
    assert read(feed, start + HOUR, start).empty
    assert feed.latest(["BTCUSDT"], start).empty
    assert len(exchange.requests) == 2


def test_a_revised_candle_becomes_version_two(feed, day, start, sqlite_url, timer):
    ledger = SqlLedger(sqlite_url)

    def ingest():
        records = read(feed, start + MINUTE, start + 4 * MINUTE)
        return ledger.add_feed_records(records, publication_delay=2.0, now=timer.now())

    assert ingest().added == 3
    day[int((start + MINUTE).timestamp())] = (101.0, 103.0, 100.0, 102.0, 3.0)
    timer.sleep(60)
    assert ingest().added == 1
    stored = ledger.feed_records(["BTCUSDT"], start, start + HOUR)
    assert stored["version"].tolist() == [1, 2, 1]
    assert stored["close"].tolist()[1] == 102.0
    ledger.close()


@pytest.mark.parametrize("seconds", BINANCE_INTERVALS)
def test_each_granularity_is_asked_as_its_own_interval(seconds, binance, exchange, start, timer):
    exchange.candles["BTCUSDT"] = {int(start.timestamp()): CANDLE}
    timer.sleep(2 * DAY.total_seconds())
    feed = BinanceFeed(binance, subjects=["BTCUSDT"], granularity_seconds=seconds)
    end = start + timedelta(seconds=seconds)
    assert read(feed, end, end + timedelta(seconds=1))["ended_at"].item() == end
    assert exchange.requests[0].one("interval") == BINANCE_INTERVALS[seconds]


@pytest.mark.parametrize("seconds", [2, 45, 90, 604800])
def test_another_granularity_is_refused_rather_than_rounded(seconds, binance):
    with pytest.raises(FeedConfigurationError, match=f"granularity_seconds is {seconds}"):
        BinanceFeed(binance, subjects=["BTCUSDT"], granularity_seconds=seconds)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(-120, 47000), min_size=1, max_size=3), second=st.integers(0, 59))
def test_however_a_range_is_split_it_holds_the_same(feed, start, cuts, second):
    bounds = [start + timedelta(seconds=cut, microseconds=second) for cut in sorted(cuts)]
    bounds = [start - HOUR, *bounds, start + 14 * HOUR]
    whole = read(feed, bounds[0], bounds[-1])
    parts = [read(feed, a, b) for a, b in pairwise(bounds)]
    pd.testing.assert_frame_equal(pd.concat([p for p in parts if len(p)], ignore_index=True), whole)


# -- what is refused -------------------------------------------------------------------------


def test_a_symbol_that_binance_does_not_know_is_a_mistake_in_the_settings(binance, exchange, start):
    feed = BinanceFeed(binance, subjects=["BTC"], granularity_seconds=60)
    for call in (lambda: feed.records(["BTC"], start, start + HOUR),
                 lambda: feed.latest(["BTC"], start)):  # fmt: skip
        with pytest.raises(FeedConfigurationError, match=r"-1121.*Invalid symbol.*feed\.subjects"):
            call()
    assert len(exchange.requests) == 2


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (400, '{"code":-1120,"msg":"Invalid interval."}', "Invalid interval.*See error -1120"),
        (403, "<html>WAF</html>", "WAF.*set BINANCE_API_URL to a host that does"),
        (451, '{"code":0,"msg":"restricted location"}', "restricted.*set BINANCE_API_URL"),
        (404, "<html>nothing</html>", "no such route"),
        (301, "", "redirects elsewhere"),
    ],
)
def test_a_refusal_that_will_not_change_is_not_asked_again(
    feed, exchange, start, status, body, text
):
    exchange.fail(Fault(status, body), times=9)
    with pytest.raises(FeedConfigurationError, match=f"HTTP {status}.*{text}"):
        read(feed, start + MINUTE, start + HOUR)
    assert len(exchange.requests) == 1


UNSOUND = {
    "a price that is no number": (
        {"p4": "abc"},
        r"close is not a number: 1 row: the one that opens at 1735689660 ",
    ),
    "a price that is not finite": (
        {"p4": "NaN"},
        r"close is not a number.*the one that opens at 1735689660 ",
    ),
    "a price beyond all numbers": (
        {"p2": "1e400"},
        r"high is not finite.*the one that opens at 1735689660 ",
    ),
    "a price of zero": ({"p3": "0"}, r"not above 0: 1 row: the one that opens at 1735689660 "),
    "a negative price": ({"p3": "-1.5"}, r"not above 0: 1 row: the one that opens at 1735689660 "),
    "a negative volume": (
        {"p5": "-1"},
        r"volume is negative: 1 row: the one that opens at 1735689660 ",
    ),
    "an impossible candle": (
        {"p2": "1.0"},
        r"high is below open or close.*the one that opens at 1735689660 ",
    ),
}


@pytest.mark.parametrize(("values", "text"), UNSOUND.values(), ids=UNSOUND)
def test_a_candle_that_is_none_is_missing_and_costs_no_other(
    feed, exchange, start, caplog, values, text
):
    spoilt = row(answer_of(exchange, feed, start), **values)
    exchange.fail(Fault(200, spoilt))
    records = read(feed, start + MINUTE, start + 4 * MINUTE)
    assert list(records["ended_at"]) == [start + MINUTE, start + 3 * MINUTE]
    told = "candles of BTCUSDT: 1 of 3 count as missing.*"
    assert re.search(told + text, caplog.text, re.DOTALL)
    exchange.fail(Fault(200, spoilt))
    newest = feed.latest(["BTCUSDT"], start + 4 * MINUTE)
    assert list(newest["ended_at"]) == [start + 3 * MINUTE]


def test_a_page_of_nothing_but_broken_candles_is_not_the_last(feed, exchange, start):
    exchange.longest_page = 3
    rows = [[*kline[:4], "0", *kline[5:]] for kline in json.loads(answer_of(exchange, feed, start))]
    exchange.fail(Fault(200, json.dumps(rows)))
    records = read(feed, start + MINUTE, start + 10 * MINUTE)
    assert list(records["ended_at"]) == [start + k * MINUTE for k in range(4, 10)]


BROKEN = {
    "a number where a text belongs": ({"p1": 100.5}, r"klines\[1\]\[1\]: .*string"),
    "a text where a time belongs": ({"p0": "1"}, r"klines\[1\]\[0\]: .*integer"),
    "no time": ({"p0": None}, r"klines\[1\]\[0\]: .*integer"),
    "a time without end": ({"p6": 10**40}, r"klines\[1\]\[6\]"),
    "another interval": ({"p6": 1735693199999}, r"row 2 of 3 .*is no bar of 60 s"),
    "a time off the grid": ({"p0": 1735689661000, "p6": 1735689720999}, "row 2 .*is no bar"),
    "the same row twice": ({"p0": 1735689600000, "p6": 1735689659999}, "row 2 .*not after the row"),
    "a row not asked for": ({"p0": 1735776000000, "p6": 1735776059999}, "row 2 .*not asked for"),
}


@pytest.mark.parametrize(("values", "text"), BROKEN.values(), ids=BROKEN)
def test_one_broken_row_refuses_the_whole_answer(feed, exchange, start, values, text):
    spoilt = row(answer_of(exchange, feed, start), **values)
    exchange.fail(Fault(200, spoilt), times=5)
    with pytest.raises(FeedDataError, match=text):
        read(feed, start + MINUTE, start + 4 * MINUTE)
    assert len(read(feed, start + MINUTE, start + 4 * MINUTE)) == 3


@pytest.mark.parametrize("body", ["", "null", "{}", "[[]]", "[1,2]", "<html>", "[[1,", "\xff"])
def test_what_is_no_list_of_candles_is_refused(feed, exchange, start, body):
    exchange.fail(Fault(200, body), times=5)
    with pytest.raises(FeedDataError, match=r"klines.*Nothing of the answer was used"):
        read(feed, start + MINUTE, start + HOUR)


def test_rows_in_another_order_are_refused(feed, exchange, start):
    rows = json.loads(answer_of(exchange, feed, start))
    exchange.fail(Fault(200, json.dumps(rows[::-1])), times=5)
    with pytest.raises(FeedDataError, match=r"row 2 .*not after the row before"):
        read(feed, start + MINUTE, start + 4 * MINUTE)


# -- limits ----------------------------------------------------------------------------------


def test_half_of_the_weight_of_a_minute_is_left_to_others(feed, exchange, start, timer):
    timer.sleep(20)
    exchange.used_weight = 3000
    feed.latest(["BTCUSDT"], start + HOUR)
    exchange.used_weight = 4
    with pytest.raises(FeedUnavailableError) as caught:
        feed.latest(["BTCUSDT"], start + HOUR)
    timer.sleep((caught.value.not_before - timer.now()).total_seconds())
    feed.latest(["BTCUSDT"], start + HOUR)
    feed.latest(["BTCUSDT"], start + HOUR)
    first, second, third = (request.at for request in exchange.requests)
    assert 40 < second - first < 45
    assert third == second


def test_a_weight_that_is_no_number_is_not_heeded(feed, exchange, start):
    for odd in ("many", "\N{SUPERSCRIPT TWO}", "-1", "9" * 5000):
        exchange.used_weight = odd
        assert len(feed.latest(["BTCUSDT"], start + HOUR)) == 1
    assert len({request.at for request in exchange.requests}) == 1


def test_a_ban_says_until_when_and_nothing_is_asked_before(feed, exchange, start, timer):
    exchange.fail(Fault(418, '{"code":-1003,"msg":"banned"}', {"Retry-After": "7200"}))
    for _ in range(3):
        with pytest.raises(FeedUnavailableError, match="until 2025-01-01 14:00:0") as caught:
            read(feed, start + MINUTE, start + HOUR)
    assert len(exchange.requests) == 1
    timer.sleep((caught.value.not_before - timer.now()).total_seconds())
    assert len(read(feed, start + MINUTE, start + HOUR)) == 59
