"""What runs from a home directory: recorded by the stack itself, found by the other commands.

Add here what commands must know of a stack that another process runs; avoid starting it
(``deploy``, ``dev``) and stopping it (``down``).

The record counts only while its lock is held, and the process that runs the stack holds it as
long as it lives: a record that a killed stack left behind misleads nobody, whoever has its
process id now.
"""

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from coordinator_pipelines import private, settings
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.resources.lifeline import is_held
from coordinator_pipelines.stack.command import program

RECORD = "stack.json"
WRITING_SECONDS = 5.0
POLL_SECONDS = 0.05
ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack: who runs it, of what, and where it can be reached (empty until it is ready)."""

    pid: int
    challenge: str
    spec: str
    started_at: datetime
    mark: str
    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_this_process(cls, challenge: str, spec: Path) -> "Deployment":
        """A stack that this process is about to start."""
        return cls(os.getpid(), challenge, str(spec), datetime.now(UTC), uuid.uuid4().hex)

    @property
    def environment(self) -> dict[str, str]:
        """What marks the processes of this stack."""
        return {settings.STACK_VARIABLE: self.mark}

    def write(self, home: Path, addresses: Mapping[str, str]) -> None:
        """Record it with its addresses."""
        known = asdict(replace(self, addresses=dict(addresses)))
        new = home / f"{RECORD}.new"
        new.write_text(json.dumps({**known, "started_at": self.started_at.isoformat()}))
        new.replace(home / RECORD)


@contextmanager
def sole_deployment(home: Path, deployment: Deployment) -> Iterator[None]:
    """Record a stack until the block ends.

    Raises:
        CoordinatorError: one runs from that home already; the message says which.
    """
    private.directory(home)
    with settings.stack_lock_in(home).open("a") as lock:
        if not any(_taken(lock) for _ in range(ATTEMPTS)):
            raise _runs_already(home)
        deployment.write(home, {})
        try:
            yield
        finally:
            (home / RECORD).unlink(missing_ok=True)


def require_nothing_runs(home: Path) -> None:
    """Refuse to start a second stack.

    Raises:
        CoordinatorError: one runs from that home already; the message says which.
    """
    if is_locked(home):
        raise _runs_already(home)


def running(home: Path) -> Deployment | None:
    """The stack that runs from a home now; None if there is none.

    Raises:
        CoordinatorError: there is one, and it does not say what it is.
    """
    deadline = time.monotonic() + WRITING_SECONDS
    while is_locked(home):
        if found := recorded(home):
            return found
        if time.monotonic() > deadline:
            raise CoordinatorError(f"a stack runs from {home} that has no record; try again")
        time.sleep(POLL_SECONDS)
    return None


def recorded(home: Path) -> Deployment | None:
    """The stack that was recorded last and did not end by itself, whether or not it runs."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        known: dict[str, Any] = json.loads((home / RECORD).read_text())
        return Deployment(**{**known, "started_at": datetime.fromisoformat(known["started_at"])})
    return None


def is_locked(home: Path) -> bool:
    """Whether a process that runs a stack from a home lives."""
    return is_held(settings.stack_lock_in(home))


def _taken(lock: TextIO) -> bool:
    """Whether the lock is ours now; somebody who only looks has it for a moment."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(POLL_SECONDS)
        return False
    return True


def _runs_already(home: Path) -> CoordinatorError:
    found = running(home)
    if found is None:
        return CoordinatorError(f"another stack is being started or stopped in {home}; try again")
    reached = "".join(f", {name} {url}" for name, url in found.addresses.items())
    return CoordinatorError(
        f"{found.challenge} runs from {home} already (process {found.pid}, since "
        f"{found.started_at:%Y-%m-%d %H:%M:%S} UTC{reached}); stop it with `{program()} down`, or "
        "set COORDINATOR_HOME to another directory"
    )
