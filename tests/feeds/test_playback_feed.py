"""A recorded file played in another time."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.spec.feed import FeedSpec
from coordinator_pipelines.feeds.registry import open_feed

SHIFT = timedelta(days=500, hours=7, minutes=3)
MINUTE, YEAR = timedelta(minutes=1), timedelta(days=365)


@pytest.fixture
def feed(write, candles, start):
    """Ten minutes, played from the third of them on."""
    recorded_from = start + 3 * MINUTE
    section = {
        "provider": "file",
        "path": write(candles),
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60,
        "staleness_limit_seconds": 180,
        "playback": {"recorded_from": recorded_from, "live_from": recorded_from + SHIFT},
    }
    return open_feed(TypeAdapter(FeedSpec).validate_python(section), FeedAccess())


def test_each_record_is_shown_as_ended_later_by_the_same_time(feed, candles, start):
    records = feed.records(["BTCUSDT"], start, start + SHIFT + YEAR)
    assert list(records["close"]) == list(candles["close"])
    assert list(records["ended_at"]) == [start + SHIFT + k * MINUTE for k in range(1, 11)]


def test_what_was_recorded_before_the_first_instant_played_is_history(feed, start):
    history = feed.records(["BTCUSDT"], start, start + SHIFT + 3 * MINUTE)
    assert len(history) == 2


def test_before_the_recording_and_after_its_end_there_is_nothing(feed, start):
    first, last = start + SHIFT + MINUTE, start + SHIFT + 10 * MINUTE
    assert feed.latest(["BTCUSDT"], first - timedelta(microseconds=1)).empty
    assert feed.records(["BTCUSDT"], start, first).empty
    assert feed.records(["BTCUSDT"], last + timedelta(microseconds=1), last + YEAR).empty
    assert feed.latest(["BTCUSDT"], last + YEAR)["ended_at"].item() == last


def test_the_newest_record_appears_the_moment_its_bar_ends(feed, candles, start):
    end = start + SHIFT + 4 * MINUTE
    for as_of, newest in ((end - timedelta(microseconds=1), 2), (end, 3)):
        latest = feed.latest(["BTCUSDT"], as_of)
        assert latest["close"].item() == candles["close"][newest]
        assert latest["ended_at"].item() == start + SHIFT + (newest + 1) * MINUTE


def test_prices_that_are_played_are_never_taken_for_real_ones(feed, start):
    assert feed.simulated
    assert feed.source == "playback:file:prices.csv"
    assert set(feed.records(["BTCUSDT"], start, start + SHIFT + YEAR)["source"]) == {feed.source}
