"""A backfill from the terminal: launched in Dagster as its UI does, followed to its end.

Add here what a command asks of a backfill; avoid how it is drawn, or how a daemon is kept.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.automation import STAGES
from coordinator_pipelines.automation import stages as stages_of
from coordinator_pipelines.cli.views.progress import draw
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.stack import daemon
from coordinator_pipelines.stack.instance.backfills import (
    KEPT,
    cancel,
    clear_abandoned,
    launch,
    require_success,
)
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.instance.run_state import follow


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
    started, stages = time.monotonic(), stages_of(challenge, tuple(stages))
    log = settings.home() / "logs" / "dagster-daemon.log"
    span = f"{windows[0].start:%Y-%m-%d %H:%M} to {windows[-1].end:%Y-%m-%d %H:%M} UTC"
    with daemon.sole_daemon(instance.directory) as reservation:
        with console.status("Dagster loads the challenge ..."):
            clear_abandoned(instance)
            backfill_id = launch(instance, challenge, stages, windows, f"{challenge.name}: {span}")
        console.print(f"Backfill [bold]{backfill_id}[/] of {len(windows)} windows, {span}")
        console.print(f"Daemon log: {log}", soft_wrap=True)
        try:
            command = instance.command("dagster-daemon", "run")
            with daemon.running(command, instance.environment, log, reservation) as process:
                states = follow(instance.directory, backfill_id, lambda: process.poll() is None)
                state = draw(console, states, stages, len(windows))
        except (KeyboardInterrupt, SystemExit):
            with suppress(KeyboardInterrupt), console.status("Stopping ..."):
                cancel(instance, backfill_id)
            console.print(f"\nThe backfill is canceled. {KEPT}")
            raise
    require_success(state, instance.directory, log)
    return time.monotonic() - started
