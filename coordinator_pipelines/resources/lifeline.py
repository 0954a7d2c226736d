"""The lifeline of real runs: the lock that the stack that started them holds while it lives."""

import fcntl
from contextlib import suppress
from pathlib import Path

from coordinator_pipelines import settings
from coordinator_pipelines.domain.doors.lifeline import Lifeline


class StackLifeline(Lifeline):
    """Severed when the stack of the environment is gone; without one, never."""

    def severed(self) -> str | None:
        """See :meth:`Lifeline.severed`."""
        lock = settings.stack_lock()
        if lock is None or is_held(lock):
            return None
        return "the stack that started it is gone"


def is_held(lock: Path) -> bool:
    """Whether a process has the lock, which ends with that process."""
    with suppress(FileNotFoundError), lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
