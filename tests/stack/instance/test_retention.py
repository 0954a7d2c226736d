"""Old runs go; what the UI shows of partitions and checks stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from coordinator_pipelines.cli.runs import runs
from coordinator_pipelines.stack.instance import retention, retention_storage
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04")
GOOD, AGAIN, BROKEN, NEVER = DAYS
PARTITIONS = dg.StaticPartitionsDefinition(list(DAYS))
TABLE = dg.AssetKey(["challenge", "table"])
PLAIN = dg.AssetKey(["challenge", "plain"])
FULL = dg.AssetCheckKey(TABLE, "full")
ALIVE = dg.AssetCheckKey(TABLE, "alive")


class Broken(dg.Config):
    """What shall go wrong."""

    fails: bool = False
    passed: bool = True


@dg.multi_asset(
    name="table",
    specs=[dg.AssetSpec(TABLE, partitions_def=PARTITIONS)],
    check_specs=[dg.AssetCheckSpec("full", asset=TABLE, partitions_def=PARTITIONS)],
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def table(context: dg.AssetExecutionContext, config: Broken) -> Iterator[dg.MaterializeResult]:
    """Partitions and their checks, as the stages of the pipeline report them."""
    if config.fails:
        raise dg.Failure("broken", allow_retries=False)
    yield dg.MaterializeResult()
    for key in context.partition_keys:
        check = dg.AssetCheckEvaluation(
            asset_key=TABLE, check_name="full", passed=config.passed, partition=key
        )
        context.log_event(check)


@dg.asset(key=PLAIN)
def plain() -> None:
    """An asset without partitions."""


@pytest.fixture(params=["files", "postgresql"])
def instance(
    request: pytest.FixtureRequest, home_environment: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An empty instance, on each storage in turn."""
    del home_environment  # set by it
    if request.param == "postgresql":
        request.getfixturevalue("dagster_database")
    with open_instance(LocalInstance.prepare([], print).directory) as instance:
        yield instance


def materialize(instance: dg.DagsterInstance, partition: str | None, **config: bool) -> str:
    """One run; its id."""
    asset = table if partition else plain
    settings = {"ops": {"table": {"config": config}}} if partition else {}
    return dg.materialize(
        [asset],
        instance=instance,
        partition_key=partition,
        run_config=settings,
        raise_on_error=False,
    ).run_id


def report(instance: dg.DagsterInstance, *, passed: bool) -> None:
    """Evaluate a check without a run, as a sensor does."""
    check = dg.AssetCheckEvaluation(asset_key=TABLE, check_name="alive", passed=passed)
    instance.report_runless_asset_event(check)


def prune(instance: dg.DagsterInstance) -> int:
    """Delete whatever is older than a moment to come."""
    return sum(retention.prune(instance, datetime.now(UTC) + timedelta(minutes=1)))


def shown(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI says of assets, partitions and checks, read afresh."""
    storage = instance.event_log_storage
    instance.wipe_asset_cached_status([TABLE])
    latest = {
        key: storage.get_latest_asset_check_execution_by_key([key]).get(key)
        for key in (FULL, ALIVE)
    }
    return {
        "materialized": instance.get_materialized_partitions(TABLE),
        "status": instance.get_status_by_partition(TABLE, list(DAYS), PARTITIONS),
        "plain": instance.get_latest_materialization_event(PLAIN),
        "checks": {
            (info.check_key, info.partition_key): (info.latest_execution_status, info.is_current)
            for info in storage.get_asset_check_partition_info([FULL, ALIVE])
        },
        "latest": {key: record and record.status for key, record in latest.items()},
    }


@pytest.mark.slow
def test_what_is_shown_stays_and_what_nobody_needs_goes(instance: dg.DagsterInstance):
    old = [materialize(instance, AGAIN, passed=False), materialize(instance, AGAIN)]
    needed = [
        materialize(instance, GOOD),
        materialize(instance, AGAIN, passed=False),
        materialize(instance, BROKEN, fails=True),
    ]
    old += [materialize(instance, None)]
    needed += [materialize(instance, None)]
    for passed in (True, False):
        report(instance, passed=passed)
    before = shown(instance)
    assert before["materialized"] == {GOOD, AGAIN}
    assert before["status"] == {
        GOOD: dg.AssetPartitionStatus.MATERIALIZED,
        AGAIN: dg.AssetPartitionStatus.MATERIALIZED,
        BROKEN: dg.AssetPartitionStatus.FAILED,
        NEVER: None,
    }
    assert len(before["checks"]) == 4, "three partitions, one of them planned, and the report"
    assert prune(instance) == len(old)
    assert shown(instance) == before
    assert {run.run_id for run in instance.get_runs()} == set(needed)
    assert prune(instance) == 0
    assert shown(instance) == before


@pytest.mark.slow
def test_logs_and_files_of_deleted_runs_are_gone_and_there_is_room(instance: dg.DagsterInstance):
    old = [materialize(instance, AGAIN) for _ in range(4)]
    newest = materialize(instance, AGAIN)
    directory = Path(instance.root_directory)
    had = retention_storage.size(instance)
    assert prune(instance) == len(old)
    assert retention_storage.compact(instance) == []
    left = {path.name for path in directory.rglob("*")}
    assert newest in left
    assert not [name for name in left if any(run_id in name for run_id in old)]
    assert retention_storage.size(instance) < had
    with open_instance(directory) as afresh:
        assert not any(afresh.all_logs(run_id) for run_id in old)


def test_runs_that_are_young_or_at_work_stay(instance: dg.DagsterInstance):
    runs_before = {materialize(instance, AGAIN) for _ in range(2)}
    assert sum(retention.prune(instance, datetime.now(UTC) - timedelta(minutes=1))) == 0
    for run_id in runs_before:
        instance.handle_run_event(
            run_id,
            dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, "table"),
        )
    assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.STARTED}
    assert prune(instance) == 0


def test_of_what_sensors_report_the_newest_of_each_check_stays(instance: dg.DagsterInstance):
    for passed in (True, False, True, False):
        report(instance, passed=passed)
    storage = instance.event_log_storage
    assert len(storage.get_asset_check_execution_history(ALIVE, limit=10)) == 4
    assert prune(instance) == 0
    (left,) = storage.get_asset_check_execution_history(ALIVE, limit=10)
    assert left.status is AssetCheckExecutionRecordStatus.FAILED
    assert left.evaluation is not None


def test_the_command_says_how_many_runs_went(instance: dg.DagsterInstance):
    materialize(instance, AGAIN)
    done = CliRunner().invoke(runs, ["prune", "--older-than", "30"])
    assert done.exit_code == 0, done.output
    assert "0 runs that ended before" in done.output
    assert "MB" in done.output


@pytest.mark.parametrize("days", ["0", "-1", "many"])
def test_an_age_that_is_none_is_refused(days: str):
    refused = CliRunner().invoke(runs, ["prune", "--older-than", days])
    assert refused.exit_code == 2
    assert "--older-than" in refused.output
