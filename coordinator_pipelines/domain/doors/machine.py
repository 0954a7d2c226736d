"""The door to the machine that a challenge runs on: its room, its backups.

Add here what an operator must hear of the machine; avoid how it is found out.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Room:
    """A file system that a challenge writes to."""

    path: str
    free: int
    """Bytes that may still be written."""
    total: int


@dataclass(frozen=True, slots=True)
class Backups:
    """Where backups are said to be, how old the newest may be, and when that was made."""

    directory: str
    limit: timedelta
    newest: datetime | None


class Machine(ABC):
    """What is known of the machine."""

    @abstractmethod
    def rooms(self) -> list[Room]:
        """The file systems of databases, logs and Dagster's files, each once."""

    @abstractmethod
    def backups(self) -> Backups | None:
        """None if nobody has said where they are."""
