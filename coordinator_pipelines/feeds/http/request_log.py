"""When a vendor was asked lately, kept in a file for all processes of this machine.

Vendors count by address, and a capture, a resolution and a backfill are a process each: they keep
the limit together. Add here how requests are counted together; avoid waiting (``rate_limit``) and
pauses that a vendor asks for (``hold_file``).
"""

import fcntl
import logging
from datetime import datetime
from pathlib import Path
from typing import TextIO

from coordinator_pipelines.feeds.http.hold_file import vendor_file

logger = logging.getLogger(__name__)


class RequestLog:
    """The instants of one vendor's requests, in a file that one process at a time may use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, base_url: str, directory: Path) -> "RequestLog":
        """The log of the host of a base URL."""
        return cls(vendor_file(base_url, directory, "requests"))

    def take(self, now: datetime, most: int, seconds: float) -> float:
        """Seconds until a request may be sent; if it may be sent now, it counts as sent.

        At most ``most`` are sent in any ``seconds``. Where the file cannot be used, every process
        counts for itself, and the log says so.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                return _take(file, now.timestamp(), most, seconds)
        except OSError as error:
            logger.warning("other processes do not learn of a vendor's requests: %s", error)
            return 0.0


def _take(file: TextIO, now: float, most: int, seconds: float) -> float:
    sent = [instant for instant in _instants(file) if now - seconds < instant <= now]
    if len(sent) >= most:
        return sent[-most] + seconds - now
    file.seek(0)
    file.truncate()
    file.write("\n".join(map(repr, [*sent, now])))
    return 0.0


def _instants(file: TextIO) -> list[float]:
    """What was written, ascending; nothing if that is anything else."""
    file.seek(0)
    try:
        return sorted(map(float, file.read().split()))
    except ValueError:
        return []
