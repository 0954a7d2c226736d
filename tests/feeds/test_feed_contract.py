"""What every provider promises, whichever it is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.feed import RECORD_COLUMNS, Feed, empty_records
from coordinator_pipelines.domain.spec.feed import pyth_feed_id
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.binance.binance import BinanceFeed
from coordinator_pipelines.feeds.file import FileFeed
from coordinator_pipelines.feeds.playback import PlaybackFeed
from coordinator_pipelines.feeds.pyth.pyth import PythFeed
from coordinator_pipelines.feeds.simulated import SimulatedFeed

SUBJECTS = ["BTC", "ETH"]
FEED_IDS = {"BTC": "0xB7" + 31 * "C0", "ETH": "e7" + 31 * "48"}
HOUR = timedelta(hours=1)
few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seconds = st.integers(min_value=-600, max_value=8400)


@dataclass(frozen=True)
class Case:
    """A feed with two hours of both subjects, as it names them, and a few gaps in the second."""

    feed: Feed
    btc: str = "BTC"
    eth: str = "ETH"
    bar: timedelta = timedelta(minutes=1)

    @property
    def subjects(self):
        return [self.btc, self.eth]


def file_case(request, two_subjects):
    write = request.getfixturevalue("write")
    return Case(FileFeed(write(two_subjects), subjects=SUBJECTS, granularity_seconds=60))


def playback_case(request, two_subjects):
    write = request.getfixturevalue("write")
    recorded = two_subjects.assign(ts=two_subjects["ts"] - 90 * 86400)
    recording = FileFeed(write(recorded), subjects=SUBJECTS, granularity_seconds=60)
    return Case(PlaybackFeed(recording, timedelta(days=90)))


def simulated_case(request, two_subjects):
    del request, two_subjects
    return Case(SimulatedFeed(seed=1, granularity_seconds=60, subjects=SUBJECTS))


def binance_case(request, two_subjects):
    exchange, http = (request.getfixturevalue(name) for name in ("exchange", "binance"))
    for symbol, rows in two_subjects.groupby("symbol"):
        prices = rows[["open", "high", "low", "close", "volume"]].itertuples(index=False, name=None)
        exchange.candles[symbol] = dict(zip(rows["ts"], prices, strict=True))
    return Case(BinanceFeed(http, subjects=SUBJECTS, granularity_seconds=60))


def pyth_case(request, two_subjects):
    """Five minutes from price to price, since each is a request."""
    exchange, http = (request.getfixturevalue(name) for name in ("exchange", "hermes"))
    for symbol, rows in two_subjects.groupby("symbol"):
        ended = (rows["ts"] + 60).tolist()
        prices = (rows["close"] * 10**8).astype(int)
        updates = zip([0, *ended], ended, prices, strict=False)
        exchange.updates[pyth_feed_id(FEED_IDS[symbol])] = list(updates)
    feed = PythFeed(http, subjects=FEED_IDS.values(), granularity_seconds=300)
    return Case(feed, *map(pyth_feed_id, FEED_IDS.values()), timedelta(minutes=5))


CASES = (file_case, playback_case, simulated_case, binance_case, pyth_case)


@pytest.fixture(params=CASES, ids=[case.__name__.removesuffix("_case") for case in CASES])
def case(request, two_subjects) -> Case:
    return request.param(request, two_subjects)


def test_records_have_the_columns_and_types_of_a_record_frame(case, start):
    for records in (
        case.feed.records(case.subjects, start, start + HOUR),
        case.feed.records(case.subjects, start + HOUR, start),
        case.feed.records([], start, start + HOUR),
        case.feed.latest(case.subjects, start + HOUR),
        case.feed.latest([], start + HOUR),
    ):
        assert tuple(records.columns) == RECORD_COLUMNS
        pd.testing.assert_series_equal(records.dtypes, empty_records().dtypes)


def test_records_are_sorted_with_one_row_per_subject_and_instant(case, start):
    records = case.feed.records([case.eth, case.btc, case.eth], start, start + HOUR)
    keys = pd.MultiIndex.from_frame(records[["subject", "ended_at"]])
    assert keys.is_monotonic_increasing
    assert keys.is_unique
    assert set(records["subject"]) == {case.btc, case.eth}


def test_the_interval_takes_its_start_and_not_its_end(case, start):
    bar = case.bar
    ended_at = case.feed.records([case.btc], start + bar, start + 3 * bar)["ended_at"]
    assert list(ended_at) == [start + bar, start + 2 * bar]


def test_prices_are_positive_and_within_the_bar(case, start):
    records = case.feed.records(case.subjects, start, start + HOUR)
    assert len(records)
    assert (records["low"] > 0).all()
    for price in ("open", "close"):
        assert records[price].between(records["low"], records["high"]).all()
    assert (records["volume"] >= 0).all()


def test_every_record_says_where_it_comes_from(case, start):
    records = case.feed.records(case.subjects, start, start + HOUR)
    assert set(records["source"]) == {case.feed.source}


@pytest.mark.slow
@few
@given(bounds=st.lists(seconds, min_size=2, max_size=5).map(sorted))
def test_split_ranges_put_together_are_the_whole_range(case, start, bounds):
    instants = [start + timedelta(seconds=second) for second in bounds]
    whole = case.feed.records(case.subjects, instants[0], instants[-1])
    parts = [case.feed.records(case.subjects, first, last) for first, last in pairwise(instants)]
    joined = pd.concat(parts).sort_values(["subject", "ended_at"], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole, check_exact=True)


@few
@given(second=st.integers(min_value=0, max_value=8400))
def test_latest_is_the_last_of_the_records(case, start, second):
    as_of = start + timedelta(seconds=second)
    just_after = as_of + timedelta(microseconds=1)
    records = case.feed.records(case.subjects, start - HOUR, just_after)
    last = records.groupby("subject").tail(1).reset_index(drop=True)
    pd.testing.assert_frame_equal(case.feed.latest(case.subjects, as_of), last, check_exact=True)


def test_writing_to_an_answer_changes_no_other_answer(case, start):
    first = case.feed.records(case.subjects, start, start + HOUR)
    original = first.copy()
    first["close"] = 0.0
    second = case.feed.records(case.subjects, start, start + HOUR)
    pd.testing.assert_frame_equal(second, original)


def test_another_time_zone_is_the_same_instant(case, start):
    zone = datetime.fromisoformat("2025-01-01T05:30:00+05:30").tzinfo
    local = case.feed.records(
        case.subjects, start.astimezone(zone), (start + HOUR).astimezone(zone)
    )
    pd.testing.assert_frame_equal(local, case.feed.records(case.subjects, start, start + HOUR))
    assert str(local["ended_at"].dt.tz) == "UTC"


def test_naive_instants_are_refused(case, start):
    naive = start.replace(tzinfo=None)
    for call in (
        lambda: case.feed.records(case.subjects, naive, start),
        lambda: case.feed.records(case.subjects, start, naive),
        lambda: case.feed.latest(case.subjects, naive),
        lambda: case.feed.latest([], naive),
    ):
        with pytest.raises(TypeError, match="naive"):
            call()


def test_an_unknown_subject_is_a_mistake_in_the_settings_not_missing_data(case):
    now = datetime(2025, 1, 1, 1, tzinfo=UTC)
    known = f"'{case.btc}', '{case.eth}'"
    with pytest.raises(FeedConfigurationError, match=f"no subject 'beans'.*{known}"):
        case.feed.records([case.btc, "beans"], now, now + HOUR)
    with pytest.raises(FeedConfigurationError, match="'beans'"):
        case.feed.latest(["beans"], now)
