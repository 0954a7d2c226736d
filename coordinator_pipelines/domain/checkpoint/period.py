"""Checkpoint periods: which one, the instant of the board that it is paid on, and which are due.

Add what follows from a period's place in time here; avoid who is paid, and asking for runs
(``sensors.checkpoint``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of, windows_between

LOOKED_AT = 20
"""A correction further back is computed by hand, by a backfill of the asset."""


@dataclass(frozen=True, slots=True)
class Due:
    """A period that can be paid."""

    period: Window
    boards: str
    """Which versions of its boards it would be paid on."""
    never_computed: bool

    @property
    def name(self) -> str:
        """The period's end, as text."""
        return self.period.end.isoformat()


def board_instant(challenge: Challenge, period: Window) -> datetime:
    """The instant of the period's last board: its end, or that of the challenge before it."""
    return min(period.end, challenge.end or period.end)


def period_of(challenge: Challenge, as_of: datetime) -> Window:
    """The period that a board at an instant belongs to: its end is the period's own."""
    length = challenge.checkpoint_length
    period = window_of(as_of, length)
    return Window(period.start - length, period.start) if period.start == as_of else period


def ended_periods(challenge: Challenge, since: datetime, now: datetime) -> Sequence[Window]:
    """The periods with an instant at or after ``since`` that are over, in order."""
    first = max(since, challenge.start)
    last = min(now, challenge.end or now)
    if last <= first:
        return []
    periods = windows_between(first, last, challenge.checkpoint_length)
    return [period for period in periods if board_instant(challenge, period) <= now]


def due_periods(challenge: Challenge, ledger: Ledger, now: datetime) -> Sequence[Due]:
    """The live periods that can be paid, in order."""
    since = ledger.first_captured_at()
    if since is None:
        return []
    periods = ended_periods(challenge, since, now)[-LOOKED_AT:]
    if not periods:
        return []
    ends = [end for period in periods for end in _board_ends(challenge, period, since)]
    heads = ledger.board_heads(Mode.LIVE, ends)
    newest = ledger.checkpoint_heads(Mode.LIVE.value, newest=LOOKED_AT)
    computed = set(newest["period_end"])
    found = []
    for period in periods:
        own = heads[(heads["as_of"] > period.start) & (heads["as_of"] <= period.end)]
        last = own["as_of"].max() if len(own) else None
        if last != pd.Timestamp(board_instant(challenge, period)) or not own["final"].all():
            continue
        versions = ",".join(map(str, own["version"]))
        found.append(Due(period, versions, pd.Timestamp(period.end) not in computed))
    return found


def _board_ends(challenge: Challenge, period: Window, since: datetime) -> list[datetime]:
    """The instants of the boards that a period is paid on."""
    last = board_instant(challenge, period)
    if challenge.emission.basis == "board":
        return [last]
    first = max(period.start, since)
    ends = pd.date_range(period.start, last, freq=challenge.window_length)
    return [end.to_pydatetime() for end in ends if end > first]
