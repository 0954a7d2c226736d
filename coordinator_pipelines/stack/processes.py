"""Processes of this machine by descent and by a mark in their environment, to see who is left.

Add here how a process is recognised; avoid deciding who has to end. A process is known by its id
and its start together, since ids are given again.
"""

import os
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process; ``started`` is comparable, and means nothing else."""

    pid: int
    started: str


def still_there(processes: Collection[Process]) -> set[Process]:
    """Those that have not ended."""
    table = _table()
    return {each for each in processes if table.get(each.pid, (0, ""))[1] == each.started}


def kill(processes: Collection[Process]) -> None:
    """End those at once that have not ended."""
    for each in still_there(processes):
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL)


def family(pid: int) -> set[Process]:
    """A process, if it is there, and all that descend from it."""
    table = _table()
    members, found = {pid}, {pid}
    while found:
        found = {child for child, (parent, _) in table.items() if parent in found} - members
        members |= found
    return {Process(each, table[each][1]) for each in members if each in table}


def marked(mark: str) -> set[Process]:
    """Our processes that have a text (``NAME=value``) in their environment; Linux knows that."""
    return {
        Process(pid, started)
        for pid, (_, started) in _table().items()
        if mark.encode() in _environment(pid)
    }


def _environment(pid: int) -> list[bytes]:
    """The environment that a process was started with; empty if it is not ours to know."""
    with suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []


def _table() -> Mapping[int, tuple[int, str]]:
    """Process -> its parent, and when it started."""
    return dict(_linux() if (PROC / "self").exists() else _elsewhere())


def _linux() -> Iterator[tuple[int, tuple[int, str]]]:
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            # state, parent, ...; the start is the 20th. The name before may hold anything.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                yield int(stat.parent.name), (int(fields[1]), fields[19])


def _elsewhere() -> Iterator[tuple[int, tuple[int, str]]]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat=,lstart="], capture_output=True, text=True, check=True
    )
    for line in listing.stdout.splitlines():
        pid, parent, state, started = line.split(maxsplit=3)
        if not state.startswith("Z"):
            yield int(pid), (int(parent), started)
