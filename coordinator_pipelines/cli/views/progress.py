"""The progress of a backfill: a bar per stage in a terminal, a line per stage elsewhere.

Add here how progress is drawn; avoid finding out what it is (``run_state``).
"""

import time
from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from coordinator_pipelines.stack.instance.run_state import RunState

NOT_STARTED = ("waiting", "queued", "not_started", "starting")


def draw(
    console: Console, states: Iterator[RunState], stages: Sequence[str], windows: int
) -> RunState:
    """Draw the states of a run until they end; the last one."""
    started = time.monotonic()
    with console.status("Dagster starts the run ..."):
        first = next(state for state in states if state.status not in NOT_STARTED)
    everything = chain([first], states)
    if console.is_terminal:
        return _bars(console, everything, stages, windows)
    return _lines(console, everything, stages, windows, started)


def _bars(
    console: Console, states: Iterator[RunState], stages: Sequence[str], windows: int
) -> RunState:
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks = {name: progress.add_task(name, total=windows, start=False) for name in stages}
        for state in states:
            _advance(progress, tasks, state.done, windows)
    return state


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


def _lines(
    console: Console, states: Iterator[RunState], stages: Sequence[str], windows: int, since: float
) -> RunState:
    """A line when a stage has ended: for logs, where a bar would be thousands of lines."""
    left = list(stages)
    for state in states:
        while left and state.done.get(left[0], 0) >= windows:
            name, seconds = left.pop(0), time.monotonic() - since
            console.print(f"{name:<18} {windows}/{windows} windows after {seconds:.0f} s")
    return state
