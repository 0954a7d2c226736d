"""What every step of an audit works on: a challenge, its code, its ledger, a mode.

Add here what several steps must know; avoid recomputing anything.
"""

from dataclasses import dataclass
from datetime import datetime

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.books import Books
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge

RUN = "audit"
"""What stands for the run in what is recomputed; nobody compares it."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What is audited, by which code, as of when."""

    challenge: Challenge
    rules: Rules
    books: Books
    mode: Mode
    now: datetime

    @property
    def configs(self) -> list[str]:
        """The prediction configs that the spec has today."""
        return [config.id for config in self.challenge.configs]

    def oldest_record(self) -> datetime | None:
        """Before this instant feed records were pruned, or never there; None if there are none."""
        extents = self.books.feed_extents(self.challenge.feed.symbols, count_days=0)
        return extents["oldest"].max() if len(extents) else None
