"""The event log of the instance that ``dagster.yaml`` names: Dagster's own, in bulk.

Add here how events are written; avoid which ones there are. Before a run begins, Dagster plans an
event for each window of each asset and check, and opens a database several times for each: before
a backfill of a month that took a minute. It can hand over one event for all windows of an asset,
but its own storages would then not know what becomes of a single window; and it can hand over
events in batches, which they take apart again. These storages do both. What is private to Dagster
of this is in this module, and its test fails where Dagster changes it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as CheckRows
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as EventRows
from dagster._serdes import serialize_value
from dagster_postgres import PostgresEventLogStorage

from coordinator_pipelines.stack.instance.retention_storage import NO_RUN

PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
PLANNED_CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
WINDOW = "a window's key"
"""What stands for it in the text of an event that many windows have."""


class _BulkEvents(SqlEventLogStorage):
    """An event log that takes events about many windows as such."""

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Whether one event may plan all windows of an asset."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event."""
        if event.dagster_event and event.dagster_event_type is PLANNED:
            self.store_event_batch([event])
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run about assets and their checks, in their order."""
        rows = [self._event_to_row(event) for event in events]
        if self.is_run_sharded:  # what is about a run, and apart from it what is about assets
            with self.run_connection(events[0].run_id) as connection:
                connection.execute(EventRows.insert(), rows)
        ids = self._index(zip(events, rows, strict=True))
        tagged, newest = [], dict[str, tuple[EventLogEntry, int]]()
        for event, row, event_id in zip(events, rows, ids, strict=True):
            if event.dagster_event_type is PLANNED_CHECK:
                self._store_asset_check_evaluation_planned(event, event_id)
            else:
                tagged.append((event, event_id))
                newest[row["asset_key"]] = (event, event_id)
        self.store_asset_event_tags([event for event, _ in tagged], [at for _, at in tagged])
        for event, event_id in newest.values():
            self.store_asset_event(event, event_id)

    def _index(self, events: Iterable[tuple[EventLogEntry, dict[str, Any]]]) -> list[int]:
        """Store what is asked across runs; the id of each event, or of its last window."""
        rows, last = list[dict[str, Any]](), list[int]()
        for event, row in events:
            rows += _by_window(event, row)
            last.append(len(rows) - 1)
        stored = EventRows.insert().returning(EventRows.c.id, sort_by_parameter_order=True)
        with self.index_connection() as connection:
            ids = list(connection.execute(stored, rows).scalars())
        return [ids[at] for at in last]

    def _store_asset_check_evaluation_planned(
        self, event: EventLogEntry, event_id: int | None
    ) -> None:
        with self.index_connection() as connection:
            connection.execute(CheckRows.insert(), list(self._planned(event, event_id)))

    def _planned(self, event: EventLogEntry, event_id: int | None) -> Iterator[dict[str, Any]]:
        """A row for each window of a check; Dagster would serialize the event for each anew."""
        planned = event.get_dagster_event().asset_check_planned_data
        subset = planned.partitions_subset
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
        }
        for key in subset.get_partition_keys() if subset else [None]:
            yield {**row, "partition": key}


def _by_window(event: EventLogEntry, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The row of an event; of one that plans many windows, a row for each of them."""
    happened = event.get_dagster_event()
    subset, key = happened.partitions_subset, happened.asset_key
    if event.dagster_event_type is not PLANNED or subset is None or key is None:
        yield row
        return
    planned = AssetMaterializationPlannedData(key, WINDOW)
    of_one = event._replace(dagster_event=happened._replace(event_specific_data=planned))
    before, after = serialize_value(of_one).split(json.dumps(WINDOW))
    for window in subset.get_partition_keys():
        yield {**row, "event": f"{before}{json.dumps(window)}{after}", "partition": window}


class BulkSqliteEvents(_BulkEvents, SqliteEventLogStorage):
    """Events in files."""


class BulkPostgresEvents(_BulkEvents, PostgresEventLogStorage):
    """Events in PostgreSQL."""


def in_bulk(storage: EventLogStorage) -> EventLogStorage:
    """The same storage, which writes in bulk; another one than these two stays as it is."""
    if isinstance(storage, SqliteEventLogStorage):
        directory = Path(storage.path_for_shard(NO_RUN)).parent
        return BulkSqliteEvents(str(directory), storage.inst_data)
    if isinstance(storage, PostgresEventLogStorage):
        return BulkPostgresEvents(storage.postgres_url, inst_data=storage.inst_data)
    return storage
