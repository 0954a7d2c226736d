"""The clock of real runs: the machine's own."""

import time
from datetime import UTC, datetime

from coordinator_pipelines.domain.doors.clock import Clock


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)

    def wait_until(self, instant: datetime) -> None:
        """Sleep until the instant, however often the machine's clock is set meanwhile."""
        while (rest := (instant - datetime.now(UTC)).total_seconds()) > 0:
            time.sleep(min(rest, 1.0))
