"""``coordinator backfill``: past windows of a challenge in runs side by side."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.cli.challenge.options import DAY_OR_MINUTE, spec_option
from coordinator_pipelines.cli.views.terminal import open_console, warn
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.instance.split_backfills import (
    Progress,
    require_daemon,
    split_backfill,
)
from coordinator_pipelines.stack.workspaces import known_workspaces

GOES_ON = (
    "What was stored stays, and runs that were launched go on; the same command goes on from there."
)


@click.command()
@spec_option
@click.option("--from", "start", type=DAY_OR_MINUTE, help="UTC; default: the challenge's start.")
@click.option("--to", "end", type=DAY_OR_MINUTE, help="UTC; default: its end, or now.")
@click.option(
    "--windows-per-run",
    "size",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="How many batch windows each run computes.",
)
def backfill(spec: Path | None, start: datetime | None, end: datetime | None, size: int) -> None:
    """Compute past windows in runs side by side, and their boards once all are scored.

    A daemon must be at work, here or elsewhere. How many runs are at work at once is decided by
    the challenge's pool, and by the workers there are (docs/scaling.md).
    """
    console = open_console()
    where = location.of_spec(spec) if spec else location.starter()
    windows = _windows(where.challenge, start, end)
    set_up_database(where.challenge)
    instance = LocalInstance.prepare(known_workspaces(), warn)
    require_daemon(instance.directory)
    told, began = ("", Progress(-1, 0, 0)), time.monotonic()

    def tell(what: str, progress: Progress) -> None:
        nonlocal told
        if told != (what, progress):
            told = (what, progress)
            again = f", {progress.begun_again} begun again" if progress.begun_again else ""
            console.print(f"{what}: {progress.done} of {progress.total} runs done{again}")

    try:
        split_backfill(instance, where.challenge, windows, size, tell)
    except (CoordinatorError, KeyboardInterrupt):
        console.print(GOES_ON, soft_wrap=True)
        raise
    console.print(f"Took {time.monotonic() - began:.0f} s for {len(windows)} windows")


def _windows(challenge: Challenge, start: datetime | None, end: datetime | None) -> list[Window]:
    """The windows of a range that are over.

    Raises:
        CoordinatorError: there is none.
    """
    over = min(challenge.end or datetime.now(UTC), datetime.now(UTC))
    first = max(start.replace(tzinfo=UTC) if start else challenge.start, challenge.start)
    last = min(end.replace(tzinfo=UTC) if end else over, over)
    found = [
        each for each in windows_between(first, last, challenge.window_length) if each.end <= over
    ]
    if not found:
        raise CoordinatorError(
            f"no window of {challenge.name} lies between {first:%Y-%m-%d %H:%M} and "
            f"{last:%Y-%m-%d %H:%M} UTC and is over; it begins {challenge.start:%Y-%m-%d %H:%M}"
        )
    return found
