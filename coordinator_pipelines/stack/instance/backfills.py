"""Backfills as Dagster's UI launches and cancels them, and why one did not succeed.

Avoid what the user sees of one meanwhile.
"""

from collections.abc import Sequence
from pathlib import Path

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.partitions import window_key
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.instance.run_state import RunState, abandoned, failure

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
CANCEL = """
mutation Cancel($backfill: String!) {
  cancelPartitionBackfill(backfillId: $backfill) { __typename }
}
"""
GIVE_UP = """
mutation GiveUp($runs: [String!]!) {
  terminateRuns(runIds: $runs, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename }
}
"""


def clear_abandoned(instance: LocalInstance) -> None:
    """Cancel runs that a crash has left as running: the queue would wait for them for ever."""
    if runs := abandoned(instance.directory):
        instance.ask(GIVE_UP, {"runs": runs})


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
    """Cancel a backfill, and the runs that it has."""
    instance.ask(CANCEL, {"backfill": backfill_id})
    clear_abandoned(instance)


def require_success(state: RunState, directory: Path, log: Path) -> None:
    """Nothing, if a backfill ended as it should.

    Raises:
        CoordinatorError: it did not; with what its run, or else ``log``, says about that.
    """
    if state.status == "success":
        return
    if state.run_id is None:
        raise CoordinatorError(f"the backfill did not start ({state.status}); see {log}")
    told = failure(directory, state.run_id) or f"the end of {log} may tell why"
    raise CoordinatorError(
        f"the run {state.run_id} ended with {state.status}: {told}\n"
        "What was stored stays; the same command goes on from there. `coordinator dev` shows the "
        "run in the UI."
    )
