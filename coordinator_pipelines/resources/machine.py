"""The machine of real runs: its file systems, and the directory that backups are put in.

Add here how something of the machine is found out; avoid what is alarming about it
(``domain.health.concerns``).
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from coordinator_pipelines import settings
from coordinator_pipelines.domain.doors.machine import Backups, Machine, Room
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.storage.engine.database import Database


class LocalMachine(Machine):
    """This machine, as far as a challenge uses it. What a database server has is not seen."""

    def __init__(self, challenge: Challenge) -> None:
        self._challenge = challenge

    def rooms(self) -> list[Room]:
        """See :meth:`Machine.rooms`."""
        file = Database(settings.database_url(self._challenge.name)).sqlite_file
        places = [settings.home(), settings.dagster_home(), *([file.parent] if file else [])]
        found: dict[int, Room] = {}
        for place in places:
            there = _existing(place)
            usage = shutil.disk_usage(there)
            found.setdefault(there.stat().st_dev, Room(str(there), usage.free, usage.total))
        return list(found.values())

    def backups(self) -> Backups | None:
        """See :meth:`Machine.backups`."""
        named = settings.backups(self._challenge.name)
        if named is None:
            return None
        directory, limit = named
        written: list[float] = []
        if directory.is_dir():
            with os.scandir(directory) as entries:
                written = [entry.stat().st_mtime for entry in entries if entry.is_file()]
        newest = datetime.fromtimestamp(max(written), UTC) if written else None
        return Backups(str(directory), limit, newest)


def _existing(place: Path) -> Path:
    """The place, or what will hold it."""
    return next(path for path in (place, *place.parents) if path.exists())
