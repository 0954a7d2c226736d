"""Processes of this machine by descent and by a mark in their environment, to see who is left.

Add here how a process is recognised; avoid deciding who has to end. ``psutil`` knows a process by
its id and its start together, since ids are given again.
"""

import os
from collections.abc import Collection
from contextlib import suppress

from psutil import STATUS_ZOMBIE, AccessDenied, NoSuchProcess, Process, process_iter


def still_there(processes: Collection[Process]) -> set[Process]:
    """Those that have not ended."""
    return {each for each in processes if _is_there(each)}


def kill(processes: Collection[Process]) -> None:
    """End those at once that have not ended."""
    for each in still_there(processes):
        with suppress(NoSuchProcess):
            each.kill()


def family(pid: int) -> set[Process]:
    """A process, if it is there, and all that descend from it."""
    try:
        parent = Process(pid)
        return still_there({parent, *parent.children(recursive=True)})
    except NoSuchProcess:
        return set()


def marked(name: str, value: str) -> set[Process]:
    """Our processes that have a variable of this value in their environment."""
    return still_there({each for each in process_iter() if _variable(each, name) == value})


def group(number: int) -> set[Process]:
    """The processes of a group that have not ended; in a container ended ones may stay for ever."""
    return still_there({each for each in process_iter() if _group(each) == number})


def _group(process: Process) -> int | None:
    with suppress(ProcessLookupError):
        return os.getpgid(process.pid)
    return None


def _variable(process: Process, name: str) -> str | None:
    """A variable that a process was started with; None if that is not ours to know."""
    try:
        return process.environ().get(name)
    except (NoSuchProcess, AccessDenied, OSError):
        return None


def _is_there(process: Process) -> bool:
    try:
        return process.is_running() and process.status() != STATUS_ZOMBIE
    except NoSuchProcess:
        return False
