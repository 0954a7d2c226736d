"""The pyth provider against a Hermes on this machine: which update is the price, what it costs."""

import json
import re
from datetime import timedelta

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from coordinator_pipelines.domain.spec.feed import FeedSpec
from coordinator_pipelines.domain.values.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedUnavailableError,
)
from coordinator_pipelines.feeds.pyth.pyth import PythFeed, pyth_source
from tests.feeds.exchange_server import Fault

BTC, ETH = "e62d" * 16, "ff61" * 16
SECOND, MINUTE, HOUR = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours"))
PRICE = 6271068500001


@pytest.fixture
def feed(hermes, exchange, start) -> PythFeed:
    """An update of both at every full minute of two hours, and one half a minute later."""
    times = range(int(start.timestamp()), int((start + 2 * HOUR).timestamp()), 30)
    for id_ in (BTC, ETH):
        exchange.updates[id_] = [(at - 30, at, PRICE + k) for k, at in enumerate(times)]
    return PythFeed(hermes, subjects=[BTC, ETH], granularity_seconds=60)


def change(exchange, id_, at, update):
    """Replace the update that was published at an instant, or take it out."""
    kept = [one for one in exchange.updates[id_] if one[1] != int(at.timestamp())]
    exchange.updates[id_] = sorted([*kept, *([update] if update else [])], key=lambda one: one[1])


def test_the_price_at_an_instant_is_one_update_to_the_last_digit(feed, start):
    assert feed.records([BTC], start, start + MINUTE).iloc[0].to_dict() == {
        "subject": BTC, "ended_at": start, "open": 62710.68500001, "high": 62710.68500001,
        "low": 62710.68500001, "close": 62710.68500001, "volume": 0.0, "source": "pyth",
    }  # fmt: skip


def test_a_range_costs_one_request_for_each_instant_whatever_the_subjects(feed, exchange, start):
    assert len(feed.records([BTC, ETH], start, start + 10 * MINUTE)) == 20
    assert [request.query["ids[]"] for request in exchange.requests] == [[BTC, ETH]] * 10


@pytest.mark.parametrize(
    ("previous", "published", "taken"),
    [(-1, 0, True), (-30, 1, True), (-1, 60, True), (0, 1, False), (-1, 61, False), (0, 0, False)],
)
def test_only_the_update_that_straddles_the_instant_is_its_price(
    feed, exchange, start, previous, published, taken
):
    at = start + 10 * MINUTE
    second = int(at.timestamp())
    exchange.updates[BTC] = [(second + previous, second + published, PRICE)]
    assert len(feed.records([BTC], at, at + MINUTE)) == taken


def test_an_update_whose_predecessor_is_not_told_proves_nothing(feed, exchange, start):
    body = json.loads(exchange_answer(exchange, feed, start))
    body["parsed"][0]["metadata"]["prev_publish_time"] = None
    exchange.fail(Fault(200, json.dumps(body)))
    assert feed.records([BTC], start, start + MINUTE).empty


def exchange_answer(exchange, feed, start):
    feed.records([BTC], start, start + MINUTE)
    return exchange.answer(exchange.requests[-1])[1]


def test_what_hermes_does_not_have_is_absent_for_that_subject_only(feed, exchange, start):
    exchange.updates[ETH] = exchange.updates[ETH][:5]
    records = feed.records([BTC, ETH], start, start + 4 * MINUTE)
    assert records["subject"].value_counts().to_dict() == {BTC: 4, ETH: 3}
    assert feed.records([BTC, ETH], start + 3 * HOUR, start + 3 * HOUR + MINUTE).empty


def test_the_newest_price_is_asked_at_its_instant(feed, exchange, start):
    records = feed.latest([BTC, ETH], start + HOUR + 20 * SECOND)
    assert list(records["ended_at"]) == [start + HOUR] * 2
    assert [request.path.rpartition("/")[2] for request in exchange.requests] == [
        "latest", str(int((start + HOUR).timestamp())),
    ]  # fmt: skip


def test_a_feed_that_stopped_keeps_its_age(feed, timer, start):
    """Hermes goes on answering the last update as the latest one, here for ten hours."""
    records = feed.latest([BTC], timer.now())
    assert records["ended_at"].item() == start + 2 * HOUR - MINUTE


def test_the_newest_price_may_be_a_few_instants_back(feed, exchange, start):
    for minutes in (60, 60.5, 61, 61.5):
        change(exchange, BTC, start + minutes * MINUTE, None)
    records = feed.latest([BTC, ETH], start + 61 * MINUTE)
    assert records.set_index("subject")["ended_at"].to_dict() == {
        BTC: start + 59 * MINUTE, ETH: start + 61 * MINUTE,
    }  # fmt: skip


def test_ids_may_be_written_with_0x_and_in_capitals(hermes, exchange, start):
    exchange.updates[BTC] = [(0, int(start.timestamp()), PRICE)]
    feed = PythFeed(hermes, subjects=["0x" + BTC.upper()], granularity_seconds=60)
    records = feed.records(["0X" + BTC], start, start + MINUTE)
    assert records["subject"].item() == BTC


def spec(id_):
    section = {"provider": "pyth", "subjects": {"BTC": id_}, "granularity_seconds": 60,
               "staleness_limit_seconds": 120}  # fmt: skip
    return TypeAdapter(FeedSpec).validate_python(section)


def test_a_spec_keeps_ids_as_hermes_answers_them():
    assert spec("0x" + BTC.upper()).symbols == [BTC]
    assert spec("0x" + BTC.upper()).identity == spec(BTC).identity


