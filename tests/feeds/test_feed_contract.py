"""What every provider promises, whichever it is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.errors import FeedConfigurationError
from coordinator_pipelines.domain.feed import RECORD_COLUMNS, Feed, empty_records
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.feeds.simulated import SimulatedFeed

SUBJECTS = ["BTC", "ETH"]
HOUR = timedelta(hours=1)
few = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
seconds = st.integers(min_value=-600, max_value=8400)


@pytest.fixture(params=["file", "simulated"])
def feed(request, two_subjects, write) -> Feed:
    if request.param == "simulated":
        return SimulatedFeed(seed=1, granularity_seconds=60, subjects=SUBJECTS)
    return FileFeed(write(two_subjects), subjects=SUBJECTS, granularity_seconds=60)


def test_records_have_the_columns_and_types_of_a_record_frame(feed, start):
    for records in (
        feed.records(SUBJECTS, start, start + HOUR),
        feed.records(SUBJECTS, start + HOUR, start),
        feed.records([], start, start + HOUR),
        feed.latest(SUBJECTS, start + HOUR),
        feed.latest([], start + HOUR),
    ):
        assert tuple(records.columns) == RECORD_COLUMNS
        pd.testing.assert_series_equal(records.dtypes, empty_records().dtypes)


def test_records_are_sorted_with_one_row_per_subject_and_instant(feed, start):
    records = feed.records(["ETH", "BTC", "ETH"], start, start + HOUR)
    keys = pd.MultiIndex.from_frame(records[["subject", "ended_at"]])
    assert keys.is_monotonic_increasing
    assert keys.is_unique
    assert set(records["subject"]) == {"BTC", "ETH"}


def test_the_interval_takes_its_start_and_not_its_end(feed, start):
    minute = timedelta(minutes=1)
    ended_at = feed.records(["BTC"], start + minute, start + 3 * minute)["ended_at"]
    assert list(ended_at) == [start + minute, start + 2 * minute]


def test_prices_are_positive_and_within_the_bar(feed, start):
    records = feed.records(SUBJECTS, start, start + HOUR)
    assert len(records)
    assert (records["low"] > 0).all()
    for price in ("open", "close"):
        assert records[price].between(records["low"], records["high"]).all()
    assert (records["volume"] >= 0).all()


def test_every_record_says_where_it_comes_from(feed, start):
    records = feed.records(SUBJECTS, start, start + HOUR)
    assert set(records["source"]) == {feed.source}


@few
@given(bounds=st.lists(seconds, min_size=2, max_size=5).map(sorted))
def test_split_ranges_put_together_are_the_whole_range(feed, start, bounds):
    instants = [start + timedelta(seconds=second) for second in bounds]
    whole = feed.records(SUBJECTS, instants[0], instants[-1])
    parts = [feed.records(SUBJECTS, first, last) for first, last in pairwise(instants)]
    joined = pd.concat(parts).sort_values(["subject", "ended_at"], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole, check_exact=True)


@few
@given(second=st.integers(min_value=0, max_value=8400))
def test_latest_is_the_last_of_the_records(feed, start, second):
    as_of = start + timedelta(seconds=second)
    just_after = as_of + timedelta(microseconds=1)
    records = feed.records(SUBJECTS, start - HOUR, just_after)
    last = records.groupby("subject").tail(1).reset_index(drop=True)
    pd.testing.assert_frame_equal(feed.latest(SUBJECTS, as_of), last, check_exact=True)


def test_writing_to_an_answer_changes_no_other_answer(feed, start):
    first = feed.records(SUBJECTS, start, start + HOUR)
    original = first.copy()
    first["close"] = 0.0
    second = feed.records(SUBJECTS, start, start + HOUR)
    pd.testing.assert_frame_equal(second, original)


def test_another_time_zone_is_the_same_instant(feed, start):
    zone = datetime.fromisoformat("2025-01-01T05:30:00+05:30").tzinfo
    local = feed.records(SUBJECTS, start.astimezone(zone), (start + HOUR).astimezone(zone))
    pd.testing.assert_frame_equal(local, feed.records(SUBJECTS, start, start + HOUR))
    assert str(local["ended_at"].dt.tz) == "UTC"


def test_naive_instants_are_refused(feed, start):
    naive = start.replace(tzinfo=None)
    for call in (
        lambda: feed.records(SUBJECTS, naive, start),
        lambda: feed.records(SUBJECTS, start, naive),
        lambda: feed.latest(SUBJECTS, naive),
        lambda: feed.latest([], naive),
    ):
        with pytest.raises(TypeError, match="naive"):
            call()


def test_an_unknown_subject_is_a_mistake_in_the_settings_not_missing_data(feed):
    now = datetime(2025, 1, 1, 1, tzinfo=UTC)
    with pytest.raises(FeedConfigurationError, match=r"no subject 'BTCUSD'.*'BTC', 'ETH'"):
        feed.records(["BTC", "BTCUSD"], now, now + HOUR)
    with pytest.raises(FeedConfigurationError, match="'BTCUSD'"):
        feed.latest(["BTCUSD"], now)
