"""When resolutions are asked for: every refresh interval, one at a time, over what is due."""

from datetime import timedelta

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import ROUND_COLUMNS, Ledger, Mode
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.resources.clock import SystemClock
from coordinator_pipelines.sensors.resolution import resolution_sensor
from tests.sensors.conftest import Ticks, at, record_capture
from tests.specs import changed
from tests.support.live import LIVE

JOB = "live_resolve"
FIRST = "dagster/asset_partition_range_start"
LAST = "dagster/asset_partition_range_end"


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    """The resolution sensor; a refresh takes place every minute."""
    return Ticks(resolution_sensor, ledger, instance)


def ranged(request: dg.RunRequest | None) -> tuple[str, str]:
    assert request is not None
    return request.tags[FIRST][11:], request.tags[LAST][11:]


def add_rounds(ticks: Ticks, start: float, end: float) -> None:
    """Rounds that were asked of nobody."""
    rounds = grid(ticks.challenge, Window(at(start), at(end)))
    rounds = rounds.assign(mode=Mode.LIVE.value, status="ASKED", run_id="one")
    rounds = rounds.reindex(columns=list(ROUND_COLUMNS))
    rounds["input_ended_at"] = rounds["performed_at"]
    ticks.ledger.add_prediction_batch(rounds, pd.DataFrame())


def test_a_challenge_that_was_never_live_has_nothing_to_resolve(ticks: Ticks) -> None:
    assert ticks.request(60) is None


def test_a_run_per_refresh_covers_the_windows_with_something_to_do(ticks: Ticks) -> None:
    record_capture(ticks.ledger, "one", (0, 900))
    asked = [now for now in range(10, 310, 30) if ticks.request(now)]
    assert asked == [10, 70, 130, 190, 250]


def test_a_clock_that_was_ahead_does_not_hold_up_the_next_run(ticks: Ticks) -> None:
    record_capture(ticks.ledger, "one", (0, 900))
    assert ticks.request(3600) is not None
    assert ticks.request(60) is not None
    assert ticks.request(90) is None


def test_the_range_reaches_from_the_first_window_that_waits_to_the_open_one(ticks: Ticks) -> None:
    record_capture(ticks.ledger, "one", (0, 900))
    add_rounds(ticks, 0, 60)
    assert ranged(ticks.request(100)) == ("12:00", "12:00")
    request = ticks.request(1830)
    assert ranged(request) == ("12:00", "12:30")
    assert request is not None
    assert request.tags["challenge"] == "live"
    assert request.partition_key is None


def test_a_range_names_partitions_that_the_job_has(ticks: Ticks) -> None:
    ticks.challenge = checked_challenge(changed({"end": "2026-03-01T12:30:00Z"}, LIVE))
    record_capture(ticks.ledger, "one", (0, 900))
    add_rounds(ticks, 0, 60)
    assert ranged(ticks.request(1830)) == ("12:00", "12:15")


def record_run(ticks: Ticks, status: dg.DagsterRunStatus) -> str:
    """A run of the job, as Dagster keeps it."""
    run = dg.DagsterRun(job_name=JOB, status=status)
    ticks.instance.add_run(run)
    return run.run_id


def on_real_time() -> float:
    """Seconds after the start, now: Dagster's own records are made on real time."""
    return (SystemClock().now() - at(0)) / timedelta(seconds=1)


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED"])
def test_none_is_asked_for_while_one_is_at_work(ticks: Ticks, status: str) -> None:
    now = on_real_time()
    record_capture(ticks.ledger, "one", (now - 600, now))
    record_run(ticks, dg.DagsterRunStatus[status])
    assert ticks.request(now) is None
    assert ticks.request(now + 9 * 60) is None
    assert ticks.request(now + 11 * 60) is not None


def test_a_failed_one_is_repeated_without_waiting_for_the_next_refresh(ticks: Ticks) -> None:
    now = on_real_time()
    record_capture(ticks.ledger, "one", (now - 600, now))
    assert ticks.request(now) is not None
    record_run(ticks, dg.DagsterRunStatus.SUCCESS)
    assert ticks.request(now + 30) is None
    record_run(ticks, dg.DagsterRunStatus.FAILURE)
    assert ticks.request(now + 31) is not None


def test_runs_of_others_do_not_matter(ticks: Ticks) -> None:
    now = on_real_time()
    record_capture(ticks.ledger, "one", (now - 600, now))
    ticks.instance.add_run(
        dg.DagsterRun(job_name="other_resolve", status=dg.DagsterRunStatus.STARTED)
    )
    assert ticks.request(now) is not None
