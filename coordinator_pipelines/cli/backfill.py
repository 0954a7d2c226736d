"""A backfill from the terminal: launched in Dagster as its UI does, followed to its end.

Add here what a command asks of a backfill; avoid how it is drawn, or how a daemon is kept.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.automation import STAGES
from coordinator_pipelines.cli import daemon
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.cli.progress import draw
from coordinator_pipelines.cli.run_state import RunState, abandoned, failure, follow
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.domain.round import Window
from coordinator_pipelines.partitions import window_key

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


def backfill(
    console: Console,
    instance: LocalInstance,
    challenge: Challenge,
    windows: Sequence[Window],
    stages: Sequence[str] = STAGES,
) -> float:
    """Backfill stages of the windows in one run; the seconds that it took.

    Interrupted, it stops every process and cancels the backfill.

    Raises:
        CoordinatorError: the backfill was refused, or its run did not succeed.
    """
    started = time.monotonic()
    log = settings.home() / "logs" / "dagster-daemon.log"
    span = f"{windows[0].start:%Y-%m-%d %H:%M} to {windows[-1].end:%Y-%m-%d %H:%M} UTC"
    with daemon.sole_daemon(instance.directory) as reservation:
        with console.status("Dagster loads the challenge ..."):
            clear_abandoned(instance)
            backfill_id = _launch(instance, challenge, stages, windows, span)
        console.print(f"Backfill [bold]{backfill_id}[/] of {len(windows)} windows, {span}")
        console.print(f"Daemon log: {log}", soft_wrap=True)
        try:
            command = instance.command("dagster-daemon", "run")
            with daemon.running(command, instance.environment, log, reservation) as process:
                states = follow(instance.directory, backfill_id, lambda: process.poll() is None)
                state = draw(console, states, stages, len(windows))
        except (KeyboardInterrupt, SystemExit):
            with suppress(KeyboardInterrupt), console.status("Stopping ..."):
                _cancel(instance, backfill_id)
            raise
    _require_success(state, instance.directory, log)
    return time.monotonic() - started


def clear_abandoned(instance: LocalInstance) -> None:
    """Cancel runs that a crash has left as running: the queue would wait for them for ever."""
    if runs := abandoned(instance.directory):
        instance.ask(GIVE_UP, {"runs": runs})


def _launch(
    instance: LocalInstance,
    challenge: Challenge,
    assets: Sequence[str],
    windows: Sequence[Window],
    span: str,
) -> str:
    params = {
        "assetSelection": [{"path": [challenge.key, asset]} for asset in assets],
        "partitionNames": [window_key(window) for window in windows],
        "fromFailure": False,
        "title": f"{challenge.name}: {span}",
        "tags": [{"key": "challenge", "value": challenge.name}],
    }
    launched = instance.ask(LAUNCH, {"params": params})["launchPartitionBackfill"]
    if "backfillId" not in launched:
        raise CoordinatorError(f"Dagster did not accept the backfill: {launched.get('message')}")
    return str(launched["backfillId"])


def _cancel(instance: LocalInstance, backfill_id: str) -> None:
    instance.ask(CANCEL, {"backfill": backfill_id})
    clear_abandoned(instance)


def _require_success(state: RunState, directory: Path, log: Path) -> None:
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
