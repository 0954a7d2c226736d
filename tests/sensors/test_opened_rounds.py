"""When captures of rounds that an operator opened are asked for."""

from collections.abc import Iterator

import dagster as dg
import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.rounds.desk import RoundDesk
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.sensors.capture import capture_sensor
from tests.sensors.conftest import Ticks, at, record_capture
from tests.support.pipeline import open_ledger
from tests.support.tournament import CONFIG, TOURNAMENT, feature_table

CUP = checked_challenge(TOURNAMENT)


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    """A ledger in which a round is open from second 0 to 3600."""
    with open_ledger(sqlite_url, CUP) as ledger:
        RoundDesk(CUP, ledger, at(-600)).open(CONFIG, feature_table(), performed_at=at(0))
        yield ledger


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    return Ticks(capture_sensor, ledger, instance, CUP)


def test_a_capture_is_asked_for_ahead_of_the_opening_and_once(ticks: Ticks) -> None:
    assert ticks.request(-35) is None
    request = ticks.request(-30)
    assert request is not None
    assert request.partition_key == "2026-03-01-00:00"
    config = request.run_config["ops"]["cup__prediction_batch"]["config"]
    assert config["capture_from"] == at(0).isoformat()
    assert config["capture_until"] == at(1).isoformat()
    assert ticks.request(-10) is None


def test_it_is_asked_for_until_the_slowest_model_could_not_answer_in_time(ticks: Ticks) -> None:
    for second in (0, 1800, 3598):
        assert ticks.request(second) is not None
    assert ticks.request(3599) is None


def test_a_round_that_is_claimed_or_in_work_needs_no_other_capture(
    ticks: Ticks, ledger: Ledger
) -> None:
    record_capture(ledger, "one", (0, 1), started_at=5, alive_until=15)
    assert ticks.request(10) is None
    assert ticks.request(16) is not None
    ledger.claim_rounds([CONFIG], at(0), "two", at(20))
    assert ticks.request(60) is None


def test_after_a_failure_the_next_one_waits_a_while(ticks: Ticks, ledger: Ledger) -> None:
    failed = {"ended_at": 10, "started_at": 5, "alive_until": 15}
    record_capture(ledger, "one", (0, 1), end_reason="failed: x", **failed)
    assert ticks.request(39) is None
    assert ticks.request(40) is not None
