"""Dagster's daemon on a local instance: one at a time, and gone with the command that needs it.

Add here what concerns its processes; avoid what it is asked to do.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from psutil import Process

from coordinator_pipelines import private
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.processes import group, still_there

GRACE_SECONDS = 10
"""How long processes have to end by themselves."""


@contextmanager
def sole_daemon(directory: Path) -> Iterator[int]:
    """Reserve an instance for a daemon, as two would launch everything twice.

    Yields a file descriptor: the reservation ends with the last process that holds it.

    Raises:
        CoordinatorError: it is reserved already.
    """
    with (directory / "daemon.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CoordinatorError(
                f"a Dagster daemon is already at work in {directory} (`coordinator dev` or a "
                "demo); stop it first, or set COORDINATOR_HOME to another directory"
            ) from None
        yield lock.fileno()


@contextmanager
def running(
    command: Sequence[str], environment: dict[str, str], log: Path, reservation: int
) -> Iterator["subprocess.Popen[Any]"]:
    """A daemon, and all that it starts, until the block ends."""
    with private.appended(log) as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(reservation,),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(*processes: "subprocess.Popen[Any]") -> None:
    """Ask their process groups to end; after a while, or when the user insists, make them."""
    with suppress(KeyboardInterrupt, SystemExit):
        for process in processes:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        groups = [_Group(each) for each in processes]
        while any(each.is_there() for each in groups) and time.monotonic() < deadline:
            time.sleep(0.05)
    for process in processes:
        kill(process)


class _Group:
    """The process group of a process, looked at again and again until it is gone."""

    def __init__(self, process: "subprocess.Popen[Any]") -> None:
        self._process = process
        self._known: set[Process] = set()

    def is_there(self) -> bool:
        """Whether anything of it is left.

        To list all processes of a machine is costly, so it is done anew only when those have
        ended that were found before.
        """
        if self._process.poll() is None:
            return True
        if not _signal(self._process, 0):
            return False
        self._known = still_there(self._known) or group(self._process.pid)
        return bool(self._known)


def kill(process: "subprocess.Popen[Any]") -> None:
    """End its process group at once."""
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: "subprocess.Popen[Any]", number: int) -> bool:
    """Signal the group of the process; whether there still is one."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
        return True
    return False
