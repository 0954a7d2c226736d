"""The processes in which Dagster runs are at work."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.events import EngineEventData


def run_workers(instance: dg.DagsterInstance, job: str | None = None) -> list[int]:
    """Processes of the runs (of a job) that are at work, as they told Dagster at their start."""
    at_work = dg.RunsFilter(
        job_name=job, statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    )
    return sorted(
        {
            int(event.metadata["pid"].text)
            for run in instance.get_runs(at_work)
            for event in _engine_events(instance, run.run_id)
            if "pid" in event.metadata
        }
    )


def _engine_events(instance: dg.DagsterInstance, run_id: str) -> Iterator[EngineEventData]:
    found = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for record in found.records:
        yield record.event_log_entry.get_dagster_event().engine_event_data
