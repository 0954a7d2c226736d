"""Which of Dagster's old runs nobody needs any more, and how they are deleted.

Add here what a run may still be needed for; avoid measuring storage (``retention_storage``) and
what is said of it (``runs``). Dagster deletes a run with its events, and with them what its
assets know of their partitions: so a run stays as long as it is the newest about one of them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckPartitionInfo
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as CheckRows
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as EventRows

from coordinator_pipelines.stack.instance.retention_storage import NO_RUN, event_log

BATCH = 200

T = TypeVar("T")


def prune(instance: dg.DagsterInstance, before: datetime) -> Iterator[int]:
    """Delete finished runs that did not change since ``before`` and that no partition needs.

    The status of every partition and of every check stays as it is. Yields how many runs were
    deleted, batch by batch. It can be stopped at any time, and runs may go on meanwhile.
    """
    newest = _newest_evaluations(instance)
    needed = _needed_runs(instance) | {info.latest_planned_run_id for info in newest}
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED_STATUSES, updated_before=before))
    for batch in _batches([run_id for run_id in old if run_id not in needed]):
        for run_id in batch:
            _delete(instance, run_id)
        with event_log(instance).index_connection() as connection:
            connection.execute(CheckRows.delete().where(CheckRows.c.run_id.in_(batch)))
        yield len(batch)
    _delete_reports(instance, newest, before)


def _needed_runs(instance: dg.DagsterInstance) -> set[str]:
    """Runs that are the newest about an asset, or a partition of one."""
    needed = set[str]()
    for record in instance.get_asset_records():
        if last := record.asset_entry.last_materialization_record:
            needed.add(last.run_id)
    for key in instance.get_asset_keys():
        needed |= _newest_about_partitions(instance, key)
    return needed


def _newest_about_partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    """Runs with the newest materialization of a partition, or a newer attempt that failed."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key
    )
    newest = storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    runs = {run_id for run_id, _ in attempts.values()}
    for ids in _batches(list(newest.values())):
        wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
        records = instance.fetch_materializations(wanted, limit=len(ids)).records
        runs |= {record.run_id for record in records}
    return runs


def _newest_evaluations(instance: dg.DagsterInstance) -> Sequence[AssetCheckPartitionInfo]:
    """The newest evaluation of each check and partition."""
    query = CheckRows.select().with_only_columns(CheckRows.c.asset_key, CheckRows.c.check_name)
    with event_log(instance).index_connection() as connection:
        rows = connection.execute(query.distinct()).fetchall()
    keys = [
        dg.AssetCheckKey(cast("dg.AssetKey", dg.AssetKey.from_db_string(asset)), name)
        for asset, name in rows
    ]
    return instance.event_log_storage.get_asset_check_partition_info(keys)


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, and the files that Dagster leaves of it."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)


def _delete_reports(
    instance: dg.DagsterInstance, newest: Sequence[AssetCheckPartitionInfo], before: datetime
) -> None:
    """Delete old evaluations that sensors reported without a run, but the newest of each check."""
    storage, naive = event_log(instance), before.astimezone(UTC).replace(tzinfo=None)
    kept = [
        info.latest_check_event_storage_id
        for info in newest
        if info.latest_planned_run_id == NO_RUN
    ]
    reported = EventRows.delete().where(
        EventRows.c.run_id == NO_RUN,
        EventRows.c.dagster_event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        EventRows.c.timestamp < naive,
    )
    with storage.index_connection() as connection:
        connection.execute(reported.where(EventRows.c.id.not_in(kept)))
        connection.execute(
            CheckRows.delete().where(
                CheckRows.c.run_id == NO_RUN,
                CheckRows.c.evaluation_event_timestamp < naive,
                CheckRows.c.evaluation_event_storage_id.not_in(kept),
            )
        )
    if isinstance(storage, SqliteEventLogStorage):  # keeps another copy, which nothing reads
        with storage.run_connection(NO_RUN) as connection:
            connection.execute(reported)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))
