"""Records from a feed into the ledger: only what is published, only what is new."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedUnavailableError
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.feeds.pyth.pyth import PythFeed, pyth_source
from tests.feeds.exchange_server import FakeTimer
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.costly_feed import CostlyFeed
from tests.support.pipeline import LATER, open_ledger
from tests.support.prices import closes_from, walk, write_candles
from tests.support.recompute import seconds

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CLOSES = closes_from(FIRST_BAR, walk(180))


@pytest.fixture
def make_ingest(tmp_path, sqlite_url):
    """Ingest as of an instant, from a file that holds the closes given."""
    challenge = small_challenge(tmp_path)
    path = tmp_path / "prices.csv"
    with open_ledger(sqlite_url, challenge) as ledger:

        def make(now=LATER, closes=CLOSES, missing=()):
            write_candles(path, closes, missing=missing)
            feed = FileFeed(path, subjects=["BTCUSDT"], granularity_seconds=60)
            return Ingest(challenge, feed, ledger, now)

        yield make


def stored(ingest):
    return ingest.ledger.feed_records(["BTCUSDT"], START - 9 * HOUR, START + 9 * HOUR)


def test_a_record_comes_in_once(make_ingest):
    ingest = make_ingest()
    assert ingest.ingest(START, START + HOUR).added == 60
    assert ingest.ingest(START, START + HOUR).added == 0
    assert ingest.ingest(START, START + HOUR + MINUTE).added == 1


def test_a_record_counts_as_observed_when_it_was_published(make_ingest):
    ingest = make_ingest()
    ingest.ingest(START, START + HOUR)
    records = stored(ingest)
    assert set(records["observed_at"] - records["ended_at"]) == {timedelta(seconds=2)}


@pytest.mark.parametrize(("late", "taken"), [(1.999, 0), (2, 1), (61, 1), (62, 2)])
def test_nothing_is_taken_before_it_is_published(make_ingest, late, taken):
    ingest = make_ingest(now=START + timedelta(seconds=late))
    ingest.ingest(START, START + HOUR)
    assert len(stored(ingest)) == taken


def test_reading_brings_in_what_is_missing_and_only_that(make_ingest):
    make_ingest().ingest(START + 20 * MINUTE, START + 30 * MINUTE)
    changed = {**CLOSES, seconds(START + 25 * MINUTE): 1.0}
    ingest = make_ingest(closes=changed)
    records = ingest.records(START + 20 * MINUTE, START + 30 * MINUTE)
    assert set(records["version"]) == {1}
    assert len(ingest.records(START, START + HOUR)) == 60


def test_reading_tells_what_is_not_there_by_leaving_it_out(make_ingest):
    gap = {seconds(START + k * MINUTE) for k in range(5, 9)}
    records = make_ingest(missing=gap).records(START, START + HOUR)
    assert len(records) == 56
    assert not gap & {seconds(at) for at in records["ended_at"]}


def test_the_newest_record_is_the_feeds_or_the_one_that_is_stored(make_ingest):
    ingest = make_ingest()
    last = pd.Timestamp(START + 2 * HOUR)
    assert ingest.newest()["BTCUSDT"] == last
    ingest.ingest(START, START + 3 * HOUR)
    shorter = {end: close for end, close in CLOSES.items() if end < seconds(START)}
    assert make_ingest(closes=shorter).newest()["BTCUSDT"] == last


def test_the_newest_record_is_never_one_of_the_future(make_ingest):
    ingest = make_ingest(now=START + 10 * MINUTE)
    assert ingest.newest()["BTCUSDT"] == pd.Timestamp(START + 9 * MINUTE)


@pytest.fixture
def costly(make_ingest):
    """Ingest from a feed that is asked for one record at a time."""
    feed = FileFeed(make_ingest().feed._path, subjects=["BTCUSDT"], granularity_seconds=60)

    def make(**what):
        return replace(make_ingest(), feed=CostlyFeed(feed, MINUTE, **what))

    return make


def test_who_is_stopped_in_a_long_range_has_what_came_before(costly):
    with pytest.raises(FeedUnavailableError):
        costly(most=35).ingest(START, START + HOUR)
    assert len(stored(costly())) == 30
    again = costly()
    assert again.ingest(START, START + HOUR).added == 30
    assert again.feed.asked == [START + k * MINUTE for k in range(30, 60)]


def test_only_what_is_missing_is_asked_for_and_not_what_lies_between(costly):
    gaps = [START + k * MINUTE for k in (3, 40, 41)]
    first = costly(lacking=gaps)
    assert first.ingest(START, START + HOUR).added == 57
    assert len(first.records(START, START + HOUR)) == 57
    assert first.feed.asked[60:] == gaps
    again = costly(lacking=gaps)
    assert again.ingest(START, START + HOUR).added == 0
    assert again.feed.asked == gaps


def test_what_would_take_hours_is_refused_before_it_is_asked(make_ingest):
    with closing(pyth_source("http://127.0.0.1:1", None, FakeTimer(LATER))) as source:
        feed = PythFeed(source, subjects=["ab" * 32], granularity_seconds=60)
        ingest = replace(make_ingest(), feed=feed)
        with pytest.raises(FeedConfigurationError, match=r"14,400 prices in one range"):
            ingest.ingest(START, START + 240 * HOUR)


def test_subjects_that_lack_the_same_are_asked_for_together(costly):
    same, other = (pd.date_range(START, periods=n, freq=MINUTE) for n in (12, 1))
    wanted = {"A": same, "B": other, "C": pd.DatetimeIndex(list(same))}
    asked = [(i.subjects, i.span.start, i.span.end) for i in costly().inquiries(wanted)]
    assert asked == [
        (["B"], START, START + MINUTE),
        (["A", "C"], START, START + 10 * MINUTE),
        (["A", "C"], START + 10 * MINUTE, START + 12 * MINUTE),
    ]
