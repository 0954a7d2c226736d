"""Until when a vendor is not asked, kept in a file for all processes of this machine.

Vendors count by address, not by process, and every run is a process of its own: what one of them
is told holds for the next. Add here how a pause is shared; avoid when there is one
(``rate_limit``, ``source``).
"""

import logging
import re
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.feeds.http.answer import LONGEST_PAUSE

logger = logging.getLogger(__name__)


class HoldFile:
    """One vendor's pause. The file holds one instant, and is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, base_url: str, directory: Path) -> "HoldFile":
        """The file of the host of a base URL, whether or not that is one."""
        return cls(vendor_file(base_url, directory, "hold"))

    def until(self, now: datetime) -> datetime | None:
        """The end of the pause; None if there is none.

        A file that holds something else, or an instant farther ahead than any pause, is none.
        """
        try:
            until = as_utc(datetime.fromisoformat(self._path.read_text("ascii")))
        except (OSError, ValueError, TypeError):
            return None
        return until if now < until <= now + LONGEST_PAUSE + timedelta(minutes=1) else None

    def extend(self, until: datetime, now: datetime) -> None:
        """Ask nothing before then. A later end that another process has written stays.

        Where nothing can be written, the pause holds for this process alone, and the log says so.
        """
        known = self.until(now)
        if known is not None and known >= until:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(
                "w", dir=self._path.parent, prefix=self._path.name, delete=False
            ) as file:
                file.write(until.isoformat())
            Path(file.name).replace(self._path)
        except OSError as error:
            logger.warning("other processes do not learn of a vendor's pause: %s", error)


def vendor_file(base_url: str, directory: Path, kind: str) -> Path:
    """The file of the host of a base URL, whether or not that is one; its name tells no secret."""
    place = base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return directory / f"{re.sub('[^A-Za-z0-9.-]', '-', place)}.{kind}"
