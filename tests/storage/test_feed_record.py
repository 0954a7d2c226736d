"""Feed records in the ledger: versions, observation times, newest reads."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, RECORD_COLUMNS, empty_records
from coordinator_pipelines.domain.doors.ledger import FEED_RECORD_COLUMNS, Ledger, Written
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.storage.examples import HOUR, START, at, records

DELAY = 2.5
LATER = at(600)


def add(ledger: Ledger, frame: pd.DataFrame) -> Written:
    return ledger.add_feed_records(frame, publication_delay=DELAY, now=LATER)


def test_records_come_back_as_they_were_with_version_and_observation_time(ledger: Ledger) -> None:
    given = records([1, 2, 3])
    assert add(ledger, given) == Written(3)
    stored = ledger.feed_records(["BTC"], START, START + HOUR)
    assert tuple(stored.columns) == FEED_RECORD_COLUMNS
    pd.testing.assert_frame_equal(stored[list(RECORD_COLUMNS)], given)
    assert (stored["version"] == 1).all()
    assert (stored["observed_at"] == stored["ended_at"] + timedelta(seconds=DELAY)).all()


def test_the_window_of_records_is_half_open(ledger: Ledger) -> None:
    add(ledger, records([1, 2, 3]))
    stored = ledger.feed_records(["BTC"], at(1), at(3))
    assert stored["ended_at"].tolist() == [at(1), at(2)]


def test_equal_records_are_skipped(ledger: Ledger) -> None:
    add(ledger, records([1, 2]))
    assert add(ledger, records([1, 2, 3])) == Written(1)


def test_a_missing_optional_price_equals_itself(ledger: Ledger) -> None:
    given = records([1]).assign(volume=np.nan)
    add(ledger, given)
    assert add(ledger, given) == Written(0)
    assert ledger.newest_record(["BTC"])["volume"].isna().all()


@pytest.mark.parametrize("name", PRICE_COLUMNS)
def test_a_revised_price_becomes_a_new_version_observed_now(ledger: Ledger, name: str) -> None:
    given = records([1, 2])
    add(ledger, given)
    given.loc[1, name] += 0.5
    assert add(ledger, given) == Written(1, revised=1)
    newest = ledger.feed_records(["BTC"], START, START + HOUR)
    assert newest["version"].tolist() == [1, 2]
    assert newest.loc[1, name] == given.loc[1, name]
    assert newest.loc[1, "observed_at"] == LATER
    every = ledger.feed_records(["BTC"], START, START + HOUR, all_versions=True)
    assert every["version"].tolist() == [1, 1, 2]


def test_a_price_that_returns_to_its_old_value_is_a_third_version(ledger: Ledger) -> None:
    for price in (100.0, 200.0, 100.0):
        add(ledger, records([1], price))
    assert ledger.newest_record(["BTC"])["version"].tolist() == [3]


def test_the_newest_record_of_each_subject_is_found(ledger: Ledger) -> None:
    add(ledger, records([1, 5]))
    add(ledger, records([2, 3], subject="ETH"))
    newest = ledger.newest_record(["BTC", "ETH", "DOGE"])
    assert newest["subject"].tolist() == ["BTC", "ETH"]
    assert newest["ended_at"].tolist() == [at(5), at(3)]


def test_only_the_subjects_asked_for_are_read(ledger: Ledger) -> None:
    add(ledger, records([1]))
    add(ledger, records([1], subject="ETH"))
    assert ledger.feed_records(["ETH"], START, START + HOUR)["subject"].tolist() == ["ETH"]
    assert ledger.feed_records([], START, START + HOUR).empty
    assert ledger.newest_record([]).empty


def test_an_empty_frame_of_records_adds_nothing(ledger: Ledger) -> None:
    assert add(ledger, empty_records()) == Written(0)
    assert ledger.feed_records(["BTC"], START, START + HOUR).empty


def test_an_infinite_price_is_refused_by_name_and_nothing_is_stored(ledger: Ledger) -> None:
    given = records([1, 2])
    given.loc[1, "high"] = np.inf
    with pytest.raises(LedgerError, match=r"feed_records\.high is inf.*ended_at=2025-01-01 00:02"):
        add(ledger, given)
    assert ledger.newest_record(["BTC"]).empty


def test_a_record_given_twice_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="is there twice"):
        add(ledger, pd.concat([records([1]), records([1])], ignore_index=True))


def test_naive_instants_are_refused(ledger: Ledger) -> None:
    naive = datetime(2025, 1, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(TypeError, match="naive"):
        ledger.feed_records(["BTC"], naive, at(1))
    with pytest.raises(TypeError, match="naive"):
        ledger.add_feed_records(records([1]), publication_delay=0.0, now=naive)
    given = records([1])
    given["ended_at"] = given["ended_at"].dt.tz_localize(None)
    with pytest.raises(TypeError, match="naive"):
        add(ledger, given)
