"""What is known about live models: how each has been doing, and for how long that is borne.

Add here facts that a page or the ledger wants to show; avoid calling models.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from coordinator_pipelines.domain.doors.models import Outcome

REASON_CHARACTERS = 500


@dataclass(slots=True)
class Health:
    """A model's last outcomes, over its deployments."""

    last_outcome: Outcome | None = None
    last_reason: str | None = None
    consecutive_failures: int = 0
    """Cells in a row without an answer: failed, timed out or absent."""
    first_failure_at: datetime | None = None
    """When the present row of failures began."""

    def note(self, outcome: Outcome, reason: str | None) -> None:
        """Take note of one cell."""
        self.last_outcome, self.last_reason = outcome, reason
        if outcome in (Outcome.SUCCESS, Outcome.ABSTAINED):
            self.consecutive_failures, self.first_failure_at = 0, None
            return
        self.consecutive_failures += 1
        self.first_failure_at = self.first_failure_at or datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failed cells in a row, over how much time at least, a model may have."""

    failures: int
    seconds: float

    def ends(self, health: Health) -> bool:
        """Whether the model has to be given up."""
        began = health.first_failure_at
        if began is None or health.consecutive_failures < self.failures:
            return False
        return (datetime.now(UTC) - began).total_seconds() >= self.seconds


def bounded(text: object) -> str:
    """A reason, cut to the length that is kept."""
    return str(text)[:REASON_CHARACTERS]
