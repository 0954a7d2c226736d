"""How vendors are asked: retries, pauses, limits, and what is never told."""

import logging
import time
import traceback
from contextlib import closing
from datetime import timedelta

import pytest
from pydantic import SecretStr

from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.values.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedUnavailableError,
)
from coordinator_pipelines.feeds.binance.binance import binance_source
from coordinator_pipelines.feeds.http.answer import Answer
from coordinator_pipelines.feeds.http.rate_limit import RateLimit
from coordinator_pipelines.feeds.pyth.pyth import pyth_source
from tests.feeds.exchange_server import KEY, FakeTimer, Fault


def ask(source, path="hello"):
    return source.get(path, [], lambda answer: answer.content.decode())


OK = Fault(200, "fine")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, "oops"),
        Fault(502),
        Fault(503, "busy"),
        Fault(408),
        Fault(200, "half", broken_off=True),
        Fault(429, "slow down", {"Retry-After": "1"}),
    ],
    ids=lambda fault: f"{fault.status}{' broken off' * fault.broken_off}",
)
def test_a_passing_failure_is_asked_again_after_a_growing_pause(binance, exchange, fault):
    exchange.fail(fault, fault, OK)
    assert ask(binance) == "fine"
    assert len(exchange.requests) == 3
    pauses = [b.at - a.at for a, b in zip(exchange.requests, exchange.requests[1:], strict=False)]
    assert pauses[0] >= 1
    assert pauses[1] >= 2


def test_a_failure_that_stays_ends_after_five_attempts(binance, exchange, timer):
    exchange.fail(Fault(503, "maintenance"), times=9)
    with pytest.raises(
        FeedUnavailableError, match=r"HTTP 503: maintenance.*asked up to 5 times in 20 s"
    ):
        ask(binance)
    assert len(exchange.requests) == 5
    assert sum(timer.slept) < 20


def test_silence_is_ended_by_the_time_out(exchange, timer):
    exchange.fail(Fault(hangs=True), OK)
    with closing(binance_source(exchange.url, timer, timeout_seconds=0.1)) as source:
        assert ask(source) == "fine"
        exchange.fail(Fault(hangs=True), times=5)
        with pytest.raises(FeedUnavailableError, match=r"no answer within 0\.1 s"):
            ask(source)


def test_nobody_at_the_address_is_a_passing_failure(timer):
    with (
        closing(binance_source("http://127.0.0.1:1", timer)) as source,
        pytest.raises(FeedUnavailableError, match=r"binance \(127.0.0.1\).*ConnectError"),
    ):
        ask(source)


def test_an_answer_without_end_is_not_read_to_the_end(binance, exchange):
    exchange.fail(Fault(200, b"x" * (17 * 2**20)), times=5)
    with pytest.raises(FeedUnavailableError, match="did not end in 16,"):
        ask(binance)


def test_a_broken_answer_is_asked_for_again(binance, exchange):
    def read(answer):
        if answer.content == b"broken":
            raise FeedDataError("it is broken")
        return answer.content

    exchange.fail(Fault(200, "broken"), OK)
    assert binance.get("hello", [], read) == b"fine"
    exchange.fail(Fault(200, "broken"), times=5)
    with pytest.raises(FeedDataError, match=r"binance \(127.0.0.1\): it is broken"):
        binance.get("hello", [], read)


@pytest.mark.parametrize("asked_pause", ["10", "Wed, 01 Jan 2025 12:00:10 GMT"])
def test_the_pause_that_is_asked_for_is_kept_by_all(binance, exchange, asked_pause):
    exchange.fail(Fault(429, "", {"Retry-After": asked_pause}), OK)
    assert ask(binance) == "fine"
    first, second = exchange.requests
    assert 10 < second.at - first.at <= 12


def test_a_pause_that_is_too_long_is_not_waited_for(binance, exchange, timer):
    exchange.fail(Fault(429, "", {"Retry-After": "3600"}), OK)
    for _ in range(2):
        with pytest.raises(FeedUnavailableError, match="not to be asked until") as caught:
            ask(binance)
    assert len(exchange.requests) == 1
    assert sum(timer.slept) < 10
    assert caught.value.not_before > timer.now() + timedelta(minutes=59)


@pytest.mark.parametrize("status", [429, 418])
def test_a_longer_pause_is_kept_by_later_calls_and_not_slept_in_any(
    binance, exchange, timer, status
):
    exchange.fail(Fault(status, "", {"Retry-After": "40"}), OK)
    for _ in range(3):
        with pytest.raises(FeedUnavailableError) as caught:
            ask(binance)
        assert caught.value.not_before >= exchange.timer.now()
    assert timer.slept == []
    assert len(exchange.requests) == 1
    timer.sleep((caught.value.not_before - timer.now()).total_seconds())
    assert ask(binance) == "fine"


