"""What every answer needs: the challenge, its memory, the time, who may read, what was skipped.

Add here what belongs to the running API as a whole; avoid what one request says (``parameters``)
and how an answer is put together (``answers``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from coordinator_pipelines.api.http.keys import KeyRing
from coordinator_pipelines.api.http.moment import Moment
from coordinator_pipelines.api.schema.report import ReportSchema
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.report import Reports
from coordinator_pipelines.domain.health.figures import Figure
from coordinator_pipelines.domain.spec.challenge import Challenge

Figures = Callable[[datetime], Iterable[Figure]]
"""What monitoring is told of the challenge as of now."""
START_OF_TIME = datetime(1971, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)
"""What a database can hold on either dialect, with room for time zones."""


@dataclass(frozen=True, slots=True)
class Context:
    """The running API of one challenge."""

    challenge: Challenge
    reports: Reports
    clock: Clock
    keys: KeyRing
    schema: ReportSchema
    moment: Moment
    figures: Figures
    skipped: dict[str, int] = field(default_factory=dict)
    """Malformed stored rows met since the start, by kind: the most that one answer left out."""

    def note(self, what: str, skipped: int) -> None:
        """Keep in mind that so many rows of a kind could not be told."""
        self.skipped[what] = max(skipped, self.skipped.get(what, 0))

    def mode(self, asked: Mode | None = None) -> Mode:
        """The mode asked for, else live if the challenge has live models, else replay."""
        if asked is not None:
            return asked
        return Mode.REPLAY if self.reports.member_since(Mode.LIVE) is None else Mode.LIVE

    def latest(self, mode: Mode) -> datetime:
        """Where the time of a mode ends: now, or the newest replayed model scores."""
        if mode is Mode.REPLAY:
            extent = self.reports.scored_extent(mode, START_OF_TIME, END_OF_TIME)
            if extent:
                return extent[-1]
        return self.clock.now()

    @property
    def stale_after(self) -> timedelta:
        """The age at which the newest live board is too old: three refreshes, or 15 minutes."""
        return max(timedelta(seconds=3 * self.challenge.refresh_seconds), timedelta(minutes=15))

    @property
    def is_simulated(self) -> bool:
        """Whether the prices are not those of now: made up, or a recording played live."""
        return self.challenge.feed.simulated


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_context)]
