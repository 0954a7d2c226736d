"""``coordinator down``: stops what ``deploy`` (or ``dev``) runs, and sees that nothing is left."""

import os
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import click
from psutil import Process

from coordinator_pipelines import settings
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.stack.deployment import (
    RECORD,
    Deployment,
    is_locked,
    recorded,
    running,
)
from coordinator_pipelines.stack.interruption import check
from coordinator_pipelines.stack.processes import family, kill, marked, still_there

STOP_SECONDS = 120.0
"""A stack gives each of its programs some seconds to end by itself."""
REST_SECONDS = 5.0
POLL_SECONDS = 0.25


@click.command()
def down() -> None:
    """Stop the challenge that was deployed from here, with all its processes."""
    console, home = open_console(), settings.home()
    found = running(home)
    if found is None:
        left = clear_remains(home)
        also = f" Ended {left} processes that a killed stack had left." if left else ""
        console.print(f"Nothing runs from {home}.{also}")
        return
    with console.status(f"{found.challenge} stops; rounds that are being asked are stored ..."):
        count = _stop(home, found)
    console.print(f"[bold]{found.challenge}[/] is stopped ({count} processes).")


def clear_remains(home: Path) -> int:
    """End what a stack has left that was killed; how many processes that were."""
    found = recorded(home)
    if found is None or is_locked(home):
        return 0
    left = marked(settings.STACK_VARIABLE, found.mark)
    _kill(left)
    (home / RECORD).unlink(missing_ok=True)
    return len(left)


def _stop(home: Path, found: Deployment) -> int:
    """Ask the stack to end, and make what is left of it; how many processes it had."""
    seen = _members(found)
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)

    def ended() -> bool:
        seen.update(_members(found))
        return not is_locked(home)

    if not _wait(ended, STOP_SECONDS):
        with suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL)
    seen |= _members(found)
    if not _gone(seen):
        _kill(seen)
    return len(seen)


def _kill(processes: Collection[Process]) -> None:
    kill(processes)
    _gone(processes)


def _gone(processes: Collection[Process]) -> bool:
    """Whether they are gone, at the latest after a rest."""
    return _wait(lambda: not still_there(processes), REST_SECONDS)


def _members(found: Deployment) -> set[Process]:
    return family(found.pid) | marked(settings.STACK_VARIABLE, found.mark)


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, at most for a while; whether it is."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        check()
        time.sleep(POLL_SECONDS)
    return True
