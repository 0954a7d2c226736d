"""Gaps: which instants lack a record, and how they are told."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.feed import as_records, empty_records
from coordinator_pipelines.domain.feed_record.feed_record import (
    describe_gaps,
    grid_epochs,
    instants,
    missing_instants,
)

DAY = datetime(2018, 4, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def records_at(times, subject="BTC"):
    ones = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    return as_records({"subject": subject, "ended_at": times, **ones, "source": "test"})


def gaps(*minutes, granularity=60):
    times = instants(np.array([int(DAY.timestamp()) + granularity * k for k in minutes]))
    return describe_gaps(times, granularity)


def test_a_complete_grid_has_no_gap():
    records = records_at([DAY + k * MINUTE for k in range(60)])
    missing = missing_instants(records, DAY, DAY + timedelta(hours=1), 60)
    assert missing.empty
    assert describe_gaps(missing, 60) == []


def test_without_records_everything_is_missing():
    missing = missing_instants(empty_records(), DAY, DAY + timedelta(hours=1), 300)
    assert list(missing) == [DAY + k * 5 * MINUTE for k in range(12)]
    assert str(missing.dtype) == "datetime64[us, UTC]"


def test_the_start_is_expected_and_the_end_is_not():
    records = records_at([DAY + MINUTE])
    missing = missing_instants(records, DAY + timedelta(seconds=1), DAY + 3 * MINUTE, 60)
    assert list(missing) == [DAY + 2 * MINUTE]


def test_records_outside_the_interval_or_the_grid_change_nothing():
    records = records_at([DAY - MINUTE, DAY + timedelta(seconds=30), DAY + 9 * MINUTE])
    assert len(missing_instants(records, DAY, DAY + 2 * MINUTE, 60)) == 2


def test_an_empty_interval_expects_nothing():
    assert missing_instants(empty_records(), DAY, DAY, 60).empty
    assert missing_instants(empty_records(), DAY + MINUTE, DAY, 60).empty


def test_two_subjects_at_once_are_refused():
    both = as_records(
        {**records_at([DAY, DAY]).to_dict("list"), "subject": ["BTC", "ETH"]},
    )
    with pytest.raises(ValueError, match="one subject"):
        missing_instants(both, DAY, DAY + MINUTE, 60)


def test_naive_instants_are_refused():
    with pytest.raises(TypeError, match="naive"):
        missing_instants(empty_records(), DAY.replace(tzinfo=None), DAY, 60)


def test_a_gap_is_reported_with_its_minutes():
    assert gaps(*range(600, 1032)) == ["2018-04-04 10:00 to 17:11 UTC (432 minutes)"]


def test_each_gap_is_reported_apart():
    assert gaps(5, 7, 8) == [
        "2018-04-04 00:05 UTC (1 minute)",
        "2018-04-04 00:07 to 00:08 UTC (2 minutes)",
    ]


def test_a_gap_over_midnight_names_both_days():
    assert gaps(1439, 1440) == ["2018-04-04 23:59 to 2018-04-05 00:00 UTC (2 minutes)"]


def test_other_granularities_are_named():
    assert gaps(1, 2, granularity=1) == ["2018-04-04 00:00:01 to 00:00:02 UTC (2 seconds)"]
    assert gaps(1, 2, granularity=15) == ["2018-04-04 00:00:15 to 00:00:30 UTC (2 bars of 15 s)"]
    assert gaps(1, granularity=3600) == ["2018-04-04 01:00 UTC (1 hour)"]
    assert gaps(1, granularity=300) == ["2018-04-04 00:05 UTC (1 bar of 300 s)"]


@given(
    start=st.integers(-5000, 10**10),
    length=st.integers(0, 5000),
    granularity=st.sampled_from([1, 7, 60, 300]),
)
def test_the_grid_is_every_multiple_in_the_interval(start, length, granularity):
    first, last = (datetime.fromtimestamp(k, UTC) for k in (start, start + length))
    expected = [k for k in range(start, start + length) if k % granularity == 0]
    assert grid_epochs(first, last, granularity).tolist() == expected


@given(present=st.sets(st.integers(0, 59)))
def test_missing_and_present_make_up_the_grid(present):
    records = records_at([DAY + k * MINUTE for k in present])
    missing = missing_instants(records, DAY, DAY + timedelta(hours=1), 60)
    assert {(t - DAY) // MINUTE for t in missing} == set(range(60)) - present
    texts = describe_gaps(missing, 60)
    counts = [int(text.split("(")[1].split()[0]) for text in texts]
    assert sum(counts) == len(missing)