def test_whoever_has_the_patience_sits_a_pause_out(exchange, timer):
    exchange.fail(Fault(429, "", {"Retry-After": "40"}), OK)
    with closing(binance_source(exchange.url, timer, patience_seconds=60)) as source:
        assert ask(source) == "fine"


def test_no_call_takes_longer_than_its_patience_whatever_happens(exchange, timer):
    class Slow(FakeTimer):
        """Every look at the stopwatch finds a second gone."""

        def monotonic(self):
            self._elapsed += 1.0
            return super().monotonic()

    slow = Slow(timer.now())
    exchange.fail(Fault(503), times=50)
    with closing(binance_source(exchange.url, slow)) as source:
        began = slow.now()
        with pytest.raises(FeedUnavailableError, match="HTTP 503"):
            ask(source)
    assert slow.now() - began <= timedelta(seconds=20 + 2)
    assert 1 < len(exchange.requests) < 5


def test_an_answer_that_trickles_is_given_up_in_time(exchange, timer):
    exchange.fail(Fault(trickles=True), times=2)
    exchange.fail(OK)
    with closing(binance_source(exchange.url, timer, timeout_seconds=0.3)) as source:
        began = time.monotonic()
        assert ask(source) == "fine"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("5", 6),
        ("0", 1),
        ("", 61),
        ("-3", 61),
        ("soon", 61),
        ("9" * 30, 2592001),
        ("9" * 400, 2592001),
        ("٣", 61),
        ("Fri, 31 Dec 9999 23:59:59 -2300", 61),
        ("Wed, 01 Jan 99999999999 00:00:10 GMT", 61),
        ("Tue, 31 Dec 2024 23:00:00 GMT", 1),
    ],
)
def test_any_spelling_of_a_pause_is_some_pause(written, seconds, timer):
    answer = Answer(429, {"retry-after": written}, b"")
    assert answer.retry_after_seconds(60, timer.now()) == seconds


def test_requests_say_who_asks(binance, exchange):
    exchange.fail(OK)
    ask(binance)
    assert exchange.requests[0].headers["user-agent"].startswith("coordinator-pipelines/0.")
    assert "authorization" not in exchange.requests[0].headers


# -- the limit -------------------------------------------------------------------------------


def test_no_span_of_time_has_more_requests_than_allowed(timer):
    limit, sent = RateLimit(3, 10, timer), []
    for pause in [0, 0, 0, 0, 4, 0, 0, 25, 0, 0, 0, 1, 1, 1]:
        timer.sleep(pause)
        limit.wait("vendor", 20)
        sent.append(timer.monotonic())
    assert all(later - earlier >= 10 for earlier, later in zip(sent, sent[3:], strict=False))


# -- secrets ---------------------------------------------------------------------------------


def test_the_key_is_sent_and_never_shown(hermes, exchange, caplog):
    caplog.set_level(logging.DEBUG)
    exchange.fail(Fault(200, "fine"), Fault(403, f"Not entitled: Bearer {KEY}"))
    ask(hermes)
    assert exchange.requests[0].headers["authorization"] == f"Bearer {KEY}"

    def refuse(answer):
        raise hermes.refusal(answer, "Do something.")

    with pytest.raises(FeedConfigurationError, match=r"Not entitled: Bearer \*\*\*") as caught:
        hermes.get("hello", [], refuse)
    exchange.fail(Fault(500, f"who is {KEY}?"), times=5)
    with pytest.raises(FeedUnavailableError) as unavailable:
        ask(hermes)
    shown = [caplog.text, repr(hermes), repr(vars(hermes)), repr(FeedAccess(pyth_api_key=KEY_))]
    shown += traceback.format_exception(caught.value)
    shown += traceback.format_exception(unavailable.value)
    assert KEY not in "".join(shown)


KEY_ = SecretStr(KEY)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key, timer):
    with pytest.raises(FeedConfigurationError, match="API key of pyth") as caught:
        pyth_source("https://example.org", SecretStr(key), timer)
    assert key not in str(caught.value)


def test_a_key_is_not_sent_in_clear_to_another_machine(timer):
    with pytest.raises(FeedConfigurationError, match=r"PYTH_HERMES_URL.*Write https:"):
        pyth_source("http://example.org", KEY_, timer)


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "https://", "https://user:pa55@example.org",
     "https://example.org?token=pa55", "https://example.org#pa55"],
)  # fmt: skip
def test_a_base_url_that_is_none_is_refused_without_showing_it(url, timer):
    with pytest.raises(FeedConfigurationError, match="BINANCE_API_URL") as caught:
        binance_source(url, timer)
    assert "pa55" not in str(caught.value)


def test_a_base_url_may_have_a_path(exchange, timer):
    exchange.fail(OK)
    with closing(binance_source(f"{exchange.url}/mirror/", timer)) as source:
        ask(source, "api/v3/klines")
    assert exchange.requests[0].path == "/mirror/api/v3/klines"
