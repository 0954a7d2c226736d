"""What a backfill that did not succeed says: what Dagster recorded of it, and what to do."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason

from coordinator_pipelines import settings
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance.backfills import require_success
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from coordinator_pipelines.stack.instance.run_state import DESERTED, RunState

pytestmark = pytest.mark.usefixtures("home_environment")
GOES_ON = "What was stored stays; the same command goes on from there."
MONITORED = JobFailureData(error=None, failure_reason=RunFailureReason.RUN_EXCEPTION)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with open_instance(LocalInstance.prepare([], print).directory) as instance:
        yield instance


def told(state: RunState) -> str:
    home = settings.dagster_home()
    with pytest.raises(CoordinatorError) as raised:
        require_success(state, home, home / "dagster-daemon.log")
    return str(raised.value)


def failed(instance: dg.DagsterInstance, message: str | None) -> RunState:
    """The state of a run that somebody reported as failed."""
    made = dg.DagsterRun(job_name="job", status=dg.DagsterRunStatus.STARTED)
    run = instance.run_storage.add_run(made)
    if message:
        instance.report_run_failed(run, message, MONITORED)
    return RunState({}, "failure", run.run_id)


def test_a_run_that_dagster_ended_is_told_in_its_words(instance: dg.DagsterInstance):
    said = told(failed(instance, "Run timed out due to taking longer than 30 s"))
    assert "ended with failure: Run timed out due to taking longer than 30 s\n" in said
    assert said.endswith(f"{GOES_ON} `coordinator dev` shows the run in the UI.")


def test_a_run_whose_process_is_gone_says_what_ends_processes(instance: dg.DagsterInstance):
    said = told(failed(instance, "Detected run worker: the process of the run is gone."))
    assert "for want of memory" in said
    assert GOES_ON in said


def test_a_run_without_a_recorded_reason_names_the_log(instance: dg.DagsterInstance):
    assert "recorded no reason; the end of" in told(failed(instance, None))


def test_a_backfill_that_failed_before_it_had_a_run_says_why(instance: dg.DagsterInstance):
    del instance
    said = told(RunState({}, "failed", None, "Partition 2024 does not exist\n"))
    assert said == (
        "the backfill did not start and ended with failed: Partition 2024 does not exist\n"
        + GOES_ON
    )


def test_a_daemon_that_ended_is_named(instance: dg.DagsterInstance):
    del instance
    assert "Dagster's daemon has ended; the end of" in told(RunState({}, DESERTED, None))
