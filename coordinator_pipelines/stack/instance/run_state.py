"""What Dagster's instance knows of backfills and their runs, read while a daemon works.

Add here what is read of runs; avoid drawing it, and changing anything.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from coordinator_pipelines.assets.stage import PROGRESS
from coordinator_pipelines.stack import interruption

POLL_SECONDS = 0.5
LAUNCHED = "dagster/backfill"
SAID = re.compile(PROGRESS.format(done=r"(\d+)", total=r"\d+"))
DESERTED = "no daemon"
ENDS = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED}
ENDED = ("FAILED", "CANCELED", "CANCELING", "FAILING")


@dataclass(frozen=True, slots=True)
class RunState:
    """How far the run of a backfill is."""

    done: dict[str, int]
    """Windows that a stage has computed and stored, by asset name."""
    status: str
    """``waiting`` until there is a run, then its own status in lower case; or DESERTED."""
    run_id: str | None
    error: str | None = None
    """What Dagster recorded of a backfill that failed before it had a run."""


def follow(directory: Path, backfill_id: str, alive: Callable[[], bool]) -> Iterator[RunState]:
    """The state of a backfill's run, about twice a second, until it has ended.

    The last one is the end: also when the backfill failed before it had a run, or when nobody
    is ``alive`` to carry it out.
    """
    with dg.DagsterInstance.from_config(str(directory)) as instance:
        done: dict[str, int] = {}
        cursor: str | None = None
        while True:
            interruption.check()
            working = alive()
            runs = instance.get_runs(filters=dg.RunsFilter(tags={LAUNCHED: backfill_id}))
            backfill = instance.get_backfill(backfill_id)
            status = "waiting"
            if runs:
                cursor = _count(instance, runs[0].run_id, cursor, done)
                status = runs[0].status.value.lower()
            elif backfill is not None and backfill.status.value in ENDED:
                status = backfill.status.value.lower()
            ended = status.upper() in ENDED or (bool(runs) and runs[0].is_finished)
            if not (working or ended):
                status, ended = DESERTED, True
            error = backfill.error.message if backfill and backfill.error else None
            yield RunState(dict(done), status, runs[0].run_id if runs else None, error)
            if ended:
                return
            time.sleep(POLL_SECONDS)


def failure(directory: Path, run_id: str) -> str | None:
    """What the first step that failed in a run said; or else what Dagster says of its end."""
    with dg.DagsterInstance.from_config(str(directory)) as instance:
        connection = instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1
        )
        for record in connection.records:
            event = record.event_log_entry.get_dagster_event()
            told = event.step_failure_data.user_failure_data
            return told.description if told else event.step_failure_data.error_display_string
        ended = instance.get_records_for_run(run_id, of_type=ENDS, limit=1, ascending=False)
        for record in ended.records:
            return record.event_log_entry.get_dagster_event().message
    return None


def abandoned(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs of backfills that count as running; to be asked while no daemon is at work."""
    at_work = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=at_work))
    return [run for run in runs if LAUNCHED in run.tags]


def _count(
    instance: dg.DagsterInstance, run_id: str, cursor: str | None, done: dict[str, int]
) -> str | None:
    """Read how many windows a run says are done, by asset; the cursor to go on from."""
    connection = instance.get_records_for_run(run_id, cursor=cursor, limit=1000)
    for record in connection.records:
        entry = record.event_log_entry
        found = SAID.match(entry.user_message or "")
        if found and entry.step_key:
            done[entry.step_key.split("__")[-1]] = int(found.group(1))
    return connection.cursor