@pytest.mark.parametrize("id_", ["BTCUSDT", BTC[:-1], BTC + "0", "0x" + "g" * 64])
def test_a_spec_with_something_else_than_an_id_is_refused(id_):
    with pytest.raises(ValidationError):
        spec(id_)


# -- refusals --------------------------------------------------------------------------------


def test_no_key_says_what_to_set(exchange, timer, feed, start):
    source = pyth_source(exchange.url, None, timer)
    without = PythFeed(source, subjects=[BTC], granularity_seconds=60)
    with pytest.raises(FeedConfigurationError, match=r"401: unauthorized\. Set PYTH_API_KEY"):
        without.records([BTC], start, start + HOUR)
    source.close()
    exchange.key = "another"
    with pytest.raises(FeedConfigurationError, match=r"not accepted: correct PYTH_API_KEY"):
        feed.latest([BTC], start + HOUR)
    assert len(exchange.requests) == 2


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (403, f"Not entitled: feed {BTC}", "Not entitled.*granted every feed of feed.subjects"),
        (404, f"Price ids not found: 0x{BTC}", "Price ids not found.*Correct the feed ids"),
        (404, "", "Check PYTH_HERMES_URL.*retired"),
        (404, "<html>Not Found</html>", "Check PYTH_HERMES_URL.*retired"),
        (400, "deprecated", "deprecated.*Check PYTH_HERMES_URL"),
    ],
)
def test_a_refusal_is_never_taken_for_no_data(feed, exchange, start, status, body, text):
    for call in (
        lambda: feed.records([BTC, ETH], start, start + HOUR),
        lambda: feed.latest([BTC, ETH], start + HOUR),
    ):
        exchange.fail(Fault(status, body))
        with pytest.raises(FeedConfigurationError, match=text):
            call()
    assert len(exchange.requests) == 2


BROKEN = {
    "price is a number": (("price", "price"), 5, r"updates.parsed\[0\].price.price"),
    "price is no number": (("price", "price"), "1e5", r"updates.parsed\[0\].price.price"),
    "exponent is a text": (("price", "expo"), "-8", r"price.expo"),
    "exponent beyond reason": (("price", "expo"), 300, r"price.expo"),
    "time is a text": (("price", "publish_time"), "1", r"publish_time"),
    "another id": (("id",), "ab" * 32, "asked for e62d.*answered abab"),
    "an id with 0x": (("id",), "0x" + BTC, r"parsed\[0\].id"),
    "no metadata": (("metadata",), None, r"parsed\[0\].metadata"),
}


@pytest.mark.parametrize(("path", "value", "text"), BROKEN.values(), ids=BROKEN)
def test_a_broken_update_refuses_the_answer(feed, exchange, start, path, value, text):
    body = json.loads(exchange_answer(exchange, feed, start))
    section = body["parsed"][0]
    for step in path[:-1]:
        section = section[step]
    section[path[-1]] = value
    exchange.fail(Fault(200, json.dumps(body)), times=5)
    with pytest.raises(FeedDataError, match=text):
        feed.records([BTC], start, start + MINUTE)


@pytest.mark.parametrize("price", ["0", "-5"])
def test_a_price_that_is_none_is_missing_and_costs_no_other(feed, exchange, start, caplog, price):
    feed.records([BTC, ETH], start, start + MINUTE)
    body = json.loads(exchange.answer(exchange.requests[-1])[1])
    body["parsed"][0]["price"]["price"] = price
    exchange.fail(Fault(200, json.dumps(body)))
    records = feed.records([BTC, ETH], start, start + MINUTE)
    assert list(records["subject"]) == [body["parsed"][1]["id"]]
    assert re.search(f"price of {body['parsed'][0]['id']} at .* counts as missing", caplog.text)


def test_truncated_json_is_asked_again_and_then_refused(feed, exchange, start):
    exchange.fail(Fault(cut=20))
    assert len(feed.records([BTC], start, start + MINUTE)) == 1
    exchange.fail(Fault(cut=20), times=5)
    with pytest.raises(FeedDataError, match=r"updates: Invalid JSON: EOF"):
        feed.records([BTC], start, start + MINUTE)


# -- limits ----------------------------------------------------------------------------------


def test_ten_requests_in_ten_seconds_are_never_exceeded(feed, exchange, start):
    exchange.limit = (10, 10.0)
    assert len(feed.records([BTC], start, start + 90 * MINUTE)) == 90
    assert exchange.too_many == 0
    assert exchange.requests[-1].at - exchange.requests[0].at < 90


def test_a_minute_of_penalty_is_kept_and_not_slept_through(feed, exchange, start, timer):
    exchange.fail(Fault(429, "Too many requests"))
    for _ in range(2):
        with pytest.raises(FeedUnavailableError, match="not to be asked until") as caught:
            feed.records([BTC], start, start + MINUTE)
    timer.sleep((caught.value.not_before - timer.now()).total_seconds())
    assert len(feed.records([BTC], start, start + MINUTE)) == 1
    first, second = exchange.requests
    assert 60 < second.at - first.at < 65


def test_a_range_that_would_take_hours_is_refused_before_it_is_asked(feed, exchange, start):
    with pytest.raises(FeedConfigurationError, match=r"10,081 prices.*more than 10,080"):
        feed.records([BTC], start, start + 10_081 * MINUTE)
    assert not exchange.requests


def test_making_a_feed_asks_nothing(timer):
    source = pyth_source("https://example.org", SecretStr("key"), timer)
    PythFeed(source, subjects=[BTC], granularity_seconds=60)
    source.close()
