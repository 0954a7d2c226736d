"""A backfill in the terminal: launched in Dagster, followed with a bar per stage."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from coordinator_pipelines import settings
from coordinator_pipelines.automation import STAGES
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.domain.round import Window


def backfill(
    console: Console,
    instance: LocalInstance,
    challenge: Challenge,
    windows: Sequence[Window],
    stages: Sequence[str] = STAGES,
) -> float:
    """Backfill stages of the windows in one run; the seconds that it took.

    Raises:
        CoordinatorError: the backfill was refused, or its run did not succeed.
    """
    started = time.monotonic()
    log = settings.home() / "logs" / "dagster-daemon.log"
    span = f"{windows[0].start:%Y-%m-%d %H:%M} to {windows[-1].end:%Y-%m-%d %H:%M} UTC"
    with console.status("Dagster loads the challenge ..."):
        backfill_id = instance.launch_backfill(
            challenge, stages, windows, f"{challenge.name}: {span}"
        )
    console.print(
        f"Backfill [bold]{backfill_id}[/] of {len(windows)} windows, {span}; daemon log: {log}"
    )
    with instance.daemon(log):
        status, run_id = _follow(console, instance, backfill_id, stages, len(windows))
    if status != "success":
        raise CoordinatorError(
            f"the run {run_id} ended with {status}; see it in the UI (`coordinator dev`, Runs), "
            f"or the daemon's log {log}"
        )
    return time.monotonic() - started


def _follow(
    console: Console,
    instance: LocalInstance,
    backfill_id: str,
    stages: Sequence[str],
    windows: int,
) -> tuple[str, str | None]:
    """Draw a bar per stage until the run has ended; its status and id."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks = {name: progress.add_task(name, total=windows, start=False) for name in stages}
        status, run_id = "waiting", None
        for state in instance.follow(backfill_id):
            status, run_id = state.status, state.run_id
            if run_id is not None:
                _advance(progress, tasks, state.done, windows)
    return status, run_id


def _advance(
    progress: Progress, tasks: dict[str, TaskID], done: dict[str, int], windows: int
) -> None:
    """Move the bars; the clock of a stage runs from the end of the stage before to its own."""
    for name, task in tasks.items():
        progress.start_task(task)
        progress.update(task, completed=done.get(name, 0))
        if done.get(name, 0) < windows:
            return
        progress.stop_task(task)
