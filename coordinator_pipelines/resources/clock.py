"""The clock of real runs: the machine's own."""

from datetime import UTC, datetime

from coordinator_pipelines.domain.clock import Clock


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)
