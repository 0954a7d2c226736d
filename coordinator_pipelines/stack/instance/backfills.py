"""Backfills as Dagster's UI launches and cancels them, and why one did not succeed.

Avoid what the user sees of one meanwhile.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.partitions import window_key
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from coordinator_pipelines.stack.instance.run_launcher import PROCESS_GONE
from coordinator_pipelines.stack.instance.run_state import (
    DESERTED,
    LAUNCHED,
    RunState,
    abandoned,
    failure,
)

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}
"""
UNFINISHED = ("REQUESTED", "CANCELING", "FAILING")
KEPT = "What was stored stays; the same command goes on from there."


def clear_abandoned(instance: LocalInstance) -> None:
    """Cancel runs that a crash has left as running: the queue would wait for them for ever."""
    with open_instance(instance.directory) as dagster:
        for run in abandoned(dagster):
            dagster.report_run_canceled(run, "Nobody is at work on it any more.")


def launch(
    instance: LocalInstance,
    challenge: Challenge,
    assets: Sequence[str],
    windows: Sequence[Window],
    title: str,
) -> str:
    """Launch a backfill of assets over windows; its id.

    Raises:
        CoordinatorError: Dagster does not accept it.
    """
    params = {
        "assetSelection": [{"path": [challenge.key, asset]} for asset in assets],
        "partitionNames": [window_key(window) for window in windows],
        "fromFailure": False,
        "title": title,
        "tags": [{"key": "challenge", "value": challenge.name}],
    }
    launched = instance.ask(LAUNCH, {"params": params})["launchPartitionBackfill"]
    if "backfillId" not in launched:
        raise CoordinatorError(f"Dagster did not accept the backfill: {launched.get('message')}")
    return str(launched["backfillId"])


def cancel(instance: LocalInstance, backfill_id: str) -> None:
    """Cancel a backfill, and the runs that it has; to be called when no daemon is at work.

    Not by a command of Dagster's, as that takes seconds to start, which whoever interrupts a
    backfill has not.
    """
    with open_instance(instance.directory) as dagster:
        backfill = dagster.get_backfill(backfill_id)
        if backfill is not None and backfill.status.value in UNFINISHED:
            canceled = backfill.with_status(BulkActionStatus.CANCELED)  # type: ignore[no-untyped-call]
            dagster.update_backfill(canceled.with_end_timestamp(time.time()))
        for run in dagster.get_runs(filters=dg.RunsFilter(tags={LAUNCHED: backfill_id})):
            if not run.is_finished:
                dagster.report_run_canceled(run, "The backfill was canceled.")


def require_success(state: RunState, directory: Path, log: Path) -> None:
    """Nothing, if a backfill ended as it should.

    Raises:
        CoordinatorError: it did not; with what Dagster recorded of that, and what to do.
    """
    if state.status == "success":
        return
    if state.run_id is None:
        what, told = "the backfill did not start and ended", state.error
    else:
        what, told = f"the run {state.run_id} ended", failure(directory, state.run_id)
    if state.status == DESERTED:
        told = f"Dagster's daemon has ended; the end of {log} says why"
    if told is None:
        told = f"Dagster recorded no reason; the end of {log} may tell why"
    raise CoordinatorError(f"{what} with {state.status}: {told.strip()}\n{_advice(state, told)}")


def _advice(state: RunState, told: str) -> str:
    """What the user can do about it."""
    first = ""
    if PROCESS_GONE in told:
        first = (
            "Something ended it from outside: most often the system, for want of memory, or a "
            "`kill`. Free memory, or backfill fewer windows at once.\n"
        )
    seen = "" if state.run_id is None else " `coordinator dev` shows the run in the UI."
    return f"{first}{KEPT}{seen}"
