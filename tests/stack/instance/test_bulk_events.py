"""Events of many windows: written at once, and told window by window as Dagster itself would."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.event_api import EventRecordsFilter
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.api import create_execution_plan
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as CheckRows

from coordinator_pipelines import settings
from coordinator_pipelines.stack.instance.bulk_events import BulkPostgresEvents, BulkSqliteEvents
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from coordinator_pipelines.stack.instance.run_state import failure

pytestmark = pytest.mark.usefixtures("home_environment")

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = dg.HourlyPartitionsDefinition(START, end_offset=1)
KEYS = HOURS.get_partition_keys(current_time=datetime(2025, 1, 1, tzinfo=UTC))[:8760]
CHECK = dg.AssetCheckSpec("complete", asset="stage", partitions_def=HOURS)


@dg.multi_asset(
    specs=[dg.AssetSpec("stage", partitions_def=HOURS)],
    check_specs=[CHECK],
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def stage(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    yield dg.MaterializeResult()
    for key in context.partition_keys:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("stage"),
                check_name="complete",
                passed=key != KEYS[3],
                partition=key,
            )
        )


DEFINITIONS = dg.Definitions(
    assets=[stage],
    jobs=[dg.define_asset_job("job", selection="stage")],
    executor=dg.in_process_executor,
)
JOB = DEFINITIONS.resolve_job_def("job")


@pytest.fixture(params=["files", "postgresql"])
def instance(request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    if request.param == "postgresql":
        request.getfixturevalue("dagster_database")
    with open_instance(LocalInstance.prepare([], print).directory) as instance:
        yield instance


def span(count: int) -> dict[str, str]:
    """Tags of a run over the first windows."""
    ends = {"start": KEYS[0], "end": KEYS[count - 1]}
    return {f"dagster/asset_partition_range_{end}": key for end, key in ends.items()}


def planned(instance: dg.DagsterInstance, count: int) -> dg.DagsterRun:
    return instance.create_run_for_job(JOB, create_execution_plan(JOB), tags=span(count))


def attempts(instance: dg.DagsterInstance) -> dict[str, Any]:
    storage = instance.event_log_storage
    return dict(
        storage.get_latest_asset_partition_materialization_attempts_without_materializations(
            dg.AssetKey("stage")
        )
    )


def test_the_instance_writes_in_bulk(instance: dg.DagsterInstance):
    assert isinstance(instance.event_log_storage, BulkSqliteEvents | BulkPostgresEvents)


@pytest.mark.parametrize("count", [300, pytest.param(len(KEYS), marks=pytest.mark.slow)])
def test_many_windows_are_planned_window_by_window(instance: dg.DagsterInstance, count: int):
    run = planned(instance, count)
    expected = dict.fromkeys(KEYS[:count], run.run_id)
    assert {key: run_id for key, (run_id, _) in attempts(instance).items()} == expected
    last = KEYS[count - 1]
    for key in (KEYS[0], last):
        info = instance.get_latest_planned_materialization_info(dg.AssetKey("stage"), key)
        assert info
        assert info.run_id == run.run_id
    (check,) = instance.event_log_storage.get_asset_check_partition_info(
        [CHECK.key], partition_keys=[last]
    )
    assert check.latest_planned_run_id == run.run_id
    with instance.event_log_storage.index_connection() as connection:
        rows = connection.execute(sqlalchemy.select(CheckRows.c.partition)).scalars().all()
    assert sorted(str(row) for row in rows) == KEYS[:count]


def test_every_planned_window_reads_as_one_of_dagsters_own(instance: dg.DagsterInstance):
    run = planned(instance, 3)
    wanted = EventRecordsFilter(
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, asset_key=dg.AssetKey("stage")
    )
    records = instance.event_log_storage.get_event_records(wanted)
    records = [record for record in records if record.partition_key]
    events = [record.event_log_entry.get_dagster_event() for record in records]
    assert [event.partition for event in events] == KEYS[2::-1]
    assert not any(event.asset_materialization_planned_data.partitions_subset for event in events)
    assert {record.run_id for record in records} == {run.run_id}


def test_a_range_has_its_windows_and_verdicts_and_one_of_them_is_red(
    instance: dg.DagsterInstance,
):
    result = JOB.execute_in_process(instance=instance, tags=span(10))
    assert result.success
    asset = dg.AssetKey("stage")
    assert instance.get_materialized_partitions(asset) == set(KEYS[:10])
    assert attempts(instance) == {}
    latest = instance.get_latest_materialization_event(asset)
    assert latest
    assert latest.run_id == result.run_id
    with instance.event_log_storage.index_connection() as connection:
        rows = connection.execute(sqlalchemy.select(CheckRows)).mappings().all()
    assert len(rows) == 10
    red = [row["partition"] for row in rows if row["execution_status"] == "FAILED"]
    assert red == [KEYS[3]]


def test_one_window_alone_is_stored_like_many(instance: dg.DagsterInstance):
    tags = {"dagster/partition": KEYS[5]}
    run = instance.create_run_for_job(JOB, create_execution_plan(JOB), tags=tags)
    assert {key: run_id for key, (run_id, _) in attempts(instance).items()} == {KEYS[5]: run.run_id}


TIMEOUT = JobFailureData(error=None, failure_reason=RunFailureReason.START_TIMEOUT)


def timed_out(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run about which run monitoring says that it takes too long to start; as it is then."""
    made = dg.DagsterRun(job_name="job", status=status)
    run = instance.run_storage.add_run(made)
    instance.report_run_failed(run, "Run timed out due to taking longer than 10 s", TIMEOUT)
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found


def test_a_run_that_is_still_being_created_is_not_ended_by_a_clock(instance: dg.DagsterInstance):
    created = dg.DagsterRunStatus.NOT_STARTED
    assert timed_out(instance, created).status is created


def test_a_start_that_nobody_is_at_any_more_is_ended_and_told(instance: dg.DagsterInstance):
    run = timed_out(instance, dg.DagsterRunStatus.STARTING)
    assert run.status is dg.DagsterRunStatus.FAILURE
    told = failure(settings.dagster_home(), run.run_id)
    assert told == "It had not begun when it was found that the process of the run is gone."
